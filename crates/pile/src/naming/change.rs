//! How a header changes while others look at it: each step is one exchange, and who makes it knows what was there before.

use crate::naming::header::Header;
use crate::naming::pointer::Pointer;
use crate::sync::{AtomicU64, Ordering};

/// Ends the record of this header, whatever becomes of its flags meanwhile. The header as it was then; `None` if it was not
/// there any more.
pub(crate) fn kill(word: &AtomicU64, seen: Header) -> Option<Header> {
    let mut header = seen;
    while header.is_live() && header.generation() == seen.generation() {
        // AcqRel: what the record leads to is seen, and nobody who sees it dead swings it any more.
        let killed =
            word.compare_exchange(header.0, header.dead().0, Ordering::AcqRel, Ordering::Acquire);
        match killed {
            Ok(_) => return Some(header),
            // It may have been forwarded or held meanwhile; if it is another record, it is none of ours.
            Err(now) => header = Header(now),
        }
    }
    None
}

/// Ends a value, for the one who took its last reference. The header as it was then; `None` if it was purged.
pub(crate) fn kill_value(word: &AtomicU64, target: Pointer) -> Option<Header> {
    // Only who took the target out of its reference comes here, so nobody else ends it.
    let header = Header(word.load(Ordering::Acquire));
    if !header.is_inner_of(target) {
        return None;
    }
    // Who holds the value may mark it in between: what counts is how it was when it died.
    Some(Header(word.fetch_add(header.dead().0 - header.0, Ordering::AcqRel)))
}

/// Says that a slot is lent. False if its record is not there any more. For who has the lock of its shard.
pub(crate) fn mark_held(word: &AtomicU64, of: Pointer) -> bool {
    // Who kills the record after this sees that it is held, and comes to the table.
    let before = Header(word.fetch_or(Header::HELD, Ordering::AcqRel));
    let is_there = before.is_live() && before.generation() == of.generation();
    if !is_there {
        word.fetch_and(!Header::HELD, Ordering::AcqRel);
    }
    is_there
}

/// Ends that.
pub(crate) fn unmark_held(word: &AtomicU64) {
    word.fetch_and(!Header::HELD, Ordering::AcqRel);
}

/// Gives a record another header, if it is still as it was seen: away behind a forward, or home again.
pub(crate) fn exchange(word: &AtomicU64, seen: Header, new: Header) -> bool {
    // Release: who sees the number of a forward sees its entry.
    word.compare_exchange(seen.0, new.0, Ordering::AcqRel, Ordering::Relaxed).is_ok()
}
