//! A generation says which record of a slot is meant: it only rises, and a slot that has had them all is never used again.

/// The number of a record among those that its slot has held. Zero is no record.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Generation(pub(crate) u32);

impl Generation {
    /// How many bits of a pointer and of a header it takes.
    pub(crate) const BITS: u32 = 24;

    /// The last one. The feature `narrow-generation` makes it small, so that tests see slots and spans used up.
    pub(crate) const LAST: Self =
        Self(if cfg!(feature = "narrow-generation") { 15 } else { (1 << Self::BITS) - 1 });

    /// The next one, unless this was the last.
    #[inline]
    pub(crate) fn next(self) -> Option<Self> {
        (self < Self::LAST).then_some(Self(self.0 + 1))
    }
}
