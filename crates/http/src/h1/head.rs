//! A request's head is read in place, in one pass, or it is refused.
//!
//! Nothing is copied and nothing allocated: what comes out are slices of what went in. Whatever can
//! be wrong with the framing is looked at here, so that who has a head knows where the next request
//! begins.
//! Cost: in `benches/request_head.rs`.

use super::field_line::{Line, field_line};
use super::framing::{BodyLength, body_length};
use super::limits::HeadLimits;
use super::persistence::{Persistence, persistence};
use super::refusal::Refusal;
use super::request_line::request_line;
use super::request_target::request_target;
use super::version::Version;
use crate::field::Field;
use crate::fields::Fields;
use crate::host::Host;
use crate::list::members;
use crate::request::Request;

/// Empty lines that may stand in front of a request: some old clients send one behind a body (RFC
/// 9112, 2.2).
pub(super) const EMPTY_LINES_MAX: usize = 4;

/// A request, with what HTTP/1 says about its connection.
#[derive(Clone, Copy, Debug)]
pub struct RequestHead<'a> {
    /// What is asked.
    pub request: Request<'a>,
    /// The first line without its end, for a log: visible ASCII and two spaces.
    pub line: &'a [u8],
    /// Which version asks.
    pub version: Version,
    /// How many of the bytes are the head, empty lines in front included; behind them the body
    /// begins.
    pub head_bytes: usize,
    /// Where the body ends.
    pub body: BodyLength,
    /// Whether the client waits for `100 Continue` before it sends the body.
    pub expects_continue: bool,
    /// What the client wants to become of the connection.
    pub persistence: Persistence,
}

/// Reads the head at the front of `bytes`. `None` means that its end has not come yet: join what
/// comes next behind `bytes`, ask a [`HeadScan`](super::HeadScan) whether it is worth it, and read
/// again from the front.
///
/// In whatever portions a head comes, what is said of it is the same in the end.
/// # Errors
/// A [`Refusal`] as soon as the first wrong byte is there; answer with its status, and close.
#[inline]
pub fn parse_head<'a>(
    bytes: &'a [u8],
    limits: &HeadLimits,
) -> Result<Option<RequestHead<'a>>, Refusal> {
    let within = bytes.get(..limits.head_bytes_max).unwrap_or(bytes);
    match parse_within(within, limits) {
        Ok(None) if within.len() < bytes.len() => Err(Refusal::HeadTooLong),
        parsed => parsed,
    }
}

fn parse_within<'a>(
    bytes: &'a [u8],
    limits: &HeadLimits,
) -> Result<Option<RequestHead<'a>>, Refusal> {
    let Some(from_line) = skip_empty_lines(bytes)? else { return Ok(None) };
    let Some((line, from_fields)) = request_line(from_line, limits)? else { return Ok(None) };
    let (target, host_of_target) = request_target(line.target, line.method)?;

    let mut fields = Fields::new();
    let mut field_count = 0_usize;
    let mut rest = from_fields;
    let behind = loop {
        let Some((line, behind)) = field_line(rest)? else { return Ok(None) };
        match line {
            Line::Known(field, value) => fields.note(field, value),
            Line::Other => {}
            Line::Empty => break behind,
        }
        field_count = field_count.saturating_add(1);
        if field_count > limits.field_count_max {
            return Err(Refusal::TooManyFields);
        }
        rest = behind;
    };
    let lines_bytes = from_fields.len().saturating_sub(rest.len());
    fields.close(from_fields.get(..lines_bytes).unwrap_or_default());

    let host = host(&fields, line.version)?;
    let body = body_length(&fields, line.version)?;
    Ok(Some(RequestHead {
        line: line.text,
        version: line.version,
        head_bytes: bytes.len().saturating_sub(behind.len()),
        body,
        expects_continue: expects_continue(&fields, line.version)? && body != BodyLength::None,
        persistence: persistence(&fields, line.version),
        request: Request { method: line.method, target, host: host_of_target.or(host), fields },
    }))
}

#[inline]
fn skip_empty_lines(bytes: &[u8]) -> Result<Option<&[u8]>, Refusal> {
    let mut rest = bytes;
    for _ in 0..EMPTY_LINES_MAX {
        match rest {
            [b'\r', b'\n', behind @ ..] => rest = behind,
            _ => break,
        }
    }
    match rest {
        [b'\r'] => Ok(None),
        [b'\n', ..] => Err(Refusal::BareLineFeed),
        [b'\r', second, ..] if *second != b'\n' => Err(Refusal::BareCarriageReturn),
        _ => Ok(Some(rest)),
    }
}

/// The host in `Host`, which must be right even where the target's own host is used instead.
#[inline]
fn host<'a>(fields: &Fields<'a>, version: Version) -> Result<Option<Host<'a>>, Refusal> {
    if fields.is_repeated(Field::Host) {
        return Err(Refusal::HostRepeated);
    }
    match fields.first(Field::Host) {
        Some(text) => Host::parse(text).map(Some).map_err(|_| Refusal::HostMalformed),
        None if version == Version::V11 => Err(Refusal::HostMissing),
        None => Ok(None),
    }
}

/// HTTP/1.0 has no expectations: there the field is passed over (RFC 9110, 10.1.1).
#[inline]
fn expects_continue(fields: &Fields<'_>, version: Version) -> Result<bool, Refusal> {
    if version == Version::V10 || fields.first(Field::Expect).is_none() {
        return Ok(false);
    }
    let mut expects = false;
    for expectation in fields.all(Field::Expect).flat_map(members) {
        if !expectation.eq_ignore_ascii_case(b"100-continue") {
            return Err(Refusal::ExpectationUnknown);
        }
        expects = true;
    }
    Ok(expects)
}
