//! Limits are what one heap may take; pacing is how often the heaps of a pool are collected.

use core::fmt;
use std::error::Error;

/// What one heap may take, in bytes of its pages, chunks and raw buffers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// At so many bytes nothing more is allocated: `try_` forms give back what they were given, the others panic.
    pub hard_bytes: u64,
    /// From so many bytes on [`Cx::should_yield`](crate::Cx::should_yield) asks for the end of the turn.
    pub soft_bytes: u64,
}

impl Default for Limits {
    /// 1 GiB, and three quarters of it.
    fn default() -> Self {
        Self::up_to(1 << 30)
    }
}

impl Limits {
    /// A hard limit, with the soft one at three quarters of it.
    #[must_use]
    pub const fn up_to(hard_bytes: u64) -> Self {
        Self { hard_bytes, soft_bytes: hard_bytes / 4 * 3 }
    }
}

/// When heaps are collected, how deep, and when what survives stops moving.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Pacing {
    /// How many bytes are born before a minor collection: 16 KiB to 4 MiB, in whole chunks of 64 KiB above one.
    pub nursery_bytes: u64,
    /// Up to so many bytes values are born in the nursery, longer ones in the stable space: 256 B to 32 KiB, in a nursery below 64 KiB to 4 KiB.
    pub nursery_object_bytes_max: usize,
    /// How many minor collections an object survives, the last of which moves it to the stable space: 1 to 7.
    pub survivals: usize,
    /// Nothing is moved there while survivors take no more than this: 0 to 64 KiB.
    pub rest_bytes: u64,
    /// A stable collection is due when as many bytes became stable since the last,
    pub young_bytes_min: u64,
    /// or so many percent of those that were young then, if that is more.
    pub young_percent: u64,
    /// How many stable collections a page survives, the last of which makes it old: 1 to 7.
    pub stable_survivals: u8,
    /// A major collection is due when as many bytes became old since the last,
    pub old_bytes_min: u64,
    /// or so many percent of those that were old then, if that is more.
    pub old_percent: u64,
    /// How many bytes a slice of a major collection marks, unless twice as many became stable since the one before.
    pub slice_bytes: u64,
    /// Above so many percent of the old bytes, unused cells of old pages are filled.
    pub hole_percent: u64,
}

impl Default for Pacing {
    fn default() -> Self {
        Self {
            nursery_bytes: 256 << 10,
            nursery_object_bytes_max: 4 << 10,
            survivals: 2,
            rest_bytes: 8 << 10,
            young_bytes_min: 1 << 20,
            young_percent: 50,
            stable_survivals: 3,
            old_bytes_min: 16 << 20,
            old_percent: 100,
            slice_bytes: 16 << 10,
            hole_percent: 25,
        }
    }
}

impl Pacing {
    /// As it is, with what lies outside its range brought to the nearest that lies inside.
    pub(crate) fn checked(mut self) -> Self {
        self.nursery_bytes = self.nursery_bytes.clamp(16 << 10, 4 << 20);
        let object_bytes_max = if self.nursery_bytes < 64 << 10 { 4 << 10 } else { 32 << 10 };
        self.nursery_object_bytes_max = self.nursery_object_bytes_max.clamp(256, object_bytes_max);
        self.survivals = self.survivals.clamp(1, 7);
        self.rest_bytes = self.rest_bytes.min(64 << 10);
        self.stable_survivals = self.stable_survivals.clamp(1, 7);
        self.slice_bytes = self.slice_bytes.max(1 << 10);
        self
    }
}

/// How deep a collection goes.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Depth {
    /// The nursery.
    Minor,
    /// And the young pages of the stable space.
    Stable,
    /// And all others.
    Major,
}

/// Faults that are looked for at every turn's end, at a cost: for tests.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Stress {
    /// Every turn ends with a whole collection of this depth.
    pub every_turn: Option<Depth>,
    /// What collections leave behind is overwritten with 0xD7. Debug builds do it always.
    pub poisons: bool,
    /// Every collection ends with a walk over the whole heap: a pointer that leads nowhere or is not listed, a stray mark or a
    /// wrong count panics.
    pub verifies: bool,
}

/// A limit is reached: what was to be put in comes back.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Full<T>(pub T);

impl<T> fmt::Display for Full<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the heap is at its limit, or its pool has no more memory: end the turn, keep less, or raise `hard_bytes`",
        )
    }
}

impl<T: fmt::Debug> Error for Full<T> {}

/// Who is charged for the memory of a heap, beside its own limit. It is asked in turns and in collections; one that panics in a
/// collection ends the OS process.
pub trait Payer: Send {
    /// Takes so many bytes on; false if that is too much.
    fn draw(&self, bytes: u64) -> bool;

    /// So many bytes of what was drawn are free again.
    fn leave(&self, bytes: u64);
}
