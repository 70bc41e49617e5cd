//! A typed record that was found: its bytes, and what the slot that they are in says that they are.

use crate::codec::Trust;
use crate::stamp::Type;
use crate::version::Version;

/// A typed record's bytes as they are now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found<'g> {
    pub(crate) bytes: &'g [u8],
    pub(crate) of: Type,
    pub(crate) version: Version,
    pub(crate) trust: Trust,
}
