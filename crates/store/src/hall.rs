//! The hall is what the connections of all cores share: the items, how many connections there are, what is being received.

use core::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use levada_process::{Sender, Tick};

use crate::desk_message::ToDesk;
use crate::items::Items;

/// No flush is to come.
const NEVER_S: u64 = u64::MAX;

/// One for all cores.
#[derive(Debug)]
pub(crate) struct Hall {
    pub(crate) items: Items,
    pub(crate) connections_open: Arc<AtomicU64>,
    /// Bytes of values that were announced and have not arrived.
    pub(crate) receiving_bytes: Arc<AtomicU64>,
    /// The second since the start at which all items are to go.
    flush_at_s: AtomicU64,
    /// They are there before the first connection.
    pub(crate) desks: OnceLock<Vec<Sender<ToDesk>>>,
    began: Tick,
    /// Where it listens, as it is told.
    pub(crate) places: Vec<String>,
}

impl Hall {
    pub(crate) fn new(items: Items, began: Tick, places: Vec<String>) -> Self {
        Self {
            items,
            connections_open: Arc::default(),
            receiving_bytes: Arc::default(),
            flush_at_s: AtomicU64::new(NEVER_S),
            desks: OnceLock::new(),
            began,
            places,
        }
    }

    pub(crate) fn connections_open(&self) -> u64 {
        self.connections_open.load(Ordering::Relaxed)
    }

    pub(crate) fn receiving_bytes(&self) -> u64 {
        self.receiving_bytes.load(Ordering::Relaxed)
    }

    /// Whole seconds since the start, beginning with the second.
    #[inline]
    pub(crate) fn now_s(&self, now: Tick) -> u32 {
        u32::try_from(now.since(self.began).as_secs()).unwrap_or(u32::MAX).saturating_add(1)
    }

    /// All items go after so many seconds, or at once. What was put off before is forgotten.
    pub(crate) fn flush_after(&self, now_s: u32, delay_s: u32) {
        if delay_s == 0 {
            self.flush_at_s.store(NEVER_S, Ordering::Relaxed);
            self.items.clear();
        } else {
            self.flush_at_s.store(u64::from(now_s) + u64::from(delay_s), Ordering::Relaxed);
        }
    }

    /// Lets all items go if that is due: whoever looks first does it, before he looks at any.
    #[inline]
    pub(crate) fn flush_if_due(&self, now_s: u32) {
        let at_s = self.flush_at_s.load(Ordering::Relaxed);
        if at_s <= u64::from(now_s) {
            self.flush(at_s);
        }
    }

    #[cold]
    fn flush(&self, at_s: u64) {
        let order = Ordering::Relaxed;
        if self.flush_at_s.compare_exchange(at_s, NEVER_S, order, order).is_ok() {
            self.items.clear();
        }
    }
}
