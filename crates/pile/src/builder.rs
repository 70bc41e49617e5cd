//! A builder makes a pile of its settings: each is checked, and a refused one changes nothing.

use std::path::PathBuf;
use std::sync::Arc;

use levada_pages::{
    HUGE_PAGE_BYTES, Reservation, has_huge_pages, lock_limit, memory_limit, round_up,
};
use levada_plain::to_index;

use crate::error::OpenError;
use crate::kept::folder::{Folder, HowToOpen};
use crate::kept::mount::mount;
use crate::naming::life::{Clock, Seconds};
use crate::naming::pointer::SEGMENT_BYTES;
use crate::pile::Pile;
use crate::places::segment::{Memory, SEGMENTS_MAX};
use crate::places::spans::{Prefer, Spans};
use crate::places::supply::Supply;
use crate::reading::hold::Returns;
use crate::settings::{GUARD_WARN_MS, Live, SMALL_BYTES, Settings, TEND_SLICE_US};
use crate::store::Store;
use crate::types::registry::Registry;
use crate::wish::Wish;

/// The settings of a pile that is to be made.
#[derive(Clone, Debug)]
pub struct Builder {
    name: String,
    limit_bytes: Option<u64>,
    segments_max: u32,
    prefer: Prefer,
    huge: Wish,
    lock: Wish,
    commit_ahead_bytes: Option<u64>,
    are_timed: bool,
    clock: Clock,
    folder: Option<PathBuf>,
    empties_unclean: bool,
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
            huge: Wish::Try,
            lock: Wish::No,
            commit_ahead_bytes: None,
            are_timed: true,
            clock: Clock::system(),
            folder: None,
            empties_unclean: false,
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

    /// Whether huge pages are wanted; they are, unless this says otherwise. Without them random reads of gigabytes take twice as
    /// long. A limit below 64 MiB, and a folder, go without.
    #[must_use]
    pub fn huge(mut self, wish: Wish) -> Self {
        self.huge = wish;
        self
    }

    /// Whether its memory is fixed in RAM, so that it is never written to a swap device; it is not, unless this says so. What
    /// `RLIMIT_MEMLOCK` does not allow is left as it is ([`Wish::Try`]), or is memory that cannot be had ([`Wish::Must`]).
    #[must_use]
    pub fn lock(mut self, wish: Wish) -> Self {
        self.lock = wish;
        self
    }

    /// How much memory [`Pile::tend`] has ahead of its use: up to an eighth of the limit, 2 MiB unless it is set.
    #[must_use]
    pub fn commit_ahead_bytes(mut self, bytes: u64) -> Self {
        self.commit_ahead_bytes = Some(bytes);
        self
    }

    /// Whether one in 1,024 operations is timed; it is, unless this says otherwise.
    #[must_use]
    pub fn timed(mut self, are_timed: bool) -> Self {
        self.are_timed = are_timed;
        self
    }

    /// Where it takes the time from.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Keeps the pile in a folder, which is made if there is none: its records are there again after the OS process has
    /// ended, however it ended, and pointers to them stay true. One pile at a time has it open.
    ///
    /// The limit is then about room on the disk; how much of it is in memory, the kernel decides, so huge pages are not asked
    /// for. Who can write to the folder can do to this OS process what he likes.
    ///
    /// ```
    /// # use levada_pile::{Life, Pile, Pointer};
    /// # let folder = tempfile::tempdir()?;
    /// let kept = || Pile::builder("kept").limit_bytes(64 << 20).folder(folder.path()).build();
    /// let pile = kept()?;
    /// let number = pile.put(b"there again", Life::FOREVER)?.to_bits();
    /// drop(pile);
    /// let pile = kept()?;
    /// let at = Pointer::from_bits(number).unwrap();
    /// assert_eq!(pile.pin().get(at), Ok(&b"there again"[..]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn folder(mut self, path: impl Into<PathBuf>) -> Self {
        self.folder = Some(path.into());
        self
    }

    /// Whether a folder whose pile was open when the machine went down is emptied. Without it such a folder is refused: what
    /// of it reached the disk, nobody knows. A pile that was emptied has another [`Pile::folder_id`], and pointers from before
    /// mean nothing in it.
    #[must_use]
    pub fn empty_if_unclean(mut self, is_emptied: bool) -> Self {
        self.empties_unclean = is_emptied;
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

    /// Makes the pile: addresses only, no memory yet. One that is kept in a folder is mounted: its tables are looked at, and
    /// none of its records.
    ///
    /// # Errors
    /// [`OpenError`], by name of the setting or with the number of the OS.
    pub fn build(self) -> Result<Pile, OpenError> {
        let limit_bytes = self.limit_bytes.unwrap_or_else(|| memory_limit().bytes / 2);
        if self.segments_max == 0 || self.segments_max >= SEGMENTS_MAX {
            return Err(OpenError::Setting { key: "segments_max", bounds: "from 1 to 32767" });
        }
        let live = Live {
            limit_bytes,
            commit_ahead_bytes: self.commit_ahead_bytes,
            tend_slice_us: self.tend_slice_us,
            guard_warn_ms: self.guard_warn_ms,
        };
        live.check()?;
        if self.huge == Wish::Must && !has_huge_pages() {
            return Err(OpenError::NoHugePages);
        }
        if self.lock != Wish::No && self.folder.is_some() {
            return Err(OpenError::Setting {
                key: "lock",
                bounds: "\"no\" for a pile in a folder",
            });
        }
        if self.lock == Wish::Must {
            check_lock(limit_bytes)?;
        }
        let is_small = limit_bytes < SMALL_BYTES;
        let wanted = limit_bytes.div_ceil(SEGMENT_BYTES).saturating_mul(4);
        let segments_min = u32::try_from(wanted).unwrap_or(u32::MAX).min(self.segments_max);
        let how = self.folder.map(|path| HowToOpen { path, empties_unclean: self.empties_unclean });
        let folder = how.map(|how| Folder::open(&how)).transpose()?.map(Arc::new);
        let memory = Memory::reserve(self.segments_max, segments_min, folder.as_ref())?;
        let memory = memory.with_lock(self.lock);
        let wants_huge = self.huge != Wish::No && !is_small && folder.is_none();
        let wants_whole = wants_huge || (folder.is_some() && !is_small);
        let supply = Supply::new(&memory, limit_bytes, wants_huge, wants_whole);
        let settings = Settings::new(is_small);
        settings.set_prefer(self.prefer);
        settings.set_tend_slice_us(self.tend_slice_us);
        settings.set_guard_warn_ms(self.guard_warn_ms);
        settings.set_timed(self.are_timed);
        if let Some(bytes) = self.commit_ahead_bytes {
            settings.set_commit_ahead_bytes(bytes);
        }
        let spans = Spans::new(memory, supply);
        let forwards = folder.as_ref().map(|folder| mount(folder, &spans)).transpose()?;
        let names = folder.as_ref().map(|folder| folder.type_names()).transpose()?;
        let age_ms = folder.as_ref().map_or(0, |folder| folder.age_ms());
        let seconds = Seconds::new(self.clock, age_ms);
        let mut store =
            Store::new(self.name, spans, forwards.unwrap_or_default(), seconds, settings);
        store.registry = Registry::of_names(names.unwrap_or_default());
        let store = Arc::new(store);
        let lender = Arc::new(Returns(Arc::clone(&store)));
        Ok(Pile { store, lender })
    }
}

/// Whether so much can be fixed in RAM: the limit allows it, or does not count for this user.
fn check_lock(limit_bytes: u64) -> Result<(), OpenError> {
    let Some(lockable_bytes) = lock_limit().bytes.filter(|&bytes| bytes < limit_bytes) else {
        return Ok(());
    };
    let beyond_bytes = round_up(to_index(lockable_bytes) + 1, HUGE_PAGE_BYTES);
    let beyond = Reservation::new(beyond_bytes)?;
    beyond.commit_small(0, beyond_bytes)?;
    beyond.lock(0, beyond_bytes).map_err(|_| OpenError::LockLimit { limit_bytes, lockable_bytes })
}
