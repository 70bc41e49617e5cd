//! A space is all memory of one heap, and how objects come to be in it and are written: what a turn may do.
//!
//! Nothing here collects: that needs the whole of it, which a turn never has.
#![expect(unsafe_code, reason = "writes headers into memory that it has taken")]

use core::cell::{Cell, OnceCell, RefCell};
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

use crate::collecting::undoing::Undoing;
use crate::gauges::{Counts, Gauges};
use crate::limits::{Limits, Pacing, Payer};
use crate::memory::pool::{CHUNK_BYTES, Pool};
use crate::memory::region::{Kind, Page};
use crate::memory::room::Room;
use crate::objects::object::{Object, STABLE_LISTED};
use crate::objects::shape::Shape;
use crate::raw::pages::RawHome;
use crate::spaces::nursery::{Bump, Chunk, Nursery};
use crate::spaces::roots::{Handle, Roots};
use crate::spaces::stable::{Stable, first_object};
use crate::spaces::weak::Weaks;

/// How far a major collection is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Phase {
    /// None is under way.
    Idle,
    /// What is reachable is being marked; the marks are its own.
    Marking,
    /// All that is reachable is marked, and some pages are not swept yet.
    Sweeping,
}

/// The memory of a heap.
#[derive(Debug)]
pub(crate) struct Space {
    bump: Bump,
    /// Something is due at the end of the turn.
    pub(crate) is_due: Cell<bool>,
    /// Something was refused in this turn; and in how many since the last major.
    pub(crate) was_refused: Cell<bool>,
    pub(crate) refused_turns: Cell<u32>,
    pub(crate) phase: Cell<Phase>,
    /// Born in the chunks that were full since the last minor, and where the rest began in the one that is being filled.
    full_bytes: Cell<u64>,
    from_address: Cell<usize>,
    /// What the last major left.
    pub(crate) used_after_major_bytes: Cell<u64>,
    pub(crate) pool: Pool,
    pub(crate) room: Room,
    pub(crate) nursery: RefCell<Nursery>,
    pub(crate) stable: RefCell<Option<Box<Stable>>>,
    pub(crate) raw: OnceCell<RawHome>,
    pub(crate) more: RefCell<Option<Box<More>>>,
}

/// What a heap that does little has not.
#[derive(Debug, Default)]
pub(crate) struct More {
    pub(crate) roots: Option<Roots>,
    pub(crate) weaks: Weaks,
    pub(crate) external: External,
    pub(crate) counts: Counts,
}

/// What objects hold elsewhere.
#[derive(Debug, Default)]
pub(crate) struct External {
    /// What those that say so hold now: they tell it when they are dropped.
    pub(crate) held: Arc<AtomicU64>,
    /// What the owner of the heap says beside.
    pub(crate) said_bytes: u64,
    /// How much there was at the last minor, and at the last stable collection.
    pub(crate) at_minor_bytes: u64,
    pub(crate) at_stable_bytes: u64,
}

impl External {
    pub(crate) fn bytes(&self) -> u64 {
        self.said_bytes.saturating_add(self.held.load(Ordering::Relaxed))
    }
}

static HEAPS: AtomicU64 = AtomicU64::new(1);

impl Space {
    pub(crate) fn new(pool: &Pool, limits: Limits, payer: Option<Box<dyn Payer>>) -> Self {
        Self {
            bump: Bump::none(),
            is_due: Cell::new(pool.stress().every_turn.is_some()),
            was_refused: Cell::new(false),
            refused_turns: Cell::new(0),
            phase: Cell::new(Phase::Idle),
            full_bytes: Cell::new(0),
            from_address: Cell::new(Bump::none().cursor().addr()),
            used_after_major_bytes: Cell::new(0),
            pool: pool.clone(),
            room: Room::new(limits, payer),
            nursery: RefCell::default(),
            stable: RefCell::default(),
            raw: OnceCell::new(),
            more: RefCell::default(),
        }
    }

    /// Bytes born in the nursery since the last minor.
    pub(crate) fn born_bytes(&self) -> u64 {
        self.full_bytes.get() + (self.bump.cursor().addr() - self.from_address.get()) as u64
    }

    pub(crate) fn cursor(&self) -> *mut u8 {
        self.bump.cursor()
    }

    /// Goes on filling the last chunk of the nursery, or none; counts what is born from here on.
    pub(crate) fn go_on(&self, cursor: *mut u8, end_address: usize) {
        self.bump.set(cursor, end_address);
        self.from_address.set(self.bump.cursor().addr());
        self.full_bytes.set(0);
    }

    /// Makes an object of a value's length in the nursery, without the value; `None` at the limit.
    #[inline]
    pub(crate) fn take_young(&self, shape: &'static Shape, count: usize) -> Option<Object> {
        let bytes = shape.object_bytes(count);
        let header = if shape.align() <= 8 {
            self.bump.take(bytes)
        } else {
            self.bump.take_aligned(bytes, shape.value_offset(), shape.align())
        };
        let Some(header) = header else { return self.take_in_next_chunk(shape, count) };
        // SAFETY: the bytes were just taken.
        Some(unsafe { Object::write(header, shape, count) })
    }

    #[cold]
    fn take_in_next_chunk(&self, shape: &'static Shape, count: usize) -> Option<Object> {
        if !self.add_chunk() {
            self.refuse();
            return None;
        }
        let (bytes, align) = (shape.object_bytes(count), shape.align());
        let header = self.bump.take_aligned(bytes, shape.value_offset(), align);
        let header = header.expect("a chunk has room for what is born in the nursery");
        // SAFETY: the bytes were just taken.
        Some(unsafe { Object::write(header, shape, count) })
    }

    fn add_chunk(&self) -> bool {
        if !self.room.draw(CHUNK_BYTES as u64) {
            return false;
        }
        let Some(start) = self.pool.take_chunk() else {
            self.room.leave(CHUNK_BYTES as u64);
            return false;
        };
        let full_bytes = self.born_bytes();
        self.full_bytes.set(full_bytes);
        let nursery_bytes = self.pool.pacing().nursery_bytes;
        let has_slices = self.phase.get() != Phase::Idle && full_bytes > 0;
        if full_bytes >= nursery_bytes || has_slices || self.room.is_above_soft() {
            self.is_due.set(true);
        }
        let mut nursery = self.nursery.borrow_mut();
        nursery.fill_to(self.bump.cursor());
        let chunk = Chunk::lent(start);
        // A nursery that is shorter than a chunk: the rest of it is not used.
        let usable_bytes = CHUNK_BYTES.min(usize::try_from(nursery_bytes).unwrap_or(CHUNK_BYTES));
        self.bump.set(chunk.start(), chunk.start().addr() + usable_bytes);
        self.from_address.set(chunk.start().addr());
        nursery.chunks.push(chunk);
        true
    }

    /// Something found no room: the end of the turn is to make some.
    fn refuse(&self) {
        self.was_refused.set(true);
        self.is_due.set(true);
    }

    /// Says that an object of the nursery has a destructor.
    pub(crate) fn note_drop(&self, object: Object) {
        self.nursery.borrow_mut().drops.push(object);
    }

    /// Makes a stable object, without its value; `None` at the limit. It is listed: its first stores pass no barrier.
    pub(crate) fn take_stable(&self, shape: &'static Shape, count: usize) -> Option<Object> {
        let mut stable = self.stable.borrow_mut();
        let stable = stable.get_or_insert_default();
        let Some(cell) = stable.take(&self.pool, &self.room, shape, count) else {
            self.refuse();
            return None;
        };
        // SAFETY: the cell was just taken for it.
        let object = unsafe { Object::write(cell.header, shape, count) };
        object.set_stable();
        self.settle(stable, object, cell.page, count);
        Some(object)
    }

    /// Lists an object that became stable, and keeps it from a major that is marking.
    pub(crate) fn settle(&self, stable: &mut Stable, object: Object, page: Page, count: usize) {
        if object.shape().has_pointers {
            stable.remembered.note(object, page.is_old());
            if page.kind() == Kind::Large && object.shape().is_slice {
                stable.remembered.add_cards(object, count);
            }
        }
        if self.phase.get() == Phase::Marking {
            page.mark(object.header());
            if object.shape().has_pointers {
                stable.gray.push(object);
            }
        }
        let pacing = self.pool.pacing();
        let (young, old) = due(stable, pacing);
        if young || old || self.room.is_above_soft() {
            self.is_due.set(true);
        }
    }

    /// The barrier: an object is about to be written.
    #[inline]
    pub(crate) fn write(&self, object: Object) {
        // One comparison for what is written again and again, and one more for what is in the nursery.
        let is_passed = if object.has(STABLE_LISTED) {
            self.phase.get() != Phase::Marking
        } else {
            !object.is_stable()
        };
        if !is_passed {
            self.write_stable(object, None);
        }
    }

    /// The barrier: an element of a slice is about to be written.
    #[inline]
    pub(crate) fn write_at(&self, object: Object, index: usize) {
        if object.is_stable() {
            self.write_stable(object, Some(index));
        }
    }

    #[cold]
    #[inline(never)]
    fn write_stable(&self, object: Object, index: Option<usize>) {
        let mut stable = self.stable.borrow_mut();
        let stable = stable.as_mut().expect("a heap with a stable object has a stable space");
        let page = Page::of(object.header());
        let is_marked = self.phase.get() == Phase::Marking && page.is_marked(object.header());
        stable.remembered.note(object, page.is_old());
        match index.filter(|_| page.kind() == Kind::Large) {
            Some(index) => stable.remembered.write_card(object, index, is_marked),
            None if is_marked => {
                // It is looked at once more; until then it counts as not marked, so it is listed once.
                page.unmark(object.header());
                stable.written.push(object);
            }
            None => {}
        }
    }

    /// Takes room for a raw buffer; `None` at the limit.
    #[inline]
    pub(crate) fn take_raw(&self, bytes: usize) -> Option<NonNull<u8>> {
        let taken = self.raw.get_or_init(|| RawHome::new(&self.pool)).take(&self.room, bytes);
        if taken.is_none() {
            self.refuse();
        } else if self.room.is_above_soft() {
            self.is_due.set(true);
        }
        taken
    }

    /// Takes back the raw buffers that were freed since.
    #[inline]
    pub(crate) fn drain_raw(&self) {
        if let Some(raw) = self.raw.get() {
            raw.drain(&self.room, None);
        }
    }

    /// Keeps an object for a handle.
    pub(crate) fn keep(&self, object: Object) -> Handle {
        let mut more = self.more.borrow_mut();
        let roots = &mut more.get_or_insert_default().roots;
        let roots = roots.get_or_insert_with(|| Roots::new(HEAPS.fetch_add(1, Ordering::Relaxed)));
        roots.keep(object)
    }

    /// The number by which its roots know it, if it ever had one.
    #[inline]
    pub(crate) fn number(&self) -> Option<u64> {
        self.more.borrow().as_ref()?.roots.as_ref().map(Roots::heap)
    }

    /// Counts a weak pointer's cell.
    pub(crate) fn note_weak(&self, cell: Object) {
        self.more.borrow_mut().get_or_insert_default().weaks.add(cell);
    }

    /// What objects hold elsewhere has grown by so much: as if it were born in the nursery. Whoever holds it takes it off again.
    pub(crate) fn hold(&self, bytes: u64) -> Arc<AtomicU64> {
        let mut more = self.more.borrow_mut();
        let external = &mut more.get_or_insert_default().external;
        external.held.fetch_add(bytes, Ordering::Relaxed);
        self.look_at(external);
        Arc::clone(&external.held)
    }

    /// Whether so much is held elsewhere that a collection is due.
    pub(crate) fn look_at(&self, external: &External) {
        let grown_bytes = external.bytes().saturating_sub(external.at_minor_bytes);
        if grown_bytes.saturating_add(self.born_bytes()) >= self.pool.pacing().nursery_bytes {
            self.is_due.set(true);
        }
    }

    /// Whether the turn should end soon.
    pub(crate) fn should_yield(&self) -> bool {
        self.is_due.get() || self.room.is_above_soft()
    }
}

impl Space {
    /// Undoes all objects and gives all memory back: the heap is over.
    pub(crate) fn end(&mut self, undoing: &mut Undoing) {
        self.bump.set(core::ptr::null_mut(), 0);
        let nursery = core::mem::take(self.nursery.get_mut());
        for object in nursery.drops {
            // SAFETY: no turn can be, and who is undone here is in no other list: stable ones are in none.
            unsafe { undoing.undo(object) };
        }
        let stable = self.stable.get_mut().take();
        for page in stable.iter().flat_map(|stable| stable.pages()) {
            if page.kind() != Kind::Plain {
                for cell in page.cells(false) {
                    // SAFETY: as above.
                    unsafe { undoing.undo(first_object(cell)) };
                }
            }
        }
        for page in stable.iter().flat_map(|stable| stable.pages()) {
            Stable::give(&self.pool, &self.room, page);
        }
        self.room.leave(nursery.chunks.iter().map(|chunk| chunk.bytes() as u64).sum());
        let poisons = cfg!(debug_assertions) || self.pool.stress().poisons;
        Chunk::give(&self.pool, nursery.chunks, poisons);
        if let Some(raw) = self.raw.take() {
            raw.end(&self.room, &self.pool);
        }
    }

    /// Bytes of the pages of its raw buffers.
    pub(crate) fn raw_bytes(&self) -> u64 {
        self.raw.get().map_or(0, RawHome::page_bytes)
    }

    /// What it has, and has done.
    pub(crate) fn gauges(&self) -> Gauges {
        let mut gauges = Gauges {
            used_bytes: self.room.used_bytes(),
            nursery_bytes: self.nursery.borrow().chunk_bytes() as u64,
            nursery_chunks: self.nursery.borrow().lent_count() as u64,
            born_bytes: self.born_bytes(),
            ..Gauges::default()
        };
        if let Some(stable) = &*self.stable.borrow() {
            let paced = &stable.paced;
            gauges.young_bytes = paced.young_bytes + paced.young_since_bytes;
            gauges.old_bytes = paced.old_bytes;
            gauges.early_old_bytes = paced.early_old_bytes;
            let remembered = &stable.remembered;
            gauges.remembered = (remembered.to_nursery.len() + remembered.to_young.len()) as u64;
            gauges.gray = stable.gray_count() as u64;
        }
        if let Some(raw) = self.raw.get() {
            let raw = raw.gauges();
            gauges.raw_bytes = raw.live_bytes;
            gauges.raw_buffers = raw.live_count;
            gauges.raw_pages = raw.page_count;
        }
        if let Some(more) = &*self.more.borrow() {
            gauges.external_bytes = more.external.bytes();
            gauges.roots = more.roots.as_ref().map_or(0, |roots| roots.count() as u64);
            gauges.weak_pointers = more.weaks.count() as u64;
            more.counts.add_to(&mut gauges);
        }
        gauges
    }
}

/// Whether a stable, and whether a major collection is due for what became young, and old.
pub(crate) fn due(stable: &Stable, pacing: &Pacing) -> (bool, bool) {
    let paced = &stable.paced;
    let young_bytes =
        pacing.young_bytes_min.max(percent_of(paced.young_bytes, pacing.young_percent));
    let settled_bytes = paced.old_bytes.saturating_sub(paced.old_since_bytes);
    let old_bytes = pacing.old_bytes_min.max(percent_of(settled_bytes, pacing.old_percent));
    (paced.young_since_bytes > young_bytes, paced.old_since_bytes > old_bytes)
}

fn percent_of(bytes: u64, percent: u64) -> u64 {
    bytes.saturating_mul(percent) / 100
}
