//! A value that arrives behind its command line is received where it is needed, with what its command was kept beside it.

use core::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

use levada_cache::Lent;
use levada_memcache::{KeyRoom, Mode, Store};
use levada_shared::ExclusiveBuf;

use crate::item::HEAD_BYTES;
use crate::work::Work;

/// A value of which some is still to come.
#[derive(Debug)]
pub(crate) struct Arriving {
    /// The command, to be read again when all is there.
    pub(crate) line: Box<[u8]>,
    /// Room for a head, and behind it what came of the value and its end.
    pub(crate) buffer: ExclusiveBuf,
    /// How many bytes are still to come, the end of the value included.
    pub(crate) left_bytes: usize,
    /// The entry whose room it is received in.
    pub(crate) lent: Option<Lent<[u8]>>,
    pub(crate) share: Share,
}

/// Why a value is not received.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum NotNow {
    /// As much is being received as may be: later.
    Crowded,
    /// There is no room for it.
    NoRoom,
}

impl Arriving {
    /// Makes room for the value of `store`, and copies what came of it: in its place, where it will stand whatever is there by
    /// then; else in a buffer.
    pub(crate) fn begin(
        work: &Work<'_>,
        line: &[u8],
        store: &Store<'_>,
        came: &[u8],
    ) -> Result<Self, NotNow> {
        let block_bytes = usize::try_from(store.block_bytes()).map_err(|_| NotNow::NoRoom)?;
        let receiving = (&work.hall.receiving_bytes, work.config.limits.receiving_bytes_max);
        let share = Share::take(receiving, store.block_bytes()).ok_or(NotNow::Crowded)?;
        let lent = if store.mode == Mode::Set && store.compare.is_none() {
            let mut room: KeyRoom = [0; _];
            let how = work.how(store);
            work.hall.items.lend(store.key.bytes(&mut room), block_bytes, how, work.values)
        } else {
            None
        };
        let (lent, mut buffer) = match lent {
            Some((lent, buffer)) => (Some(lent), buffer),
            None => (None, work.values.buf(HEAD_BYTES + block_bytes).map_err(|_| NotNow::NoRoom)?),
        };
        buffer.write(&[0; HEAD_BYTES]).map_err(|_| NotNow::NoRoom)?;
        buffer.write(came).map_err(|_| NotNow::NoRoom)?;
        let left_bytes = block_bytes - came.len();
        Ok(Self { line: line.into(), buffer, left_bytes, lent, share })
    }

    /// Copies more of it in. How many bytes were taken.
    pub(crate) fn copy(&mut self, came: &[u8]) -> usize {
        let taken_bytes = came.len().min(self.left_bytes);
        let written = self.buffer.write(&came[..taken_bytes]);
        debug_assert!(written.is_ok(), "there is room for all of it");
        self.left_bytes -= taken_bytes;
        taken_bytes
    }

    /// The data, and whether its end is as it must be.
    pub(crate) fn data(&self) -> (&[u8], bool) {
        let block = self.buffer.get(HEAD_BYTES..).unwrap_or_default();
        match block.split_last_chunk() {
            Some((data, end)) => (data, Store::is_end_right(*end)),
            None => (&[], false),
        }
    }
}

/// What one value takes of all that may be received at a time.
#[derive(Debug)]
pub(crate) struct Share {
    receiving: Arc<AtomicU64>,
    bytes: u64,
}

impl Share {
    /// A share, if there is one: of a value that is longer than all of it, when nothing else is received.
    fn take((receiving, most): (&Arc<AtomicU64>, u64), bytes: u64) -> Option<Self> {
        // Relaxed: it is a number and stands for nothing else.
        let order = Ordering::Relaxed;
        let taken = receiving.fetch_update(order, order, |sum| {
            (sum == 0 || sum + bytes <= most).then_some(sum + bytes)
        });
        taken.is_ok().then(|| Self { receiving: Arc::clone(receiving), bytes })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.receiving.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
