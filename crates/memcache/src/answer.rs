//! How a command wants to be answered: in which manner, and what of it not at all.

use core::fmt;

use crate::key::Key;
use crate::word::Words;

/// The manner of a command's answer.
#[derive(Clone, Copy, Debug)]
pub enum Answer<'b> {
    /// In a word.
    Classic {
        /// `noreply`: nothing at all is answered, errors neither.
        is_hidden: bool,
    },
    /// With a code of two letters, and what the flags ask for.
    Meta(Asked<'b>),
}

impl Answer<'_> {
    pub(crate) fn hidden(self) -> Self {
        match self {
            Self::Classic { .. } => Self::Classic { is_hidden: true },
            Self::Meta(_) => self,
        }
    }
}

/// What a meta command asked to hear.
#[derive(Clone, Copy)]
pub struct Asked<'b> {
    pub(crate) key: Key<'b>,
    pub(crate) flags: Words<'b>,
    pub(crate) is_quiet: bool,
}

impl<'b> Asked<'b> {
    /// The key as it stood on the line.
    #[must_use]
    pub fn key(&self) -> Key<'b> {
        self.key
    }

    /// `q`: the ordinary answer is left out.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.is_quiet
    }

    /// The flags, each a letter and its token, in the order in which they stood.
    pub fn flags(&self) -> impl Iterator<Item = (u8, &'b [u8])> + use<'b> {
        self.flags.filter_map(|word| word.split_first().map(|(letter, token)| (*letter, token)))
    }
}

impl fmt::Debug for Asked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}", self.key, self.flags.0.trim_ascii().escape_ascii())
    }
}
