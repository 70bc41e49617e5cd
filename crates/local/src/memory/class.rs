//! A class is a length of cells: every 16 bytes up to 128, then four in each doubling up to 8 KiB.
//!
//! So little is lost to rounding: at most 15 bytes up to 128, at most a fifth above.

/// How long the units are that pages have one or four of.
pub(crate) const UNIT_BYTES: usize = 4 << 10;

/// How many classes there are.
pub(crate) const CLASS_COUNT: usize = 32;

/// The longest cell.
pub(crate) const CELL_BYTES_MAX: usize = 8 << 10;

/// Cells up to here lie in pages of one unit, longer ones in pages of four.
const SMALL_BYTES_MAX: usize = 512;

const BYTES: [u32; CLASS_COUNT] = {
    let mut all = [0; CLASS_COUNT];
    let (mut index, mut bytes, mut step_bytes) = (0, 0, 16);
    while index < CLASS_COUNT {
        if index >= 8 && (index - 8).is_multiple_of(4) {
            step_bytes = bytes / 4;
        }
        bytes += step_bytes;
        all[index] = bytes;
        index += 1;
    }
    all
};

/// What an offset is multiplied with, instead of being divided by the length.
const RECIPROCALS: [u64; CLASS_COUNT] = {
    let mut all = [0; CLASS_COUNT];
    let mut index = 0;
    while index < CLASS_COUNT {
        all[index] = (1_u64 << 32).div_ceil(BYTES[index] as u64);
        index += 1;
    }
    all
};

/// How many cells a page has: asked for each that is taken, so it is not divided then.
const PAGE_CELLS: [u16; CLASS_COUNT] = {
    let mut all = [0; CLASS_COUNT];
    let mut index = 0;
    while index < CLASS_COUNT {
        let bytes = BYTES[index] as usize;
        let units = if bytes <= SMALL_BYTES_MAX { 1 } else { 4 };
        #[expect(clippy::cast_possible_truncation, reason = "a page has at most 256")]
        let cells = (units * UNIT_BYTES / bytes) as u16;
        all[index] = cells;
        index += 1;
    }
    all
};

/// A length of cells.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Class(u8);

impl Class {
    /// The shortest class for so many bytes whose cells all begin at a multiple of `align`.
    #[inline]
    pub(crate) const fn of(bytes: usize, align: usize) -> Option<Self> {
        if bytes > CELL_BYTES_MAX {
            return None;
        }
        let mut index = Self::index_for(bytes);
        while index < CLASS_COUNT {
            if align <= 16 || (BYTES[index] as usize).is_multiple_of(align) {
                return Self::at(index);
            }
            index += 1;
        }
        None
    }

    #[inline]
    const fn index_for(bytes: usize) -> usize {
        if bytes <= 16 {
            return 0;
        }
        if bytes <= 128 {
            return bytes.div_ceil(16) - 1;
        }
        let below = (bytes - 1).ilog2() as usize; // 2^below < bytes <= 2^(below + 1)
        let quarter = (bytes - 1 - (1 << below)) >> (below - 2);
        8 + (below - 7) * 4 + quarter
    }

    /// The class with this number.
    #[expect(clippy::cast_possible_truncation, reason = "there are few classes")]
    pub(crate) const fn at(index: usize) -> Option<Self> {
        if index < CLASS_COUNT { Some(Self(index as u8)) } else { None }
    }

    #[inline]
    pub(crate) fn index(self) -> usize {
        usize::from(self.0)
    }

    /// How long its cells are.
    #[inline]
    pub(crate) fn bytes(self) -> usize {
        BYTES[self.index()] as usize
    }

    /// How many units a page of it is.
    #[inline]
    pub(crate) fn page_units(self) -> usize {
        if self.bytes() <= SMALL_BYTES_MAX { 1 } else { 4 }
    }

    /// How many cells a page of it has.
    #[inline]
    pub(crate) fn page_cells(self) -> usize {
        usize::from(PAGE_CELLS[self.index()])
    }

    /// Which cell of a page an offset lies in.
    #[inline]
    pub(crate) fn cell_of(self, offset: usize) -> usize {
        let product = offset as u64 * RECIPROCALS[self.index()];
        usize::try_from(product >> 32).expect("a page has few cells")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_gets_the_shortest_class_that_holds_it() {
        for bytes in 1..=CELL_BYTES_MAX {
            let class = Class::of(bytes, 8).unwrap();
            assert!(class.bytes() >= bytes, "{bytes} bytes in cells of {}", class.bytes());
            let shorter = class.index().checked_sub(1).and_then(Class::at);
            assert!(shorter.is_none_or(|shorter| shorter.bytes() < bytes));
            let lost = class.bytes() - bytes;
            assert!(lost <= 15 || lost * 5 <= class.bytes(), "{lost} lost of {}", class.bytes());
        }
        assert_eq!(Class::of(CELL_BYTES_MAX + 1, 8), None);
    }

    #[test]
    fn every_offset_in_a_page_is_found_in_its_cell() {
        for class in (0..CLASS_COUNT).filter_map(Class::at) {
            for offset in 0..class.page_cells() * class.bytes() {
                assert_eq!(class.cell_of(offset), offset / class.bytes());
            }
        }
    }

    #[test]
    fn aligned_cells_begin_at_multiples() {
        for align in [16, 32, 64] {
            for bytes in 1..=4096 {
                assert!(Class::of(bytes, align).unwrap().bytes().is_multiple_of(align));
            }
        }
    }
}
