//! A pointer names one record for ever: the place of its slot, and the generation that the slot had then.
//!
//! ```text
//! Pointer 8      address/8 25 | segment 15 | generation 24      low bit first; never zero
//!                └── place: 40 bits ────┘
//! PilePointer 16 node 4 | segment 4 | address 4 | generation 4  "L:0003:00A41F08:000012"
//! ```
//! A place times eight is the slot's distance from the first byte of the pile: no look-up leads to a segment.

use core::fmt;
use core::num::NonZeroU64;

use crate::error::Gone;
use crate::naming::generation::Generation;

/// Bits of a place: the address in its segment in units of 8 bytes, and the segment.
const PLACE_BITS: u32 = 40;

/// Bytes of a segment: what 25 bits of addresses in units of 8 bytes reach.
pub(crate) const SEGMENT_BYTES: u64 = 256 << 20;

/// Where a slot is, without saying which of its records is meant.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Place(u64);

impl Place {
    /// The place of the slot that begins `offset` bytes from the pile's first byte.
    #[inline]
    pub(crate) fn at(offset: u64) -> Self {
        debug_assert!(offset.is_multiple_of(8), "slots begin at multiples of eight");
        Self(offset >> 3)
    }

    /// The distance of the slot from the pile's first byte.
    #[inline]
    pub(crate) fn offset(self) -> u64 {
        self.0 << 3
    }

    /// The place in 40 bits, for whoever stores places as numbers.
    #[inline]
    #[must_use]
    pub fn to_bits(self) -> u64 {
        self.0
    }

    /// The place that these low 40 bits name; the others are not looked at. Any place may be made up: where no record of a
    /// keep is, it finds none.
    #[inline]
    #[must_use]
    pub fn from_bits(bits: u64) -> Self {
        Self(bits & ((1 << PLACE_BITS) - 1))
    }
}

/// A record's name: 8 bytes, also as an `Option`. Copying it costs nothing and keeps nothing alive.
///
/// Once its record has gone, it is refused for ever, by every operation: no other record is given the same name while the
/// pile lives. It is a name, not a secret: who gives pointers to people whom he does not trust checks their rights himself.
///
/// In values that are archived or encoded compactly it is its bits.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "archived", derive(rkyv::Archive, rkyv::Deserialize, rkyv::Serialize))]
#[cfg_attr(feature = "archived", rkyv(derive(Clone, Copy)))]
#[cfg_attr(feature = "compact", derive(serde::Deserialize, serde::Serialize))]
#[repr(transparent)]
pub struct Pointer(pub(crate) NonZeroU64);

impl Pointer {
    #[inline]
    pub(crate) fn new(place: Place, generation: Generation) -> Self {
        let bits = place.to_bits() | u64::from(generation.0) << PLACE_BITS;
        Self(NonZeroU64::new(bits).expect("a record's generation is above zero"))
    }

    /// Where its slot is.
    #[inline]
    #[must_use]
    pub fn place(self) -> Place {
        Place::from_bits(self.0.get())
    }

    #[inline]
    pub(crate) fn generation(self) -> Generation {
        Generation(self.generation_bits())
    }

    /// The bits, for whoever stores pointers as numbers.
    #[inline]
    #[must_use]
    pub fn to_bits(self) -> u64 {
        self.0.get()
    }

    /// The pointer of these bits, unless they are zero. Whether it ever named a record is found out when it is used: any
    /// value is refused safely.
    #[inline]
    #[must_use]
    pub fn from_bits(bits: u64) -> Option<Self> {
        NonZeroU64::new(bits).map(Self)
    }

    fn generation_bits(self) -> u32 {
        u32::try_from(self.0.get() >> PLACE_BITS).expect("24 bits are left")
    }
}

impl fmt::Debug for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&PilePointer::from(*self), f)
    }
}

/// The public form of a pointer: four numbers, as they are stored, logged and sent to other machines.
///
/// ```
/// use levada_pile::{Pile, PilePointer, Pointer, Life};
/// let pile = Pile::builder("names").limit_bytes(1 << 20).build()?;
/// let pointer = pile.put(b"Ann", Life::FOREVER)?;
/// let public = PilePointer::from(pointer);
/// assert_eq!(public.to_string(), "L:0000:00000000:000001");
/// assert_eq!(Pointer::try_from(public), Ok(pointer));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "archived", derive(rkyv::Archive, rkyv::Deserialize, rkyv::Serialize))]
#[cfg_attr(feature = "archived", rkyv(derive(Clone, Copy, Debug)))]
#[cfg_attr(feature = "compact", derive(serde::Deserialize, serde::Serialize))]
#[repr(C)]
pub struct PilePointer {
    /// The machine that holds the record; below zero for this one.
    pub node: i32,
    /// The segment.
    pub segment: i32,
    /// The slot's first byte in the segment.
    pub address: i32,
    /// Which of the slot's records is meant.
    pub generation: u32,
}

/// The node of pointers into the pile that made them.
const LOCAL: i32 = -1;

impl From<Pointer> for PilePointer {
    fn from(pointer: Pointer) -> Self {
        let offset = pointer.place().offset();
        let narrow = |number: u64| i32::try_from(number).expect("28 bits at most");
        Self {
            node: LOCAL,
            segment: narrow(offset / SEGMENT_BYTES),
            address: narrow(offset % SEGMENT_BYTES),
            generation: pointer.generation_bits(),
        }
    }
}

impl TryFrom<PilePointer> for Pointer {
    type Error = Gone;

    /// # Errors
    /// [`Gone::ForeignNode`] where another machine is named, [`Gone::BadPointer`] where the fields cannot be those of a
    /// pointer.
    fn try_from(public: PilePointer) -> Result<Self, Gone> {
        if public.node >= 0 {
            return Err(Gone::ForeignNode(public.node));
        }
        let segment = u64::try_from(public.segment).map_err(|_| Gone::BadPointer)?;
        let address = u64::try_from(public.address).map_err(|_| Gone::BadPointer)?;
        let is_possible = segment < 1 << 15
            && address < SEGMENT_BYTES
            && address.is_multiple_of(8)
            && (1..1 << Generation::BITS).contains(&public.generation);
        if !is_possible || public.node != LOCAL {
            return Err(Gone::BadPointer);
        }
        let place = Place::at(segment * SEGMENT_BYTES + address);
        Ok(Self::new(place, Generation(public.generation)))
    }
}

impl fmt::Display for PilePointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.node < 0 {
            write!(f, "L")?;
        } else {
            write!(f, "{}", self.node)?;
        }
        write!(f, ":{:04X}:{:08X}:{:06X}", self.segment, self.address, self.generation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_and_its_public_form_are_the_same_for_every_bit() {
        for bit in 0..40 {
            let pointer = Pointer::new(Place::from_bits(1 << bit), Generation(1));
            assert_eq!(Pointer::try_from(PilePointer::from(pointer)), Ok(pointer));
        }
        for bit in 0..Generation::BITS {
            let pointer = Pointer::new(Place::from_bits(77), Generation(1 << bit));
            assert_eq!(Pointer::try_from(PilePointer::from(pointer)), Ok(pointer));
        }
    }

    #[test]
    fn impossible_fields_are_refused() {
        let good = PilePointer { node: -1, segment: 3, address: 16, generation: 7 };
        assert!(Pointer::try_from(good).is_ok());
        let at = |change: fn(&mut PilePointer)| {
            let mut public = good;
            change(&mut public);
            Pointer::try_from(public)
        };
        assert_eq!(at(|p| p.node = 4), Err(Gone::ForeignNode(4)));
        assert_eq!(at(|p| p.node = -2), Err(Gone::BadPointer));
        assert_eq!(at(|p| p.segment = -1), Err(Gone::BadPointer));
        assert_eq!(at(|p| p.segment = 1 << 15), Err(Gone::BadPointer));
        assert_eq!(at(|p| p.address = 1 << 28), Err(Gone::BadPointer));
        assert_eq!(at(|p| p.address = 4), Err(Gone::BadPointer));
        assert_eq!(at(|p| p.address = -8), Err(Gone::BadPointer));
        assert_eq!(at(|p| p.generation = 0), Err(Gone::BadPointer));
        assert_eq!(at(|p| p.generation = 1 << 24), Err(Gone::BadPointer));
    }
}
