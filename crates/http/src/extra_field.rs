//! An extra field is one that the configuration adds to replies.

use std::error::Error;
use std::fmt;

use crate::byte_class::NAME;
use crate::field_value::{FieldValue, FieldValueMalformed};

/// A field that may stand beside those that are composed here.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ExtraField {
    name: Box<str>,
    value: FieldValue,
}

/// Why a field cannot be added.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ExtraFieldRefusal {
    /// The name is empty or holds a byte that no name has.
    Name,
    /// The field says where a reply ends, or what is in it: it is composed from facts, and a second
    /// one would contradict.
    Reserved,
    /// The value cannot stand in a field.
    Value(FieldValueMalformed),
}

impl fmt::Display for ExtraFieldRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name => f.write_str("its name has a letter that no name has"),
            Self::Reserved => f.write_str("the server says that itself, from what it knows"),
            Self::Value(malformed) => malformed.fmt(f),
        }
    }
}

impl Error for ExtraFieldRefusal {}

const RESERVED: [&str; 18] = [
    "accept-ranges",
    "allow",
    "connection",
    "content-encoding",
    "content-length",
    "content-range",
    "content-type",
    "date",
    "etag",
    "keep-alive",
    "last-modified",
    "location",
    "proxy-connection",
    "retry-after",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

impl ExtraField {
    /// Takes a field.
    /// # Errors
    /// An [`ExtraFieldRefusal`].
    pub fn new(name: &str, value: &str) -> Result<Self, ExtraFieldRefusal> {
        if name.is_empty() || !NAME.covers(name.as_bytes()) {
            return Err(ExtraFieldRefusal::Name);
        }
        if RESERVED.iter().any(|reserved| reserved.eq_ignore_ascii_case(name)) {
            return Err(ExtraFieldRefusal::Reserved);
        }
        let value = FieldValue::new(value).map_err(ExtraFieldRefusal::Value)?;
        Ok(Self { name: name.into(), value })
    }

    /// The name as it was written.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value.
    pub fn value(&self) -> &FieldValue {
        &self.value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_that_could_split_or_contradict_a_reply_is_refused() {
        let malformed = |index_bytes| ExtraFieldRefusal::Value(FieldValueMalformed { index_bytes });
        let cases = [
            ("", "x", ExtraFieldRefusal::Name),
            ("X Y", "x", ExtraFieldRefusal::Name),
            ("X:", "x", ExtraFieldRefusal::Name),
            ("X\r\nY", "x", ExtraFieldRefusal::Name),
            ("Gr\u{fc}n", "x", ExtraFieldRefusal::Name),
            ("content-LENGTH", "0", ExtraFieldRefusal::Reserved),
            ("Transfer-Encoding", "chunked", ExtraFieldRefusal::Reserved),
            ("Connection", "close", ExtraFieldRefusal::Reserved),
            ("Date", "x", ExtraFieldRefusal::Reserved),
            ("X", "a\r\nSet-Cookie: b", malformed(1)),
        ];
        for (name, value, refusal) in cases {
            assert_eq!(ExtraField::new(name, value), Err(refusal), "{name:?}: {value:?}");
        }
        let field = ExtraField::new("Cache-Control", "max-age=60").unwrap();
        assert_eq!(
            (field.name(), field.value().as_bytes()),
            ("Cache-Control", b"max-age=60".as_slice())
        );
    }
}
