//! Under pressure the soft pool gets a ceiling, which falls as the machine runs short and rises slowly when it does not.
//!
//! | signal | the ceiling becomes |
//! | --- | --- |
//! | tight | what the pool holds now; empty slabs beyond 32 MiB are returned |
//! | low | 7/8 of that |
//! | critical | half of that; all empty slabs are returned |
//! | a quiet window | a twentieth more, and at least a slab |
//!
//! Besides, slabs beyond 95 % of what the heap may have are got back from soft references, down to 90 %.

use core::time::Duration;

use levada_pages::{MachinePressure, Pressure, PressureSource};

use super::ceiling::{OPEN, Source};
use super::relief::{For, Relief};
use super::{Heap, SharedHeap};
use crate::memory::class::SLAB_BYTES;
use crate::options::{OpenError, Options};
use crate::sync::Ordering;

/// How much is stolen at one look, at most: what a core can do in some ten milliseconds.
const STOLEN_MAX_BYTES: u64 = 64 << 20;

/// Empty slabs that are kept for the next who needs some, as long as memory is not quite short.
const EMPTY_KEPT_BYTES: u64 = 32 << 20;

impl SharedHeap {
    /// A heap that hears of pressure from `source` instead of from the machine.
    ///
    /// # Errors
    /// As [`SharedHeap::new`].
    pub fn with_pressure(
        options: Options,
        source: Box<dyn PressureSource>,
    ) -> Result<Self, OpenError> {
        let heap = Self::new(options)?;
        *heap.heap().ceiling.source.lock() = Source::Open(source);
        Ok(heap)
    }

    /// Looks at the machine's memory and acts on what it sees: gives up what is kept softly, or lets it grow again. To be
    /// called about ten times a second, by as many threads as like to; `now` is the time since any fixed point, by the
    /// same clock for all, and tells also how old blocks are.
    ///
    /// Cost: some ten microseconds; where memory is short up to some ten milliseconds, for 64 MiB that are returned.
    pub fn poll_pressure(&self, now: Duration) -> Relief {
        self.heap().poll_pressure(now)
    }
}

impl Heap {
    fn poll_pressure(&self, now: Duration) -> Relief {
        let seconds = u32::try_from(now.as_secs()).unwrap_or(u32::MAX);
        self.clock_s.store(seconds, Ordering::Relaxed);
        // Another thread that is here already does what is to be done.
        let Some(mut source) = self.ceiling.source.try_lock() else { return Relief::default() };
        if let Source::Unopened = *source {
            *source = Source::Open(Box::new(MachinePressure::open()));
        }
        let Source::Open(source) = &mut *source else { unreachable!("opened above") };
        let pressure = source.look(now);
        let soft_bytes = self.soft_bytes();
        self.move_ceiling(pressure, soft_bytes);
        let mut relief = Relief::default();
        let excess_bytes = soft_bytes.saturating_sub(self.ceiling.bytes());
        if excess_bytes > 0 {
            relief = self.steal_bytes(excess_bytes.min(STOLEN_MAX_BYTES), For::Pressure);
        }
        let kept_bytes = match pressure {
            Pressure::Unchanged | Pressure::Quiet if excess_bytes == 0 => None,
            Pressure::Critical => Some(0),
            _ => Some(EMPTY_KEPT_BYTES),
        };
        if let Some(kept_bytes) = kept_bytes {
            self.give_empty_slabs();
            relief.slabs_returned = self.slabs.release(kept_bytes) / SLAB_BYTES as u64;
        }
        let (taken, _) = self.slabs.taken_and_most();
        if taken > self.ceiling.high_slabs {
            let want_bytes = u64::from(taken - self.ceiling.low_slabs) * SLAB_BYTES as u64;
            self.empty_slabs(want_bytes.min(STOLEN_MAX_BYTES), For::Watermark);
        }
        relief
    }

    fn move_ceiling(&self, pressure: Pressure, soft_bytes: u64) {
        let ceiling_bytes = self.ceiling.bytes();
        let now_bytes = soft_bytes.min(ceiling_bytes);
        let next_bytes = match pressure {
            Pressure::Unchanged => return,
            Pressure::Quiet if ceiling_bytes == OPEN => return,
            Pressure::Quiet => {
                let more = ceiling_bytes + (ceiling_bytes / 20).max(SLAB_BYTES as u64);
                if more >= self.slabs.reserved_bytes() { OPEN } else { more }
            }
            Pressure::Tight => now_bytes,
            Pressure::Low => now_bytes / 8 * 7,
            Pressure::Critical => now_bytes / 2,
        };
        self.ceiling.bytes.store(next_bytes, Ordering::Relaxed);
    }

    /// Before more memory is taken for blocks: whether some of what is kept softly should go instead.
    pub(super) fn should_steal_first(&self) -> Option<For> {
        let ceiling_bytes = self.ceiling.bytes();
        if ceiling_bytes != OPEN && self.soft_bytes() > ceiling_bytes {
            return Some(For::Pressure);
        }
        let (taken, _) = self.slabs.taken_and_most();
        (taken > self.ceiling.high_slabs).then_some(For::Watermark)
    }
}
