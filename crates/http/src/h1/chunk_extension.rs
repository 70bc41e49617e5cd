//! A chunk extension stands behind a chunk's length; it is read only to know that it is one.
//!
//! `*( space ";" space name [ space "=" space ( name | quoted ) ] )` (RFC 9112, 7.1.1). No line
//! ends inside a quote here either, so that all readers of such a line agree where it ends.

use super::refusal::Refusal;
use crate::byte_class::{NAME, VALUE};

/// How far an extension was read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Extension {
    /// Behind the length or a quoted value.
    Behind,
    /// Behind that and space: only another extension can follow.
    BehindSpace,
    NameAwaited,
    Name,
    NameSpace,
    ValueAwaited,
    Value,
    Quoted,
    QuotedEscape,
    /// Behind the carriage return.
    Ended,
}

impl Extension {
    #[inline]
    pub(super) fn step(self, byte: u8) -> Result<Self, Refusal> {
        let is_name = NAME.has(byte);
        Ok(match (self, byte) {
            (Self::Behind | Self::Name | Self::Value, b'\r') => Self::Ended,
            (Self::Quoted, b'"') => Self::Behind,
            (Self::Quoted, b'\\') => Self::QuotedEscape,
            (Self::Quoted | Self::QuotedEscape, byte) if VALUE.has(byte) => Self::Quoted,
            (
                Self::Behind | Self::BehindSpace | Self::Name | Self::NameSpace | Self::Value,
                b';',
            ) => Self::NameAwaited,
            (Self::Name | Self::NameSpace, b'=') => Self::ValueAwaited,
            (Self::NameAwaited | Self::Name, _) if is_name => Self::Name,
            (Self::ValueAwaited | Self::Value, _) if is_name => Self::Value,
            (Self::ValueAwaited, b'"') => Self::Quoted,
            (Self::Behind | Self::BehindSpace | Self::Value, b' ' | b'\t') => Self::BehindSpace,
            (Self::Name | Self::NameSpace, b' ' | b'\t') => Self::NameSpace,
            (Self::NameAwaited | Self::ValueAwaited, b' ' | b'\t') => self,
            _ => return Err(Refusal::ChunkMalformed),
        })
    }
}
