//! An entry is a word that leads from a key's bin to its record.
//!
//! ```text
//! place + 1 40 | tag 12 | stamp 3 | level 3 | frequency 2 | main 1 | era 3
//! ```
//! The low bit comes first; zero is no entry. The stamp tells an entry from its predecessors of the same address, for the
//! marks that they left in the queues; the era tells what was put before a table was cleared from what was put after.

use levada_pile::Place;

const PLACE: u64 = (1 << 40) - 1;
const TAG_SHIFT: u32 = 40;
const TAG: u64 = 0xFFF << TAG_SHIFT;
const STAMP_SHIFT: u32 = 52;
const LEVEL_SHIFT: u32 = 55;
const LEVEL: u64 = 7 << LEVEL_SHIFT;
const FREQUENCY_SHIFT: u32 = 58;
const FREQUENCY: u64 = 3 << FREQUENCY_SHIFT;
const MAIN: u64 = 1 << 60;
const ERA_SHIFT: u32 = 61;
const ERA: u64 = 7 << ERA_SHIFT;

/// The highest frequency.
const FREQUENCY_MAX: u64 = 3;

/// An entry's word.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Entry(pub(crate) u64);

/// Which of the two queues of its level an entry's mark is in.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Queue {
    /// Of those that came not long ago.
    Small,
    /// Of those that were asked for again.
    Main,
}

/// How often a table was cleared, modulo eight.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Era(u64);

impl Era {
    /// Of the number of clearings.
    #[inline]
    pub(crate) fn of(clears: u64) -> Self {
        Self((clears & 7) << ERA_SHIFT)
    }
}

/// What an entry of a key looks like, but for its place and what changes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    wanted: u64,
}

impl Look {
    /// Of keys with this tag, put in this era.
    #[inline]
    pub(crate) fn of(tag: u32, era: Era) -> Self {
        Self { wanted: u64::from(tag) << TAG_SHIFT | era.0 }
    }

    /// Whether it may be one.
    #[inline]
    pub(crate) fn is_like(self, entry: Entry) -> bool {
        (entry.0 ^ self.wanted) & (TAG | ERA) == 0 && !entry.is_none()
    }
}

impl Entry {
    /// No entry.
    pub(crate) const NONE: Self = Self(0);

    /// A new one, which nobody asked for yet.
    pub(crate) fn new(
        place: Place,
        tag: u32,
        stamp: u32,
        level: u8,
        queue: Queue,
        era: Era,
    ) -> Self {
        let place = place.to_bits() + 1;
        assert!(place <= PLACE, "a pile ends before its last place could be named");
        let main = if queue == Queue::Main { MAIN } else { 0 };
        Self(
            place
                | u64::from(tag) << TAG_SHIFT
                | u64::from(stamp & 7) << STAMP_SHIFT
                | u64::from(level & 7) << LEVEL_SHIFT
                | main
                | era.0,
        )
    }

    #[inline]
    pub(crate) fn is_none(self) -> bool {
        self.0 & PLACE == 0
    }

    /// Where its record is; not of none.
    #[inline]
    pub(crate) fn place(self) -> Place {
        Place::from_bits((self.0 & PLACE) - 1)
    }

    /// The same, with its record elsewhere.
    pub(crate) fn moved_to(self, place: Place) -> Self {
        Self(self.0 & !PLACE | (place.to_bits() + 1))
    }

    #[inline]
    pub(crate) fn tag(self) -> u32 {
        ((self.0 & TAG) >> TAG_SHIFT) as u32
    }

    #[inline]
    pub(crate) fn stamp(self) -> u32 {
        (self.0 >> STAMP_SHIFT) as u32 & 7
    }

    #[inline]
    pub(crate) fn level(self) -> u8 {
        ((self.0 & LEVEL) >> LEVEL_SHIFT) as u8
    }

    /// The same, of another level.
    pub(crate) fn at_level(self, level: u8) -> Self {
        Self(self.0 & !LEVEL | u64::from(level & 7) << LEVEL_SHIFT)
    }

    /// How often it was asked for lately.
    #[inline]
    pub(crate) fn frequency(self) -> u32 {
        ((self.0 & FREQUENCY) >> FREQUENCY_SHIFT) as u32
    }

    /// The same, asked for once more; `None` if that is not counted any further.
    #[inline]
    pub(crate) fn asked_for(self) -> Option<Self> {
        (self.0 & FREQUENCY != FREQUENCY_MAX << FREQUENCY_SHIFT)
            .then_some(Self(self.0.wrapping_add(1 << FREQUENCY_SHIFT)))
    }

    /// The same, with that frequency.
    pub(crate) fn with_frequency(self, frequency: u32) -> Self {
        Self(self.0 & !FREQUENCY | (u64::from(frequency) & FREQUENCY_MAX) << FREQUENCY_SHIFT)
    }

    #[inline]
    pub(crate) fn queue(self) -> Queue {
        if self.0 & MAIN == 0 { Queue::Small } else { Queue::Main }
    }

    /// The same, in the main queue, with no request counted.
    pub(crate) fn promoted(self) -> Self {
        Self(self.0 | MAIN).with_frequency(0)
    }

    /// The same, in this queue, with that stamp.
    pub(crate) fn queued(self, queue: Queue, stamp: u32) -> Self {
        let main = if queue == Queue::Main { MAIN } else { 0 };
        Self(self.0 & !(MAIN | 7 << STAMP_SHIFT) | main | u64::from(stamp & 7) << STAMP_SHIFT)
    }

    /// Whether it was put in this era.
    #[inline]
    pub(crate) fn is_of(self, era: Era) -> bool {
        self.0 & ERA == era.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_reads_as_it_was_written() {
        let place = Place::from_bits((1 << 40) - 3);
        let entry = Entry::new(place, 0xABC, 5, 6, Queue::Main, Era::of(15));
        assert_eq!((entry.place(), entry.tag(), entry.stamp()), (place, 0xABC, 5));
        assert_eq!((entry.level(), entry.queue(), entry.frequency()), (6, Queue::Main, 0));
        assert!(entry.is_of(Era::of(7)) && !entry.is_of(Era::of(8)) && !entry.is_none());
        let asked =
            entry.asked_for().and_then(Entry::asked_for).and_then(Entry::asked_for).unwrap();
        assert_eq!((asked.frequency(), asked.asked_for()), (3, None));
        assert_eq!(asked.with_frequency(0), entry);
        assert_eq!(entry.at_level(1).at_level(6), entry);
        assert_eq!(entry.queued(Queue::Small, 2).promoted().queued(Queue::Main, 5), entry);
        assert_eq!(entry.moved_to(Place::from_bits(0)).place(), Place::from_bits(0));
        assert!(
            Look::of(0xABC, Era::of(7)).is_like(entry)
                && !Look::of(0xABD, Era::of(7)).is_like(entry)
        );
        assert!(!Look::of(0, Era::of(0)).is_like(Entry::NONE));
    }
}
