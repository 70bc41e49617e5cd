//! Framing is how a key stands before its value in a record.
//!
//! `length 1, or 2 from 128 bytes on | key | value`; where all keys of a table are of one length, it is not written.

/// The longest length that is written in one byte.
const SHORT_MAX: u16 = 127;

/// A key's length as it is written, and of how many bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Length([u8; 2], u8);

impl Length {
    /// Of a key in a table whose keys have `fixed` bytes, or any number.
    #[inline]
    pub(crate) fn of(key: &[u8], fixed: Option<usize>) -> Self {
        if fixed.is_some() {
            return Self([0; 2], 0);
        }
        let length = u16::try_from(key.len()).expect("keys are not so long");
        let [high, low] = length.to_be_bytes();
        if length <= SHORT_MAX { Self([low, 0], 1) } else { Self([0x80 | high, low], 2) }
    }

    #[inline]
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0[..usize::from(self.1)]
    }
}

/// The key and the value of a record.
#[inline]
pub(crate) fn split(bytes: &[u8], fixed: Option<usize>) -> Option<(&[u8], &[u8])> {
    let (length, rest) = match fixed {
        Some(length) => (length, bytes),
        None => match *bytes {
            [short @ 0..=0x7F, ref rest @ ..] => (usize::from(short), rest),
            [high, low, ref rest @ ..] => (usize::from(high & 0x7F) << 8 | usize::from(low), rest),
            _ => return None,
        },
    };
    rest.split_at_checked(length)
}

/// Whether two keys are one. Those of 8 to 16 bytes, which most are, are compared as two numbers, without a call.
#[inline]
pub(crate) fn is_same(one: &[u8], other: &[u8]) -> bool {
    let ends = |key: &[u8]| -> Option<[u64; 2]> {
        let (first, last) = (key.first_chunk()?, key.last_chunk()?);
        Some([u64::from_le_bytes(*first), u64::from_le_bytes(*last)])
    };
    if one.len() != other.len() {
        return false;
    }
    match (ends(one), ends(other)) {
        (Some(one), Some(others)) if other.len() <= 16 => one == others,
        _ => one == other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_the_same_if_all_their_bytes_are() {
        let bytes: Vec<u8> = (0..40).collect();
        for length in 0..40 {
            let key = &bytes[..length];
            assert!(is_same(key, &bytes.clone()[..length]));
            assert!(!is_same(key, &bytes[..length + 1]) && !is_same(&bytes[..length + 1], key));
            for at in 0..length {
                let mut other = key.to_vec();
                other[at] ^= 0x40;
                assert!(!is_same(key, &other), "{length} {at}");
            }
        }
    }

    #[test]
    fn a_key_is_read_as_it_was_written() {
        for bytes in [0, 1, 127, 128, 255, 256, 1024] {
            let key = vec![7; bytes];
            let length = Length::of(&key, None);
            let record = [length.as_bytes(), &key, b"value"].concat();
            assert_eq!(split(&record, None), Some((&key[..], &b"value"[..])));
        }
        assert_eq!(Length::of(&[1, 2], Some(2)).as_bytes(), b"");
        assert_eq!(split(&[1, 2, 3], Some(2)), Some((&[1, 2][..], &[3][..])));
        assert_eq!(
            (split(&[1], Some(2)), split(&[], None), split(&[0x81], None)),
            (None, None, None)
        );
    }
}
