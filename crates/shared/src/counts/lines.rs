//! A line is 64 B of bookkeeping that lies outside the data; its place stays a line for as long as the heap lives.
//!
//! ```text
//! pair 128 = line 0 block | line 1 home
//! block  64 = state 8 | owner 8 | base 8 | capacity 4 | chunk 4 | next 4 | index 4 | weak 4 | shelf's links 8 | tag 4 | born 4
//!           | class 1 | arena 1 | used 1 | split 1
//! home   64 = the first account's grant: no look-up and no table for it | who lent the block, if it is lent
//! ```
//! `weak` says how many know the lines: each weak reference, each line of a further grant that stands in a table, one for
//! all grants together, one for the bytes while they are on no free list. At zero, and not before, the lines can be of
//! another block: so no reference ever sees another life, and no generation is needed.
//!
//! Every field is an atomic that is read and written Relaxed, so that no access needs `unsafe`: a field changes only
//! while its block is free and under its arena's lock, and handles are made after that.
#![expect(
    unsafe_code,
    reason = "lends out places of a table whose memory it reserved; all of it is in `raw` below"
)]

use core::ptr::NonNull;

use crate::counts::grant::Grant;
use crate::counts::state::State;
use crate::memory::class::Class;
use crate::sync::{AtomicBool, AtomicPtr, AtomicU8, AtomicU32, Ordering};

/// The index of a pair in the heap's side table. Zero is never given out: it stands for "none" in every list.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct PairIndex(pub(crate) u32);

impl PairIndex {
    /// The end of a list.
    pub(crate) const NONE: Self = Self(0);

    /// The index, unless it is the end of a list.
    pub(crate) fn some(self) -> Option<Self> {
        (self != Self::NONE).then_some(self)
    }
}

/// The class number of a run, and of a block whose bytes are lent.
const RUN: u8 = u8::MAX;
const LENT: u8 = u8::MAX - 1;

/// The lines of one block.
#[derive(Debug)]
#[repr(C, align(128))]
pub(crate) struct Pair {
    pub(crate) block: Block,
    pub(crate) home: Grant<Block>,
}

/// Line 0: what the heap knows of a block.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Block {
    pub(crate) state: State,
    owner: AtomicPtr<()>,
    base: AtomicPtr<u8>,
    capacity_bytes: AtomicU32,
    chunk: AtomicU32,
    next: AtomicU32,
    index: AtomicU32,
    weak: AtomicU32,
    /// The neighbours on the shelf; for who has its lock.
    pub(crate) older: AtomicU32,
    pub(crate) newer: AtomicU32,
    tag: AtomicU32,
    born_s: AtomicU32,
    class: AtomicU8,
    arena: AtomicU8,
    /// Whether it was upgraded since the shelf's hand came by.
    is_used: AtomicBool,
    /// Whether a range of it was frozen while the rest was not.
    is_split: AtomicBool,
}

/// How many know the lines of a block that has just begun: its grants, and its bytes.
const WEAK_AT_BIRTH: u32 = 2;

/// Where a block lies: which arena counts it, and from which chunk or which slab it was cut.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Place {
    pub(crate) base: NonNull<u8>,
    pub(crate) capacity_bytes: u32,
    pub(crate) arena: u8,
    pub(crate) cut: Cut,
}

/// What a block was cut from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Cut {
    /// A chunk of blocks of this class, by its number in the arena.
    Chunk { class: Class, chunk: u32 },
    /// Whole slabs from this one on.
    Run { first_slab: u32 },
    /// Nothing of the heap's: the bytes are lent.
    Lent,
}

impl Pair {
    /// The lines of no block yet. `owner` is the heap, opaque here: `heap` is the file above that knows it.
    pub(crate) fn unplaced(index: PairIndex, owner: *mut ()) -> Self {
        let block = Block {
            state: State::free(),
            owner: AtomicPtr::new(owner),
            base: AtomicPtr::new(core::ptr::null_mut()),
            capacity_bytes: AtomicU32::new(0),
            chunk: AtomicU32::new(0),
            next: AtomicU32::new(0),
            index: AtomicU32::new(index.0),
            weak: AtomicU32::new(0),
            older: AtomicU32::new(0),
            newer: AtomicU32::new(0),
            tag: AtomicU32::new(0),
            born_s: AtomicU32::new(0),
            class: AtomicU8::new(RUN),
            arena: AtomicU8::new(0),
            is_used: AtomicBool::new(false),
            is_split: AtomicBool::new(false),
        };
        Self { block, home: Grant::unbound() }
    }

    /// Says where the block of these lines is. Under the arena's lock, before the block's first life there.
    pub(crate) fn place(&self, place: Place) {
        let block = &self.block;
        let (class, chunk) = match place.cut {
            Cut::Chunk { class, chunk } => (class.number(), chunk),
            Cut::Run { first_slab } => (RUN, first_slab),
            Cut::Lent => (LENT, 0),
        };
        block.base.store(place.base.as_ptr(), Ordering::Relaxed);
        block.capacity_bytes.store(place.capacity_bytes, Ordering::Relaxed);
        block.chunk.store(chunk, Ordering::Relaxed);
        block.class.store(class, Ordering::Relaxed);
        block.arena.store(place.arena, Ordering::Relaxed);
        self.home.bind(NonNull::from(block), place.base, place.capacity_bytes);
    }
}

impl Block {
    pub(crate) fn index(&self) -> PairIndex {
        PairIndex(self.index.load(Ordering::Relaxed))
    }

    pub(crate) fn owner(&self) -> *mut () {
        self.owner.load(Ordering::Relaxed)
    }

    pub(crate) fn base(&self) -> *mut u8 {
        self.base.load(Ordering::Relaxed)
    }

    pub(crate) fn capacity_bytes(&self) -> u32 {
        self.capacity_bytes.load(Ordering::Relaxed)
    }

    pub(crate) fn arena(&self) -> u8 {
        self.arena.load(Ordering::Relaxed)
    }

    /// Where its bytes lie.
    pub(crate) fn place(&self) -> Place {
        let base = NonNull::new(self.base()).expect("the bytes are still with their lines");
        let (capacity_bytes, arena) = (self.capacity_bytes(), self.arena());
        Place { base, capacity_bytes, arena, cut: self.cut() }
    }

    pub(crate) fn cut(&self) -> Cut {
        let chunk = self.chunk.load(Ordering::Relaxed);
        match self.class.load(Ordering::Relaxed) {
            RUN => Cut::Run { first_slab: chunk },
            LENT => Cut::Lent,
            number => Cut::Chunk { class: Class::numbered(number), chunk },
        }
    }

    /// Whether its bytes are lent, or were in the last life of its lines.
    #[inline]
    pub(crate) fn is_lent(&self) -> bool {
        self.class.load(Ordering::Relaxed) == LENT
    }

    /// Begins a life; for the arena that just took the block.
    pub(crate) fn begin(&self, tag: u32, born_s: u32) {
        self.make_new(tag, born_s);
        self.state.begin();
    }

    /// Begins the life of a block whose bytes are lent; for the arena that just took the lines.
    pub(crate) fn begin_lent(&self, tag: u32, born_s: u32) {
        self.make_new(tag, born_s);
        self.state.begin_lent();
    }

    fn make_new(&self, tag: u32, born_s: u32) {
        self.weak.store(WEAK_AT_BIRTH, Ordering::Relaxed);
        self.tag.store(tag, Ordering::Relaxed);
        self.born_s.store(born_s, Ordering::Relaxed);
        self.is_split.store(false, Ordering::Relaxed);
        self.is_used.store(false, Ordering::Relaxed);
    }

    /// What it was allocated for, and when, by the heap's clock.
    pub(crate) fn tag_and_birth(&self) -> (u32, u32) {
        (self.tag.load(Ordering::Relaxed), self.born_s.load(Ordering::Relaxed))
    }

    /// Whoever has a handle or a reference lets one more know the lines.
    pub(crate) fn add_weak(&self) {
        self.state.know(); // first, so that nobody is alone with what is known
        let before = self.weak.fetch_add(1, Ordering::Relaxed);
        if before > u32::MAX / 2 {
            self.weak.fetch_sub(1, Ordering::Relaxed);
            panic!("more than 2^31 weak references to one block: they are being leaked");
        }
    }

    /// One that knew the lines does no more, unless it is the last: false then, and nothing is done.
    pub(crate) fn drop_weak_but_last(&self) -> bool {
        let mut seen = self.weak.load(Ordering::Relaxed);
        while seen > 1 {
            // Release: what it did with the lines comes before their next life.
            match self.weak.compare_exchange_weak(
                seen,
                seen - 1,
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => return true,
                Err(now) => seen = now,
            }
        }
        false
    }

    /// One that knew the lines does no more; true if it was the last.
    pub(crate) fn drop_weak(&self) -> bool {
        self.weak.fetch_sub(1, Ordering::AcqRel) == 1
    }

    /// The last grant has gone and the caller frees the bytes: only these know the lines from now on, and references.
    pub(crate) fn drop_weak_of_grants(&self) {
        // Both are the caller's, and where there are no more nobody else can come to the lines.
        if self.weak.load(Ordering::Acquire) == WEAK_AT_BIRTH {
            self.weak.store(1, Ordering::Relaxed);
        } else {
            let is_last = self.drop_weak();
            debug_assert!(!is_last, "the bytes know their lines");
        }
    }

    /// Whether nobody but the bytes knows the lines any more.
    pub(crate) fn is_forgotten(&self) -> bool {
        self.weak.load(Ordering::Acquire) == 1
    }

    /// Whether nobody but the caller can come to the block, who found to have its only handle, in its home.
    pub(crate) fn is_private(&self) -> bool {
        self.state.is_private()
    }

    /// Ends a life that nobody can look at: only the bytes know the lines.
    pub(crate) fn end_private(&self) {
        debug_assert_eq!(self.weak.load(Ordering::Relaxed), WEAK_AT_BIRTH, "nobody else knows");
        self.state.end_private();
        self.weak.store(1, Ordering::Relaxed);
    }

    /// The bytes have other lines now.
    pub(crate) fn displace(&self) {
        self.base.store(core::ptr::null_mut(), Ordering::Relaxed);
    }

    /// Marks it as upgraded; written only where that is new.
    pub(crate) fn mark_used(&self) {
        if !self.is_used.load(Ordering::Relaxed) {
            self.is_used.store(true, Ordering::Relaxed);
        }
    }

    /// Whether it was marked since the hand came by.
    pub(crate) fn is_used(&self) -> bool {
        self.is_used.load(Ordering::Relaxed)
    }

    /// Whether it was marked since the last time.
    pub(crate) fn take_used(&self) -> bool {
        let is_used = self.is_used.load(Ordering::Relaxed);
        self.is_used.store(false, Ordering::Relaxed);
        is_used
    }

    /// Says that a range was frozen and the rest was not.
    pub(crate) fn split(&self) {
        self.is_split.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_split(&self) -> bool {
        self.is_split.load(Ordering::Relaxed)
    }

    /// Ends with its heap. Loom fails where another thread may still use it, or did in a way that is not ordered before.
    #[cfg(all(test, loom))]
    pub(crate) fn end(&mut self) {
        self.state.end();
        self.weak.with_mut(|_| ());
        self.base.with_mut(|_| ());
        self.capacity_bytes.with_mut(|_| ());
        self.owner.with_mut(|_| ());
    }

    /// Counts references that nobody has, or takes them away.
    #[cfg(all(test, not(loom)))]
    pub(crate) fn leak_weak(&self, count: i32) {
        self.weak.fetch_add(count.cast_unsigned(), Ordering::Relaxed);
    }

    /// The next one in whatever list of free blocks this one is in.
    pub(crate) fn next(&self) -> PairIndex {
        PairIndex(self.next.load(Ordering::Relaxed))
    }

    pub(crate) fn set_next(&self, next: PairIndex) {
        self.next.store(next.0, Ordering::Relaxed);
    }
}

pub(crate) use raw::LineTable;

mod raw {
    use core::ptr::NonNull;

    use levada_pages::{HUGE_PAGE_BYTES, Reservation, ReserveError, round_up};

    use crate::lock::Lock;
    use crate::sync::{AtomicU32, Ordering};

    /// A table of lines that grows at its end and never moves or shrinks.
    ///
    /// # Invariants
    /// 1. The first `made` places hold initialised lines, and lines stay initialised until the table is dropped.
    /// 2. `made` rises only under the lock, after the new places were written.
    #[derive(Debug)]
    pub(crate) struct LineTable<T> {
        reservation: Reservation,
        made: AtomicU32,
        count_max: u32,
        free: Lock<Free>,
        lines: core::marker::PhantomData<T>,
    }

    #[derive(Debug)]
    struct Free {
        indices: Vec<u32>,
        committed_bytes: usize,
    }

    impl<T> LineTable<T> {
        /// Reserves addresses for `count_max` lines, the unused first one included.
        pub(crate) fn new(count_max: u32) -> Result<Self, ReserveError> {
            let bytes = (count_max as usize)
                .checked_mul(size_of::<T>())
                .expect("a table fits the address space");
            let reservation = Reservation::new(bytes)?;
            let free = Lock::new(Free { indices: Vec::new(), committed_bytes: 0 });
            let made = AtomicU32::new(1); // place 0 stays empty: index 0 means "none"
            Ok(Self { reservation, made, count_max, free, lines: core::marker::PhantomData })
        }

        fn at(&self, index: u32) -> *mut T {
            self.reservation.start().cast::<T>().as_ptr().wrapping_add(index as usize)
        }

        /// Takes up to `want` lines, each free or made now by `make`; fewer, or none, where memory is refused.
        pub(crate) fn take(&self, want: usize, into: &mut Vec<u32>, make: impl Fn(u32) -> T) {
            let mut free = self.free.lock();
            for _ in 0..want {
                if let Some(index) = free.indices.pop() {
                    into.push(index);
                    continue;
                }
                let index = self.made.load(Ordering::Relaxed);
                let need = round_up((index as usize + 1) * size_of::<T>(), HUGE_PAGE_BYTES);
                if index >= self.count_max {
                    return;
                }
                if need > free.committed_bytes {
                    let from = free.committed_bytes;
                    if self.reservation.commit(from, need - from).is_err() {
                        return;
                    }
                    free.committed_bytes = need;
                }
                // SAFETY: the place lies in committed memory (the lines above), and nobody knows it before `made` says so.
                unsafe { self.at(index).write(make(index)) };
                // Release: who finds the index below `made` finds the line written (invariant 1).
                self.made.store(index + 1, Ordering::Release);
                into.push(index);
            }
        }

        /// Gives lines back that no handle names any more.
        pub(crate) fn give(&self, indices: impl IntoIterator<Item = u32>) {
            self.free.lock().indices.extend(indices);
        }

        /// The line at `index`.
        ///
        /// # Panics
        /// If the table never gave `index` out.
        pub(crate) fn line(&self, index: u32) -> &T {
            let made = self.made.load(Ordering::Acquire);
            assert!(index > 0 && index < made, "line {index} is one of the {made} made");
            // SAFETY: invariant 1, by the check above.
            unsafe { &*self.at(index) }
        }

        /// The line at an address, if that is the address of one.
        pub(crate) fn line_at(&self, address: usize) -> Option<&T> {
            let offset = address.checked_sub(self.at(0).addr())?;
            let index = u32::try_from(offset / size_of::<T>()).ok()?;
            let is_made = index > 0 && index < self.made.load(Ordering::Acquire);
            (is_made && offset.is_multiple_of(size_of::<T>())).then(|| self.line(index))
        }

        /// The line at `index` as a pointer that lives as long as the table.
        pub(crate) fn pointer(&self, index: u32) -> NonNull<T> {
            NonNull::from(self.line(index))
        }

        /// All lines that were made so far, free or not.
        pub(crate) fn all(&self) -> impl Iterator<Item = &T> {
            let made = self.made.load(Ordering::Acquire);
            (1..made).map(|index| self.line(index))
        }

        /// How many lines were made so far, and how many of them are free.
        pub(crate) fn counts(&self) -> (u32, u32) {
            let free = self.free.lock();
            let count =
                u32::try_from(free.indices.len()).expect("no more lines are free than were made");
            (self.made.load(Ordering::Relaxed) - 1, count)
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    const _: () = assert!(size_of::<Block>() == 64 && size_of::<Pair>() == 128, "as drawn above");

    fn table() -> LineTable<Pair> {
        LineTable::new(1 << 10).expect("a few KiB of addresses")
    }

    fn pair(index: u32) -> Pair {
        Pair::unplaced(PairIndex(index), core::ptr::null_mut())
    }

    #[test]
    fn a_line_keeps_its_place_and_its_content_when_it_is_free() {
        let table = table();
        let mut taken = Vec::new();
        table.take(3, &mut taken, pair);
        assert_eq!(taken, [1, 2, 3]);
        let place = Place {
            base: NonNull::dangling(),
            capacity_bytes: 64,
            arena: 3,
            cut: Cut::Run { first_slab: 9 },
        };
        table.line(2).place(place);
        let address = table.pointer(2);
        let found = table.line_at(address.as_ptr().addr()).map(core::ptr::from_ref);
        assert_eq!(found, Some(address.as_ptr().cast_const()));
        assert!(table.line_at(address.as_ptr().addr() + 8).is_none() && table.line_at(8).is_none());
        table.give([2]);
        taken.clear();
        table.take(1, &mut taken, pair);
        assert_eq!((taken.as_slice(), table.pointer(2)), ([2].as_slice(), address));
        assert_eq!(table.line(2).block.cut(), Cut::Run { first_slab: 9 });
    }

    #[test]
    fn a_table_ends_where_it_was_told_to() {
        let table = table();
        let mut taken = Vec::new();
        table.take(5000, &mut taken, pair);
        assert_eq!(taken.len(), (1 << 10) - 1);
        assert_eq!(table.counts(), ((1 << 10) - 1, 0));
    }

    #[test]
    #[should_panic(expected = "is one of")]
    fn an_index_that_was_never_given_out_is_our_own_mistake() {
        table().line(1);
    }
}
