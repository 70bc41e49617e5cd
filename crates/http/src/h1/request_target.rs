//! The three forms a target has on HTTP/1: a path, a whole address, or `*`.
//!
//! The fourth, a bare authority, is CONNECT's, which is refused before its target is looked at.

use super::refusal::Refusal;
use crate::host::Host;
use crate::method::Method;
use crate::target::Target;

/// The target that `text` spells, and the host if it names one.
#[inline]
pub(super) fn request_target(
    text: &[u8],
    method: Method,
) -> Result<(Target<'_>, Option<Host<'_>>), Refusal> {
    match text {
        [b'/', ..] => Ok((Target::resource(text), None)),
        b"*" if method == Method::Options => Ok((Target::Server, None)),
        _ => whole_address(text, method),
    }
}

fn whole_address(text: &[u8], method: Method) -> Result<(Target<'_>, Option<Host<'_>>), Refusal> {
    let rest = without_scheme(text, b"http://").or_else(|| without_scheme(text, b"https://"));
    let rest = rest.ok_or(Refusal::TargetForm)?;
    let authority_bytes =
        rest.iter().position(|byte| matches!(byte, b'/' | b'?')).unwrap_or(rest.len());
    let (authority, resource) =
        rest.split_at_checked(authority_bytes).ok_or(Refusal::TargetForm)?;
    let host = Host::parse(authority).map_err(|_| Refusal::HostMalformed)?;
    // A proxy sends `OPTIONS *` in this form when it does not yet know that it is the last (RFC
    // 9112, 3.2.4).
    let target = match method {
        Method::Options if resource.is_empty() => Target::Server,
        _ => Target::resource(resource),
    };
    Ok((target, Some(host)))
}

fn without_scheme<'a>(text: &'a [u8], scheme: &[u8]) -> Option<&'a [u8]> {
    let (start, rest) = text.split_at_checked(scheme.len())?;
    start.eq_ignore_ascii_case(scheme).then_some(rest)
}
