//! A key is what an entry is found by: a word of its line, plain or in base64.

use core::fmt;

use crate::base64::{Decoded, Three, encoded_bytes, is_decodable};
use crate::sink::Sink;
use crate::word::Words;

/// No limit of a key may be set higher.
pub const KEY_BYTES_MAX: usize = 1_000;

/// Room for the bytes of any key that was in base64.
pub type KeyRoom = [u8; KEY_BYTES_MAX.div_ceil(4) * 3];

/// A key as it stood on the line.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct Key<'b> {
    text: &'b [u8],
    is_base64: bool,
}

impl<'b> Key<'b> {
    /// A key for a command that is to be written: `None` unless it stands on a line as it is, which
    /// takes 1 to 250 bytes, none of them a space or a control byte.
    #[must_use]
    pub fn new(text: &'b [u8]) -> Option<Self> {
        const BYTES_MAX: usize = 250;
        let is_word = |byte: &u8| *byte != b' ' && !byte.is_ascii_control();
        let is_key = !text.is_empty() && text.len() <= BYTES_MAX && text.iter().all(is_word);
        is_key.then_some(Self::plain(text))
    }

    /// A word of a line.
    pub(crate) fn plain(text: &'b [u8]) -> Self {
        Self { text, is_base64: false }
    }

    /// A key that is written in base64; `None` if `text` is none.
    pub(crate) fn base64(text: &'b [u8]) -> Option<Self> {
        is_decodable(text).then_some(Self { text, is_base64: true })
    }

    /// The word on the line.
    #[must_use]
    pub fn text(&self) -> &'b [u8] {
        self.text
    }

    /// Says whether the word is the base64 of the key.
    #[must_use]
    pub fn is_base64(&self) -> bool {
        self.is_base64
    }

    /// The key itself, if it is the word.
    #[inline]
    #[must_use]
    pub fn as_plain(&self) -> Option<&'b [u8]> {
        (!self.is_base64).then_some(self.text)
    }

    /// The key itself: the word, or what its base64 stands for, put into `room`.
    #[inline]
    #[must_use]
    pub fn bytes<'r>(&self, room: &'r mut KeyRoom) -> &'r [u8]
    where
        'b: 'r,
    {
        if !self.is_base64 {
            return self.text;
        }
        let mut filled_bytes = 0_usize;
        for three in Decoded::of(self.text).flatten() {
            let end = filled_bytes.saturating_add(three.bytes().len());
            let Some(place) = room.get_mut(filled_bytes..end) else { break };
            place.copy_from_slice(three.bytes());
            filled_bytes = end;
        }
        room.get(..filled_bytes).unwrap_or_default()
    }

    /// How long the key itself is.
    pub(crate) fn decoded_bytes(&self) -> usize {
        if !self.is_base64 {
            return self.text.len();
        }
        Decoded::of(self.text).flatten().map(|three| three.bytes().len()).sum()
    }

    /// How a reply names the key: as its entry is marked, but never so that it would end the word or
    /// the line that it stands in.
    pub(crate) fn is_named_in_base64(&self, is_marked: bool) -> bool {
        let divides = |byte: &u8| matches!(byte, b' ' | b'\n' | 0);
        is_marked
            || self.is_base64
                && Decoded::of(self.text).flatten().any(|three| three.bytes().iter().any(divides))
    }

    /// Writes the key as a reply names it.
    pub(crate) fn put_into(&self, as_base64: bool, sink: &mut impl Sink) {
        match (self.is_base64, as_base64) {
            (false, false) => sink.put(self.text),
            (false, true) => self
                .text
                .chunks(3)
                .filter_map(Three::first_of)
                .for_each(|three| sink.put(&three.encoded())),
            // Read and written again: the peer's way to write it may have been another.
            (true, true) => {
                Decoded::of(self.text).flatten().for_each(|three| sink.put(&three.encoded()));
            }
            (true, false) => {
                Decoded::of(self.text).flatten().for_each(|three| sink.put(three.bytes()));
            }
        }
    }

    /// What a reply that names the key needs for it at most.
    pub(crate) fn reply_bytes_max(&self) -> usize {
        encoded_bytes(self.text.len())
    }
}

impl fmt::Debug for Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let form = if self.is_base64 { "base64:" } else { "" };
        write!(f, "{form}\"{}\"", self.text.escape_ascii())
    }
}

/// The keys of a line, in order; each is no longer than the limit was when the line was read.
#[derive(Clone, Copy)]
pub struct Keys<'b>(pub(crate) Words<'b>);

impl<'b> Keys<'b> {
    /// Keys for a command that is to be written, with spaces between them: `None` unless each is one
    /// as [`Key::new`] has it.
    #[must_use]
    pub fn new(text: &'b [u8]) -> Option<Self> {
        Words(text).all(|word| Key::new(word).is_some()).then_some(Self(Words(text)))
    }
}

impl<'b> Iterator for Keys<'b> {
    type Item = &'b [u8];

    #[inline]
    fn next(&mut self) -> Option<&'b [u8]> {
        self.0.next()
    }
}

impl fmt::Debug for Keys<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.map(Key::plain)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(key: &Key<'_>, as_base64: bool) -> Vec<u8> {
        let mut text = Vec::new();
        key.put_into(as_base64, &mut text);
        assert!(text.len() <= key.reply_bytes_max());
        text
    }

    #[test]
    fn a_key_is_named_as_its_entry_is_marked() {
        let mut room = [0; _];
        let plain = Key::plain(b"nokey");
        let coded = Key::base64(b"bm9r*ZXk=").unwrap();
        assert_eq!(coded.bytes(&mut room), plain.bytes(&mut [0; _]));
        for key in [plain, coded] {
            assert_eq!(written(&key, false), b"nokey");
            assert_eq!(written(&key, true), b"bm9rZXk=");
        }
    }

    #[test]
    fn what_is_left_over_in_base64_is_not_named() {
        let coded = Key::base64(b"YWF=").unwrap();
        assert_eq!(written(&coded, true), b"YWE=");
        assert_eq!(written(&Key::base64(b"YR==").unwrap(), true), b"YQ==");
    }

    #[test]
    fn the_longest_key_in_base64_has_room() {
        let text = [b'A'; KEY_BYTES_MAX];
        assert_eq!(Key::base64(&text).unwrap().bytes(&mut [1; _]), [0; 750]);
    }
}
