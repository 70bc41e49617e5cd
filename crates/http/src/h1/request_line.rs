//! The first line of a request: method, target and version, with one space between them.
//!
//! `GET /path?query HTTP/1.1 CRLF`

use super::front::Front;
use super::limits::HeadLimits;
use super::refusal::Refusal;
use super::version::Version;
use crate::byte_class::NAME;
use crate::method::Method;
use crate::word::target_run_bytes;

/// Longer than any method in the register of methods, by half.
const METHOD_BYTES_MAX: usize = 32;

#[derive(Debug)]
pub(super) struct RequestLine<'a> {
    /// All of it without its end: visible ASCII and two spaces.
    pub(super) text: &'a [u8],
    pub(super) method: Method,
    pub(super) target: &'a [u8],
    pub(super) version: Version,
}

/// Reads the line at the front of `bytes`; gives what stands behind it. `None` if there is not
/// enough of it to say.
///
/// What is wrong is said as soon as the byte is there that makes it wrong, and of two wrongs the
/// one in front: then the answer is the same in whatever portions the line comes.
#[inline]
pub(super) fn request_line<'a>(bytes: &'a [u8], limits: &HeadLimits) -> Front<'a, RequestLine<'a>> {
    let (method, from_target) = match bytes.split_first_chunk::<4>() {
        Some((b"GET ", rest)) => (Method::Get, rest),
        _ => match method(bytes)? {
            Some(found) => found,
            None => return Ok(None),
        },
    };
    let Some((target, from_version)) = target(from_target, limits)? else { return Ok(None) };
    let (version, behind) = match from_version.split_first_chunk::<10>() {
        Some((b"HTTP/1.1\r\n", rest)) => (Version::V11, rest),
        _ => match version(from_version)? {
            Some(found) => found,
            None => return Ok(None),
        },
    };
    let text_bytes = bytes.len().saturating_sub(behind.len()).saturating_sub(2);
    let text = bytes.get(..text_bytes).unwrap_or_default();
    Ok(Some((RequestLine { text, method, target, version }, behind)))
}

fn method(bytes: &[u8]) -> Front<'_, Method> {
    let within = bytes.get(..=METHOD_BYTES_MAX).unwrap_or(bytes);
    let name_bytes = NAME.run_bytes(within);
    if name_bytes > METHOD_BYTES_MAX {
        return Err(Refusal::MethodTooLong);
    }
    let Some((name, rest)) = bytes.split_at_checked(name_bytes) else { return Ok(None) };
    match rest {
        [] => Ok(None),
        [b' ', _rest @ ..] if name == b"CONNECT" => Err(Refusal::Connect),
        [b' ', rest @ ..] if !name.is_empty() => Ok(Some((Method::named(name), rest))),
        _ => Err(Refusal::RequestLine),
    }
}

#[inline]
fn target<'a>(bytes: &'a [u8], limits: &HeadLimits) -> Front<'a, &'a [u8]> {
    // One byte more than may be there, so that a run that is too long shows without a look at all
    // of it.
    let within = bytes.get(..=limits.target_bytes_max).unwrap_or(bytes);
    let target_bytes = target_run_bytes(within);
    if target_bytes > limits.target_bytes_max {
        return Err(Refusal::TargetTooLong);
    }
    let Some((target, rest)) = bytes.split_at_checked(target_bytes) else { return Ok(None) };
    match rest {
        [] => Ok(None),
        [b' ', rest @ ..] if !target.is_empty() => Ok(Some((target, rest))),
        [b' ', ..] => Err(Refusal::RequestLine),
        [b'\r' | b'\n', ..] => Err(Refusal::VersionMissing),
        _ => Err(Refusal::TargetByte),
    }
}

#[cold]
fn version(bytes: &[u8]) -> Front<'_, Version> {
    let shape = b"HTTP/1.1\r\n";
    for (expected, byte) in shape.iter().zip(bytes) {
        match (expected, byte) {
            (b'1', b'0'..=b'9') => {}
            (expected, byte) if expected == byte => {}
            (b'\r', b'\n') => return Err(Refusal::BareLineFeed),
            (b'\n', _) => return Err(Refusal::BareCarriageReturn),
            (b'H', b'\r' | b'\n') => return Err(Refusal::VersionMissing),
            _ => return Err(Refusal::VersionMalformed),
        }
    }
    let Some((line, rest)) = bytes.split_first_chunk::<10>() else { return Ok(None) };
    match line {
        [_, _, _, _, _, b'1', _, b'0', ..] => Ok(Some((Version::V10, rest))),
        [_, _, _, _, _, b'1', ..] => Ok(Some((Version::V11, rest))),
        _ => Err(Refusal::VersionUnknown),
    }
}
