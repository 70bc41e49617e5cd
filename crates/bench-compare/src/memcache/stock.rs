//! A stock is what a server is filled with: so many keys of 16 B, and under each a value of its own.

use crate::http::content::Content;

pub(crate) const KEY_BYTES: usize = 16;

#[derive(Clone, Debug)]
pub(crate) struct Stock {
    pub(crate) count: u64,
    pub(crate) value_bytes: usize,
    bytes: Vec<u8>,
}

/// A prime: values that begin near one another are not one another's copies.
const BETWEEN_VALUES: u64 = 7_919;

/// Values begin at so many places of one run of bytes.
const BEGIN_COUNT: u64 = 65_521;

impl Stock {
    pub(crate) fn new(count: u64, value_bytes: usize) -> Self {
        let length_bytes = BEGIN_COUNT + value_bytes as u64;
        let mut bytes = Vec::new();
        Content::new(0, length_bytes).write_to(&mut bytes).expect("memory takes all");
        Self { count, value_bytes, bytes }
    }

    pub(crate) fn key(index: u64) -> [u8; KEY_BYTES] {
        let mut key = *b"key-000000000000";
        let mut rest = index;
        for digit in key[4..].iter_mut().rev() {
            *digit = b'0' + u8::try_from(rest % 10).expect("a digit");
            rest /= 10;
        }
        key
    }

    pub(crate) fn value(&self, index: u64) -> &[u8] {
        let begin = usize::try_from(index * BETWEEN_VALUES % BEGIN_COUNT).expect("below the count");
        &self.bytes[begin..begin + self.value_bytes]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_its_number_and_neighbours_have_other_values() {
        assert_eq!(&Stock::key(1_234_567), b"key-000001234567");
        let stock = Stock::new(100_000, 100);
        assert!(stock.value(99_999) != stock.value(99_998) && stock.value(7).len() == 100);
    }
}
