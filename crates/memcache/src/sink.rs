//! What is written goes into a sink piece by piece, after its length was compared with the room.
//!
//! Cost: the greatest length that a reply may have is a sum of constants; only where the room is
//! shorter than that are its pieces counted first.

use bytes::BufMut;

/// A limit reached: there is less room than the text needs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Full {
    /// What the text needs.
    pub text_bytes: usize,
    /// What there is.
    pub room_bytes: usize,
}

/// What takes bytes one after the other.
pub(crate) trait Sink {
    fn put(&mut self, bytes: &[u8]);
}

#[cfg(test)]
impl Sink for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// Counts only.
#[derive(Default)]
pub(crate) struct Counter(pub(crate) usize);

impl Sink for Counter {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        self.0 = self.0.saturating_add(bytes.len());
    }
}

/// A buffer whose room was compared before.
pub(crate) struct Room<'a, B>(pub(crate) &'a mut B);

impl<B: BufMut> Sink for Room<'_, B> {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        self.0.put_slice(bytes);
    }
}

/// Writes a number in decimal.
#[inline]
pub(crate) fn put_decimal(number: u64, sink: &mut impl Sink) {
    let mut text = [b'0'; 20]; // u64::MAX has 20
    let (mut rest, mut start) = (number, 20_usize);
    for (index, place) in text.iter_mut().enumerate().rev() {
        let (tens, ones) = (rest / 10, rest % 10);
        *place = b'0' | u8::try_from(ones).unwrap_or_default();
        rest = tens;
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
    fn numbers_are_written_as_the_standard_library_writes_them() {
        for number in [0, 7, 9, 10, 99, 100, 65_535, 1 << 53, u64::MAX] {
            let mut text = Vec::new();
            put_decimal(number, &mut text);
            assert_eq!(text, number.to_string().as_bytes());
        }
    }
}
