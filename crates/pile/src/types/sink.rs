//! A sink takes the bytes of a value that is being encoded, into a room as long as they fit there.
//!
//! ```text
//! room [ written ... | spare ]      spilt [ what came after the room was full ]
//! ```
//! How long an encoding becomes is only known when it is done. What is short goes into a scratch room on the stack, and from
//! there into a slot of its length: that is faster than a reservation. What is long goes into a reserved slot, whose room is
//! a guess. What does not fit goes to the heap, and both parts are copied into a slot of the right length then.
#![expect(unsafe_code, reason = "reads back what it wrote into memory that may hold anything")]

use core::mem::MaybeUninit;

use crate::error::Full;
use crate::places::pages::PAYLOAD_BYTES_MAX;

/// A room for what is short, aligned as the payload of a record is.
#[derive(Debug)]
#[repr(align(16))]
pub(crate) struct Scratch(pub(crate) [MaybeUninit<u8>; Self::BYTES]);

impl Scratch {
    /// How short that is.
    pub(crate) const BYTES: usize = 1024;
}

/// Takes the bytes of a value, one after another. It keeps no more than a record of the pile could have.
///
/// # Invariants
/// 1. The first `written_bytes` of `room` are initialised.
#[derive(Debug, Default)]
pub struct Sink<'r> {
    room: &'r mut [MaybeUninit<u8>],
    written_bytes: usize,
    /// Whether the room is full: what comes goes elsewhere from then on, so that it stays in order.
    has_spilt: bool,
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
        Self {
            room,
            written_bytes: 0,
            has_spilt: false,
            spilt: Vec::new(),
            most_bytes,
            lost_bytes: 0,
        }
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
            Some(spare) if !self.has_spilt => {
                spare.write_copy_of_slice(bytes);
                self.written_bytes = end; // after the write: invariant 1 never lies
            }
            _ => self.spill(bytes),
        }
    }

    #[cold]
    fn spill(&mut self, bytes: &[u8]) {
        self.has_spilt = true;
        if self.position() + bytes.len() > self.most_bytes {
            self.lost_bytes += self.spilt.len() + bytes.len();
            self.spilt = Vec::new();
        } else {
            self.spilt.extend_from_slice(bytes);
        }
    }

    /// What came into the room.
    pub(crate) fn written(&self) -> &[u8] {
        let written = &self.room[..self.written_bytes];
        // SAFETY: invariant 1.
        unsafe { written.assume_init_ref() }
    }

    /// What did not.
    pub(crate) fn end(self) -> Spilt {
        Spilt { bytes: self.spilt, lost_bytes: self.lost_bytes }
    }
}

/// What came into a sink and had no place in its room.
#[derive(Debug)]
pub(crate) struct Spilt {
    pub(crate) bytes: Vec<u8>,
    /// What was not even kept.
    pub(crate) lost_bytes: usize,
}

impl Spilt {
    /// What it kept, unless something was lost: then the value is longer than the pile may be.
    pub(crate) fn kept(self) -> Result<Vec<u8>, Full> {
        let most_bytes = u64::from(PAYLOAD_BYTES_MAX);
        if self.lost_bytes == 0 { Ok(self.bytes) } else { Err(Full::TooLarge { most_bytes }) }
    }

    /// Whether everything had its place.
    pub(crate) fn is_nothing(&self) -> bool {
        self.bytes.is_empty() && self.lost_bytes == 0
    }
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
        assert_eq!(sink.written(), [7; 8]);
        let spilt = sink.end();
        assert_eq!((spilt.bytes.len(), spilt.lost_bytes), (0, 94 + (1 << 20)));
    }

    #[test]
    fn once_something_has_spilt_nothing_goes_into_the_room() {
        let mut room = [MaybeUninit::uninit(); 10];
        let mut sink = Sink::new(&mut room, 100);
        sink.write(b"12345678");
        sink.write(b"abc");
        sink.write(b"d");
        assert_eq!(sink.written(), b"12345678");
        let spilt = sink.end();
        assert_eq!((&spilt.bytes[..], spilt.lost_bytes), (&b"abcd"[..], 0));
    }
}
