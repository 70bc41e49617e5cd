//! Validators are by what a client can tell later whether what it holds is still right.

use crate::coding::Coding;
use crate::entity_tag::{EntityTag, FileVersion};

/// The validators of one form of one file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Validators {
    /// The strong one.
    pub entity_tag: EntityTag,
    /// The one in seconds, if there is one. It must not lie behind the `Date` of the same reply
    /// (RFC 9110, 8.8.2.1): who has a clock takes the lesser of the two.
    pub modified_unix_s: Option<u64>,
}

impl Validators {
    /// What a file in that state and form has. A moment before 1970 cannot be written and is left
    /// out.
    pub fn from_file(version: FileVersion, coding: Coding) -> Self {
        Self {
            entity_tag: EntityTag::from_file(version, coding),
            modified_unix_s: u64::try_from(version.modified_unix_s).ok(),
        }
    }
}
