//! A span is 64 KiB of slots of one class. What is known of it stands in a line of its own, which no dereference reads.
//!
//! ```text
//! line 64 = low 4 | top 4 | free 2, spent 2 | held 4 | standing 1, bucket 1, keeper 2 | arena 4 | cursor 4 | deadline 4
//!           | next 4 | previous 4 | pages' use 2, first pages 2 | pages of the last record 4 | absent pages 2
//!           | bucket of the shortest life 1 | unused 13
//! ```
//! `free` and `spent` share a word, so that who raises their sum to the number of slots knows that he did.

use crate::naming::generation::Generation;
use crate::naming::life::MIXED;
use crate::places::class::{Class, PAGE_BYTES};
use crate::sync::{AtomicU8, AtomicU16, AtomicU32, Ordering};

/// The number of a span among those of its pile.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct SpanIndex(pub(crate) u32);

/// Who may do what with a span. It changes under the lock of its class's list, or while one alone has the span.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub(crate) enum SpanStanding {
    /// In the supply, or never used.
    Spare = 0,
    /// An arena puts records there.
    Owned = 1,
    /// Nobody's, with too little free to be offered.
    Full = 2,
    /// Nobody's, and on the list of its class.
    Listed = 3,
    /// Emptied or purged; nobody finds a way in, and those who are in leave.
    Retiring = 4,
    /// Its generations are used up: its addresses are never used again.
    Spent = 5,
    /// Nobody's, and without memory behind some of its pages.
    Thin = 6,
    /// Its records were moved away; nothing is put there until the last reader has left.
    Drained = 7,
    /// An earlier life of the pile left it, and nobody has looked what is in it.
    Inherited = 15,
}

/// What is known of a span.
#[derive(Debug, Default)]
#[repr(C, align(64))]
pub(crate) struct SpanLine {
    low: AtomicU32,
    top: AtomicU32,
    free_and_spent: AtomicU32,
    pub(crate) held: AtomicU32,
    standing: AtomicU8,
    bucket: AtomicU8,
    pub(crate) keeper: AtomicU16,
    pub(crate) arena: AtomicU32,
    pub(crate) cursor: AtomicU32,
    pub(crate) deadline_s: AtomicU32,
    pub(crate) next: AtomicU32,
    pub(crate) previous: AtomicU32,
    pub(crate) pages_used: AtomicU16,
    pub(crate) pages_first: AtomicU16,
    pub(crate) spans_of_run: AtomicU32,
    /// Pages that were given back, as bits: in a span of slots that is thin.
    pub(crate) absent: AtomicU16,
    shortest: AtomicU8,
}

/// No life was put into the span.
const NO_LIFE: u8 = u8::MAX;

/// How many slots of a span can be put into, and how many never again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Vacancy {
    pub(crate) free: u32,
    pub(crate) spent: u32,
}

const SPENT_ONE: u32 = 1 << 16;

impl From<u32> for Vacancy {
    /// An arena may take a slot before who freed it has counted it, so `free` is below zero for an instant.
    fn from(word: u32) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "the half that is meant")]
        let free = (word as u16).cast_signed();
        let spent = word.wrapping_add_signed(-i32::from(free)) / SPENT_ONE;
        Self { free: u32::try_from(free).unwrap_or(0), spent }
    }
}

impl Vacancy {
    /// Whether no record is left.
    pub(crate) fn is_empty(self, class: Class) -> bool {
        self.free + self.spent == class.shape().slots
    }

    /// Whether enough is free for an arena to take the span.
    pub(crate) fn is_roomy(self, class: Class) -> bool {
        self.free >= roomy_slots(class)
    }
}

/// How many free slots make a span worth taking: an eighth.
fn roomy_slots(class: Class) -> u32 {
    (class.shape().slots / 8).max(1)
}

impl SpanLine {
    /// The generation that every record to come is above.
    #[inline]
    pub(crate) fn low(&self) -> Generation {
        Generation(self.low.load(Ordering::Relaxed))
    }

    /// The highest generation that was given in the span.
    #[inline]
    pub(crate) fn top(&self) -> Generation {
        Generation(self.top.load(Ordering::Relaxed))
    }

    /// Remembers a generation before it is given. For who has the span.
    #[inline]
    pub(crate) fn raise_top(&self, to: Generation) {
        if to > self.top() {
            self.top.store(to.0, Ordering::Relaxed);
        }
    }

    /// Lets every record that comes be above all that were. For who alone has the span. Whether generations are left.
    pub(crate) fn raise_low(&self) -> bool {
        let top = self.top();
        self.low.store(top.0, Ordering::Relaxed);
        top.0 + 2 <= Generation::LAST.0
    }

    /// Begins a life under a class, all slots free. For who alone has the span.
    pub(crate) fn begin(&self, class: Class, bucket: u8, standing: SpanStanding) {
        self.free_and_spent.store(class.shape().slots, Ordering::Relaxed);
        // Its deadline stays: it stands among what is due, and is found to be nothing then.
        self.bucket.store(bucket, Ordering::Relaxed);
        self.shortest.store(NO_LIFE, Ordering::Relaxed);
        self.keeper.store(0, Ordering::Relaxed);
        self.cursor.store(0, Ordering::Relaxed);
        self.spans_of_run.store(1, Ordering::Relaxed);
        self.set_standing(standing);
    }

    /// Says what is vacant, to one who looked. For who alone has the span.
    pub(crate) fn set_vacancy(&self, vacancy: Vacancy) {
        let word = vacancy.free + vacancy.spent * SPENT_ONE;
        self.free_and_spent.store(word, Ordering::Relaxed);
    }

    /// Begins another life of the pile. What was known of the span's use is not true any more.
    pub(crate) fn inherit(&self) {
        self.held.store(0, Ordering::Relaxed);
        self.arena.store(0, Ordering::Relaxed);
        self.deadline_s.store(0, Ordering::Relaxed);
        self.set_standing(SpanStanding::Inherited);
    }

    pub(crate) fn vacancy(&self) -> Vacancy {
        self.free_and_spent.load(Ordering::Acquire).into()
    }

    /// Slots go to an arena, which will fill them.
    pub(crate) fn take_free(&self, slots: u32) {
        self.free_and_spent.fetch_sub(slots, Ordering::Relaxed);
    }

    /// Slots came back whose bits were set before. What was vacant before, and is now.
    pub(crate) fn add_free(&self, slots: u32) -> (Vacancy, Vacancy) {
        // Release: who sees the span empty sees the slots freed; Acquire: he who empties it, sees all others.
        let before = self.free_and_spent.fetch_add(slots, Ordering::AcqRel);
        (before.into(), before.wrapping_add(slots).into())
    }

    /// A slot has had its last generation.
    pub(crate) fn add_spent(&self) -> (Vacancy, Vacancy) {
        let before = self.free_and_spent.fetch_add(SPENT_ONE, Ordering::AcqRel);
        (before.into(), before.wrapping_add(SPENT_ONE).into())
    }

    pub(crate) fn standing(&self) -> SpanStanding {
        // Acquire: with the end of inheritance comes what was found.
        match self.standing.load(Ordering::Acquire) {
            0 => SpanStanding::Spare,
            1 => SpanStanding::Owned,
            2 => SpanStanding::Full,
            3 => SpanStanding::Listed,
            4 => SpanStanding::Retiring,
            6 => SpanStanding::Thin,
            7 => SpanStanding::Drained,
            15 => SpanStanding::Inherited,
            _ => SpanStanding::Spent,
        }
    }

    pub(crate) fn set_standing(&self, standing: SpanStanding) {
        self.standing.store(standing as u8, Ordering::Release);
    }

    /// The spans of the long record that begins in this one; of all others this one alone.
    pub(crate) fn parts(&self, this: SpanIndex) -> impl Iterator<Item = SpanIndex> {
        (this.0..this.0 + self.spans_of_run.load(Ordering::Relaxed)).map(SpanIndex)
    }

    /// Which lives its records have: see `life`.
    pub(crate) fn bucket(&self) -> u8 {
        self.bucket.load(Ordering::Relaxed)
    }

    /// Lets records of other lives in. Under the lock of its list.
    pub(crate) fn set_bucket(&self, bucket: u8) {
        self.bucket.store(bucket, Ordering::Relaxed);
    }

    /// Whether lives of any length are put there.
    pub(crate) fn is_mixed(&self) -> bool {
        self.bucket() <= MIXED
    }

    /// The bucket of the shortest life that was put there, above all of them if none was.
    #[inline]
    pub(crate) fn shortest(&self) -> u8 {
        self.shortest.load(Ordering::Relaxed)
    }

    /// Whether a life was put there.
    pub(crate) fn has_lives(&self) -> bool {
        self.shortest() != NO_LIFE
    }

    /// Remembers a shorter life.
    pub(crate) fn set_shortest(&self, bucket: u8) {
        self.shortest.fetch_min(bucket, Ordering::Relaxed);
    }

    /// Bytes of the span without memory behind them.
    pub(crate) fn absent_bytes(&self) -> u64 {
        u64::from(self.absent.load(Ordering::Acquire).count_ones()) * u64::from(PAGE_BYTES)
    }
}

#[cfg(not(loom))]
const _: () = assert!(size_of::<SpanLine>() == 64);
