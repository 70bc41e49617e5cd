//! A token names one operation in flight, so that its completion finds its owner and never another.
//!
//! `token 64 = kind 8 | generation 24 | index 32`: the kind and the index are the owner's own words; the generation is
//! stepped by him when the last completion of an index is in, so a late one is known by it.

/// The name of an operation in flight.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Token(u64);

/// A generation that fits the token; it steps through 2^24 values and then its index must be retired.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Generation(u32);

impl Generation {
    const LAST: u32 = (1 << 24) - 1;

    /// The first generation of an index.
    pub const FIRST: Self = Self(0);

    /// The next one; `None` where they are used up and the index must not be used again.
    #[must_use]
    pub fn next(self) -> Option<Self> {
        (self.0 < Self::LAST).then(|| Self(self.0 + 1))
    }

    /// As a number below 2^24.
    #[must_use]
    pub fn number(self) -> u32 {
        self.0
    }

    /// The generation with this number; only the low 24 bits count.
    #[must_use]
    pub fn numbered(number: u32) -> Self {
        Self(number & Self::LAST)
    }
}

impl Token {
    /// The token of the operation `kind` on `index`.
    #[inline]
    #[must_use]
    pub fn new(kind: u8, generation: Generation, index: u32) -> Self {
        Self(u64::from(kind) << 56 | u64::from(generation.0) << 32 | u64::from(index))
    }

    /// The owner's word for what the operation is.
    #[inline]
    #[must_use]
    pub fn kind(self) -> u8 {
        self.0.to_be_bytes()[0]
    }

    /// The generation of the index when the operation began.
    #[inline]
    #[must_use]
    pub fn generation(self) -> Generation {
        Generation((self.0 >> 32) as u32 & Generation::LAST)
    }

    /// The owner's index.
    #[inline]
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "the low 32 bits are the index")]
    pub fn index(self) -> u32 {
        self.0 as u32
    }

    /// As the number that travels through the kernel.
    #[inline]
    #[must_use]
    pub fn number(self) -> u64 {
        self.0
    }

    /// The token that travelled as `number`: a claim, until kind, index and generation are compared with a table.
    #[inline]
    #[must_use]
    pub fn numbered(number: u64) -> Self {
        Self(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_gives_back_its_three_parts() {
        let generation = Generation::numbered(0xAB_CDEF);
        let token = Token::new(0xFE, generation, 0xDEAD_BEEF);
        let again = Token::numbered(token.number());
        assert_eq!(
            (again.kind(), again.generation(), again.index()),
            (0xFE, generation, 0xDEAD_BEEF)
        );
    }

    #[test]
    fn generations_end_and_do_not_begin_again() {
        assert_eq!(Generation::FIRST.next(), Some(Generation::numbered(1)));
        assert_eq!(Generation::numbered(u32::MAX).next(), None);
    }
}
