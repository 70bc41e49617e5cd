//! The framing is where a body ends, which two parsers in a row must never see differently.
//!
//! So whatever RFC 9112, 6 lets a server repair is refused here: a length that comes twice with one
//! value, a length beside a coding, an empty member in the list of codings.

use super::refusal::Refusal;
use super::version::Version;
use crate::digits::decimal;
use crate::field::Field;
use crate::fields::Fields;
use crate::list::trim;

/// How a body says where it ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum BodyLength {
    /// There is none.
    None,
    /// As many bytes, at least one. A number beyond `u64` stands here as its largest.
    Bytes(u64),
    /// In chunks, of which the last is empty.
    Chunked,
}

#[inline]
pub(super) fn body_length(fields: &Fields<'_>, version: Version) -> Result<BodyLength, Refusal> {
    match (fields.first(Field::ContentLength), fields.first(Field::TransferEncoding)) {
        (None, None) => Ok(BodyLength::None),
        (Some(_), Some(_)) => Err(Refusal::LengthAndCoding),
        (Some(_), None) if fields.is_repeated(Field::ContentLength) => Err(Refusal::LengthRepeated),
        (Some(length), None) => match decimal(length).ok_or(Refusal::LengthMalformed)? {
            0 => Ok(BodyLength::None),
            length => Ok(BodyLength::Bytes(length)),
        },
        (None, Some(_)) if version == Version::V10 => Err(Refusal::CodingTooOld),
        (None, Some(_)) => chunked(fields).map(|()| BodyLength::Chunked),
    }
}

/// Says whether the transfer codings are `chunked` and nothing else.
///
/// Not last means a body without an end, which is 400 (RFC 9112, 6.3, a must) even if the coding is
/// unknown too; 501 is for a known end around an unknown coding (6.1).
fn chunked(fields: &Fields<'_>) -> Result<(), Refusal> {
    let is_chunked = |coding: &[u8]| coding.eq_ignore_ascii_case(b"chunked");
    let mut last: Option<&[u8]> = None;
    let mut has_unknown = false;
    for value in fields.all(Field::TransferEncoding) {
        for coding in value.split(|byte| *byte == b',').map(trim) {
            // `chunked` twice, or an empty member: nobody means that.
            if coding.is_empty() || last.is_some_and(is_chunked) {
                return Err(Refusal::CodingMalformed);
            }
            has_unknown |= last.is_some();
            last = Some(coding);
        }
    }
    match last {
        Some(coding) if !is_chunked(coding) => Err(Refusal::CodingMalformed),
        _ if has_unknown => Err(Refusal::CodingUnknown),
        _ => Ok(()),
    }
}
