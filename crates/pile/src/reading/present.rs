//! Where the bytes of a live record are: in its slot, in one of two halves of it, or behind a reference.

use crate::error::Gone;
use crate::naming::header::{Header, Kind};
use crate::naming::pointer::Pointer;
use crate::naming::version::{Present, Version};
use crate::places::segment::Slot;
use crate::store::Store;
use crate::sync::Ordering;
use crate::threads::epoch::Pinned;
use crate::writing::roomy;

/// Where the bytes of a record are that was found live under the guard: in its slot, in a half of it, or elsewhere.
pub(crate) fn present<'g>(
    store: &'g Store,
    slot: Slot<'g>,
    header: Header,
    at: Pointer,
    pinned: &'g Pinned,
) -> Result<Present<'g>, Gone> {
    if header.is_forwarded() {
        // Acquire: with the target come its bytes.
        let target = store.forwards.at(header.length()).target.load(Ordering::Acquire);
        return inner(store, target, at, pinned);
    }
    match header.kind() {
        Kind::Cell => {
            let target = slot.word(header.ext_bytes(), 0).load(Ordering::Acquire);
            inner(store, target, at, pinned)
        }
        Kind::Roomy => Ok(roomy::present(slot, header, pinned)),
        _ => Ok(Present { bytes: slot.bytes(header, pinned), version: Version(at.to_bits()) }),
    }
}

/// The value that a cell or a forward leads to. It may be dead by now, and is still as it was under this guard.
fn inner<'g>(
    store: &'g Store,
    target: u64,
    at: Pointer,
    pinned: &'g Pinned,
) -> Result<Present<'g>, Gone> {
    // Zero: the record was deleted after its header was read.
    let target = Pointer::from_bits(target).ok_or_else(|| store.why(at))?;
    let (slot, _) = store.spans.memory.slot(target.place()).ok_or_else(|| store.why(at))?;
    let header = Header(slot.header().load(Ordering::Acquire));
    // Purged, and the slot another's: nothing is read through a reference that was left over.
    if header.generation() != target.generation() {
        return Err(store.why(at));
    }
    Ok(Present { bytes: slot.bytes(header, pinned), version: Version(target.to_bits()) })
}
