//! A tag is a short name for what is allocated through an account, so that a report can say what holds memory.
//!
//! Each is known once in a heap, by a number that stands in the lines of its blocks. Cost: a look-up under a lock when an
//! account is given a tag, none for a block.

use crate::lock::Lock;

/// The number of "no tag".
pub(crate) const UNTAGGED: u32 = 0;

/// All tags of a heap. They are names in a program's text, so there are few.
#[derive(Debug)]
pub(crate) struct Tags(Lock<Vec<&'static str>>);

impl Tags {
    pub(crate) fn new() -> Self {
        Self(Lock::new(vec![""]))
    }

    /// The number of a tag.
    pub(crate) fn number(&self, tag: &'static str) -> u32 {
        let mut known = self.0.lock();
        let place = known.iter().position(|one| *one == tag).unwrap_or_else(|| {
            known.push(tag);
            known.len() - 1
        });
        u32::try_from(place).expect("names in a program's text")
    }

    /// The tag with this number.
    pub(crate) fn name(&self, number: u32) -> &'static str {
        self.0.lock().get(number as usize).copied().unwrap_or("")
    }
}
