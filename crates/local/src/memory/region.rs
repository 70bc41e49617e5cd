//! A region is a megabyte whose first units say what stands in each of the others.
//!
//! ```text
//! region 1 MiB, aligned   [ 256 page heads of 96 B = 24 KiB ][ heap pages of 1 or 4 units, runs of as many as are needed ]
//! head     cells in use 32 | marked 32 | class kind label lead | run | place in its heap's list | owner
//! ```
//!
//! So an object's page is found from its address, and its cell by arithmetic. What is longer than a region begins in one, behind
//! a head, and goes on behind it.
#![expect(unsafe_code, reason = "finds page heads by address; see the invariants of `Page`")]

use core::cell::Cell;
use core::mem::offset_of;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU64, Ordering};

use crate::memory::class::{Class, UNIT_BYTES};

/// How long a region is.
pub(crate) const REGION_BYTES: usize = 1 << 20;
/// How many units a region has.
pub(crate) const REGION_UNITS: usize = REGION_BYTES / UNIT_BYTES;
/// How many of them the heads take.
pub(crate) const HEAD_UNITS: usize = REGION_UNITS * size_of::<Head>() / UNIT_BYTES;

/// How many units pages of cells have at most.
const CELL_PAGE_UNITS_MAX: usize = 4;

/// The label of a page that is not collected but by a major.
const OLD: u8 = u8::MAX;

/// What stands in a page.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub(crate) enum Kind {
    /// Objects without a destructor, in cells.
    Plain,
    /// Objects with one, in cells.
    Dropping,
    /// One object, or one raw buffer.
    Large,
    /// Raw buffers, in cells.
    Raw,
}

/// What is known of a page.
#[repr(C, align(32))]
struct Head {
    used: [Cell<u64>; 4],
    marked: [Cell<u64>; 4],
    class: Cell<u8>,
    kind: Cell<Kind>,
    /// How many stable collections it has survived, or [`OLD`].
    label: Cell<u8>,
    /// How many units before this one its page begins.
    lead_units: Cell<u8>,
    /// How many units it has.
    units: Cell<u32>,
    /// Its place in a list of its heap.
    place: Cell<u32>,
    /// Of raw pages: how many cells are used.
    used_count: Cell<u32>,
    /// Of raw pages: who takes back what is freed in it.
    owner: Cell<*mut u8>,
}

const _: () = assert!(size_of::<Head>() == 96);
const _: () = assert!(HEAD_UNITS * UNIT_BYTES == REGION_UNITS * size_of::<Head>());

/// A heap page, by the address of its head.
///
/// # Invariants
/// 1. The head lies in a region that its pool has not taken back, at its place there, and is initialised.
/// 2. The page is lent to one heap, which alone touches the head, from one thread at a time; only `owner` and `lead_units` of a
///    raw page are read by others too, and do not change while a raw buffer of it lives.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Page(NonNull<u8>);

/// Which units of a region are of old pages. They stand where the head of its first unit would, which is no page's; heaps of several
/// threads may have pages of a region, so they are atomic.
#[inline]
fn old_bits<'a>(address: NonNull<u8>) -> &'a [AtomicU64; 4] {
    let region = address.as_ptr().map_addr(|address| address & !(REGION_BYTES - 1));
    let region = NonNull::new(region).expect("no region is at zero");
    // SAFETY: invariant 1 of `Page`, whose address this is or lies in: the region begins with initialised heads, and nothing else is
    // made of the first.
    unsafe { region.cast::<[AtomicU64; 4]>().as_ref() }
}

impl Page {
    /// Initialises all heads of a region.
    ///
    /// # Safety
    /// From `region` on there is a region's memory, aligned to its length and nobody else's.
    pub(crate) unsafe fn clear_heads(region: NonNull<u8>) {
        // SAFETY: promised by the caller; zero is a value of all fields of a head.
        unsafe { region.write_bytes(0, HEAD_UNITS * UNIT_BYTES) };
    }

    /// The page of an address in its first region.
    #[inline]
    pub(crate) fn of(address: NonNull<u8>) -> Self {
        let unit = address.addr().get() % REGION_BYTES / UNIT_BYTES;
        let head = Self::head_at(address, unit);
        let lead_units = Self(head).head().lead_units.get();
        Self(Self::head_at(address, unit - usize::from(lead_units)))
    }

    #[inline]
    fn head_at(address: NonNull<u8>, unit: usize) -> NonNull<u8> {
        let offset = unit * size_of::<Head>();
        let head = address.as_ptr().map_addr(|address| (address & !(REGION_BYTES - 1)) + offset);
        NonNull::new(head).expect("no region is at zero")
    }

    #[inline]
    fn head(&self) -> &Head {
        // SAFETY: invariants 1 and 2; all that changes is in cells.
        unsafe { self.0.cast::<Head>().as_ref() }
    }

    /// Makes `units` from an address on a page of cells, none used.
    pub(crate) fn begin(start: NonNull<u8>, class: Class, kind: Kind) -> Self {
        let units = class.page_units();
        let page = Self::begin_run(start, units, kind);
        page.head().class.set(u8::try_from(class.index()).expect("there are few classes"));
        let unit = start.addr().get() % REGION_BYTES / UNIT_BYTES;
        for lead in 0..units {
            let other = Self(Self::head_at(start, unit + lead));
            other.head().lead_units.set(u8::try_from(lead).expect("pages of cells are short"));
        }
        page
    }

    /// Makes `units` from an address on a page without cells.
    pub(crate) fn begin_run(start: NonNull<u8>, units: usize, kind: Kind) -> Self {
        let unit = start.addr().get() % REGION_BYTES / UNIT_BYTES;
        let page = Self(Self::head_at(start, unit));
        let head = page.head();
        for word in head.used.iter().chain(&head.marked) {
            word.set(0);
        }
        head.kind.set(kind);
        head.label.set(0);
        head.lead_units.set(0);
        head.units.set(u32::try_from(units).expect("a page is shorter than 16 TiB"));
        head.place.set(0);
        head.used_count.set(0);
        head.owner.set(core::ptr::null_mut());
        page.note_old(false);
        page
    }

    /// Its first byte.
    #[inline]
    pub(crate) fn start(self) -> NonNull<u8> {
        let unit = self.0.addr().get() % REGION_BYTES / size_of::<Head>();
        let start =
            self.0.as_ptr().map_addr(|address| (address & !(REGION_BYTES - 1)) + unit * UNIT_BYTES);
        NonNull::new(start).expect("no region is at zero")
    }

    #[inline]
    pub(crate) fn class(self) -> Class {
        Class::at(usize::from(self.head().class.get())).expect("a page of cells has a class")
    }

    #[inline]
    pub(crate) fn kind(self) -> Kind {
        self.head().kind.get()
    }

    #[inline]
    pub(crate) fn units(self) -> usize {
        self.head().units.get() as usize
    }

    #[inline]
    pub(crate) fn bytes(self) -> usize {
        self.units() * UNIT_BYTES
    }

    #[inline]
    pub(crate) fn is_old(self) -> bool {
        self.head().label.get() == OLD
    }

    pub(crate) fn set_old(self) {
        self.head().label.set(OLD);
        self.note_old(true);
    }

    /// Whether the page of an object's header is old, by a bit of its region: those of many pages are in one cache line, their heads in
    /// as many.
    #[inline]
    pub(crate) fn is_old_at(header: NonNull<u8>) -> bool {
        let unit = header.addr().get() % REGION_BYTES / UNIT_BYTES;
        old_bits(header)[unit / 64].load(Ordering::Relaxed) & 1 << (unit % 64) != 0
    }

    /// Sets or clears the bits of the units that headers may be in.
    fn note_old(self, is_old: bool) {
        let unit = self.start().addr().get() % REGION_BYTES / UNIT_BYTES;
        for unit in unit..unit + self.units().min(CELL_PAGE_UNITS_MAX) {
            let (word, bit) = (&old_bits(self.0)[unit / 64], 1 << (unit % 64));
            if is_old {
                word.fetch_or(bit, Ordering::Relaxed);
            } else {
                word.fetch_and(!bit, Ordering::Relaxed);
            }
        }
    }

    /// Counts a collection that it survived; how many those are.
    pub(crate) fn grow_older(self) -> u8 {
        let label = self.head().label.get();
        debug_assert!(label != OLD, "an old page grows no older");
        self.head().label.set(label + 1);
        label + 1
    }

    pub(crate) fn place(self) -> usize {
        self.head().place.get() as usize
    }

    pub(crate) fn set_place(self, place: usize) {
        self.head().place.set(u32::try_from(place).expect("a heap has fewer than 2^32 pages"));
    }

    /// Of a raw page: who takes back what is freed in it.
    #[inline]
    pub(crate) fn owner(self) -> *mut u8 {
        let owner = offset_of!(Head, owner);
        // SAFETY: invariant 1: the field lies in the head.
        let owner = unsafe { self.0.add(owner) };
        // SAFETY: invariants 1 and 2: it does not change while others read it. No reference to the rest is made.
        unsafe { owner.cast::<*mut u8>().read() }
    }

    pub(crate) fn set_owner(self, owner: *mut u8) {
        self.head().owner.set(owner);
    }

    /// Which cell an address lies in.
    #[inline]
    fn cell_of(self, address: NonNull<u8>) -> usize {
        if self.kind() == Kind::Large {
            return 0;
        }
        self.class().cell_of(address.addr().get() - self.start().addr().get())
    }

    /// The first byte of a cell.
    #[inline]
    pub(crate) fn cell(self, index: usize) -> NonNull<u8> {
        // SAFETY: invariant 1: cells of the page lie in it.
        unsafe { self.start().add(index * self.class().bytes()) }
    }

    /// Takes a cell that is not used, if there is one.
    #[inline]
    pub(crate) fn take_cell(self) -> Option<NonNull<u8>> {
        let cells = self.class().page_cells();
        for (index, word) in self.head().used.iter().enumerate() {
            let used = word.get();
            let free = used.trailing_ones() as usize;
            let cell = index * 64 + free;
            if cell >= cells {
                return None;
            }
            if free < 64 {
                word.set(used | 1 << free);
                return Some(self.cell(cell));
            }
        }
        None
    }

    /// Takes the cell with this number.
    #[inline]
    pub(crate) fn use_cell(self, index: usize) {
        let word = &self.head().used[index / 64];
        word.set(word.get() | 1 << (index % 64));
    }

    /// How many cells are used.
    pub(crate) fn used_count(self) -> usize {
        self.head().used.iter().map(|word| word.get().count_ones() as usize).sum()
    }

    /// As [`Self::take_cell`], of a raw page; and whether it was the last that was not used.
    #[inline]
    pub(crate) fn take_raw(self) -> Option<(NonNull<u8>, bool)> {
        let cell = self.take_cell()?;
        let used_count = self.head().used_count.get() + 1;
        self.head().used_count.set(used_count);
        Some((cell, used_count as usize == self.class().page_cells()))
    }

    /// Frees a cell of a raw page, by its address; how many were used before.
    #[inline]
    pub(crate) fn free_raw(self, address: NonNull<u8>) -> usize {
        let cell = self.cell_of(address);
        let word = &self.head().used[cell / 64];
        let (used, bit) = (word.get(), 1 << (cell % 64));
        assert!(used & bit != 0, "a raw buffer is freed once");
        word.set(used & !bit);
        let used_count = self.head().used_count.get();
        self.head().used_count.set(used_count - 1);
        used_count as usize
    }

    /// Takes all of a page that has no cells.
    pub(crate) fn take_all(self) {
        self.head().used[0].set(1);
        self.head().used_count.set(1);
    }

    #[inline]
    pub(crate) fn is_marked(self, address: NonNull<u8>) -> bool {
        let cell = self.cell_of(address);
        self.head().marked[cell / 64].get() & 1 << (cell % 64) != 0
    }

    /// Marks the cell of an address; false if it was marked.
    #[inline]
    pub(crate) fn mark(self, address: NonNull<u8>) -> bool {
        let cell = self.cell_of(address);
        let word = &self.head().marked[cell / 64];
        let (before, bit) = (word.get(), 1 << (cell % 64));
        word.set(before | bit);
        before & bit == 0
    }

    pub(crate) fn unmark(self, address: NonNull<u8>) {
        let cell = self.cell_of(address);
        let word = &self.head().marked[cell / 64];
        word.set(word.get() & !(1 << (cell % 64)));
    }

    /// Keeps of the used cells those that are marked, and clears the marks; how many are used then.
    pub(crate) fn keep_marked(self) -> usize {
        let mut kept = 0;
        for (used, marked) in self.head().used.iter().zip(&self.head().marked) {
            let both = used.get() & marked.replace(0);
            used.set(both);
            kept += both.count_ones() as usize;
        }
        kept
    }

    /// The cells that are used and, if asked so, not marked.
    pub(crate) fn cells(self, only_unmarked: bool) -> impl Iterator<Item = NonNull<u8>> {
        let words: [u64; 4] = core::array::from_fn(|index| {
            let unmarked = if only_unmarked { !self.head().marked[index].get() } else { u64::MAX };
            self.head().used[index].get() & unmarked
        });
        words.into_iter().enumerate().flat_map(move |(index, word)| {
            let bits = core::iter::successors(Some(word), |word| Some(word & word.wrapping_sub(1)));
            bits.take_while(|word| *word != 0).map(move |word| {
                let cell = index * 64 + word.trailing_zeros() as usize;
                if self.kind() == Kind::Large { self.start() } else { self.cell(cell) }
            })
        })
    }
}
