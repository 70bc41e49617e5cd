//! Digits are how numbers stand in a head: without a sign, without overflow, without a heap.

use crate::compose::{Compose, Sink};

/// The number that `bytes` spell in decimal: `None` unless all are digits and there is one. What
/// passes `u64` is `u64::MAX`, since a length or position that no file has is still well formed
/// (RFC 9110, 8.6).
pub(crate) fn decimal(bytes: &[u8]) -> Option<u64> {
    if bytes.is_empty() {
        return None;
    }
    bytes.iter().try_fold(0_u64, |number, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte & 0x0f))?;
        Some(number.saturating_mul(10).saturating_add(digit))
    })
}

/// The value of one hexadecimal digit.
pub(crate) fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte & 0x0f),
        b'A'..=b'F' | b'a'..=b'f' => Some((byte & 0x0f).wrapping_add(9)),
        _ => None,
    }
}

/// A number written in decimal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Decimal(pub(crate) u64);

impl Compose for Decimal {
    fn put_into(&self, sink: &mut impl Sink) {
        put_digits::<20>(self.0, 10, sink); // u64::MAX has 20
    }
}

/// A number written in lower-case hexadecimal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hex(pub(crate) u64);

impl Compose for Hex {
    fn put_into(&self, sink: &mut impl Sink) {
        put_digits::<16>(self.0, 16, sink);
    }
}

/// Bytes written as two hexadecimal digits each, in lower case.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HexBytes<'a>(pub(crate) &'a [u8]);

impl Compose for HexBytes<'_> {
    fn put_into(&self, sink: &mut impl Sink) {
        for byte in self.0 {
            sink.put(&[digit(byte >> 4), digit(byte & 0x0f)]);
        }
    }
}

/// The digit of a number below 16.
fn digit(number: u8) -> u8 {
    if number < 10 { b'0' | number } else { b'W'.wrapping_add(number) } // 'W' is 'a' less ten
}

fn put_digits<const DIGITS_MAX: usize>(number: u64, base: u64, sink: &mut impl Sink) {
    let mut text = [0_u8; DIGITS_MAX];
    let mut rest = number;
    let mut start = 0;
    for (index, place) in text.iter_mut().enumerate().rev() {
        *place =
            rest.checked_rem(base).and_then(|last| u8::try_from(last).ok()).map_or(b'0', digit);
        rest = rest.checked_div(base).unwrap_or(0);
        start = index;
        if rest == 0 {
            break;
        }
    }
    sink.put(text.get(start..).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decimal_has_digits_only_and_never_overflows() {
        let cases: [(&[u8], Option<u64>); 9] = [
            (b"0", Some(0)),
            (b"007", Some(7)),
            (b"18446744073709551615", Some(u64::MAX)),
            (b"99999999999999999999999999", Some(u64::MAX)),
            (b"", None),
            (b"+1", None),
            (b"-1", None),
            (b"1 ", None),
            (b"0x1", None),
        ];
        for (text, number) in cases {
            assert_eq!(decimal(text), number, "{}", text.escape_ascii());
        }
    }

    #[test]
    fn numbers_are_written_as_the_standard_library_writes_them() {
        for number in [0, 7, 9, 10, 15, 16, 99, 100, 255, 65_535, 1 << 53, u64::MAX] {
            let (mut decimal, mut hex) = (Vec::new(), Vec::new());
            Decimal(number).put_into(&mut decimal);
            Hex(number).put_into(&mut hex);
            assert_eq!(decimal, number.to_string().as_bytes());
            assert_eq!(hex, format!("{number:x}").as_bytes());
        }
    }

    #[test]
    fn bytes_keep_their_leading_zeros() {
        let mut text = Vec::new();
        HexBytes(&[0x00, 0x0f, 0xa0, 0xff]).put_into(&mut text);
        assert_eq!(text, b"000fa0ff");
    }

    #[test]
    fn a_hexadecimal_digit_has_either_case() {
        for byte in 0..=u8::MAX {
            let expected = char::from(byte).to_digit(16).map(|digit| digit.to_le_bytes()[0]);
            assert_eq!(hex_digit(byte), expected);
        }
    }
}
