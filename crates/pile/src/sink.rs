//! A sink takes the bytes of a value that is being encoded: straight into the record's slot, as long as they fit there.
//!
//! ```text
//! room of the slot [ written ... | spare ]   spilt [ what came after the room was full ]
//! ```
//! How long an encoding becomes is only known when it is done, so the room is a guess. What does not fit goes to the heap,
//! and both parts are copied into a slot of the right length then.

use core::mem::MaybeUninit;

use crate::pages::PAYLOAD_BYTES_MAX;

/// Takes the bytes of a value, one after another. It keeps no more than a record of the pile could have.
///
/// # Invariants
/// 1. The first `written_bytes` of `room` are initialised.
#[derive(Debug, Default)]
pub struct Sink<'r> {
    room: &'r mut [MaybeUninit<u8>],
    written_bytes: usize,
    spilt: Vec<u8>,
    /// The most that is kept.
    most_bytes: usize,
    /// What was not kept.
    lost_bytes: usize,
}

impl<'r> Sink<'r> {
    /// A sink that fills this room first, and keeps no more than `most_bytes` in all.
    pub(crate) fn new(room: &'r mut [MaybeUninit<u8>], most_bytes: u64) -> Self {
        let most_bytes = u64::from(PAYLOAD_BYTES_MAX).min(most_bytes);
        let most_bytes = usize::try_from(most_bytes).expect("28 bits");
        Self { room, written_bytes: 0, spilt: Vec::new(), most_bytes, lost_bytes: 0 }
    }

    /// How many bytes have come: the place of the next one in the record.
    #[must_use]
    pub fn position(&self) -> usize {
        self.written_bytes + self.spilt.len() + self.lost_bytes
    }

    /// Takes these bytes. They always fit: a record that becomes too long is refused when it is whole.
    #[inline]
    pub fn write(&mut self, bytes: &[u8]) {
        let end = self.written_bytes + bytes.len();
        match self.room.get_mut(self.written_bytes..end) {
            Some(spare) if self.spilt.is_empty() && self.lost_bytes == 0 => {
                spare.write_copy_of_slice(bytes);
                self.written_bytes = end; // after the write: invariant 1 never lies
            }
            _ => self.spill(bytes),
        }
    }

    #[cold]
    fn spill(&mut self, bytes: &[u8]) {
        if self.position() + bytes.len() > self.most_bytes {
            self.lost_bytes += self.spilt.len() + bytes.len();
            self.spilt = Vec::new();
        } else {
            self.spilt.extend_from_slice(bytes);
        }
    }

    /// What came, once it is all there.
    pub(crate) fn end(self) -> Ended {
        Ended {
            room: self.room.as_ptr().cast(),
            written_bytes: self.written_bytes,
            lost_bytes: self.lost_bytes,
            spilt: self.spilt,
        }
    }
}

/// What came into a sink: the first part lies in its room.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Which room it was.
    pub(crate) room: *const u8,
    pub(crate) written_bytes: usize,
    pub(crate) spilt: Vec<u8>,
    pub(crate) lost_bytes: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_record_could_have_is_counted_and_not_kept() {
        let mut room = [MaybeUninit::uninit(); 10];
        let mut sink = Sink::new(&mut room, 100);
        for piece in [4, 4, 4, 88, 1, 0, 1 << 20, 1] {
            sink.write(&vec![7; piece]);
        }
        assert_eq!(sink.position(), 103 + (1 << 20) - 1);
        let ended = sink.end();
        assert_eq!((ended.written_bytes, ended.spilt.len()), (8, 0));
        assert_eq!(ended.lost_bytes, 94 + (1 << 20));
    }

    #[test]
    fn once_something_has_spilt_nothing_goes_into_the_room() {
        let mut room = [MaybeUninit::uninit(); 10];
        let mut sink = Sink::new(&mut room, 100);
        sink.write(b"12345678");
        sink.write(b"abc");
        sink.write(b"d");
        let ended = sink.end();
        assert_eq!((ended.written_bytes, &ended.spilt[..], ended.lost_bytes), (8, &b"abcd"[..], 0));
    }
}
