//! The ceiling is how much soft references may keep on their own, and where it is heard from.

use levada_pages::PressureSource;

use crate::lock::Lock;
use crate::options::Options;
use crate::sync::{AtomicU64, Ordering};

/// No ceiling.
pub(super) const OPEN: u64 = u64::MAX;

/// What a heap knows of the machine's memory.
#[derive(Debug)]
pub(super) struct Ceiling {
    pub(super) bytes: AtomicU64,
    pub(super) high_slabs: u32,
    pub(super) low_slabs: u32,
    pub(super) source: Lock<Source>,
}

#[derive(Debug)]
pub(super) enum Source {
    /// Nobody has looked yet.
    Unopened,
    Open(Box<dyn PressureSource>),
}

impl Ceiling {
    pub(super) fn of(options: Options, slab_count: u32) -> Self {
        let share = |percent: u8| {
            u32::try_from(u64::from(slab_count) * u64::from(percent) / 100)
                .expect("a share of them")
        };
        Self {
            bytes: AtomicU64::new(OPEN),
            high_slabs: share(options.high_percent),
            low_slabs: share(options.low_percent),
            source: Lock::new(Source::Unopened),
        }
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
}
