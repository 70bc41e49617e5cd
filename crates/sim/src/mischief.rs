//! Mischief is a set of tricks: which of them may be played, and how often each was.

use core::fmt;

use crate::trick::Trick;

/// Which tricks may be played.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct Mischief(u64);

impl Mischief {
    /// None: everything succeeds as soon as it can.
    #[must_use]
    pub const fn none() -> Self {
        Self(0)
    }

    /// All.
    #[must_use]
    pub fn all() -> Self {
        Trick::ALL.iter().fold(Self::none(), |all, trick| all.with(*trick))
    }

    /// All that a channel hides from who uses it: with these, a conversation comes to what it would have come to without.
    #[must_use]
    pub fn hidden() -> Self {
        let shown = [Trick::Reset, Trick::NoGroup, Trick::Restless, Trick::NoFile, Trick::NoSocket];
        shown.into_iter().fold(Self::all(), Self::without)
    }

    /// This one only, at a high rate.
    #[must_use]
    pub const fn only(trick: Trick) -> Self {
        Self::none().with(trick)
    }

    /// These, and one more.
    #[must_use]
    pub const fn with(self, trick: Trick) -> Self {
        Self(self.0 | 1 << trick as u8)
    }

    /// These, but for one.
    #[must_use]
    pub const fn without(self, trick: Trick) -> Self {
        Self(self.0 & !(1 << trick as u8))
    }

    /// Those of both.
    #[must_use]
    pub const fn both(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether it may be played.
    #[must_use]
    pub const fn has(self, trick: Trick) -> bool {
        self.0 & 1 << trick as u8 != 0
    }

    /// Whether it is one only.
    pub(crate) const fn is_single(self) -> bool {
        self.0.is_power_of_two()
    }

    /// Those whose names stand in `text`, with commas between; `None` where a name is no trick's.
    #[must_use]
    pub fn named(text: &str) -> Option<Self> {
        let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
        names.into_iter().try_fold(Self::none(), |all, name| {
            let is_it = |trick: &&Trick| format!("{trick:?}").eq_ignore_ascii_case(name);
            Trick::ALL.iter().find(is_it).map(|trick| all.with(*trick))
        })
    }
}

impl fmt::Debug for Mischief {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(Trick::ALL.iter().filter(|trick| self.has(**trick))).finish()
    }
}

/// How often each trick was played.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Played(pub(crate) [u64; Trick::ALL.len()]);

impl Played {
    /// How often this one was.
    #[must_use]
    pub const fn times(&self, trick: Trick) -> u64 {
        self.0[trick as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_told_and_read_by_the_names_of_its_tricks() {
        let some = Mischief::only(Trick::Late).with(Trick::ShortSend);
        assert_eq!(format!("{some:?}"), "[ShortSend, Late]");
        assert_eq!(Mischief::named("late, SHORTSEND"), Some(some));
        assert_eq!(Mischief::named("lateness"), None);
        assert!(Mischief::all().has(Trick::NoGroup) && !Mischief::hidden().has(Trick::NoGroup));
    }
}
