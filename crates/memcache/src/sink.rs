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
    let mut tail = Tail::<20>::default(); // u64::MAX has 20
    tail.put_decimal_before(number);
    sink.put(tail.text());
}

/// A short text that is written from its end to its beginning, as numbers are found.
pub(crate) struct Tail<const BYTES_MAX: usize> {
    text: [u8; BYTES_MAX],
    start: usize,
}

impl<const BYTES_MAX: usize> Default for Tail<BYTES_MAX> {
    #[inline]
    fn default() -> Self {
        Self { text: [0; BYTES_MAX], start: BYTES_MAX }
    }
}

impl<const BYTES_MAX: usize> Tail<BYTES_MAX> {
    /// Nothing is put where there is no room left: the caller's `BYTES_MAX` is enough.
    #[inline]
    pub(crate) fn put_before(&mut self, byte: u8) {
        let start = self.start.saturating_sub(1);
        if let Some(place) = self.text.get_mut(start) {
            *place = byte;
            self.start = start;
        }
    }

    #[inline]
    pub(crate) fn put_decimal_before(&mut self, number: u64) {
        let mut rest = number;
        while rest >= 10 {
            let [pair, ..] = (rest % 100).to_le_bytes();
            rest /= 100;
            self.put_before(b'0' | (pair % 10));
            self.put_before(b'0' | (pair / 10));
        }
        // One digit is left, or none that means anything; nought has one.
        if rest > 0 || number == 0 {
            let [digit, ..] = rest.to_le_bytes();
            self.put_before(b'0' | digit);
        }
    }

    #[inline]
    pub(crate) fn text(&self) -> &[u8] {
        self.text.get(self.start..).unwrap_or_default()
    }
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
