//! Keys are what entries are found by: a few bytes, of any length or of a fixed one.

pub(crate) mod framing;
pub(crate) mod key;
