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

#[cfg(test)]
mod tests {
    use super::*;

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
