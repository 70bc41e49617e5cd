//! A class is one of the few lengths that blocks come in, and says how large the chunks are that it is cut from.
//!
//! Multiples of 64 B, four for each doubling, to 2 KiB; 2.5, 3 and 3.5 KiB; then multiples of 4 KiB, again four for
//! each doubling, to 512 KiB. What is longer is a *run*: whole pages from a slab boundary.
//! Waste: at most 63 B up to 256 B, 20 % up to 4 KiB, 50 % just above, 20 % from 16 KiB.

use levada_pages::{HUGE_PAGE_BYTES, PAGE_BYTES_MIN};

/// How many classes there are, runs not counted.
pub(crate) const CLASS_COUNT: usize = 43;

/// A slab, the unit in which the heap takes memory from the OS and deals it to arenas.
pub(crate) const SLAB_BYTES: usize = HUGE_PAGE_BYTES;

/// The grain in which a slab is cut into chunks.
pub(crate) const UNIT_BYTES: usize = 64 << 10;

/// How many units a slab has; one bit each in a `u32`.
pub(crate) const UNITS_PER_SLAB: u32 = 32;

const _: () = assert!(UNITS_PER_SLAB as usize * UNIT_BYTES == SLAB_BYTES);

/// The shortest kept block that is worth a place in a file: below, a socket is sooner given a copy than references.
pub(crate) const FILED_BYTES_MIN: u32 = 64 << 10;

/// The index of a block length in the table of lengths.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Class(u8);

const LENGTHS: [u32; CLASS_COUNT] = lengths();

const fn lengths() -> [u32; CLASS_COUNT] {
    let mut lengths = [0; CLASS_COUNT];
    let mut filled = 0;
    let mut length: u32 = 64;
    while filled < CLASS_COUNT {
        lengths[filled] = length;
        filled += 1;
        // Four steps for each doubling, but never a step below the grain: 64 B, and 4 KiB from the first page on.
        let grain = if length < 4096 { 64 } else { 4096 };
        let mut step = 1 << (length.ilog2() - 2);
        if step < grain {
            step = grain;
        }
        length += step;
    }
    lengths
}

/// For each multiple of 64 B up to 4 KiB, and for each multiple of 4 KiB above, the first class that holds it.
const SMALL: [u8; 65] = first_that_holds(64);
const LARGE: [u8; 129] = first_that_holds(4096);

#[expect(clippy::cast_possible_truncation, reason = "43 classes, and lengths of 512 KiB at most")]
const fn first_that_holds<const N: usize>(grain: usize) -> [u8; N] {
    let mut classes = [0; N];
    let mut class = 0;
    let mut index = 0;
    while index < N {
        while (LENGTHS[class] as usize) < index * grain {
            class += 1;
        }
        classes[index] = class as u8;
        index += 1;
    }
    classes
}

impl Class {
    /// The class for `bytes`, or `None` where only a run is long enough.
    pub(crate) fn holding(bytes: usize) -> Option<Self> {
        if bytes <= PAGE_BYTES_MIN {
            Some(Self(SMALL[bytes.div_ceil(64)]))
        } else {
            LARGE.get(bytes.div_ceil(PAGE_BYTES_MIN)).copied().map(Self)
        }
    }

    /// The class with this number, as written in a block's line.
    pub(crate) fn numbered(number: u8) -> Self {
        assert!(usize::from(number) < CLASS_COUNT, "a line names one of the {CLASS_COUNT} classes");
        Self(number)
    }

    pub(crate) fn number(self) -> u8 {
        self.0
    }

    pub(crate) fn index(self) -> usize {
        usize::from(self.0)
    }

    /// The length of a block of this class.
    pub(crate) fn block_bytes(self) -> u32 {
        LENGTHS[self.index()]
    }

    /// How many units of a slab a chunk of this class takes.
    pub(crate) fn chunk_units(self) -> u32 {
        match self.block_bytes() {
            ..=0x2000 => 1,
            0x2001..=0x1_0000 => 8,
            _ => UNITS_PER_SLAB,
        }
    }

    /// How many blocks of this class a chunk holds.
    #[expect(clippy::cast_possible_truncation, reason = "a unit is 64 KiB")]
    pub(crate) fn chunk_blocks(self) -> u32 {
        self.chunk_units() * UNIT_BYTES as u32 / self.block_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lengths_are_those_of_the_plan() {
        let small: Vec<u32> = LENGTHS.iter().copied().filter(|length| *length < 4096).collect();
        let expected = [
            64, 128, 192, 256, 320, 384, 448, 512, 640, 768, 896, 1024, 1280, 1536, 1792, 2048,
            2560, 3072, 3584,
        ];
        assert_eq!(small, expected);
        let pages: Vec<u32> =
            LENGTHS.iter().filter(|length| **length >= 4096).map(|length| length >> 10).collect();
        let expected = [
            4, 8, 12, 16, 20, 24, 28, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256,
            320, 384, 448, 512,
        ];
        assert_eq!(pages, expected);
    }

    #[test]
    #[cfg_attr(miri, ignore = "half a million lengths take the interpreter minutes")]
    fn every_length_gets_the_first_class_that_holds_it() {
        for bytes in 0..=512 << 10 {
            let expected = LENGTHS.iter().position(|length| *length as usize >= bytes);
            assert_eq!(Class::holding(bytes).map(Class::index), expected, "{bytes}");
        }
        assert_eq!(Class::holding((512 << 10) + 1), None);
        assert_eq!(Class::holding(usize::MAX), None);
    }

    #[test]
    fn a_chunk_holds_at_least_four_blocks_and_no_fewer_than_its_share() {
        for number in 0..u8::try_from(CLASS_COUNT).unwrap() {
            let class = Class::numbered(number);
            assert!(class.chunk_blocks() >= 4, "{class:?}");
            assert!(class.chunk_blocks() * class.block_bytes() <= class.chunk_units() << 16);
        }
    }
}
