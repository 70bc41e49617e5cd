//! The stable space is where objects never move: in cells of heap pages, each of one class and one kind, or in runs of their own.
//!
//! A page is young until it has survived as many stable collections as the pacing says; then it is relabelled old, and nothing is
//! copied. What becomes stable goes to pages that have survived none, so nothing grows old early, unless the old pages are so full of
//! holes that those are filled: what is put there is old at once.
#![expect(unsafe_code, reason = "writes the zeros before a header, and finds headers behind them")]

use core::ptr::NonNull;
use std::collections::BTreeMap;

use crate::memory::class::{CLASS_COUNT, Class, UNIT_BYTES};
use crate::memory::pool::{Pool, Use};
use crate::memory::region::{Kind, Page};
use crate::memory::room::Room;
use crate::objects::object::Object;
use crate::objects::shape::Shape;
use crate::spaces::remember::Remembered;

/// Where an object is to be put.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cell {
    pub(crate) header: NonNull<u8>,
    pub(crate) page: Page,
}

/// The pages of a heap that objects lie in.
#[derive(Debug, Default)]
pub(crate) struct Stable {
    pub(crate) young: Vec<Page>,
    pub(crate) old: Vec<Page>,
    /// The pages that are being filled, by kind and class.
    open: Box<Open>,
    /// Old pages with unused cells, where those are to be filled, by kind and class.
    holes: BTreeMap<(usize, usize), Vec<Page>>,
    pub(crate) remembered: Remembered,
    /// Marked, and still to be looked at.
    pub(crate) gray: Vec<Object>,
    /// Written after they were looked at, and not marked until they are again.
    pub(crate) written: Vec<Object>,
    /// Of long slices, from which element on.
    pub(crate) gray_parts: Vec<(Object, usize)>,
    /// How many of those that may point to young objects a major has still to look at, whether they are alive: before it sweeps.
    pub(crate) filter_left: usize,
    /// How many young, and old, pages a major has still to sweep: those further on are.
    pub(crate) sweep_left: (usize, usize),
    /// How often the marking of a major was to be ended, and was not.
    pub(crate) endings: u32,
    pub(crate) paced: Paced,
}

/// The bytes of cells that pacing looks at.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Paced {
    /// In young pages: alive at the last stable collection, and taken since.
    pub(crate) young_bytes: u64,
    pub(crate) young_since_bytes: u64,
    /// In old pages: alive at the last major, or relabelled since; and only the latter.
    pub(crate) old_bytes: u64,
    pub(crate) old_since_bytes: u64,
    /// Became stable since the last slice of a major.
    pub(crate) since_slice_bytes: u64,
    /// In unused cells of old pages.
    pub(crate) hole_bytes: u64,
    /// Went to old pages at once.
    pub(crate) early_old_bytes: u64,
}

#[derive(Debug)]
struct Open([[Option<Filling>; CLASS_COUNT]; 2]);

/// A page that is being filled: a young one from its first cell to its last, an old one where its holes are.
///
/// # Invariants
/// 1. The last `left_count` cells of a young page, from `next` on, are not used.
#[derive(Clone, Copy, Debug)]
struct Filling {
    page: Page,
    next: NonNull<u8>,
    left_count: usize,
}

impl Default for Open {
    fn default() -> Self {
        Self([[None; CLASS_COUNT]; 2])
    }
}

impl Stable {
    /// Takes a place for an object, and writes the zeros before its header.
    pub(crate) fn take(
        &mut self,
        pool: &Pool,
        room: &Room,
        shape: &Shape,
        count: usize,
    ) -> Option<Cell> {
        let lead_bytes = shape.lead_bytes();
        let class = shape
            .class()
            .or_else(|| Class::of(lead_bytes + shape.object_bytes(count), shape.align()));
        let (cell, page) = if let Some(class) = class {
            self.paced.since_slice_bytes += class.bytes() as u64;
            self.take_cell(pool, room, class, shape.needs_drop())?
        } else {
            let bytes = lead_bytes + shape.object_bytes(count);
            self.paced.since_slice_bytes += bytes as u64;
            self.take_run(pool, room, bytes)?
        };
        if lead_bytes > 0 {
            // SAFETY: the cell was taken for it, and is longer.
            unsafe { cell.write_bytes(0, lead_bytes) };
        }
        // SAFETY: as above.
        let header = unsafe { cell.add(lead_bytes) };
        Some(Cell { header, page })
    }

    #[inline]
    fn take_cell(
        &mut self,
        pool: &Pool,
        room: &Room,
        class: Class,
        is_dropping: bool,
    ) -> Option<(NonNull<u8>, Page)> {
        let kind = usize::from(is_dropping);
        loop {
            if let Some(filling) = &mut self.open.0[kind][class.index()] {
                let page = filling.page;
                if filling.left_count > 0 {
                    let cell = filling.next;
                    page.use_cell(class.page_cells() - filling.left_count);
                    filling.left_count -= 1;
                    // SAFETY: invariant 1: the cell ends in its page.
                    filling.next = unsafe { cell.add(class.bytes()) };
                    self.paced.young_since_bytes += class.bytes() as u64;
                    return Some((cell, page));
                }
                if page.is_old()
                    && let Some(cell) = page.take_cell()
                {
                    self.paced.hole_bytes -= class.bytes() as u64;
                    self.count_old(class.bytes());
                    self.paced.early_old_bytes += class.bytes() as u64;
                    return Some((cell, page));
                }
            }
            let hole = self.holes.get_mut(&(kind, class.index())).and_then(Vec::pop);
            let filling = match hole {
                Some(page) => Filling { page, next: page.start(), left_count: 0 },
                None => {
                    let page = self.add_page(pool, room, class, is_dropping)?;
                    Filling { page, next: page.start(), left_count: class.page_cells() }
                }
            };
            self.open.0[kind][class.index()] = Some(filling);
        }
    }

    fn add_page(
        &mut self,
        pool: &Pool,
        room: &Room,
        class: Class,
        is_dropping: bool,
    ) -> Option<Page> {
        let units = class.page_units();
        let start = lend(pool, room, units)?;
        let kind = if is_dropping { Kind::Dropping } else { Kind::Plain };
        let page = Page::begin(start, class, kind);
        push(&mut self.young, page);
        Some(page)
    }

    fn take_run(&mut self, pool: &Pool, room: &Room, bytes: usize) -> Option<(NonNull<u8>, Page)> {
        let units = bytes.div_ceil(UNIT_BYTES);
        let start = lend(pool, room, units)?;
        let page = Page::begin_run(start, units, Kind::Large);
        page.take_all();
        push(&mut self.young, page);
        self.paced.young_since_bytes += page.bytes() as u64;
        Some((start, page))
    }

    fn count_old(&mut self, bytes: usize) {
        self.paced.old_bytes += bytes as u64;
        self.paced.old_since_bytes += bytes as u64;
    }

    /// Nothing more is put into the pages that were being filled: a collection looks at them.
    pub(crate) fn close_pages(&mut self) {
        *self.open = Open::default();
        self.holes.clear();
    }

    /// Nothing more is put into the young pages that were being filled. Old ones with holes go on: only a major looks at those.
    pub(crate) fn close_young_pages(&mut self) {
        for open in self.open.0.as_flattened_mut() {
            *open = open.filter(|filling| filling.page.is_old());
        }
    }

    /// What of a page is used counts as old from here on.
    pub(crate) fn relabel(&mut self, page: Page, used_bytes: u64) {
        page.set_old();
        self.paced.old_bytes += used_bytes;
        self.paced.old_since_bytes += used_bytes;
        push(&mut self.old, page);
    }

    /// An old page has unused cells, which may be filled.
    pub(crate) fn add_hole(&mut self, page: Page) {
        let kind = usize::from(page.kind() == Kind::Dropping);
        self.holes.entry((kind, page.class().index())).or_default().push(page);
    }

    /// Whether the unused cells of old pages are to be filled, being more than so many percent of what is old.
    pub(crate) fn fills_holes(&self, hole_percent: u64) -> bool {
        self.paced.hole_bytes * 100 > self.paced.old_bytes.saturating_mul(hole_percent)
    }

    /// No holes are filled any more.
    pub(crate) fn forget_holes(&mut self) {
        self.holes.clear();
    }

    /// Gives a page back that nothing is in, and that is in no list.
    pub(crate) fn give(pool: &Pool, room: &Room, page: Page) {
        room.leave(page.bytes() as u64);
        pool.give_units(Use::Typed, page.start(), page.units());
    }

    /// How much that is marked is still to be looked at.
    pub(crate) fn gray_count(&self) -> usize {
        let lists = self.gray.len() + self.gray_parts.len() + self.written.len();
        lists + self.remembered.gray_card_count()
    }

    /// Whether all that is marked was looked at.
    pub(crate) fn is_black(&self) -> bool {
        self.gray_count() == 0
    }

    /// All pages.
    pub(crate) fn pages(&self) -> impl Iterator<Item = Page> {
        self.young.iter().chain(&self.old).copied()
    }
}

fn lend(pool: &Pool, room: &Room, units: usize) -> Option<NonNull<u8>> {
    let bytes = (units * UNIT_BYTES) as u64;
    if !room.draw(bytes) {
        return None;
    }
    let start = pool.take_units(Use::Typed, units);
    if start.is_none() {
        room.leave(bytes);
    }
    start
}

fn push(list: &mut Vec<Page>, page: Page) {
    page.set_place(list.len());
    list.push(page);
}

/// Takes a page out of its list.
pub(crate) fn remove(list: &mut Vec<Page>, place: usize) -> Page {
    let page = list.swap_remove(place);
    if let Some(moved) = list.get(place) {
        moved.set_place(place);
    }
    page
}

/// How many bytes of a page its objects take: cells, or all of it.
pub(crate) fn used_bytes(page: Page) -> u64 {
    if page.kind() == Kind::Large {
        return page.bytes() as u64;
    }
    (page.used_count() * page.class().bytes()) as u64
}

/// The object in a cell that is used: words before its header are zero.
pub(crate) fn first_object(cell: NonNull<u8>) -> Object {
    let mut word = cell;
    // SAFETY: a used cell has an object in it, whose header is not zero; so the search ends before the cell does.
    while unsafe { word.cast::<usize>().read() } == 0 {
        // SAFETY: as above.
        word = unsafe { word.add(8) };
    }
    Object::at(word)
}
