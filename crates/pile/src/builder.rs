//! A builder makes a pile of its settings: each is checked, and a refused one changes nothing.

use std::sync::Arc;

use levada_pages::memory_limit;

use crate::error::OpenError;
use crate::hold::Returns;
use crate::life::{Clock, Seconds};
use crate::pile::Pile;
use crate::pointer::SEGMENT_BYTES;
use crate::segment::{Memory, SEGMENTS_MAX};
use crate::settings::{
    GUARD_WARN_MS, GUARD_WARNS_MS, SMALL_BYTES, Settings, TEND_SLICE_US, TEND_SLICES_US,
};
use crate::spans::{Prefer, Spans};
use crate::store::Store;
use crate::supply::Supply;

/// The smallest limit.
const LIMIT_BYTES_MIN: u64 = 1 << 20;

/// The settings of a pile that is to be made.
#[derive(Clone, Debug)]
pub struct Builder {
    name: String,
    limit_bytes: Option<u64>,
    segments_max: u32,
    prefer: Prefer,
    wants_huge: bool,
    clock: Clock,
    tend_slice_us: u32,
    guard_warn_ms: u32,
}

impl Pile {
    /// Begins a pile with this name, which reports show.
    #[must_use]
    pub fn builder(name: &str) -> Builder {
        Builder {
            name: name.to_owned(),
            limit_bytes: None,
            segments_max: SEGMENTS_MAX - 1,
            prefer: Prefer::Space,
            wants_huge: true,
            clock: Clock::system(),
            tend_slice_us: TEND_SLICE_US,
            guard_warn_ms: GUARD_WARN_MS,
        }
    }
}

impl Builder {
    /// The most bytes that it may have, all overhead included; at least a mebibyte. Without it, half of what the machine or
    /// the control group has.
    #[must_use]
    pub fn limit_bytes(mut self, limit_bytes: u64) -> Self {
        self.limit_bytes = Some(limit_bytes);
        self
    }

    /// The most segments of 256 MiB of addresses, up to 32,767.
    #[must_use]
    pub fn segments_max(mut self, segments: u32) -> Self {
        self.segments_max = segments;
        self
    }

    /// Whether partly free spans are filled first, or empty ones.
    #[must_use]
    pub fn prefer(mut self, prefer: Prefer) -> Self {
        self.prefer = prefer;
        self
    }

    /// Whether huge pages are asked for. Without them random reads of gigabytes take twice as long.
    #[must_use]
    pub fn huge_pages(mut self, are_wanted: bool) -> Self {
        self.wants_huge = are_wanted;
        self
    }

    /// Where it takes the time from.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// How long [`crate::Budget::slice`] is: from 20 to 10,000 microseconds, 200 unless it is set.
    #[must_use]
    pub fn tend_slice_us(mut self, microseconds: u32) -> Self {
        self.tend_slice_us = microseconds;
        self
    }

    /// How long a guard lasts before [`crate::Tended::old_guard`] tells of it: 10 milliseconds at least, a second unless
    /// it is set.
    #[must_use]
    pub fn guard_warn_ms(mut self, milliseconds: u32) -> Self {
        self.guard_warn_ms = milliseconds;
        self
    }

    /// Makes the pile: addresses only, no memory yet.
    ///
    /// # Errors
    /// [`OpenError`], by name of the setting or with the number of the OS.
    pub fn build(self) -> Result<Pile, OpenError> {
        let limit_bytes = self.limit_bytes.unwrap_or_else(|| memory_limit().bytes / 2);
        if limit_bytes < LIMIT_BYTES_MIN {
            return Err(OpenError::Setting { key: "limit", bounds: "at least 1 MiB" });
        }
        if self.segments_max == 0 || self.segments_max >= SEGMENTS_MAX {
            return Err(OpenError::Setting { key: "segments_max", bounds: "from 1 to 32767" });
        }
        if !TEND_SLICES_US.contains(&self.tend_slice_us) {
            return Err(OpenError::Setting { key: "tend_slice", bounds: "from 20 us to 10 ms" });
        }
        if !GUARD_WARNS_MS.contains(&self.guard_warn_ms) {
            return Err(OpenError::Setting { key: "guard_warn", bounds: "at least 10 ms" });
        }
        let is_small = limit_bytes < SMALL_BYTES;
        let wanted = limit_bytes.div_ceil(SEGMENT_BYTES).saturating_mul(4);
        let segments_min = u32::try_from(wanted).unwrap_or(u32::MAX).min(self.segments_max);
        let memory = Memory::reserve(self.segments_max, segments_min)?;
        let supply = Supply::new(&memory, limit_bytes, self.wants_huge && !is_small);
        let settings = Settings::new(is_small);
        settings.set_prefer(self.prefer);
        settings.set_tend_slice_us(self.tend_slice_us);
        settings.set_guard_warn_ms(self.guard_warn_ms);
        let store =
            Store::new(self.name, Spans::new(memory, supply), Seconds::new(self.clock), settings);
        let store = Arc::new(store);
        let lender = Arc::new(Returns(Arc::clone(&store)));
        Ok(Pile { store, lender })
    }
}
