//! A range is a part of a representation that a client asks for; a plan is what is sent of it.
//!
//! - A `Range` that is malformed, in another unit, or comes twice is as if it were not there: the
//!   whole is sent.
//! - So is one of more than 16 ranges: nobody needs them but who wants to cost us something.
//! - Ranges that lie outside are left out; if none is left, that is 416.
//! - Ranges that overlap become one, in ascending order. So no byte is sent twice, and an answer is
//!   never longer than the whole and its part heads. Ranges that do not overlap keep the order in
//!   which they were asked for.
//! - A suffix of an empty representation is satisfiable, and nothing can be said of where it lies:
//!   the whole is sent.
//!
//! Cost: one pass; under 300 bytes on the stack, no heap.

use std::ops::Range;

use crate::date::HttpDate;
use crate::digits::decimal;
use crate::entity_tag::is_only;
use crate::field::Field;
use crate::fields::Fields;
use crate::list::members;
use crate::method::Method;
use crate::validators::Validators;

/// Ranges that one request may ask for.
pub const RANGE_COUNT_MAX: usize = 16;

/// What is sent of a representation.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(
    clippy::large_enum_variant,
    reason = "lives on the stack for one answer; a box would be a heap call"
)]
pub enum RangePlan {
    /// All of it: 200.
    Whole,
    /// One part: 206.
    One(ByteRange),
    /// Several parts: 206 in multipart.
    Several(ByteRanges),
    /// Nothing of what was asked for is there: 416.
    Unsatisfiable,
}

/// A part: never empty, and inside the representation that it was planned for.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct ByteRange {
    start: u64,
    end: u64,
}

impl ByteRange {
    /// Where it starts, and the first byte behind it.
    pub fn to_range(self) -> Range<u64> {
        self.start..self.end
    }

    /// How long it is.
    pub fn length_bytes(self) -> u64 {
        self.end.saturating_sub(self.start)
    }

    /// Its first byte.
    pub fn first(self) -> u64 {
        self.start
    }

    /// Its last byte.
    pub fn last(self) -> u64 {
        self.end.saturating_sub(1)
    }

    fn overlaps(self, other: Self) -> bool {
        self.start < other.end && other.start < self.end
    }
}

/// Two parts or more, none of which overlaps another.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ByteRanges {
    ranges: [ByteRange; RANGE_COUNT_MAX],
    count: usize,
}

impl ByteRanges {
    /// The parts, in the order in which they are sent.
    pub fn as_slice(&self) -> &[ByteRange] {
        self.ranges.get(..self.count).unwrap_or_default()
    }

    fn push(&mut self, range: ByteRange) -> Option<()> {
        *self.ranges.get_mut(self.count)? = range;
        self.count = self.count.saturating_add(1);
        Some(())
    }

    /// Makes one of those that overlap, if any do.
    fn coalesce(&mut self) {
        let asked = self.ranges;
        let asked = asked.get(..self.count).unwrap_or_default();
        let any_overlap = asked.iter().enumerate().any(|(index, range)| {
            asked.iter().skip(index.saturating_add(1)).any(|other| range.overlaps(*other))
        });
        if !any_overlap {
            return;
        }
        if let Some(asked) = self.ranges.get_mut(..self.count) {
            asked.sort_unstable_by_key(|range| range.start);
        }
        let sorted = self.ranges;
        let sorted = sorted.get(..self.count).unwrap_or_default();
        self.count = 0;
        let mut open: Option<ByteRange> = None;
        for range in sorted {
            match &mut open {
                Some(open) if open.overlaps(*range) => open.end = open.end.max(range.end),
                _ => {
                    if let Some(closed) = open.replace(*range) {
                        self.push(closed);
                    }
                }
            }
        }
        if let Some(closed) = open {
            self.push(closed);
        }
    }
}

/// Plans what is sent of a representation of `length_bytes`. Only GET has ranges (RFC 9110, 14.2).
///
/// `If-Range` lets them count only if the client's validator is ours: a strong tag, or the very
/// date. It is judged here, after all other conditions.
#[inline]
pub fn plan_ranges(
    method: Method,
    fields: &Fields<'_>,
    length_bytes: u64,
    validators: &Validators,
) -> RangePlan {
    match fields.only(Field::Range) {
        Some(value) if method == Method::Get && if_range_holds(fields, validators) => {
            plan(value, length_bytes)
        }
        _ => RangePlan::Whole,
    }
}

fn if_range_holds(fields: &Fields<'_>, validators: &Validators) -> bool {
    if fields.first(Field::IfRange).is_none() {
        return true;
    }
    fields.only(Field::IfRange).is_some_and(|value| {
        let date = validators.modified_unix_s.is_some()
            && HttpDate::parse(value) == validators.modified_unix_s;
        date || is_only(value, &validators.entity_tag)
    })
}

fn plan(value: &[u8], length_bytes: u64) -> RangePlan {
    let mut ranges = ByteRanges { ranges: [ByteRange::default(); RANGE_COUNT_MAX], count: 0 };
    if read(value, length_bytes, &mut ranges).is_none() {
        return RangePlan::Whole;
    }
    ranges.coalesce();
    match ranges.as_slice() {
        [] => RangePlan::Unsatisfiable,
        [range] => RangePlan::One(*range),
        _ => RangePlan::Several(ranges),
    }
}

/// Reads all ranges and keeps those that lie inside. `None` if the field does not count.
fn read(value: &[u8], length_bytes: u64, ranges: &mut ByteRanges) -> Option<()> {
    let (unit, set) = value.split_at_checked(5)?;
    if !unit.eq_ignore_ascii_case(b"bytes") {
        return None;
    }
    let set = set.strip_prefix(b"=")?;
    let mut asked_count = 0_usize;
    for asked in members(set) {
        asked_count = asked_count.saturating_add(1);
        if asked_count > RANGE_COUNT_MAX {
            return None;
        }
        let hyphen = asked.iter().position(|byte| *byte == b'-')?;
        let (first, last) = asked.split_at_checked(hyphen)?;
        let (start, end) = match (first, last.get(1..)?) {
            ([], suffix) => {
                let suffix_bytes = decimal(suffix)?;
                if length_bytes == 0 && suffix_bytes > 0 {
                    return None;
                }
                (length_bytes.saturating_sub(suffix_bytes), length_bytes)
            }
            (first, []) => (decimal(first)?, length_bytes),
            (first, last) => {
                let (first, last) = (decimal(first)?, decimal(last)?);
                if last < first {
                    return None;
                }
                (first, last.saturating_add(1).min(length_bytes))
            }
        };
        if start < end {
            ranges.push(ByteRange { start, end })?;
        }
    }
    (asked_count > 0).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coding::Coding;
    use crate::entity_tag::FileVersion;

    const VERSION: FileVersion =
        FileVersion { length_bytes: 100, modified_unix_s: 784_111_777, modified_ns: 0 };

    fn planned(method: Method, lines: &[(Field, &str)], length_bytes: u64) -> RangePlan {
        let mut fields = Fields::new();
        for (field, value) in lines {
            fields.note(*field, value.as_bytes());
        }
        plan_ranges(
            method,
            &fields,
            length_bytes,
            &Validators::from_file(VERSION, Coding::Identity),
        )
    }

    /// The ranges of a plan; all of it where the whole is sent.
    fn ranges(value: &str, length_bytes: u64) -> Result<Vec<Range<u64>>, u16> {
        match planned(Method::Get, &[(Field::Range, value)], length_bytes) {
            RangePlan::Whole => Err(200),
            RangePlan::Unsatisfiable => Err(416),
            RangePlan::One(range) => Ok(vec![range.to_range()]),
            RangePlan::Several(ranges) => {
                Ok(ranges.as_slice().iter().map(|range| range.to_range()).collect())
            }
        }
    }

    #[test]
    #[expect(clippy::single_range_in_vec_init, reason = "one range is what is meant")]
    fn ranges_are_first_to_last_open_or_a_suffix() {
        let cases: [(&str, &[Range<u64>]); 17] = [
            ("bytes=0-0", &[0..1]),
            ("bytes=10-19", &[10..20]),
            ("bytes=10-", &[10..100]),
            ("bytes=-10", &[90..100]),
            ("bytes=-1000", &[0..100]),
            ("bytes=90-1000", &[90..100]),
            ("bytes=0-18446744073709551615", &[0..100]),
            ("bytes=99-99999999999999999999999", &[99..100]),
            ("Bytes=0-1", &[0..2]),
            ("bytes=0-1,4-5", &[0..2, 4..6]),
            ("bytes= 4-5 ,, 0-1 ", &[4..6, 0..2]),
            ("bytes=2-3,0-1", &[2..4, 0..2]),
            ("bytes=0-1,-2", &[0..2, 98..100]),
            ("bytes=0-1,200-300,-0,2-3", &[0..2, 2..4]),
            ("bytes=200-300,5-6", &[5..7]),
            ("bytes=0-,0-,0-", &[0..100]),
            ("bytes=50-60,0-9,55-70,5-5", &[0..10, 50..71]),
        ];
        for (value, expected) in cases {
            assert_eq!(ranges(value, 100).as_deref(), Ok(expected), "{value}");
        }
    }

    #[test]
    fn what_is_malformed_is_as_if_it_were_not_there() {
        let seventeen = format!("bytes=0-0{}", ",2-2".repeat(16));
        let cases = [
            "",
            "bytes",
            "bytes=",
            "bytes=,",
            "bytes=-",
            "bytes=a-b",
            "bytes=1",
            "bytes=5-4",
            "bytes=0-1,5-4",
            "bytes=0-1,x",
            "bytes=+0-1",
            "bytes=0--1",
            "bytes=0-1-2",
            "bytes=0x0-1",
            "bytes 0-1",
            "bytes =0-1",
            "items=0-1",
            "bytes=0-1;2-3",
            "bytes=0 - 1",
            &seventeen,
        ];
        for value in cases {
            assert_eq!(ranges(value, 100), Err(200), "{value}");
        }
    }

    #[test]
    fn what_lies_outside_cannot_be_satisfied() {
        for value in [
            "bytes=100-",
            "bytes=100-200",
            "bytes=-0",
            "bytes=200-,300-",
            "bytes=18446744073709551615-",
        ] {
            assert_eq!(ranges(value, 100), Err(416), "{value}");
        }
        assert_eq!(ranges("bytes=0-", 0), Err(416));
        assert_eq!(ranges("bytes=-0", 0), Err(416));
        assert_eq!(ranges("bytes=-5", 0), Err(200));
    }

    #[test]
    fn sixteen_ranges_are_sent_and_an_order_without_overlap_is_kept() {
        let mut asked: Vec<String> =
            (0..16_u64).map(|index| format!("{0}-{0}", index.wrapping_mul(3))).collect();
        asked.reverse();
        let sent = ranges(&format!("bytes={}", asked.join(",")), 100).unwrap();
        assert_eq!(sent.len(), 16);
        assert_eq!((sent.first(), sent.last()), (Some(&(45..46)), Some(&(0..1))));
    }

    #[test]
    fn only_get_has_ranges_and_only_one_field_counts() {
        let range = (Field::Range, "bytes=0-1");
        assert_eq!(planned(Method::Head, &[range], 100), RangePlan::Whole);
        assert_eq!(planned(Method::Options, &[range], 100), RangePlan::Whole);
        assert_eq!(planned(Method::Get, &[range, range], 100), RangePlan::Whole);
    }

    #[test]
    fn a_range_counts_only_if_what_the_client_holds_is_ours() {
        let ours = Validators::from_file(VERSION, Coding::Identity).entity_tag;
        let ours = std::str::from_utf8(ours.as_bytes()).unwrap();
        let weak = format!("W/{ours}");
        let cases = [
            (ours, true),
            ("Sun, 06 Nov 1994 08:49:37 GMT", true),
            ("Sunday, 06-Nov-94 08:49:37 GMT", true),
            (&weak, false),
            ("\"other\"", false),
            ("*", false),
            ("", false),
            ("Sun, 06 Nov 1994 08:49:38 GMT", false),
            ("Sun, 06 Nov 1994 08:49:36 GMT", false),
        ];
        for (value, counts) in cases {
            let plan =
                planned(Method::Get, &[(Field::Range, "bytes=0-1"), (Field::IfRange, value)], 100);
            assert_eq!(matches!(plan, RangePlan::One(_)), counts, "{value}");
        }
    }
}
