//! One line of a head behind the first: a field, or the empty line that ends the head.
//!
//! `name: value CRLF`. Every line ends in both bytes: that a lone line feed may be taken for an end
//! is an offer of RFC 9112, 2.2, which made two parsers in a row disagree too often.

use super::front::Front;
use super::refusal::Refusal;
use crate::byte_class::NAME;
use crate::field::Field;
use crate::list::trim;
use crate::word::{name_run_bytes, value_run_bytes};

#[derive(Debug)]
pub(super) enum Line<'a> {
    /// A field that is known, and its value without the space around it.
    Known(Field, &'a [u8]),
    /// Any other.
    Other,
    /// The head's end.
    Empty,
}

/// Reads the line at the front of `bytes`; gives what stands behind it. `None` if there is not
/// enough of it to say.
#[inline]
pub(super) fn field_line(bytes: &[u8]) -> Front<'_, Line<'_>> {
    if let [b'\r', b'\n', behind @ ..] = bytes {
        return Ok(Some((Line::Empty, behind)));
    }
    let name_bytes = name_run_bytes(bytes);
    let Some((name, [b':', from_value @ ..])) = bytes.split_at_checked(name_bytes) else {
        return without_colon(bytes);
    };
    // A name that equals a known one needs no look at each of its bytes.
    let field = Field::named(name);
    if field.is_none() && (name.is_empty() || !NAME.covers(name)) {
        return without_colon(bytes);
    }
    let Some((value, behind)) = value(from_value)? else { return Ok(None) };
    let line = match field {
        Some(field) => Line::Known(field, value),
        None => Line::Other,
    };
    Ok(Some((line, behind)))
}

#[inline]
fn value(bytes: &[u8]) -> Front<'_, &[u8]> {
    let mut value_bytes = value_run_bytes(bytes);
    loop {
        match bytes.get(value_bytes..) {
            Some([b'\r', b'\n', behind @ ..]) => {
                let value = bytes.get(..value_bytes).map(trim).unwrap_or_default();
                return Ok(Some((value, behind)));
            }
            Some([b'\t', rest @ ..]) => {
                value_bytes = value_bytes.saturating_add(1).saturating_add(value_run_bytes(rest));
            }
            Some([] | [b'\r']) | None => return Ok(None),
            Some([b'\r', ..]) => return Err(Refusal::BareCarriageReturn),
            Some([b'\n', ..]) => return Err(Refusal::BareLineFeed),
            Some(_) => return Err(Refusal::FieldValue),
        }
    }
}

/// What is wrong with a line that does not begin with a name and a colon, if anything is yet.
#[cold]
fn without_colon(bytes: &[u8]) -> Front<'_, Line<'_>> {
    let name_bytes = NAME.run_bytes(bytes);
    match (name_bytes, bytes.get(name_bytes..).unwrap_or_default()) {
        (_, []) | (0, [b'\r']) => Ok(None),
        (0, [b' ' | b'\t', ..]) => Err(Refusal::FoldedLine),
        (_, [b' ' | b'\t', ..]) => Err(Refusal::SpaceBeforeColon),
        (0, [b'\r', ..]) => Err(Refusal::BareCarriageReturn),
        (_, [b'\n', ..]) => Err(Refusal::BareLineFeed),
        _ => Err(Refusal::FieldName),
    }
}
