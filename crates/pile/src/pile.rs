//! A pile: records off the heap, under one limit, found by pointers that are refused once their record has gone.

use core::fmt;
use std::sync::Arc;

use levada_shared::Lender;

use crate::error::{Full, Gone, HasKeepers};
use crate::naming::birth::Birth;
use crate::naming::header::Kind;
use crate::naming::life::Life;
use crate::naming::pointer::Pointer;
use crate::reading::present::present;
use crate::store::Store;
use crate::sync::Ordering;
use crate::threads::arena::Arena;
use crate::threads::epoch::Pinned;

/// A handle to a pile; clones name the same pile, and any thread may use any of them.
#[derive(Clone)]
pub struct Pile {
    pub(crate) store: Arc<Store>,
    /// Hears of holds that have ended; it keeps the store while any is out.
    pub(crate) lender: Arc<dyn Lender>,
}

/// How long a record is, and what it takes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Footprint {
    /// Bytes of its payload.
    pub payload_bytes: u64,
    /// Bytes of its slot or pages, those of its bytes elsewhere included.
    pub slot_bytes: u64,
}

/// What a purge ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Purged {
    /// The records that there were.
    pub records: u64,
    /// The spans that they were in, which come back when nobody reads them any more.
    pub spans: u32,
}

impl Pile {
    /// The name that it was given.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.store.name
    }

    /// What counts against the limit now, in bytes: spans with memory, the tables, and what keepers use beside their records.
    #[inline]
    #[must_use]
    pub fn backed_bytes(&self) -> u64 {
        self.store.spans.supply.limit.backed_bytes()
    }

    /// How many bytes may count.
    #[inline]
    #[must_use]
    pub fn limit_bytes(&self) -> u64 {
        self.store.spans.supply.limit.limit_bytes()
    }

    /// The second that it is by the pile's clock, counted from when the pile was made: what lives and ends are compared with.
    #[must_use]
    pub fn now_s(&self) -> u32 {
        self.store.seconds.now_s()
    }

    /// Puts a record: one copy, straight into its slot. Nobody sees it before this returns.
    ///
    /// # Errors
    /// [`Full`], and nothing has changed.
    #[inline]
    pub fn put(&self, bytes: &[u8], life: Life) -> Result<Pointer, Full> {
        self.store.put(Birth::of(Kind::Bytes, life), bytes)
    }

    /// As [`Pile::put`], if that needs nothing of the kernel: where memory would have to be had first, it says `None` and
    /// leaves that to [`Pile::tend`]. For a core's loop.
    #[inline]
    #[must_use]
    pub fn try_put(&self, bytes: &[u8], life: Life) -> Option<Pointer> {
        let length = self.store.length(bytes.len()).ok()?;
        self.store.put_once(Birth::of(Kind::Bytes, life), bytes, length, false)
    }

    /// Puts text, which [`crate::Guard::text`] reads.
    ///
    /// # Errors
    /// [`Full`], and nothing has changed.
    pub fn put_str(&self, text: &str, life: Life) -> Result<Pointer, Full> {
        self.store.put(Birth::of(Kind::Text, life), text.as_bytes())
    }

    /// Lets a record's life begin anew, of this length from now. `false` where it was put without a life, and stays so.
    ///
    /// # Errors
    /// [`Gone`]; what has expired is not revived.
    pub fn rejuvenate(&self, at: Pointer, life: Life) -> Result<bool, Gone> {
        let pinned = Pinned::new();
        let (slot, header) = self.store.find(at, &pinned)?;
        if !header.has_expiry() {
            return Ok(false);
        }
        let expiry_s = life.expiry_s(|| self.store.seconds.now_s()).unwrap_or(u32::MAX);
        slot.expiry().store(expiry_s, Ordering::Relaxed);
        self.store.with_arena(|arena| arena.counts.rejuvenated.add(1));
        Ok(true)
    }

    /// As [`Pile::rejuvenate`], without a reason.
    #[expect(clippy::must_use_candidate, reason = "the new life is the act")]
    pub fn try_rejuvenate(&self, at: Pointer, life: Life) -> bool {
        self.rejuvenate(at, life).unwrap_or(false)
    }

    /// How long a record is, and what it takes: both exact.
    ///
    /// # Errors
    /// [`Gone`], where there is none.
    pub fn size_of(&self, at: Pointer) -> Result<Footprint, Gone> {
        let pinned = Pinned::new();
        let (slot, header) = self.store.find(at, &pinned)?;
        let present = present(&self.store, slot, header, at, &pinned)?;
        let spans = &self.store.spans;
        let elsewhere = Pointer::from_bits(present.version.0)
            .filter(|&target| target != at && target.generation().0 > 0)
            .map_or(0, |target| spans.slot_bytes(target.place()));
        let slot_bytes = spans.slot_bytes(at.place()) + elsewhere;
        Ok(Footprint { payload_bytes: present.bytes.len() as u64, slot_bytes })
    }

    /// Ends every record at once: every pointer is stale from now on, for ever. Bytes that guards read or that are held
    /// stay as they are, and their spans come back later.
    ///
    /// # Errors
    /// [`HasKeepers`]: keepers would not hear of it.
    pub fn purge(&self) -> Result<Purged, HasKeepers> {
        let purge = || self.purge_of(|| self.store.pool.arenas());
        self.store.keepers.if_none(purge).map_err(|keepers| HasKeepers { keepers })
    }

    /// Ends every record of these arenas, which are all there are whenever it is asked.
    fn purge_of(&self, arenas: impl Fn() -> Vec<Arc<Arena>>) -> Purged {
        let before = self.gauges_of(&arenas());
        let spans = self.store.purge(arenas);
        self.store.count_purged(before.records, before.used_bytes);
        Purged { records: before.records, spans }
    }

    /// Ends the pile for all its handles: it takes and gives nothing more. What guards read and what is held stays as it is
    /// until then; the memory goes back when the last handle, guard and hold have gone.
    ///
    /// A pile that is kept in a folder only takes nothing more: its records stay, and are read until then.
    pub fn close(&self) {
        // First closed, then ended: who finds a record gone since is told why.
        self.store.close();
        if self.store.spans.memory.folder().is_none() {
            self.purge_of(|| self.store.arenas());
        }
        for kept in self.store.keepers.all() {
            kept.mover.recall();
        }
    }
}

impl fmt::Debug for Pile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pile").field("name", &self.store.name).finish_non_exhaustive()
    }
}
