//! A number is read as the reference reads it: by C's rules for decimal text, then cut to its width.
//!
//! White space may stand before it and must stand behind it if anything does, so `5<tab>x` is 5. What
//! passes 64 bits is refused; what passes 32 where only 32 are kept loses its upper half, silently.

/// White space as C has it, less the space that divides words.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

/// The sign and the digits of a number.
struct Text {
    is_negative: bool,
    magnitude: u64,
}

#[inline]
fn read(word: &[u8]) -> Option<Text> {
    let mut rest = word;
    while let Some((first, behind)) = rest.split_first() {
        if !is_space(*first) {
            break;
        }
        rest = behind;
    }
    let is_negative = rest.first() == Some(&b'-');
    if let Some((b'-' | b'+', behind)) = rest.split_first() {
        rest = behind;
    }
    if !rest.first()?.is_ascii_digit() {
        return None;
    }
    let mut magnitude = 0_u64;
    while let Some((digit @ b'0'..=b'9', behind)) = rest.split_first() {
        magnitude = magnitude.checked_mul(10)?.checked_add(u64::from(digit & 0x0f))?;
        rest = behind;
    }
    rest.first().is_none_or(|byte| is_space(*byte)).then_some(Text { is_negative, magnitude })
}

/// What `strtoull` makes of a word: a negative number wraps, and is refused only if it then still
/// looks negative.
#[inline]
pub(crate) fn unsigned_64(word: &[u8]) -> Option<u64> {
    let text = read(word)?;
    let number = if text.is_negative { text.magnitude.wrapping_neg() } else { text.magnitude };
    (number <= i64::MAX.cast_unsigned() || !word.contains(&b'-')).then_some(number)
}

/// The same, cut to 32 bits.
#[inline]
pub(crate) fn unsigned_32(word: &[u8]) -> Option<u32> {
    unsigned_64(word).map(low_half)
}

/// What `strtol` makes of a word, cut to 32 bits.
#[inline]
pub(crate) fn signed_32(word: &[u8]) -> Option<i32> {
    let text = read(word)?;
    let number = if text.is_negative {
        0_i64.checked_sub_unsigned(text.magnitude)?
    } else {
        i64::try_from(text.magnitude).ok()?
    };
    Some(low_half(number.cast_unsigned()).cast_signed())
}

#[expect(clippy::cast_possible_truncation, reason = "the reference keeps the lower half")]
fn low_half(number: u64) -> u32 {
    number as u32
}

/// The number that a stored value is, as `incr` and `decr` read it: `None` for text.
///
/// The value ends at its first NUL; white space may stand around the digits.
#[must_use]
pub fn number_in(value: &[u8]) -> Option<u64> {
    let text = memchr::memchr(0, value).and_then(|end| value.get(..end)).unwrap_or(value);
    unsigned_64(text)
}

/// How many digits a number has.
#[inline]
pub(crate) fn digit_count(number: u64) -> u8 {
    number
        .checked_ilog10()
        .and_then(|log| u8::try_from(log).ok())
        .map_or(1, |log| log.saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_c_reads_them() {
        let cases: [(&[u8], Option<u64>, Option<i32>); 20] = [
            (b"0", Some(0), Some(0)),
            (b"007", Some(7), Some(7)),
            (b"+5", Some(5), Some(5)),
            (b"\t\x0b5", Some(5), Some(5)),
            (b"5\tzz", Some(5), Some(5)),
            (b"5\r", Some(5), Some(5)),
            (b"-1", None, Some(-1)),
            (b"-18446744073709551615", Some(1), None),
            (b"18446744073709551615", Some(u64::MAX), None),
            (b"18446744073709551615\t-", None, None),
            (b"18446744073709551616", None, None),
            (b"4294967296", Some(1 << 32), Some(0)),
            (b"4294967297", Some((1 << 32) + 1), Some(1)),
            (b"2147483648", Some(1 << 31), Some(i32::MIN)),
            (b"-9223372036854775808", None, Some(0)),
            (b"-9223372036854775809", Some(i64::MAX as u64), None),
            (b"", None, None),
            (b"-", None, None),
            (b"0x10", None, None),
            (b"1a", None, None),
        ];
        for (word, unsigned, signed) in cases {
            assert_eq!(unsigned_64(word), unsigned, "{}", word.escape_ascii());
            assert_eq!(signed_32(word), signed, "{}", word.escape_ascii());
        }
        assert_eq!(unsigned_32(b"4294967296"), Some(0));
    }

    #[test]
    fn a_stored_value_is_a_number_if_it_begins_as_one() {
        let cases: [(&[u8], Option<u64>); 6] = [
            (b"12", Some(12)),
            (b"12 foo", Some(12)),
            (b" 12", Some(12)),
            (b"12\x005", Some(12)),
            (b"", None),
            (b"a12", None),
        ];
        for (value, number) in cases {
            assert_eq!(number_in(value), number, "{}", value.escape_ascii());
        }
    }

    #[test]
    fn digits_are_counted_as_they_are_written() {
        for number in [0, 1, 9, 10, 99, 100, 12_345, u64::from(u32::MAX), u64::MAX] {
            assert_eq!(usize::from(digit_count(number)), number.to_string().len());
        }
    }
}
