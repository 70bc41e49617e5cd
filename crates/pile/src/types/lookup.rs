//! A look-up finds a typed record, of whatever type, and says which.
//!
//! The record's own tag tells its name. An updated record has its bytes in another slot, whose tag tells the schema of these.

use crate::error::Gone;
use crate::naming::header::{Header, Kind};
use crate::naming::pointer::Pointer;
use crate::naming::stamp::{Stamp, Type};
use crate::naming::version::Version;
use crate::places::segment::Slot;
use crate::store::Store;
use crate::sync::Ordering;
use crate::threads::epoch::Pinned;
use crate::types::codec::Trust;
use crate::types::found::Found;

impl Store {
    /// The typed record at `at`, if it is of this kind, without a life, and was never updated: one look at its header.
    #[inline]
    pub(crate) fn found_at_home<'g>(
        &'g self,
        at: Pointer,
        kind: Kind,
        pinned: &'g Pinned,
    ) -> Option<Found<'g>> {
        let (slot, _) = self.spans.memory.slot(at.place())?;
        // Acquire: with the header comes the payload.
        let header = Header(slot.header().load(Ordering::Acquire));
        let is_plain = kind.has_tag() && header.is_plain_of(at, kind);
        is_plain.then(|| self.found_in(slot, header, Version(at.to_bits()), pinned))
    }

    /// The typed record at `at`.
    pub(crate) fn found<'g>(&'g self, at: Pointer, pinned: &'g Pinned) -> Result<Found<'g>, Gone> {
        let (slot, header) = self.find(at, pinned)?;
        if !header.kind().has_tag() {
            return Err(self.refused(Gone::WrongType));
        }
        if header.is_forwarded() {
            return self.found_elsewhere(at, slot, header, pinned);
        }
        Ok(self.found_in(slot, header, Version(at.to_bits()), pinned))
    }

    #[cold]
    fn found_elsewhere<'g>(
        &'g self,
        at: Pointer,
        home: Slot<'g>,
        away: Header,
        pinned: &'g Pinned,
    ) -> Result<Found<'g>, Gone> {
        // Acquire: with the target come its bytes. Zero: the record was deleted after its header was read.
        let target = self.forwards.at(away.length()).target.load(Ordering::Acquire);
        let target = Pointer::from_bits(target).ok_or_else(|| self.why(at))?;
        let (slot, _) = self.spans.memory.slot(target.place()).ok_or_else(|| self.why(at))?;
        let header = Header(slot.header().load(Ordering::Acquire));
        // It may be dead by now, and is still as it was under this pin; but it is no other than the one that was meant.
        let is_meant = header.is_inner()
            && header.generation() == target.generation()
            && header.kind().has_tag();
        if !is_meant || !Stamp::is_same_name(self.tag(slot, header), self.tag(home, away)) {
            return Err(self.why(at));
        }
        Ok(self.found_in(slot, header, Version(target.to_bits()), pinned))
    }

    #[inline]
    fn found_in<'g>(
        &'g self,
        slot: Slot<'g>,
        header: Header,
        version: Version,
        pinned: &'g Pinned,
    ) -> Found<'g> {
        let of = Type { kind: header.kind(), tag: self.tag(slot, header) };
        // All that a pile in memory holds was put, and looked through, since it was made. In a folder may stand what another
        // program wrote, with another type of that name.
        let is_kept = self.spans.memory.folder().is_some();
        let trust = if is_kept { Trust::Foreign } else { Trust::Own };
        Found { bytes: slot.bytes(header, pinned), of, version, trust }
    }
}
