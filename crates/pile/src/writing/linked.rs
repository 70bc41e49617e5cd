//! A record and the value behind it lie in two spans; a purge that passes between them must not leave one without the other.
//!
//! A purge ends span after span. Who links a value to a record meanwhile may link one that stays to one that goes: a value
//! that nobody finds any more, or a record that leads to what is used again. So whoever has linked two looks whether a purge
//! began or ended since before he put the value; if one did, he lets it end, and then ends what it left alone.

use std::sync::Arc;

use crate::naming::header::{Header, Kind};
use crate::naming::pointer::Pointer;
use crate::naming::version::Version;
use crate::places::segment::Slot;
use crate::store::Store;
use crate::sync::{AtomicU64, Ordering};
use crate::threads::epoch::Pinned;

impl Store {
    /// Whether the record is still there with the value that was linked to it while a purge was under way. If only one of the
    /// two is, it is ended. The record was found in `slot` under the same pin.
    pub(crate) fn is_whole_past_purge(
        self: &Arc<Self>,
        at: Pointer,
        slot: Slot<'_>,
        version: Version,
        pinned: &Pinned,
    ) -> bool {
        let Some(value) = Pointer::from_bits(version.0).filter(|value| value.generation().0 > 0)
        else {
            return true; // the bytes are in the record's own slot
        };
        self.wait_for_purge();
        let header = Header(slot.header().load(Ordering::Acquire));
        let Some(reference) = self.reference(slot, header) else { return true };
        if reference.load(Ordering::Acquire) != value.to_bits() {
            return true; // updated or deleted since, by somebody who looked after himself
        }
        let is_there = |of: Pointer, is_right: fn(Header, Pointer) -> bool| {
            let found = self.spans.memory.slot(of.place());
            found.is_some_and(|(slot, _)| {
                is_right(Header(slot.header().load(Ordering::Acquire)), of)
            })
        };
        match (is_there(at, Header::is_of), is_there(value, Header::is_inner_of)) {
            (true, true) => true,
            (true, false) => {
                self.end(at.place(), slot, header, pinned);
                false
            }
            (false, _) => {
                let taken = reference.compare_exchange(
                    value.to_bits(),
                    0,
                    Ordering::AcqRel,
                    Ordering::Relaxed,
                );
                if taken.is_ok() {
                    self.end_inner(value.to_bits(), pinned);
                }
                false
            }
        }
    }

    /// Where it stands what a record leads to, if it leads anywhere.
    fn reference<'m>(&'m self, slot: Slot<'m>, header: Header) -> Option<&'m AtomicU64> {
        if header.is_forwarded() {
            return Some(&self.forwards.at(header.length()).target);
        }
        (header.kind() == Kind::Cell).then(|| slot.word(header.ext_bytes(), 0))
    }
}
