//! An HTTP date is a Unix second in 29 bytes; three spellings of it are read, one is written.
//!
//! `Sun, 06 Nov 1994 08:49:37 GMT`
//! Cost: some forty divisions by constants to write one, no heap.

use std::str;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::civil::{Civil, two_digits};
use crate::compose::{Compose, Sink};

/// A second, written as RFC 9110, 5.6.7 prefers it (IMF-fixdate).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct HttpDate([u8; Self::TEXT_BYTES]);

const WEEKDAYS: [[u8; 3]; 7] = [*b"Sun", *b"Mon", *b"Tue", *b"Wed", *b"Thu", *b"Fri", *b"Sat"];
const MONTHS: [[u8; 3]; 12] = [
    *b"Jan", *b"Feb", *b"Mar", *b"Apr", *b"May", *b"Jun", *b"Jul", *b"Aug", *b"Sep", *b"Oct",
    *b"Nov", *b"Dec",
];

impl HttpDate {
    /// How long each date is.
    pub const TEXT_BYTES: usize = 29;

    /// Writes the second `unix_s`; after the year 9999 it stays at its last.
    pub fn from_unix_s(unix_s: u64) -> Self {
        let civil = Civil::from_unix_s(unix_s);
        let [w0, w1, w2] = WEEKDAYS.get(usize::from(civil.weekday)).copied().unwrap_or(*b"Sun");
        let month_index = usize::from(civil.month.saturating_sub(1));
        let [m0, m1, m2] = MONTHS.get(month_index).copied().unwrap_or(*b"Jan");
        let [d0, d1] = two_digits(civil.day);
        let [y0, y1] = two_digits((civil.year / 100).to_le_bytes()[0]);
        let [y2, y3] = two_digits((civil.year % 100).to_le_bytes()[0]);
        let [h0, h1] = two_digits(civil.hour);
        let [n0, n1] = two_digits(civil.minute);
        let [s0, s1] = two_digits(civil.second);
        #[rustfmt::skip]
        let text = [
            w0, w1, w2, b',', b' ', d0, d1, b' ', m0, m1, m2, b' ', y0, y1, y2, y3, b' ',
            h0, h1, b':', n0, n1, b':', s0, s1, b' ', b'G', b'M', b'T',
        ];
        Self(text)
    }

    /// Reads a date in any of the three spellings. `None` for all else, which a recipient ignores:
    /// a wrong weekday, a leap second, a year before 1970. Years of two digits lie between 1970 and
    /// 2069.
    pub fn parse(value: &[u8]) -> Option<u64> {
        let date: httpdate::HttpDate = str::from_utf8(value).ok()?.parse().ok()?;
        let since = SystemTime::from(date).duration_since(UNIX_EPOCH).ok()?;
        Some(since.as_secs())
    }

    /// The date's text.
    pub fn as_bytes(&self) -> &[u8; Self::TEXT_BYTES] {
        &self.0
    }
}

impl Compose for HttpDate {
    fn put_into(&self, sink: &mut impl Sink) {
        sink.put(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::{ProptestConfig, proptest};

    use super::*;

    #[test]
    fn all_three_spellings_are_the_same_second() {
        let spellings = [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ];
        for spelling in spellings {
            assert_eq!(HttpDate::parse(spelling.as_bytes()), Some(784_111_777), "{spelling}");
        }
    }

    #[test]
    fn what_is_no_date_is_ignored() {
        let cases: [&[u8]; 13] = [
            b"",
            b"0",
            b"784111777",
            b"Sun, 06 Nov 1994 08:49:37",
            b"Sun, 06 Nov 1994 08:49:37 UTC",
            b"Mon, 06 Nov 1994 08:49:37 GMT",
            b"Sun, 31 Feb 1994 08:49:37 GMT",
            b"Sun, 06 Nov 1994 24:00:00 GMT",
            b"Sun, 06 Nov 1960 08:49:37 GMT",
            b"sun, 06 nov 1994 08:49:37 gmt",
            b"Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT",
            b"Wednesday, ",
            b"\xff\xff\xff",
        ];
        for text in cases {
            assert_eq!(HttpDate::parse(text), None, "{}", text.escape_ascii());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn every_second_is_written_as_another_library_writes_it(unix_s in 0_u64..253_402_300_800) {
            let theirs = httpdate::fmt_http_date(UNIX_EPOCH.checked_add(Duration::from_secs(unix_s)).unwrap());
            let ours = HttpDate::from_unix_s(unix_s);
            assert_eq!(str::from_utf8(ours.as_bytes()).unwrap(), theirs);
            assert_eq!(HttpDate::parse(ours.as_bytes()), Some(unix_s));
        }
    }
}
