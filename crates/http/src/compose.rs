//! What is composed says its exact length before it is written, so that room is looked at once.
//!
//! A text is written by one function, [`Compose::put_into`]: run into a counter it gives the
//! length, run into a buffer the bytes. So the two cannot differ, and a buffer that is too small is
//! a value, not a panic.
//! Cost: the counting run adds lengths and copies nothing.

use bytes::BufMut;

/// A text that can be written more than once, each time the same.
pub trait Compose {
    /// Puts the whole text into `sink`.
    fn put_into(&self, sink: &mut impl Sink);

    /// How many bytes the text has.
    fn text_bytes(&self) -> usize {
        let mut counter = Counter(0);
        self.put_into(&mut counter);
        counter.0
    }

    /// Writes the text behind what `out` holds: exactly [`text_bytes`](Self::text_bytes).
    /// # Errors
    /// [`Full`] if `out` has less room; nothing is written then.
    fn compose(&self, out: &mut impl BufMut) -> Result<(), Full> {
        let text_bytes = self.text_bytes();
        let room_bytes = out.remaining_mut();
        if room_bytes < text_bytes {
            return Err(Full { text_bytes, room_bytes });
        }
        // The limit holds a foreign `Compose` that grows between its two runs to what it said.
        self.put_into(&mut Room(&mut out.limit(text_bytes)));
        Ok(())
    }
}

/// What takes bytes one after the other.
pub trait Sink {
    /// Takes `bytes` behind what came before.
    fn put(&mut self, bytes: &[u8]);
}

/// A limit reached: the buffer has less room than the text needs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Full {
    /// What the text needs.
    pub text_bytes: usize,
    /// What the buffer has.
    pub room_bytes: usize,
}

/// A sink that grows.
impl Sink for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

struct Counter(usize);

impl Sink for Counter {
    fn put(&mut self, bytes: &[u8]) {
        self.0 = self.0.saturating_add(bytes.len());
    }
}

struct Room<'a, B>(&'a mut B);

impl<B: BufMut> Sink for Room<'_, B> {
    fn put(&mut self, bytes: &[u8]) {
        self.0.put_slice(bytes);
    }
}

impl Compose for str {
    fn put_into(&self, sink: &mut impl Sink) {
        sink.put(self.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_that_is_too_small_stays_as_it_was() {
        let mut room = [0_u8; 5];
        let mut out = room.as_mut_slice();
        assert_eq!("levada".compose(&mut out), Err(Full { text_bytes: 6, room_bytes: 5 }));
        assert_eq!((out.len(), room), (5, [0; 5]));
    }

    #[test]
    fn a_text_that_just_fits_is_written_whole() {
        let mut room = [0_u8; 6];
        assert_eq!("levada".compose(&mut room.as_mut_slice()), Ok(()));
        assert_eq!(&room, b"levada");
    }
}
