//! Digits are how numbers stand in a head: without a sign, without overflow.

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
    fn a_hexadecimal_digit_has_either_case() {
        for byte in 0..=u8::MAX {
            let expected = char::from(byte).to_digit(16).map(|digit| digit.to_le_bytes()[0]);
            assert_eq!(hex_digit(byte), expected);
        }
    }
}
