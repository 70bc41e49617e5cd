//! Raw pages are where the raw buffers of a heap lie: cells without headers, and runs of units for what is longer than any cell.
//!
//! They belong to the heap, and to its last raw buffer when it is gone. Whoever frees a buffer finds their owner by its address.
//!
//! Cost: a buffer is a bit of its page and the zeros; a free is one exchange on the list; a page, and a run, a lock of the pool.
#![expect(
    unsafe_code,
    reason = "its owner is found by address, from any thread; see the invariants"
)]

use core::cell::RefCell;
use core::ptr::NonNull;

use crate::memory::class::{CLASS_COUNT, Class, UNIT_BYTES};
use crate::memory::pool::{Pool, Use};
use crate::memory::region::{Kind, Page};
use crate::memory::room::Room;
use crate::raw::frees::{Freed, RawFrees};

/// The raw pages of a heap, with what its buffers need when they are freed.
///
/// # Invariants
/// 1. Each page names it as its owner, is lent by `pool` for raw use, and is in `pages` until it goes back.
/// 2. `pages` is the heap's alone while that lives, and then of whoever frees the last buffer; others touch `frees` only.
/// 3. It lives until the heap is gone and no buffer is left.
#[derive(Debug)]
struct RawOwner {
    frees: RawFrees,
    pool: Pool,
    pages: RefCell<RawPages>,
}

#[derive(Debug, Default)]
struct RawPages {
    /// All of them, each at its place.
    all: Vec<Page>,
    /// Those with unused cells, by class.
    with_room: [Vec<Page>; CLASS_COUNT],
    /// Buffers that were given out and not taken back, and the bytes of their cells.
    live_count: u64,
    live_bytes: u64,
    /// One bit for each class that may have a page without a used cell.
    empty_classes: u32,
}

const _: () = assert!(CLASS_COUNT <= 32);

/// What of its raw memory a heap is asked for.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct RawGauges {
    pub(crate) live_bytes: u64,
    pub(crate) live_count: u64,
    pub(crate) page_count: u64,
}

/// The heap's hold of its raw pages.
#[derive(Debug)]
pub(crate) struct RawHome(NonNull<RawOwner>);

impl RawHome {
    pub(crate) fn new(pool: &Pool) -> Self {
        let owner = Box::new(RawOwner {
            frees: RawFrees::new(),
            pool: pool.clone(),
            pages: RefCell::default(),
        });
        Self(NonNull::from(Box::leak(owner)))
    }

    fn frees(&self) -> &RawFrees {
        // SAFETY: invariant 3; a reference to this field alone is shared with other threads (invariant 2).
        unsafe { &(*self.0.as_ptr()).frees }
    }

    fn pool(&self) -> &Pool {
        // SAFETY: as above; it is not changed.
        unsafe { &(*self.0.as_ptr()).pool }
    }

    fn pages(&self) -> core::cell::RefMut<'_, RawPages> {
        // SAFETY: invariants 2 and 3: this is the heap.
        unsafe { &(*self.0.as_ptr()).pages }.borrow_mut()
    }

    /// Takes room for so many bytes, of any content, aligned as its class is; `None` at the limit.
    #[inline]
    pub(crate) fn take(&self, room: &Room, bytes: usize) -> Option<NonNull<u8>> {
        let Some(class) = Class::of(bytes, 16) else { return self.take_run(room, bytes) };
        if let Some(cell) = self.pages().take_cell(class) {
            return Some(cell);
        }
        self.take_in_next_page(room, class)
    }

    #[cold]
    fn take_in_next_page(&self, room: &Room, class: Class) -> Option<NonNull<u8>> {
        self.drain(room, Some(class));
        if let Some(cell) = self.pages().take_cell(class) {
            return Some(cell);
        }
        let start = self.lend(room, class.page_units())?;
        let page = Page::begin(start, class, Kind::Raw);
        let mut pages = self.pages();
        self.add(&mut pages, page);
        pages.with_room[class.index()].push(page);
        pages.take_cell(class)
    }

    fn take_run(&self, room: &Room, bytes: usize) -> Option<NonNull<u8>> {
        self.drain(room, None);
        let units = bytes.div_ceil(UNIT_BYTES);
        let start = self.lend(room, units)?;
        let page = Page::begin_run(start, units, Kind::Large);
        page.take_all();
        let mut pages = self.pages();
        self.add(&mut pages, page);
        pages.count(page.bytes());
        Some(start)
    }

    fn lend(&self, room: &Room, units: usize) -> Option<NonNull<u8>> {
        let bytes = units.checked_mul(UNIT_BYTES)? as u64;
        if !room.draw(bytes) {
            return None;
        }
        let start = self.pool().take_units(Use::Raw, units);
        if start.is_none() {
            room.leave(bytes);
        }
        start
    }

    fn add(&self, pages: &mut RawPages, page: Page) {
        page.set_owner(self.0.as_ptr().cast());
        page.set_place(pages.all.len());
        pages.all.push(page);
    }

    /// Takes back what was freed. Pages that nothing is left in go back to the pool, but for one of the class that is wanted.
    pub(crate) fn drain(&self, room: &Room, wanted: Option<Class>) {
        let mut pages = self.pages();
        if self.frees().is_empty() && pages.empty_classes == 0 {
            return;
        }
        let give = |page: Page| {
            room.leave(page.bytes() as u64);
            self.pool().give_units(Use::Raw, page.start(), page.units());
        };
        // SAFETY: this is the heap, and it is there.
        for cell in unsafe { self.frees().take() } {
            if let Some(page) = pages.free(cell) {
                give(page);
            }
        }
        let mut classes = core::mem::take(&mut pages.empty_classes);
        while classes != 0 {
            let index = classes.trailing_zeros() as usize;
            classes &= classes - 1;
            pages.take_empty(index, wanted.is_some_and(|wanted| wanted.index() == index), give);
        }
    }

    /// The heap goes: its pages are free of charge, and go back to the pool when the last buffer of them does.
    pub(crate) fn end(self, room: &Room, pool: &Pool) {
        loop {
            self.drain(room, None);
            let live_count = self.pages().live_count;
            let bytes = self.page_bytes();
            if live_count == 0 {
                debug_assert_eq!(bytes, 0, "a page without a buffer goes back when it is drained");
                // SAFETY: invariant 3: it was leaked by `new`, and nobody has it any more.
                return drop(unsafe { Box::from_raw(self.0.as_ptr()) });
            }
            let units = bytes / UNIT_BYTES as u64;
            pool.orphan_units(units); // before the last buffer can take it back
            if self.frees().orphan(live_count) {
                return room.leave(bytes);
            }
            pool.bury_units(units);
        }
    }

    pub(crate) fn gauges(&self) -> RawGauges {
        let pages = self.pages();
        RawGauges {
            live_bytes: pages.live_bytes,
            live_count: pages.live_count,
            page_count: pages.all.len() as u64,
        }
    }

    /// Bytes of all of its pages.
    pub(crate) fn page_bytes(&self) -> u64 {
        self.pages().all.iter().map(|page| page.bytes() as u64).sum()
    }

    /// # Panics
    /// At the first thing that is not as it must be.
    pub(crate) fn validate(&self) {
        let pages = self.pages();
        let (mut live_count, mut live_bytes) = (0, 0);
        for (place, page) in pages.all.iter().enumerate() {
            assert_eq!(page.place(), place, "a raw page knows its place");
            assert_eq!(page.owner(), self.0.as_ptr().cast(), "a raw page knows its owner");
            let used_count = page.used_count();
            live_count += used_count as u64;
            if page.kind() == Kind::Large {
                live_bytes += page.bytes() as u64;
                continue;
            }
            live_bytes += (used_count * page.class().bytes()) as u64;
            let is_listed = pages.with_room[page.class().index()].contains(page);
            let has_room = used_count < page.class().page_cells();
            assert_eq!(is_listed, has_room, "a raw page with room is listed");
        }
        assert_eq!(live_count, pages.live_count, "each raw buffer is counted once");
        assert_eq!(live_bytes, pages.live_bytes, "and its bytes");
    }
}

impl RawPages {
    #[inline]
    fn take_cell(&mut self, class: Class) -> Option<NonNull<u8>> {
        let with_room = &mut self.with_room[class.index()];
        let (cell, is_last) = with_room.last()?.take_raw()?;
        if is_last {
            with_room.pop();
        }
        self.count(class.bytes());
        Some(cell)
    }

    fn count(&mut self, bytes: usize) {
        self.live_count += 1;
        self.live_bytes += bytes as u64;
    }

    /// Frees a cell, or a run, whose page is to go back.
    fn free(&mut self, cell: NonNull<u8>) -> Option<Page> {
        let page = Page::of(cell);
        self.live_count -= 1;
        if page.kind() == Kind::Large {
            self.live_bytes -= page.bytes() as u64;
            self.remove(page);
            return Some(page);
        }
        let class = page.class();
        self.live_bytes -= class.bytes() as u64;
        let used_count = page.free_raw(cell);
        if used_count == class.page_cells() {
            self.with_room[class.index()].push(page);
        }
        if used_count == 1 {
            self.empty_classes |= 1 << class.index();
        }
        None
    }

    /// Takes out the pages of a class that nothing is in; one of them may stay.
    fn take_empty(&mut self, class_index: usize, mut keeps_one: bool, give: impl Fn(Page)) {
        let mut with_room = core::mem::take(&mut self.with_room[class_index]);
        with_room.retain(|page| {
            if page.used_count() > 0 {
                return true;
            }
            if core::mem::take(&mut keeps_one) {
                self.empty_classes |= 1 << class_index;
                return true;
            }
            self.remove(*page);
            give(*page);
            false
        });
        self.with_room[class_index] = with_room;
    }

    fn remove(&mut self, page: Page) {
        let place = page.place();
        self.all.swap_remove(place);
        if let Some(moved) = self.all.get(place) {
            moved.set_place(place);
        }
    }
}

/// Frees a raw buffer, on any thread.
///
/// # Safety
/// It was given out by [`RawHome::take`], and is not used after this.
pub(crate) unsafe fn free_raw(start: NonNull<u8>) {
    let owner = NonNull::new(Page::of(start).owner()).expect("a raw page names its owner");
    let owner = owner.cast::<RawOwner>().as_ptr();
    // SAFETY: invariants 1 and 3: the buffer is out until the call; only `frees` is borrowed (invariant 2).
    let frees = unsafe { &(*owner).frees };
    // SAFETY: passed on to the caller.
    if unsafe { frees.free(start) } == Freed::Last {
        // SAFETY: invariant 3: the heap is gone, and this was the last; it was leaked by `new`.
        let owner = unsafe { Box::from_raw(owner) };
        let RawOwner { pool, pages, .. } = *owner;
        let mut units = 0;
        for page in pages.into_inner().all {
            units += page.units() as u64;
            pool.give_units(Use::Raw, page.start(), page.units());
        }
        pool.bury_units(units);
    }
}
