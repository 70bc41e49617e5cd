//! A record goes: from the moment its header says dead, its pointer is refused for ever; its slot is used again when nobody
//! reads it any more.

use std::sync::Arc;

use crate::error::Gone;
use crate::looks::latency::Started;
use crate::naming::change;
use crate::naming::header::{Header, Kind};
use crate::naming::pointer::{Place, Pointer};
use crate::pile::Pile;
use crate::places::segment::Slot;
use crate::store::Store;
use crate::sync::Ordering;
use crate::threads::epoch::Pinned;

impl Pile {
    /// Deletes a record. Its pointer is refused from this instant, for ever; who reads it under a guard, or holds it, keeps
    /// its bytes.
    ///
    /// # Errors
    /// [`Gone`] if it was not there. An expired one is not, and its memory comes back with this call.
    pub fn delete(&self, at: Pointer) -> Result<(), Gone> {
        let pinned = Pinned::new();
        let store = &self.store;
        if store.is_sampled(pinned.pins()) {
            let started = Started::now();
            let deleted = self.delete_pinned(at, &pinned);
            store.delete_times.ended(&started);
            return deleted;
        }
        self.delete_pinned(at, &pinned)
    }

    #[inline]
    fn delete_pinned(&self, at: Pointer, pinned: &Pinned) -> Result<(), Gone> {
        let store = &self.store;
        store.look_through(at.place());
        let Some((slot, _)) = store.spans.memory.slot(at.place()) else {
            return Err(store.why(at));
        };
        let header = Header(slot.header().load(Ordering::Acquire));
        if !header.is_of(at) {
            return Err(store.why(at));
        }
        let has_expired = header.has_expiry() && store.has_expired(slot);
        if !store.end(at.place(), slot, header, pinned) {
            return Err(store.why(at));
        }
        if has_expired { Err(store.refused(Gone::Expired)) } else { Ok(()) }
    }

    /// As [`Pile::delete`], without a reason.
    #[expect(clippy::must_use_candidate, reason = "the deleting is the act")]
    pub fn try_delete(&self, at: Pointer) -> bool {
        self.delete(at).is_ok()
    }
}

impl Store {
    /// Ends the record of this header, and what it leads to. False if another did.
    pub(crate) fn end(
        self: &Arc<Self>,
        place: Place,
        slot: Slot<'_>,
        header: Header,
        pinned: &Pinned,
    ) -> bool {
        let Some(header) = change::kill(slot.header(), header) else { return false };
        if header.is_forwarded() {
            let number = header.length();
            let target = self.forwards.at(number).target.swap(0, Ordering::AcqRel);
            self.forwards.leave(number);
            self.end_inner(target, pinned);
        }
        if header.kind() == Kind::Cell {
            let target = slot.word(header.ext_bytes(), 0).swap(0, Ordering::AcqRel);
            self.end_inner(target, pinned);
        }
        self.bury_unless_held(place, header);
        true
    }

    /// Ends the value that a cell or a forward led to; zero is none.
    pub(crate) fn end_inner(self: &Arc<Self>, target: u64, _pinned: &Pinned) {
        let Some(target) = Pointer::from_bits(target) else { return };
        self.look_through(target.place());
        let Some((slot, _)) = self.spans.memory.slot(target.place()) else {
            return; // purged meanwhile
        };
        if let Some(header) = change::kill_value(slot.header(), target) {
            self.bury_unless_held(target.place(), header);
        }
    }

    /// Lets a dead slot wait until no guard sees it; or leaves that to who holds it.
    fn bury_unless_held(self: &Arc<Self>, place: Place, header: Header) {
        self.with_arena(|arena| arena.counts.died(header));
        if header.is_held()
            && let Some(held) = self.shard(place).lock().held.get_mut(&place)
        {
            held.is_dead = true;
            return;
        }
        self.bury(place);
    }
}
