//! The store is what all handles to a pile share: its spans, its arenas, its clock, and what is done with a single slot.
//!
//! Cost of a put: the thread's arena is found by one look at a list of its own; then one bit, one header, one line, and the
//! copy; for a record with a life also the clock, and a count by which lives of like length come to lie together. No step
//! of it is an exchange between cores.

use std::sync::Arc;

use crate::error::{Full, Gone};
use crate::kept::inherited::Inherited;
use crate::lock::Lock;
use crate::looks::latency::{Latencies, SAMPLED, Started};
use crate::looks::refusals::Refusals;
use crate::naming::birth::Birth;
use crate::naming::header::{Header, Kind};
use crate::naming::life::{FOREVER, Life, Seconds};
use crate::naming::pointer::{Place, Pointer};
use crate::places::class::{Class, PAGE_BYTES};
use crate::places::pages::PAYLOAD_BYTES_MAX;
use crate::places::segment::{Slot, split};
use crate::places::spans::{NOBODY, Reach, Spans, Want};
use crate::reading::shard::Shard;
use crate::settings::Settings;
use crate::sync::{AtomicBool, AtomicU64, Ordering, fence};
use crate::threads::arena::{Arena, Vacant, leads_nowhere};
use crate::threads::epoch::{self, Epoch, Pinned};
use crate::threads::gets::Gets;
use crate::threads::pool::Pool;
use crate::types::registry::Registry;
use crate::upkeep::budget::Spending;
use crate::upkeep::cleaning::Cleaning;
use crate::upkeep::keeper::Keepers;
use crate::upkeep::sweeps::Sweeps;
use crate::writing::forward::Forwards;

/// How many deleted slots an arena lets wait before it looks whether the first may go. A look interrupts the other cores for
/// some microseconds: with one each 64 slots, two threads that put and deleted took half as long again.
const LIMBO_LOOK: u64 = 256;
/// The same for slots of a page and more, whose memory is worth a look sooner.
const LIMBO_LOOK_LONG: u64 = 16;
/// How many it then frees at most.
const LIMBO_DRAIN: usize = 512;

/// Slots or spans that are freed between two looks at a budget.
const BATCH: u32 = 64;

/// The locks that order what is rare with one record: holds, and the turns of roomy ones.
const SHARDS: usize = 64;

/// What all handles to a pile share.
#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) name: String,
    pub(crate) spans: Spans,
    pub(crate) seconds: Seconds,
    pub(crate) settings: Settings,
    pub(crate) forwards: Forwards,
    /// What an earlier life of the pile left.
    pub(crate) inherited: Inherited,
    pub(crate) registry: Registry,
    pub(crate) pool: Arc<Pool>,
    shards: Vec<Lock<Shard>>,
    is_closed: AtomicBool,
    /// When the last purge was, until what it left was forgotten.
    purged: Lock<Option<Epoch>>,
    purges: AtomicU64,
    /// What was counted as there and is not, since it was purged.
    purged_before: Lock<PurgedBefore>,
    pub(crate) refusals: Refusals,
    pub(crate) gets: Gets,
    pub(crate) put_times: Latencies,
    pub(crate) get_times: Latencies,
    pub(crate) delete_times: Latencies,
    pub(crate) sweeps: Sweeps,
    pub(crate) keepers: Keepers,
    pub(crate) cleaning: Cleaning,
    /// When was looked which arenas nobody uses.
    idle_looked_ms: AtomicU64,
}

/// The records that all purges together ended.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PurgedBefore {
    pub(crate) records: u64,
    pub(crate) used_bytes: u64,
}

/// A slot that was taken for a record, and what it will say of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room<'m> {
    pub(crate) vacant: Vacant<'m>,
    /// How its span is cut.
    pub(crate) class: Class,
    pub(crate) birth: Birth,
    pub(crate) expiry_s: Option<u32>,
    /// Whose it is.
    pub(crate) keeper: u16,
}

impl Room<'_> {
    pub(crate) fn ext_bytes(&self) -> u32 {
        self.birth.kind.ext_bytes(self.expiry_s.is_some())
    }

    /// The record is there from now on. For who filled its first `length` bytes.
    #[inline]
    pub(crate) fn publish(&self, length: u32) -> Pointer {
        let (vacant, birth) = (&self.vacant, &self.birth);
        if let Some(expiry_s) = self.expiry_s {
            vacant.slot.expiry().store(expiry_s, Ordering::Relaxed);
        }
        if birth.kind.has_tag() {
            let tag = vacant.slot.tag(self.expiry_s.is_some(), birth.kind == Kind::Archived);
            tag.store(birth.tag, Ordering::Relaxed);
        }
        if let Some(owner) = birth.owner.pointer() {
            let word = vacant.slot.owner(self.ext_bytes(), length);
            word.store(owner.to_bits(), Ordering::Relaxed);
        }
        if self.keeper != NOBODY && vacant.slot.is_page() {
            vacant.slot.tag(true, true).store(u32::from(self.keeper), Ordering::Relaxed);
        }
        let header = Header::live(
            vacant.generation,
            birth.kind,
            self.expiry_s.is_some(),
            birth.is_inner,
            length,
        );
        let header = if self.keeper == NOBODY { header } else { header.kept() };
        // Release: who sees the record sees all of it.
        vacant.slot.header().store(header.0, Ordering::Release);
        Pointer::new(vacant.place, vacant.generation)
    }
}

impl Store {
    pub(crate) fn new(
        name: String,
        spans: Spans,
        forwards: Forwards,
        seconds: Seconds,
        settings: Settings,
    ) -> Self {
        let pool = Arc::new(Pool::new(NOBODY, settings.is_small));
        let keepers = Keepers::default();
        if spans.memory.folder().is_some() {
            keepers.expect_former();
        }
        Self {
            name,
            spans,
            seconds,
            settings,
            forwards,
            inherited: Inherited::default(),
            registry: Registry::default(),
            pool,
            shards: (0..SHARDS).map(|_| Lock::default()).collect(),
            is_closed: AtomicBool::new(false),
            purged: Lock::new(None),
            purges: AtomicU64::new(0),
            purged_before: Lock::default(),
            refusals: Refusals::default(),
            gets: Gets::default(),
            put_times: Latencies::default(),
            get_times: Latencies::default(),
            delete_times: Latencies::default(),
            sweeps: Sweeps::default(),
            keepers,
            cleaning: Cleaning::default(),
            idle_looked_ms: AtomicU64::new(0),
        }
    }

    /// The lock that orders what is rare with this place.
    pub(crate) fn shard(&self, place: Place) -> &Lock<Shard> {
        // Neighbouring slots spread: the multiplier is 2^64 over the golden ratio.
        let mixed = place.to_bits().wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 58;
        &self.shards[usize::try_from(mixed).expect("six bits") % SHARDS]
    }

    /// Whether the operation of this number is timed.
    #[inline]
    pub(crate) fn is_sampled(&self, number: u64) -> bool {
        number.is_multiple_of(SAMPLED) && self.settings.are_timed()
    }

    /// Shows every slot that is lent, and whether its record is dead.
    pub(crate) fn each_held(&self, mut see: impl FnMut(Place, bool)) {
        for shard in &self.shards {
            for (&place, loans) in &shard.lock().held {
                see(place, loans.is_dead);
            }
        }
    }

    /// How many slots are lent to be read, and how many to be filled.
    pub(crate) fn lent(&self) -> (u64, u64) {
        self.shards.iter().fold((0, 0), |(held, reserved), shard| {
            let shard = shard.lock();
            (held + shard.held.len() as u64, reserved + shard.reserved.len() as u64)
        })
    }

    pub(crate) fn close(&self) {
        self.is_closed.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Relaxed)
    }

    /// Runs `act` with the arena of this thread, or the shared one. It must be brief and run no code of a user.
    #[inline]
    pub(crate) fn with_arena<R>(&self, act: impl FnOnce(&Arena) -> R) -> R {
        self.pool.with_arena(act)
    }

    /// The arenas of all pools.
    pub(crate) fn arenas(&self) -> Vec<Arc<Arena>> {
        let mut arenas = self.pool.arenas();
        for kept in self.keepers.all() {
            arenas.extend(kept.pool.arenas());
        }
        arenas
    }

    /// Room for a payload of `length` bytes at least. The caller is pinned. `None` at the limit; without `may_commit` also
    /// where memory would have to be had from the kernel first.
    #[inline]
    pub(crate) fn room<'m>(
        &'m self,
        arena: &Arena,
        birth: Birth,
        length: u32,
        may_commit: bool,
    ) -> Option<Room<'m>> {
        let now_s = if birth.life == Life::FOREVER { 0 } else { self.seconds.now_s() };
        let expiry_s = birth.life.expiry_s(|| now_s);
        let expiry_s = expiry_s.or(birth.has_expiry.then_some(Life::NEVER_S));
        let ext_bytes = birth.kind.ext_bytes(expiry_s.is_some());
        let is_noted = birth.is_inner && self.spans.memory.folder().is_some();
        let birth = if is_noted { birth } else { birth.without_owner() };
        let length = if is_noted { length + 15 } else { length };
        let reach = if may_commit { Reach::Limit } else { Reach::Ready };
        let class = match Class::holding(8 + ext_bytes + length) {
            Some(class) if birth.is_aligned => class.aligned(),
            Some(class) => class,
            None => Class::PAGES,
        };
        let vacant = match class {
            Class::PAGES if may_commit => self.pages(length, birth.life, now_s)?,
            Class::PAGES => return None,
            class => {
                let bucket = birth.life.bucket();
                let (lane, life) = match bucket {
                    FOREVER => (FOREVER, Want::NO_LIFE),
                    _ => (arena.lane(&self.spans, class, bucket, now_s), bucket),
                };
                let prefer = self.settings.prefer();
                arena.take(&self.spans, Want { class, lane, life, now_s, prefer, reach })?
            }
        };
        Some(Room { vacant, class, birth, expiry_s, keeper: arena.keeper })
    }

    #[cold]
    fn pages(&self, length: u32, life: Life, now_s: u32) -> Option<Vacant<'_>> {
        let (place, generation) = self.spans.take_pages(length)?;
        let (span, offset) = split(place);
        // Not looked up: a purge may have been there already.
        let slot = self.spans.memory.slot_of(span, Class::PAGES, offset / PAGE_BYTES);
        if life != Life::FOREVER {
            self.spans.note_life(span, life.bucket(), now_s);
        }
        Some(Vacant { slot, place, generation })
    }

    /// Puts a record, once what could be freed was freed.
    ///
    /// # Errors
    /// [`Full`], and nothing has changed.
    #[inline]
    pub(crate) fn put(self: &Arc<Self>, birth: Birth, bytes: &[u8]) -> Result<Pointer, Full> {
        self.put_from(&self.pool, birth, bytes)
    }

    /// As `put`, by an arena of this pool.
    #[inline]
    pub(crate) fn put_from(
        self: &Arc<Self>,
        pool: &Arc<Pool>,
        birth: Birth,
        bytes: &[u8],
    ) -> Result<Pointer, Full> {
        let length = self.length(bytes.len())?;
        match self.put_once_from(pool, birth, bytes, length, true) {
            Some(pointer) => Ok(pointer),
            None => self.put_reclaimed(pool, birth, bytes, length),
        }
    }

    #[cold]
    fn put_reclaimed(
        self: &Arc<Self>,
        pool: &Arc<Pool>,
        birth: Birth,
        bytes: &[u8],
        length: u32,
    ) -> Result<Pointer, Full> {
        self.reclaimed(pool, || self.put_once_from(pool, birth, bytes, length, true))
            .ok_or_else(|| self.out_of_space(birth, length))
    }

    /// What `once` comes to when room was made for it: by what was freed, by what an earlier life left, and last by what the
    /// thread's arena has in spans of other lengths. `None` where that is not enough.
    #[cold]
    pub(crate) fn reclaimed<T>(
        self: &Arc<Self>,
        pool: &Arc<Pool>,
        mut once: impl FnMut() -> Option<T>,
    ) -> Option<T> {
        loop {
            let may_be_more = self.reclaim_more();
            if let Some(made) = once() {
                return Some(made);
            }
            if !may_be_more {
                // Spans that are partly free are another lane's at once, empty ones after two epochs.
                pool.with_arena(|arena| arena.give_up(&self.spans));
                self.reclaim();
                return once();
            }
        }
    }

    /// Puts a record if that needs nothing but a slot.
    #[inline]
    pub(crate) fn put_once(
        self: &Arc<Self>,
        birth: Birth,
        bytes: &[u8],
        length: u32,
        may_commit: bool,
    ) -> Option<Pointer> {
        self.put_once_from(&self.pool, birth, bytes, length, may_commit)
    }

    /// As `put_once`, by an arena of this pool.
    #[inline]
    pub(crate) fn put_once_from(
        &self,
        pool: &Arc<Pool>,
        birth: Birth,
        bytes: &[u8],
        length: u32,
        may_commit: bool,
    ) -> Option<Pointer> {
        let fill = |slot: Slot<'_>, ext_bytes| slot.write(ext_bytes, 0, bytes);
        self.put_filled(pool, birth, length, may_commit, fill)
    }

    /// Puts a record if that needs nothing but a slot; `fill` writes all of its `length` bytes behind an ext of so many.
    #[inline]
    pub(crate) fn put_filled(
        &self,
        pool: &Arc<Pool>,
        birth: Birth,
        length: u32,
        may_commit: bool,
        fill: impl FnOnce(Slot<'_>, u32),
    ) -> Option<Pointer> {
        let pinned = Pinned::new();
        let started = self.is_sampled(pinned.pins()).then(Started::now);
        let put = pool.with_arena(|arena| {
            let room = self.room(arena, birth, length, may_commit)?;
            fill(room.vacant.slot, room.ext_bytes());
            arena.counts.born(length, birth.is_inner);
            Some(room.publish(length))
        });
        if let Some(started) = started {
            self.put_times.ended(&started);
        }
        put
    }

    pub(crate) fn out_of_space(self: &Arc<Self>, birth: Birth, length: u32) -> Full {
        self.with_arena(|arena| arena.counts.refused_space.add(1));
        let ext_bytes = birth.kind.ext_bytes(birth.has_expiry || birth.life != Life::FOREVER);
        let wanted_bytes = u64::from(length) + 8 + u64::from(ext_bytes);
        Full::OutOfSpace { limit_bytes: self.spans.supply.limit.limit_bytes(), wanted_bytes }
    }

    /// The length as a header tells it.
    #[inline]
    pub(crate) fn length(self: &Arc<Self>, bytes: usize) -> Result<u32, Full> {
        match u32::try_from(bytes) {
            Ok(length) if length <= PAYLOAD_BYTES_MAX && !self.is_closed() => Ok(length),
            _ => Err(self.refuse_length()),
        }
    }

    #[cold]
    fn refuse_length(self: &Arc<Self>) -> Full {
        if self.is_closed() {
            return Full::Closed;
        }
        self.with_arena(|arena| arena.counts.refused_large.add(1));
        Full::TooLarge { most_bytes: u64::from(PAYLOAD_BYTES_MAX) }
    }

    /// The slot of a record that is there, and its header; expired ones are not.
    #[inline]
    pub(crate) fn find<'m>(
        &'m self,
        at: Pointer,
        _pinned: &'m Pinned,
    ) -> Result<(Slot<'m>, Header), Gone> {
        let Some((slot, _)) = self.spans.memory.slot(at.place()) else { return Err(self.why(at)) };
        // Acquire: with the header comes the payload.
        let header = Header(slot.header().load(Ordering::Acquire));
        if !header.is_of(at) {
            return Err(self.why(at));
        }
        if header.has_expiry() && self.has_expired(slot) {
            return Err(self.refused(Gone::Expired));
        }
        Ok((slot, header))
    }

    pub(crate) fn has_expired(&self, slot: Slot<'_>) -> bool {
        slot.expiry().load(Ordering::Relaxed) <= self.seconds.now_s()
    }

    /// Why a pointer leads to nothing.
    #[cold]
    pub(crate) fn why(&self, at: Pointer) -> Gone {
        let (span, _) = split(at.place());
        if self.is_closed() {
            return Gone::Closed;
        }
        let was_issued = span.0 < self.spans.memory.span_count()
            && at.generation().0 > 0
            && at.generation() <= self.spans.memory.line(span).top();
        self.refused(if was_issued { Gone::Stale } else { Gone::BadPointer })
    }

    /// Counts a refusal.
    #[cold]
    pub(crate) fn refused(&self, gone: Gone) -> Gone {
        self.refusals.count(gone);
        gone
    }

    /// Lets a dead slot wait until no reader sees it. The caller is pinned.
    pub(crate) fn bury(self: &Arc<Self>, place: Place) {
        let waiting = self.with_arena(|arena| arena.limbo.put(place));
        let class = self.spans.memory.class(split(place).0);
        let is_long = class.shape().slot_bytes >= PAGE_BYTES;
        let enough = if is_long { LIMBO_LOOK_LONG } else { LIMBO_LOOK };
        if waiting.is_multiple_of(enough) {
            self.look_into_limbo();
        }
    }

    /// Advances the epoch and frees what is ripe in this thread's limbo.
    #[cold]
    fn look_into_limbo(self: &Arc<Self>) {
        let _advanced: bool = epoch::advance(self.seconds.clock_ms());
        self.with_arena(|arena| {
            arena.limbo.drain(LIMBO_DRAIN, |places| self.spans.free_all(places));
        });
    }

    /// Gives back a slot that was reserved and became no record.
    pub(crate) fn give_up(&self, place: Place) {
        let _pinned = Pinned::new();
        // First free, then let go: a purged span is not used again in between.
        self.spans.free(place);
        self.spans.let_go(place);
    }

    /// Does everything that can make room: what was deleted becomes free, what is empty becomes anybody's. How many slots
    /// and spans were freed. Nothing that a guard sees is touched; so it does little for a caller who holds one.
    pub(crate) fn reclaim(self: &Arc<Self>) -> u64 {
        let arenas = self.arenas();
        let mut freed = 0;
        // Two epochs until the last slots are free, and two more until the spans are that they leave empty.
        for _ in 0..=2 * Epoch::GRACE {
            let has_advanced = epoch::advance_past_readers(self.seconds.clock_ms());
            for arena in &arenas {
                freed += arena.limbo.drain(usize::MAX, |places| self.spans.free_all(places)) as u64;
            }
            self.forwards.free_ripe();
            freed += u64::from(self.ripen(u32::MAX));
            if !has_advanced {
                break;
            }
        }
        freed
    }

    /// As `reclaim`, until the budget is spent. It waits for no reader unless the budget is unbounded.
    pub(crate) fn reclaim_within(self: &Arc<Self>, spending: &mut Spending) -> u64 {
        if spending.is_unbounded() {
            return self.reclaim();
        }
        let arenas = self.arenas();
        let mut freed = 0;
        for _ in 0..=Epoch::GRACE {
            let _advanced: bool = epoch::advance(self.seconds.clock_ms());
            for arena in &arenas {
                while !spending.is_over() {
                    let drained =
                        arena.limbo.drain(BATCH as usize, |places| self.spans.free_all(places));
                    freed += drained as u64;
                    if drained < BATCH as usize {
                        break;
                    }
                }
            }
            self.forwards.free_ripe();
            while !spending.is_over() {
                let ripe = self.ripen(BATCH);
                freed += u64::from(ripe);
                if ripe < BATCH {
                    break;
                }
            }
        }
        freed
    }

    /// Whether so many milliseconds have passed since this was last so.
    pub(crate) fn is_idle_look_due(&self, each_ms: u64) -> bool {
        let now_ms = self.seconds.now_ms();
        let looked_ms = self.idle_looked_ms.load(Ordering::Relaxed);
        let is_due = now_ms >= looked_ms.saturating_add(each_ms);
        if is_due {
            self.idle_looked_ms.store(now_ms, Ordering::Relaxed);
        }
        is_due
    }

    /// Takes in the spans that nobody sees any more, at most `most`. How many.
    pub(crate) fn ripen(&self, most: u32) -> u32 {
        let mut purged = self.purged.lock();
        if let Some(epoch) = *purged {
            // A deleter who was under way may still name a slot of a purged span; once nobody is, no limbo may, and then
            // the spans can be used again.
            if !epoch.is_over() {
                return 0;
            }
            let leads_nowhere = |place| leads_nowhere(&self.spans.memory, place);
            for arena in &self.arenas() {
                arena.limbo.forget(leads_nowhere);
            }
            self.forwards.forget(leads_nowhere);
            *purged = None;
        }
        self.spans.supply.ripen(&self.spans.memory, most)
    }

    /// How many purges have begun, and have ended.
    pub(crate) fn purges(&self) -> u64 {
        fence(Ordering::SeqCst);
        self.purges.load(Ordering::SeqCst)
    }

    /// Returns once no purge is under way that was so before.
    pub(crate) fn wait_for_purge(&self) {
        drop(self.purged.lock());
    }

    pub(crate) fn purged_before(&self) -> PurgedBefore {
        *self.purged_before.lock()
    }

    /// Counts what a purge ended.
    pub(crate) fn count_purged(&self, records: u64, used_bytes: u64) {
        let mut before = self.purged_before.lock();
        before.records += records;
        before.used_bytes += used_bytes;
    }

    /// Ends every record of these arenas, which are all there are whenever it is asked. How many spans they were in.
    pub(crate) fn purge(&self, arenas: impl Fn() -> Vec<Arc<Arena>>) -> u32 {
        let mut purged = self.purged.lock();
        // SeqCst: who sees no change after he linked two records has linked them before the purge looks at any span.
        self.purges.fetch_add(1, Ordering::SeqCst);
        let spans = self.spans.purge();
        self.purges.fetch_add(1, Ordering::SeqCst);
        // After the purge: a span that an arena takes before it has heard may be one that the purge then ends, and an arena
        // that had answered before would keep it. None of the spans is used again until all have heard.
        for arena in arenas() {
            arena.recall();
        }
        *purged = Some(Epoch::sealed());
        spans
    }
}
