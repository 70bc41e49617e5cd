//! A sink takes the bytes of a value that is being encoded: straight into the record's slot, as long as they fit there.
//!
//! ```text
//! room of the slot [ written ... | spare ]   spilt [ what came after the room was full ]
//! ```
//! How long an encoding becomes is only known when it is done, so the room is a guess. What does not fit goes to the heap,
//! and both parts are copied into a slot of the right length then.

use core::mem::MaybeUninit;

use crate::pages::PAYLOAD_BYTES_MAX;

/// Takes the bytes of a value, one after another.
///
/// # Invariants
/// 1. The first `written_bytes` of `room` are initialised.
#[derive(Debug, Default)]
pub struct Sink<'r> {
    room: &'r mut [MaybeUninit<u8>],
    written_bytes: usize,
    spilt: Vec<u8>,
    /// What was not kept, since no record may be so long.
    lost_bytes: usize,
}

impl<'r> Sink<'r> {
    /// A sink that fills this room first.
    pub(crate) fn into_room(room: &'r mut [MaybeUninit<u8>]) -> Self {
        Self { room, written_bytes: 0, spilt: Vec::new(), lost_bytes: 0 }
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
        if self.position() + bytes.len() > PAYLOAD_BYTES_MAX as usize {
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
            is_too_long: self.lost_bytes > 0,
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
    pub(crate) is_too_long: bool,
    pub(crate) spilt: Vec<u8>,
}
