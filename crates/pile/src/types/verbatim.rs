//! Verbatim codecs write bytes and text as they are, so that they can have a type too.
//!
//! Without one, [`crate::Pile::put`] and [`crate::Pile::put_str`] do the same in four bytes less.

use crate::naming::header::Kind;
use crate::types::codec::{Codec, Damaged, Encoded, Unencodable};
use crate::types::sink::Sink;

/// Bytes as they are, under a stamp.
#[derive(Debug)]
pub enum Raw {}

impl Codec for Raw {
    type Value = [u8];
    type Owned = Vec<u8>;
    type View<'g> = &'g [u8];
    const KIND: Kind = Kind::Compact;

    fn least_bytes(value: &[u8]) -> usize {
        value.len()
    }

    fn encode(value: &[u8], into: &mut Sink<'_>) -> Result<(), Unencodable> {
        into.write(value);
        Ok(())
    }

    fn view(encoded: Encoded<'_, Self>) -> Result<&[u8], Damaged> {
        Ok(encoded.bytes())
    }

    fn load(encoded: Encoded<'_, Self>) -> Result<Vec<u8>, Damaged> {
        Ok(encoded.bytes().to_vec())
    }
}

/// UTF-8 text as it is, under a stamp.
#[derive(Debug)]
pub enum Text {}

impl Codec for Text {
    type Value = str;
    type Owned = String;
    type View<'g> = &'g str;
    const KIND: Kind = Kind::Compact;

    fn least_bytes(value: &str) -> usize {
        value.len()
    }

    fn encode(value: &str, into: &mut Sink<'_>) -> Result<(), Unencodable> {
        into.write(value.as_bytes());
        Ok(())
    }

    fn view(encoded: Encoded<'_, Self>) -> Result<&str, Damaged> {
        core::str::from_utf8(encoded.bytes()).map_err(|_| Damaged)
    }

    fn load(encoded: Encoded<'_, Self>) -> Result<String, Damaged> {
        Self::view(encoded).map(str::to_owned)
    }
}
