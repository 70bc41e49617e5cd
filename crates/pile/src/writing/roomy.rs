//! A roomy record has two halves in its slot, which are written in turn: an update copies, and needs no other slot.
//!
//! ```text
//! payload   word 8 = half 1 | length 21 | epoch 42;  room 8 = bytes of a half;  then the two halves
//! ```
//! A half is written again when two epochs have passed since the last turn, so that no reader sees it change. Who comes
//! sooner is forwarded like any other record, and comes home with a later update. The epoch is the version: two lie between
//! turns, so none is given twice.

use crate::naming::header::Header;
use crate::naming::version::{Present, Version};
use crate::places::segment::Slot;
use crate::sync::Ordering;
use crate::threads::epoch::{Epoch, Pinned};

/// The longest half.
pub(crate) const HALF_BYTES_MAX: u32 = 1 << 20;

/// Bytes of the two words before the halves.
const WORDS_BYTES: u32 = 16;

const LENGTH_SHIFT: u32 = 1;
const LENGTH_BITS: u32 = 21;
const EPOCH_SHIFT: u32 = LENGTH_SHIFT + LENGTH_BITS;
/// Below the generations of pointers, so that no version of a turn is one of a pointer. A thousand advances a second reach
/// it in thirty years; then the record is forwarded.
const EPOCH_MAX: u64 = (1 << 40) - 1;

/// Which half is current.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Turn {
    pub(crate) half: u32,
    pub(crate) length: u32,
    pub(crate) epoch: Epoch,
}

impl Turn {
    pub(crate) fn from_word(word: u64) -> Self {
        let field = |bits: u64| u32::try_from(bits).expect("21 bits at most");
        Self {
            half: field(word & 1),
            length: field(word >> LENGTH_SHIFT & ((1 << LENGTH_BITS) - 1)),
            epoch: Epoch(word >> EPOCH_SHIFT),
        }
    }

    pub(crate) fn word(self) -> u64 {
        u64::from(self.half) | u64::from(self.length) << LENGTH_SHIFT | self.epoch.0 << EPOCH_SHIFT
    }

    /// The turn after this one, in the present epoch; `None` while readers may see the other half, and when the field of
    /// the epoch is used up.
    pub(crate) fn next(self, length: u32) -> Option<Self> {
        // The next epoch: this half is left a moment from now, when the epoch may have advanced by one at most, since who
        // updates is pinned.
        let now = Epoch(Epoch::now().0 + 1);
        let is_free = self.epoch.is_over() && now.0 <= EPOCH_MAX;
        is_free.then_some(Self { half: 1 - self.half, length, epoch: now })
    }
}

/// How long the payload of a record is whose halves have `half_bytes` each.
pub(crate) fn payload_bytes(half_bytes: u32) -> u32 {
    WORDS_BYTES + 2 * half_bytes.next_multiple_of(8)
}

/// Writes the first half of a record that is to come.
pub(crate) fn begin(slot: Slot<'_>, ext_bytes: u32, half_bytes: u32, bytes: &[u8]) {
    let half_bytes = half_bytes.next_multiple_of(8);
    let length = u32::try_from(bytes.len()).expect("it fits a half");
    // Nobody has read the other half: the first update need not wait.
    let turn = Turn { half: 0, length, epoch: Epoch(Epoch::now().0 - Epoch::GRACE) };
    slot.word(ext_bytes, 0).store(turn.word(), Ordering::Relaxed);
    slot.word(ext_bytes, 1).store(u64::from(half_bytes), Ordering::Relaxed);
    slot.write(ext_bytes, WORDS_BYTES, bytes);
}

/// Begins the turns anew, in a new life of the pile, whose epochs have nothing to do with those of the last.
pub(crate) fn begin_anew(slot: Slot<'_>, header: Header) {
    let word = slot.word(header.ext_bytes(), 0);
    let turn = Turn::from_word(word.load(Ordering::Relaxed));
    word.store(Turn { epoch: Epoch(0), ..turn }.word(), Ordering::Relaxed);
}

/// The current half of a record that was found live under the pin.
pub(crate) fn present<'g>(slot: Slot<'g>, header: Header, pinned: &'g Pinned) -> Present<'g> {
    let ext_bytes = header.ext_bytes();
    // Acquire: with the turn come the bytes of its half.
    let turn = Turn::from_word(slot.word(ext_bytes, 0).load(Ordering::Acquire));
    let offset = WORDS_BYTES + turn.half * half_bytes(slot, ext_bytes);
    let bytes = slot.half(ext_bytes, offset, turn.length, pinned);
    Present { bytes, version: Version(turn.epoch.0) }
}

fn half_bytes(slot: Slot<'_>, ext_bytes: u32) -> u32 {
    let room = slot.word(ext_bytes, 1).load(Ordering::Relaxed);
    u32::try_from(room).expect("a half has a mebibyte at most")
}

/// What the header of a roomy record at home says its length is: both halves, and what is before them.
pub(crate) fn length(slot: Slot<'_>, header: Header) -> u32 {
    payload_bytes(half_bytes(slot, header.ext_bytes()))
}

/// Keeps the record away for a grace period after it was forwarded: a reader who found it at home looks at its turn, and a
/// turn by which it came home meanwhile would show him bytes that are not the record's yet. Under the lock of its shard.
pub(crate) fn leave(slot: Slot<'_>, header: Header) {
    let word = slot.word(header.ext_bytes(), 0);
    let turn = Turn::from_word(word.load(Ordering::Relaxed));
    let left = Turn { epoch: Epoch::sealed_by_exchange(), ..turn };
    // Where the field is used up, the record stays away for ever.
    word.store(if left.epoch.0 <= EPOCH_MAX { left } else { turn }.word(), Ordering::Release);
}

/// Writes the half that is not current and makes it so, if no reader can see it and the bytes fit. The version then. For
/// the one who has the lock of the record's shard, and knows that it is not held.
pub(crate) fn turn(slot: Slot<'_>, header: Header, bytes: &[u8]) -> Option<Version> {
    let ext_bytes = header.ext_bytes();
    let half_bytes = half_bytes(slot, ext_bytes);
    let length = u32::try_from(bytes.len()).ok().filter(|&length| length <= half_bytes)?;
    let word = slot.word(ext_bytes, 0);
    let next = Turn::from_word(word.load(Ordering::Relaxed)).next(length)?;
    slot.write(ext_bytes, WORDS_BYTES + next.half * half_bytes, bytes);
    // Release: who sees the turn sees its half.
    word.store(next.word(), Ordering::Release);
    Some(Version(next.epoch.0))
}
