//! A field that this server acts upon has a number, and is looked up without a search.

/// The request fields that are found in the one pass over a head.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Hash)]
#[expect(missing_docs, reason = "each is the field of that name")]
pub enum Field {
    Accept,
    AcceptEncoding,
    AccessControlRequestMethod,
    Connection,
    ContentLength,
    Expect,
    Host,
    IfMatch,
    IfModifiedSince,
    IfNoneMatch,
    IfRange,
    IfUnmodifiedSince,
    Origin,
    Range,
    Referer,
    Traceparent,
    TransferEncoding,
    UserAgent,
}

impl Field {
    /// How many there are.
    pub const COUNT: usize = Self::ALL.len();

    /// All of them; each stands at its own number.
    pub const ALL: [Self; 18] = [
        Self::Accept,
        Self::AcceptEncoding,
        Self::AccessControlRequestMethod,
        Self::Connection,
        Self::ContentLength,
        Self::Expect,
        Self::Host,
        Self::IfMatch,
        Self::IfModifiedSince,
        Self::IfNoneMatch,
        Self::IfRange,
        Self::IfUnmodifiedSince,
        Self::Origin,
        Self::Range,
        Self::Referer,
        Self::Traceparent,
        Self::TransferEncoding,
        Self::UserAgent,
    ];

    /// The field of that name, in any case. The length decides nearly alone, so this costs one
    /// comparison or two.
    #[inline]
    pub fn named(name: &[u8]) -> Option<Self> {
        let is_named = match name.len() {
            4 => (is(name, b"host"), Self::Host),
            5 => (is(name, b"range"), Self::Range),
            6 if is(name, b"accept") => (true, Self::Accept),
            6 if is(name, b"origin") => (true, Self::Origin),
            6 => (is(name, b"expect"), Self::Expect),
            7 => (is(name, b"referer"), Self::Referer),
            8 if is(name, b"if-range") => (true, Self::IfRange),
            8 => (is(name, b"if-match"), Self::IfMatch),
            10 if is(name, b"connection") => (true, Self::Connection),
            10 => (is(name, b"user-agent"), Self::UserAgent),
            11 => (is(name, b"traceparent"), Self::Traceparent),
            13 => (is(name, b"if-none-match"), Self::IfNoneMatch),
            14 => (is(name, b"content-length"), Self::ContentLength),
            15 => (is(name, b"accept-encoding"), Self::AcceptEncoding),
            17 if is(name, b"if-modified-since") => (true, Self::IfModifiedSince),
            17 => (is(name, b"transfer-encoding"), Self::TransferEncoding),
            19 => (is(name, b"if-unmodified-since"), Self::IfUnmodifiedSince),
            29 => (is(name, b"access-control-request-method"), Self::AccessControlRequestMethod),
            _ => return None,
        };
        is_named.0.then_some(is_named.1)
    }

    /// The field's name in lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::AcceptEncoding => "accept-encoding",
            Self::AccessControlRequestMethod => "access-control-request-method",
            Self::Connection => "connection",
            Self::ContentLength => "content-length",
            Self::Expect => "expect",
            Self::Host => "host",
            Self::IfMatch => "if-match",
            Self::IfModifiedSince => "if-modified-since",
            Self::IfNoneMatch => "if-none-match",
            Self::IfRange => "if-range",
            Self::IfUnmodifiedSince => "if-unmodified-since",
            Self::Origin => "origin",
            Self::Range => "range",
            Self::Referer => "referer",
            Self::Traceparent => "traceparent",
            Self::TransferEncoding => "transfer-encoding",
            Self::UserAgent => "user-agent",
        }
    }
}

/// Compares without regard to case. The lengths are constants, so this becomes a few wide loads and
/// no loop.
#[inline]
fn is<const BYTES: usize>(name: &[u8], lower: &[u8; BYTES]) -> bool {
    let Some(name) = name.first_chunk::<BYTES>() else { return false };
    let mut differs = 0;
    for (byte, lower) in name.iter().zip(lower) {
        // Only letters have a case: with the bit set in each byte, a carriage return would pass for
        // a hyphen.
        let case_bit = if lower.is_ascii_alphabetic() { 0x20 } else { 0 };
        differs |= (byte | case_bit) ^ lower;
    }
    differs == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_is_found_by_its_name_in_any_case_and_stands_at_its_number() {
        for (index, field) in Field::ALL.into_iter().enumerate() {
            assert_eq!(field as usize, index);
            assert_eq!(Field::named(field.name().as_bytes()), Some(field));
            assert_eq!(Field::named(field.name().to_uppercase().as_bytes()), Some(field));
        }
    }

    #[test]
    fn a_name_that_only_resembles_one_is_not_found() {
        for name in [
            "",
            "hos",
            "hosts",
            "h\u{f}st",
            "Content_Length",
            "content\rlength",
            "rangE\0",
            "cookie",
        ] {
            assert_eq!(Field::named(name.as_bytes()), None, "{name:?}");
        }
    }
}
