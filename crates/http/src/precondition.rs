//! A precondition makes a request depend on what the client believes is there.
//!
//! The order is that of RFC 9110, 13.2.2: `If-Match`, or else `If-Unmodified-Since`; then
//! `If-None-Match`, or else `If-Modified-Since`. `If-Range` comes after them, where ranges are
//! planned. A date that is none, or comes twice, is as if it were not there; a tag that is
//! malformed equals no tag.

use crate::date::HttpDate;
use crate::field::Field;
use crate::fields::Fields;
use crate::list::trim;
use crate::method::Method;
use crate::validators::Validators;

/// What preconditions make of a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Hash)]
pub enum Verdict {
    /// Answer it.
    Proceed,
    /// 304: the client has it.
    NotModified,
    /// 412: it is not what the client believes.
    Failed,
}

/// Judges a request for a representation that is there: it would be answered with 200 otherwise.
/// For one that is not there, nothing is judged: it is answered as it would be without conditions.
///
/// Only methods that read are judged; OPTIONS has no conditions (RFC 9110, 13.2.1).
#[inline]
pub fn judge(method: Method, fields: &Fields<'_>, validators: &Validators) -> Verdict {
    if !method.reads() {
        return Verdict::Proceed;
    }
    let tag = &validators.entity_tag;
    if fields.first(Field::IfMatch).is_some() {
        let mut values = fields.all(Field::IfMatch);
        if !values.any(|value| is_any(value) || tag.is_strongly_in(value)) {
            return Verdict::Failed;
        }
    } else if let (Some(modified), Some(since)) =
        (validators.modified_unix_s, date(fields, Field::IfUnmodifiedSince))
        && modified > since
    {
        return Verdict::Failed;
    }
    if fields.first(Field::IfNoneMatch).is_some() {
        let mut values = fields.all(Field::IfNoneMatch);
        if values.any(|value| is_any(value) || tag.is_weakly_in(value)) {
            return Verdict::NotModified;
        }
    } else if let (Some(modified), Some(since)) =
        (validators.modified_unix_s, date(fields, Field::IfModifiedSince))
        && modified <= since
    {
        return Verdict::NotModified;
    }
    Verdict::Proceed
}

fn is_any(value: &[u8]) -> bool {
    trim(value) == b"*"
}

fn date(fields: &Fields<'_>, field: Field) -> Option<u64> {
    fields.only(field).and_then(HttpDate::parse)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coding::Coding;
    use crate::entity_tag::FileVersion;

    const EARLIER: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
    const EXACT: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const LATER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";
    const OURS: &str = r#""1a-2ebc98a1-0""#;
    const WEAK: &str = r#"W/"1a-2ebc98a1-0""#;
    const OTHER: &str = r#""other""#;

    fn judged(method: Method, lines: &[(Field, &str)]) -> Verdict {
        let version =
            FileVersion { length_bytes: 26, modified_unix_s: 784_111_777, modified_ns: 0 };
        let mut text = Vec::new();
        let mut fields = Fields::new();
        for (field, value) in lines {
            fields.note(*field, value.as_bytes());
            text.extend_from_slice(format!("{}: {value}\r\n", field.name()).as_bytes());
        }
        fields.close(&text);
        judge(method, &fields, &Validators::from_file(version, Coding::Identity))
    }

    #[test]
    fn each_condition_alone_says_what_the_rfc_says() {
        use Field::{IfMatch, IfModifiedSince, IfNoneMatch, IfUnmodifiedSince};
        let cases = [
            (IfMatch, OURS, Verdict::Proceed),
            (IfMatch, "*", Verdict::Proceed),
            (IfMatch, OTHER, Verdict::Failed),
            (IfMatch, WEAK, Verdict::Failed),
            (IfMatch, "malformed", Verdict::Failed),
            (IfNoneMatch, OURS, Verdict::NotModified),
            (IfNoneMatch, WEAK, Verdict::NotModified),
            (IfNoneMatch, "*", Verdict::NotModified),
            (IfNoneMatch, OTHER, Verdict::Proceed),
            (IfNoneMatch, "malformed", Verdict::Proceed),
            (IfUnmodifiedSince, EARLIER, Verdict::Failed),
            (IfUnmodifiedSince, EXACT, Verdict::Proceed),
            (IfUnmodifiedSince, LATER, Verdict::Proceed),
            (IfUnmodifiedSince, "yesterday", Verdict::Proceed),
            (IfModifiedSince, EARLIER, Verdict::Proceed),
            (IfModifiedSince, EXACT, Verdict::NotModified),
            (IfModifiedSince, LATER, Verdict::NotModified),
            (IfModifiedSince, "Sunday, 06-Nov-94 08:49:37 GMT", Verdict::NotModified),
            (IfModifiedSince, "tomorrow", Verdict::Proceed),
        ];
        for (field, value, verdict) in cases {
            assert_eq!(judged(Method::Get, &[(field, value)]), verdict, "{field:?}: {value}");
            assert_eq!(judged(Method::Head, &[(field, value)]), verdict, "{field:?}: {value}");
            assert_eq!(judged(Method::Options, &[(field, value)]), Verdict::Proceed);
        }
    }

    #[test]
    fn a_tag_silences_the_date_beside_it_even_when_it_is_malformed() {
        use Field::{IfMatch, IfModifiedSince, IfNoneMatch, IfUnmodifiedSince};
        let cases: [(&[(Field, &str)], Verdict); 6] = [
            (&[(IfMatch, OURS), (IfUnmodifiedSince, EARLIER)], Verdict::Proceed),
            (&[(IfNoneMatch, OTHER), (IfModifiedSince, LATER)], Verdict::Proceed),
            (&[(IfNoneMatch, "malformed"), (IfModifiedSince, LATER)], Verdict::Proceed),
            (&[(IfNoneMatch, OURS), (IfModifiedSince, EARLIER)], Verdict::NotModified),
            (&[(IfMatch, OTHER), (IfNoneMatch, OURS)], Verdict::Failed),
            (&[(IfUnmodifiedSince, EARLIER), (IfNoneMatch, OURS)], Verdict::Failed),
        ];
        for (lines, verdict) in cases {
            assert_eq!(judged(Method::Get, lines), verdict, "{lines:?}");
        }
    }

    #[test]
    fn lists_go_on_over_lines_and_dates_do_not() {
        use Field::{IfMatch, IfModifiedSince, IfNoneMatch, IfUnmodifiedSince};
        let cases: [(&[(Field, &str)], Verdict); 4] = [
            (&[(IfMatch, OTHER), (IfMatch, OURS)], Verdict::Proceed),
            (&[(IfNoneMatch, OTHER), (IfNoneMatch, WEAK)], Verdict::NotModified),
            (&[(IfModifiedSince, LATER), (IfModifiedSince, LATER)], Verdict::Proceed),
            (&[(IfUnmodifiedSince, EARLIER), (IfUnmodifiedSince, EARLIER)], Verdict::Proceed),
        ];
        for (lines, verdict) in cases {
            assert_eq!(judged(Method::Get, lines), verdict, "{lines:?}");
        }
    }
}
