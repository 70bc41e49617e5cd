//! A multipart body carries several ranges, each behind a head of its own.
//!
//! ```text
//! --BOUNDARY CRLF Content-Type … Content-Range … CRLF CRLF  range
//! CRLF --BOUNDARY CRLF …                                     range
//! CRLF --BOUNDARY-- CRLF
//! ```
//! The ranges stay where they are: only heads are composed, between slices that the caller lends.
//! Limit: what is not payload has at most 16 part heads and the closing line, whatever was asked
//! for.

use crate::boundary::Boundary;
use crate::compose::{Compose, Sink};
use crate::content_range::ContentRange;
use crate::content_type::ContentType;
use crate::range::{ByteRange, ByteRanges};

/// The plan of a multipart body.
#[derive(Clone, Copy, Debug)]
pub struct Multipart<'a> {
    /// What is sent.
    pub ranges: &'a ByteRanges,
    /// Of how much.
    pub whole_bytes: u64,
    /// What it is.
    pub content_type: ContentType<'a>,
    /// What stands between.
    pub boundary: Boundary,
}

impl<'a> Multipart<'a> {
    /// Each part's head, and the range that follows it; behind the last comes
    /// [`closing`](Self::closing).
    pub fn parts(&self) -> impl Iterator<Item = (PartHead<'a>, ByteRange)> + use<'a> {
        let multipart = *self;
        self.ranges.as_slice().iter().enumerate().map(move |(index, range)| {
            (PartHead { multipart, range: *range, is_first: index == 0 }, *range)
        })
    }

    /// What stands behind the last part.
    pub fn closing(&self) -> Closing {
        Closing(self.boundary)
    }

    /// The length of the whole body: heads, ranges, closing.
    pub fn body_bytes(&self) -> u64 {
        let parts = self
            .parts()
            .map(|(head, range)| range.length_bytes().saturating_add(head.text_bytes() as u64));
        parts.fold(self.closing().text_bytes() as u64, u64::saturating_add)
    }
}

/// What stands in front of one part.
#[derive(Clone, Copy, Debug)]
pub struct PartHead<'a> {
    multipart: Multipart<'a>,
    range: ByteRange,
    is_first: bool,
}

impl Compose for PartHead<'_> {
    fn put_into(&self, sink: &mut impl Sink) {
        sink.put(if self.is_first { b"--" } else { b"\r\n--" });
        self.multipart.boundary.put_into(sink);
        sink.put(b"\r\nContent-Type: ");
        self.multipart.content_type.put_into(sink);
        sink.put(b"\r\nContent-Range: ");
        ContentRange::Part(self.range, self.multipart.whole_bytes).put_into(sink);
        sink.put(b"\r\n\r\n");
    }
}

/// What stands behind the last part.
#[derive(Clone, Copy, Debug)]
pub struct Closing(Boundary);

impl Compose for Closing {
    fn put_into(&self, sink: &mut impl Sink) {
        sink.put(b"\r\n--");
        self.0.put_into(sink);
        sink.put(b"--\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coding::Coding;
    use crate::entity_tag::FileVersion;
    use crate::field::Field;
    use crate::fields::Fields;
    use crate::method::Method;
    use crate::range::{RangePlan, plan_ranges};
    use crate::validators::Validators;

    #[test]
    fn a_body_is_as_long_as_it_said_and_holds_the_ranges() {
        let content = b"abcdefghijklmnopqrstuvwxyz";
        let version = FileVersion { length_bytes: 26, modified_unix_s: 0, modified_ns: 0 };
        let mut fields = Fields::new();
        fields.note(Field::Range, b"bytes=0-1,-3");
        let validators = Validators::from_file(version, Coding::Identity);
        let RangePlan::Several(ranges) = plan_ranges(Method::Get, &fields, 26, &validators) else {
            unreachable!("two ranges lie inside")
        };
        let content_type = ContentType::of_name("a.txt");
        let multipart = Multipart {
            ranges: &ranges,
            whole_bytes: 26,
            content_type,
            boundary: Boundary::new(0xfeed),
        };
        let mut body = Vec::new();
        for (head, range) in multipart.parts() {
            head.put_into(&mut body);
            let index = |position| usize::try_from(position).unwrap();
            body.extend_from_slice(
                content.get(index(range.first())..=index(range.last())).unwrap(),
            );
        }
        multipart.closing().put_into(&mut body);
        assert_eq!(multipart.body_bytes(), body.len() as u64);
        let line = "--0000000000000000000000000000feed";
        let kind = "Content-Type: text/plain; charset=utf-8";
        let expected = format!(
            "{line}\r\n{kind}\r\nContent-Range: bytes 0-1/26\r\n\r\nab\r\n\
             {line}\r\n{kind}\r\nContent-Range: bytes 23-25/26\r\n\r\nxyz\r\n{line}--\r\n"
        );
        assert_eq!(String::from_utf8(body).unwrap(), expected);
    }
}
