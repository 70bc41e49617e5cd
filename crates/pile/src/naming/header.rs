//! A header is one word before each record that says whether it is there, which it is, and how long: one load decides.
//!
//! ```text
//! state 2 | kind 3 | flags 5 (expiry held forwarded roomy sliding) | inner 1 | kept 1 | length 28 | generation 24
//! ```
//! The low bit comes first. A record of plain bytes without a life has zeros in all that a reader must be slow for, so one
//! comparison with the pointer's generation tells that it may be read in place.

use crate::naming::generation::Generation;
use crate::naming::pointer::Pointer;

/// What a record's bytes are.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[repr(u8)]
pub enum Kind {
    /// Bytes of no known form.
    Bytes = 0,
    /// UTF-8 text.
    Text = 1,
    /// An archived value, read in place.
    Archived = 2,
    /// A compactly encoded value.
    Compact = 3,
    /// A reference of 8 bytes to the value.
    Cell = 4,
    /// Two halves that are written in turn.
    Roomy = 5,
}

impl Kind {
    /// The bytes between header and payload.
    #[inline]
    pub(crate) fn ext_bytes(self, has_expiry: bool) -> u32 {
        match self {
            Self::Archived => 8,
            Self::Compact => 4 + if has_expiry { 4 } else { 0 },
            Self::Bytes | Self::Text => {
                if has_expiry {
                    4
                } else {
                    0
                }
            }
            // Their payload begins with an atomic word.
            Self::Cell | Self::Roomy => {
                if has_expiry {
                    8
                } else {
                    0
                }
            }
        }
    }

    /// Whether a type tag stands before the payload.
    #[inline]
    pub(crate) const fn has_tag(self) -> bool {
        matches!(self, Self::Archived | Self::Compact)
    }

    fn from_bits(bits: u64) -> Self {
        match bits & 7 {
            0 => Self::Bytes,
            1 => Self::Text,
            2 => Self::Archived,
            3 => Self::Compact,
            4 => Self::Cell,
            _ => Self::Roomy,
        }
    }
}

/// The longest payload that a header can tell.
pub(crate) const LENGTH_MAX: u32 = (1 << 28) - 1;

const STATE: u64 = 0b11;
const FREE: u64 = 0;
const LIVE: u64 = 1;
const DEAD: u64 = 2;
const BUSY: u64 = 3;
const KIND_SHIFT: u32 = 2;
const KIND: u64 = 0b111 << KIND_SHIFT;
const EXPIRY: u64 = 1 << 5;
const FORWARDED: u64 = 1 << 7;
const INNER: u64 = 1 << 10;
const KEPT: u64 = 1 << 11;
const LENGTH_SHIFT: u32 = 12;
const LENGTH: u64 = (LENGTH_MAX as u64) << LENGTH_SHIFT;
const GENERATION_SHIFT: u32 = 40;
const GENERATION: u64 = !0 << GENERATION_SHIFT;

/// All that must be right for plain bytes to be read in place: alive, of this generation, nothing special.
const PLAIN: u64 = KIND | EXPIRY | FORWARDED | NAMED;

/// All that must be right for a record to be the one that a pointer names: alive, of this generation, a user's own.
const NAMED: u64 = STATE | INNER | KEPT | GENERATION;

/// A header's word.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Header(pub(crate) u64);

impl Header {
    /// Its slot is lent.
    pub(crate) const HELD: u64 = 1 << 6;

    /// A slot that is being filled.
    #[inline]
    pub(crate) fn busy(generation: Generation) -> Self {
        Self(BUSY | u64::from(generation.0) << GENERATION_SHIFT)
    }

    /// A record that is there.
    #[inline]
    pub(crate) fn live(
        generation: Generation,
        kind: Kind,
        has_expiry: bool,
        is_inner: bool,
        length: u32,
    ) -> Self {
        debug_assert!(length <= LENGTH_MAX, "a length fits its field");
        let flags = if has_expiry { EXPIRY } else { 0 } | if is_inner { INNER } else { 0 };
        Self(
            LIVE | (kind as u64) << KIND_SHIFT
                | flags
                | u64::from(length) << LENGTH_SHIFT
                | u64::from(generation.0) << GENERATION_SHIFT,
        )
    }

    /// The same slot without a record; the generation stays, for the next to be above it.
    #[inline]
    pub(crate) fn freed(self) -> Self {
        Self(self.0 & GENERATION | FREE)
    }

    /// The same record, dead: readers that came before still read it.
    #[inline]
    pub(crate) fn dead(self) -> Self {
        Self(self.0 & !STATE | DEAD)
    }

    /// Whether the pointer's record is here as plain bytes that anybody may read in place.
    #[inline]
    pub(crate) fn is_plain(self, pointer: Pointer) -> bool {
        (self.0 ^ (pointer.to_bits() & GENERATION)) & PLAIN == LIVE
    }

    /// As [`Header::is_plain`], of another kind than plain bytes.
    #[inline]
    pub(crate) fn is_plain_of(self, pointer: Pointer, kind: Kind) -> bool {
        let plain = LIVE | (kind as u64) << KIND_SHIFT;
        (self.0 ^ (pointer.to_bits() & GENERATION)) & PLAIN == plain
    }

    /// Whether the pointer's record is here.
    #[inline]
    pub(crate) fn is_of(self, pointer: Pointer) -> bool {
        (self.0 ^ (pointer.to_bits() & GENERATION)) & NAMED == LIVE
    }

    /// Whether the value that this reference of a cell or a forward names is here.
    #[inline]
    pub(crate) fn is_inner_of(self, pointer: Pointer) -> bool {
        (self.0 ^ (pointer.to_bits() & GENERATION)) & (STATE | INNER | GENERATION) == LIVE | INNER
    }

    pub(crate) fn is_live(self) -> bool {
        self.0 & STATE == LIVE
    }

    pub(crate) fn is_free(self) -> bool {
        self.0 & STATE == FREE
    }

    pub(crate) fn is_busy(self) -> bool {
        self.0 & STATE == BUSY
    }

    #[inline]
    pub(crate) fn kind(self) -> Kind {
        Kind::from_bits(self.0 >> KIND_SHIFT)
    }

    #[inline]
    pub(crate) fn has_expiry(self) -> bool {
        self.0 & EXPIRY != 0
    }

    pub(crate) fn is_inner(self) -> bool {
        self.0 & INNER != 0
    }

    /// The same record, as one that a keeper keeps: no pointer names it.
    pub(crate) fn kept(self) -> Self {
        Self(self.0 | KEPT)
    }

    pub(crate) fn is_kept(self) -> bool {
        self.0 & KEPT != 0
    }

    pub(crate) fn is_held(self) -> bool {
        self.0 & Self::HELD != 0
    }

    /// The same record, lent to nobody.
    pub(crate) fn let_go(self) -> Self {
        Self(self.0 & !Self::HELD)
    }

    pub(crate) fn is_forwarded(self) -> bool {
        self.0 & FORWARDED != 0
    }

    /// The record's bytes are elsewhere; where, says entry `index` of the forward table, whose number takes the length's place.
    pub(crate) fn forwarded(self, index: u32) -> Self {
        Self(self.0 & !LENGTH | FORWARDED | u64::from(index) << LENGTH_SHIFT)
    }

    /// The record's bytes are in its own slot again.
    pub(crate) fn at_home(self, length: u32) -> Self {
        Self(self.0 & !LENGTH & !FORWARDED | u64::from(length) << LENGTH_SHIFT)
    }

    /// The bytes of the payload; the number of a forward's entry where the record is forwarded.
    #[inline]
    pub(crate) fn length(self) -> u32 {
        u32::try_from((self.0 & LENGTH) >> LENGTH_SHIFT).expect("28 bits")
    }

    #[inline]
    pub(crate) fn generation(self) -> Generation {
        Generation(u32::try_from(self.0 >> GENERATION_SHIFT).expect("24 bits"))
    }

    /// The bytes between the header and the payload.
    #[inline]
    pub(crate) fn ext_bytes(self) -> u32 {
        self.kind().ext_bytes(self.has_expiry())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::naming::pointer::Place;

    #[test]
    fn only_a_live_plain_record_of_the_same_generation_is_plain() {
        let pointer = Pointer::new(Place::from_bits(5), Generation(9));
        let plain = Header::live(Generation(9), Kind::Bytes, false, false, LENGTH_MAX);
        assert!(plain.is_plain(pointer) && plain.is_of(pointer));
        assert!(Header(plain.0 | Header::HELD).is_plain(pointer));
        for other in [
            plain.dead(),
            plain.freed(),
            Header::busy(Generation(9)),
            plain.forwarded(3),
            Header::live(Generation(8), Kind::Bytes, false, false, 1),
            Header::live(Generation(9), Kind::Text, false, false, 1),
            Header::live(Generation(9), Kind::Bytes, true, false, 1),
            Header::live(Generation(9), Kind::Bytes, false, true, 1),
            plain.kept(),
        ] {
            assert!(!other.is_plain(pointer), "{other:?}");
        }
    }

    #[test]
    fn each_field_is_read_as_it_was_written() {
        let header = Header::live(Generation::LAST, Kind::Roomy, true, true, LENGTH_MAX);
        assert_eq!(header.generation(), Generation::LAST);
        assert_eq!((header.kind(), header.length()), (Kind::Roomy, LENGTH_MAX));
        assert!(header.has_expiry() && header.is_inner() && !header.is_held());
        let away = Header(header.0 | Header::HELD).forwarded(77);
        assert!(away.is_forwarded() && away.is_held());
        assert_eq!((away.length(), away.at_home(12).length()), (77, 12));
        assert_eq!(away.at_home(LENGTH_MAX).0 & !Header::HELD, header.0);
        assert_eq!(header.freed().generation(), Generation::LAST);
        assert_eq!(header.freed().0 & STATE, FREE);
    }
}
