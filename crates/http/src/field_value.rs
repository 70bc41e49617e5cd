//! A field value that somebody configured is checked once, so that it never splits a reply.

use std::error::Error;
use std::fmt;

use crate::compose::{Compose, Sink};
use crate::list::trim;

/// Visible ASCII, spaces and tabs, without space around it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FieldValue(Box<[u8]>);

/// A text that is no field value: it has a control byte, as a line end is, or one that is not
/// ASCII, whose meaning no two readers agree on (RFC 9110, 5.5).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FieldValueMalformed {
    /// Where the first wrong byte stands.
    pub index_bytes: usize,
}

impl fmt::Display for FieldValueMalformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "byte {} of its value is no plain text", self.index_bytes)
    }
}

impl Error for FieldValueMalformed {}

impl FieldValue {
    /// Takes a value. Space around it is left out.
    /// # Errors
    /// [`FieldValueMalformed`].
    pub fn new(text: &str) -> Result<Self, FieldValueMalformed> {
        let is_right = |byte: &u8| byte.is_ascii_graphic() || matches!(byte, b' ' | b'\t');
        match text.bytes().position(|byte| !is_right(&byte)) {
            Some(index_bytes) => Err(FieldValueMalformed { index_bytes }),
            None => Ok(Self(trim(text.as_bytes()).into())),
        }
    }

    /// The value.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Compose for FieldValue {
    fn put_into(&self, sink: &mut impl Sink) {
        sink.put(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_value_ends_its_line() {
        let cases =
            [("a\r\nb", 1), ("a\nb", 1), ("\0", 0), ("a\rb", 1), ("gr\u{fc}n", 2), ("\u{7f}", 0)];
        for (text, index_bytes) in cases {
            assert_eq!(FieldValue::new(text), Err(FieldValueMalformed { index_bytes }), "{text:?}");
        }
    }

    #[test]
    fn space_around_a_value_is_not_part_of_it() {
        assert_eq!(
            FieldValue::new(" \tno-cache, \"x\"\t ").unwrap().as_bytes(),
            b"no-cache, \"x\""
        );
        assert_eq!(FieldValue::new("").unwrap().as_bytes(), b"");
    }
}
