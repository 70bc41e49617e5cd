//! A typed record that was found: its bytes, and what the slot that they are in says that they are.

use crate::naming::stamp::Type;
use crate::naming::version::Version;
use crate::types::codec::Trust;

/// A typed record's bytes as they are now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found<'g> {
    pub(crate) bytes: &'g [u8],
    pub(crate) of: Type,
    pub(crate) version: Version,
    pub(crate) trust: Trust,
}
