//! A class is a slot's length: a span is cut into slots of one class, so that a record's slot is found by its length alone.
//!
//! Slots of 16 to 128 bytes rise by 8; above, payloads rise in eight steps per doubling, with 16 bytes for header and ext,
//! and each slot is made as long as the number of slots in a span allows. What is longer than the longest slot lies in
//! whole pages (`run`).
//!
//! Cost: the class of a length is one look-up in 1,639 bytes; whether an address is a slot's first byte is one
//! multiplication.

/// Bytes of a span.
pub(crate) const SPAN_BYTES: u32 = 64 << 10;

/// Bytes of a page, the grain of long records.
pub(crate) const PAGE_BYTES: u32 = 4 << 10;

/// How many classes of slots there are.
pub(crate) const CLASS_COUNT: usize = CUT.1;

/// Which cut a span has. Zero: none, nothing in it can be reached.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Class(pub(crate) u8);

impl Class {
    /// No records: fresh, emptied, or given back.
    pub(crate) const NONE: Self = Self(0);
    /// Pages of long records.
    pub(crate) const PAGES: Self = Self(254);
    /// The further spans of a record longer than one span.
    pub(crate) const TAIL: Self = Self(255);

    /// The class whose slots hold `bytes`, header and ext included; `None` where only pages do.
    #[inline]
    pub(crate) fn holding(bytes: u32) -> Option<Self> {
        let row = bytes.div_ceil(8) as usize;
        CLASS_OF.get(row).map(|&class| Self(class))
    }

    /// The next class whose slots all begin at multiples of 16, this one or a longer.
    #[inline]
    pub(crate) fn aligned(self) -> Self {
        if self.shape().slot_bytes.is_multiple_of(16) { self } else { Self(self.0 + 1) }
    }

    #[inline]
    pub(crate) fn shape(self) -> &'static Shape {
        &SHAPES[self.0 as usize]
    }

    /// Whether it is a class of slots, and not of pages.
    pub(crate) fn is_slots(self) -> bool {
        (1..=CLASS_COUNT).contains(&usize::from(self.0))
    }

    /// All classes of slots.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        (1..=CLASS_COUNT).map(|number| Self(u8::try_from(number).expect("fewer than 254 classes")))
    }
}

/// How a span of a class is cut.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    /// Bytes of a slot.
    pub(crate) slot_bytes: u32,
    /// Slots in a span.
    pub(crate) slots: u32,
    /// Behind the last slot.
    end: u32,
    /// `floor((2^64 - 1) / slot_bytes) + 1`: a number is a multiple of `slot_bytes` if its product with this, modulo 2^64, is
    /// below this (Lemire, Kaser, Kurz: Faster remainder by direct computation, 2019).
    divider: u64,
}

impl Shape {
    /// Whether a slot begins at `offset` in its span.
    #[inline]
    pub(crate) fn is_slot(&self, offset: u32) -> bool {
        u64::from(offset).wrapping_mul(self.divider) < self.divider && offset < self.end
    }

    /// The number of the slot that begins at `offset` in its span; `None` where none does.
    #[inline]
    pub(crate) fn slot_at(&self, offset: u32) -> Option<u32> {
        self.is_slot(offset).then(|| offset / self.slot_bytes)
    }

    /// Words of the bitmap of free slots.
    #[inline]
    pub(crate) fn bitmap_words(&self) -> u32 {
        self.slots.div_ceil(64)
    }

    /// Where the bitmap begins in the span; it ends with the span.
    #[inline]
    pub(crate) fn bitmap_offset(&self) -> u32 {
        SPAN_BYTES - self.bitmap_words() * 8
    }

    /// The slots that word `word_index` of the bitmap stands for, as bits.
    pub(crate) fn bits_of_word(&self, word_index: u32) -> u64 {
        let left = self.slots.saturating_sub(word_index * 64);
        if left >= 64 { !0 } else { (1 << left) - 1 }
    }
}

/// How many slots of a length a span holds beside their bitmap.
const fn slots_in_span(slot_bytes: u32) -> u32 {
    let mut slots = SPAN_BYTES / slot_bytes;
    while slots * slot_bytes + slots.div_ceil(64) * 8 > SPAN_BYTES {
        slots -= 1;
    }
    slots
}

/// The longest slot of which a span holds as many; a multiple of 16, so that payloads with an ext of 8 are aligned to it.
const fn widened(slots: u32) -> u32 {
    (SPAN_BYTES - slots.div_ceil(64) * 8) / slots / 16 * 16
}

/// The fewest slots that a span is cut into: what is longer lies in pages.
const SLOTS_MIN: u32 = 5;

/// The slot lengths in rising order, and how many there are.
const CUT: ([u32; 80], usize) = {
    let mut cut = [0; 80];
    let mut count = 0;
    let mut slot_bytes = 16;
    while slot_bytes <= 128 {
        cut[count] = slot_bytes;
        count += 1;
        slot_bytes += 8;
    }
    let (mut payload, mut step) = (128, 16);
    loop {
        let slots = slots_in_span(payload + 16);
        if slots < SLOTS_MIN {
            break;
        }
        let slot_bytes = widened(slots);
        if slot_bytes > cut[count - 1] {
            cut[count] = slot_bytes;
            count += 1;
        }
        if payload == step * 16 {
            step *= 2;
        }
        payload += step;
    }
    (cut, count)
};

/// The longest slot.
pub(crate) const SLOT_BYTES_MAX: u32 = CUT.0[CUT.1 - 1];

static SHAPES: [Shape; 256] = {
    let nothing = Shape { slot_bytes: 1, slots: 0, end: 0, divider: 0 };
    let mut shapes = [nothing; 256];
    let mut class = 1;
    while class <= CLASS_COUNT {
        let slot_bytes = CUT.0[class - 1];
        shapes[class] = shape(slot_bytes, slots_in_span(slot_bytes));
        class += 1;
    }
    shapes[Class::PAGES.0 as usize] = shape(PAGE_BYTES, SPAN_BYTES / PAGE_BYTES);
    shapes
};

const fn shape(slot_bytes: u32, slots: u32) -> Shape {
    Shape { slot_bytes, slots, end: slots * slot_bytes, divider: u64::MAX / slot_bytes as u64 + 1 }
}

/// By length in units of eight bytes.
static CLASS_OF: [u8; (SLOT_BYTES_MAX / 8 + 1) as usize] = {
    let mut classes = [0; (SLOT_BYTES_MAX / 8 + 1) as usize];
    let mut row = 0;
    let mut class = 0;
    while row < classes.len() {
        #[expect(clippy::cast_possible_truncation, reason = "1,639 rows")]
        while CUT.0[class] < row as u32 * 8 {
            class += 1;
        }
        #[expect(clippy::cast_possible_truncation, reason = "fewer than 254 classes")]
        {
            classes[row] = class as u8 + 1;
        }
        row += 1;
    }
    classes
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_byte_of_each_slot_and_no_other_is_a_slot() {
        for class in Class::all().chain([Class::PAGES]) {
            let shape = class.shape();
            for offset in 0..SPAN_BYTES {
                let is_first =
                    offset % shape.slot_bytes == 0 && offset / shape.slot_bytes < shape.slots;
                assert_eq!(shape.slot_at(offset), is_first.then(|| offset / shape.slot_bytes));
            }
        }
        for class in [Class::NONE, Class::TAIL] {
            assert!((0..SPAN_BYTES).all(|offset| class.shape().slot_at(offset).is_none()));
        }
    }

    #[test]
    fn each_length_goes_to_the_shortest_slot_that_holds_it() {
        for bytes in 0..=SLOT_BYTES_MAX {
            let class = Class::holding(bytes).unwrap();
            assert!(class.shape().slot_bytes >= bytes);
            let shorter = Class(class.0 - 1);
            assert!(shorter == Class::NONE || shorter.shape().slot_bytes < bytes);
        }
        assert_eq!(Class::holding(SLOT_BYTES_MAX + 1), None);
    }

    #[test]
    fn an_aligned_class_is_there_for_each() {
        for class in Class::all() {
            let aligned = class.aligned();
            assert!(aligned.is_slots() && aligned.shape().slot_bytes.is_multiple_of(16));
            assert!(aligned.shape().slot_bytes <= class.shape().slot_bytes + 8);
        }
    }

    #[test]
    fn slots_and_bitmap_fit_their_span_and_waste_is_bounded() {
        for class in Class::all() {
            let shape = class.shape();
            assert!(shape.slots * shape.slot_bytes <= shape.bitmap_offset(), "{class:?}");
            let bits: u32 =
                (0..shape.bitmap_words()).map(|word| shape.bits_of_word(word).count_ones()).sum();
            assert_eq!(bits, shape.slots);
        }
        // The dead room of a record that is one byte too long for the class below.
        for (most_bytes, percent) in [(4096, 13), (8192, 17), (16_384, 20)] {
            for class in Class::all().skip(15) {
                let (slot, below) =
                    (class.shape().slot_bytes, Class(class.0 - 1).shape().slot_bytes);
                if slot <= most_bytes {
                    assert!((slot - below) * 100 <= slot * (percent + 1), "{below} to {slot}");
                }
            }
        }
    }

    #[test]
    fn the_longest_slots_are_those_of_the_plan() {
        let longest: Vec<u32> = CUT.0[CLASS_COUNT - 3..CLASS_COUNT].to_vec();
        assert_eq!(longest, [9360, 10_912, 13_104]);
        for payload in [256_u32, 512, 1024] {
            let slot_bytes = Class::holding(payload + 16).unwrap().shape().slot_bytes;
            assert!(slot_bytes < payload + payload / 8, "{payload} takes {slot_bytes}");
        }
    }
}
