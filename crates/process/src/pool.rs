//! A pool is one core's supply of small memory: futures, and the chunks that messages wait in.
//!
//! ```text
//! slab 128 KiB, aligned to itself   | whose it is, 64 B | block | block | ...   all of one class; touched from the front as needed
//! classes                           by 16 B up to 1 KiB, then four a doubling up to 8 KiB; what is larger comes from the allocator
//! ```
//!
//! A block has no header, so a future of 112 B costs 112 B; its slab is found by its address. A slab whose last block comes home
//! is put aside for any class, up to 8 MiB of them, or goes back to the allocator; the only one of its class with room stays. Cost: some 3 ns each way, no atomics.
#![expect(unsafe_code, reason = "hands out memory; all of it is in `raw` below")]

pub(crate) use raw::{Pool, give};

/// The classes of blocks: the smallest that fits is taken.
mod class {
    use std::alloc::Layout;

    pub(super) const STEP_BYTES: usize = 16;
    const FINE_MAX: usize = 1 << 10;
    const BLOCK_MAX: usize = 8 << 10;
    const FINE: usize = FINE_MAX / STEP_BYTES;
    pub(super) const COUNT: usize = FINE + 12;

    /// The class that `layout` is served from; none if it is empty, large or strictly aligned.
    #[inline]
    pub(super) fn of(layout: Layout) -> Option<usize> {
        let bytes = layout.size();
        if bytes == 0 || bytes > BLOCK_MAX || layout.align() > STEP_BYTES {
            return None;
        }
        let last = bytes - 1;
        if bytes <= FINE_MAX {
            return Some(last / STEP_BYTES);
        }
        let doubling = last.ilog2() as usize - FINE_MAX.ilog2() as usize;
        Some(FINE + doubling * 4 + (last >> (doubling + 8) & 3))
    }

    /// The bytes of a block of `class`.
    #[inline]
    pub(super) fn bytes(class: usize) -> usize {
        if class < FINE {
            return (class + 1) * STEP_BYTES;
        }
        let (doubling, quarter) = ((class - FINE) / 4, (class - FINE) % 4);
        (5 + quarter) << (doubling + 8)
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn every_layout_gets_the_smallest_class_that_fits() {
            for wanted in 1..=BLOCK_MAX {
                let class = of(Layout::from_size_align(wanted, 8).unwrap()).unwrap();
                assert!(class < COUNT && bytes(class) >= wanted, "{wanted}");
                assert!(class == 0 || bytes(class - 1) < wanted, "{wanted}");
            }
            assert_eq!(of(Layout::from_size_align(BLOCK_MAX + 1, 8).unwrap()), None);
            assert_eq!(of(Layout::from_size_align(32, 32).unwrap()), None);
        }
    }
}

#[expect(clippy::cast_ptr_alignment, reason = "the start of a slab is aligned to its bytes")]
mod raw {
    use super::class;
    use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
    use std::cell::RefCell;
    use std::fmt;
    use std::ptr::NonNull;
    use std::rc::Rc;

    const SLAB_BYTES: usize = 128 << 10;
    const HEADER_BYTES: usize = 64;
    const NONE: u32 = u32::MAX;
    /// 8 MiB: a burst that comes again, of one message to each of ten thousand, does not go to the kernel for its chunks again.
    const SPARE_MAX: usize = 64;

    /// One core's supply. # Invariants
    /// 1. Every slab in `slabs` is `SLAB_BYTES` of the allocator's, aligned to as many, and begins with a `Head` that names it.
    ///    What the head points to lives as long as a block of the slab is out.
    /// 2. Of a slab's blocks before `fresh`, `live` are out, and the others are linked from `free`: each begins with the offset
    ///    of the next in its slab, a `u32`, zero at the end. From `fresh` on none was ever out.
    /// 3. A slab is on its class's list exactly if a block of it is free or fresh.
    /// 4. What is in `spare` is memory as a slab's, and the base of no slab that is not vacant.
    pub(crate) struct Pool(Rc<RefCell<Supply>>);

    struct Head {
        supply: *const RefCell<Supply>,
        index: u32,
    }

    const _: () = assert!(size_of::<Head>() <= HEADER_BYTES);

    struct Supply {
        open: [u32; class::COUNT],
        slabs: Vec<Slab>,
        /// Indices of slabs that went back.
        vacant: Vec<u32>,
        /// Memory of slabs that went back, for the next of any class: `SPARE_MAX` at most.
        spare: Vec<NonNull<u8>>,
        live: usize,
    }

    struct Slab {
        base: NonNull<u8>,
        class: usize,
        live: u32,
        free: u32,
        fresh: u32,
        next: u32,
        prev: u32,
    }

    impl Pool {
        pub(crate) fn new() -> Self {
            let open = [NONE; class::COUNT];
            Self(Rc::new(RefCell::new(Supply {
                open,
                slabs: Vec::new(),
                vacant: Vec::new(),
                spare: Vec::new(),
                live: 0,
            })))
        }

        /// Hands out memory for `layout`, not initialised.
        #[inline]
        pub(crate) fn take(&self, layout: Layout) -> NonNull<u8> {
            let Some(class) = class::of(layout) else {
                return large(layout);
            };
            let supply = &mut *self.0.borrow_mut();
            supply.live += 1;
            if supply.open[class] == NONE {
                supply.open_slab(class, Rc::as_ptr(&self.0));
            }
            let index = supply.open[class];
            let slab = &mut supply.slabs[index as usize];
            slab.live += 1;
            let offset = if slab.free == 0 {
                let offset = slab.fresh;
                slab.fresh += slab.step();
                offset
            } else {
                let offset = slab.free;
                // SAFETY: invariant 2: a free block inside the slab, beginning with a `u32`.
                slab.free = unsafe { slab.at(offset).cast::<u32>().read() };
                offset
            };
            let block = slab.at(offset);
            if slab.is_full() {
                supply.unlink(index);
            }
            block
        }

        /// How many blocks are out.
        pub(crate) fn live(&self) -> usize {
            self.0.borrow().live
        }

        /// How many slabs the allocator has lent.
        #[cfg(test)]
        pub(crate) fn slabs(&self) -> usize {
            let supply = self.0.borrow();
            supply.slabs.len() - supply.vacant.len()
        }

        /// How many slabs are put aside.
        #[cfg(test)]
        pub(crate) fn spare(&self) -> usize {
            self.0.borrow().spare.len()
        }

        /// Walks all of it.
        #[cfg(test)]
        pub(crate) fn validate(&self) {
            let supply = self.0.borrow();
            for (index, slab) in supply.slabs.iter().enumerate() {
                if supply.vacant.iter().any(|vacant| *vacant as usize == index) {
                    continue;
                }
                let mut free = 0;
                let mut offset = slab.free;
                while offset != 0 {
                    assert!(
                        offset < slab.fresh
                            && (offset as usize - HEADER_BYTES)
                                .is_multiple_of(slab.step() as usize)
                    );
                    free += 1;
                    // SAFETY: invariant 2.
                    offset = unsafe { slab.at(offset).cast::<u32>().read() };
                }
                let begun = (slab.fresh as usize - HEADER_BYTES) / slab.step() as usize;
                assert_eq!(begun, slab.live as usize + free, "each block is out or free");
                let mut listed = supply.open[slab.class];
                while listed != NONE && listed as usize != index {
                    listed = supply.slabs[listed as usize].next;
                }
                assert_eq!(listed == NONE, slab.is_full(), "a slab is listed if it has room");
            }
        }
    }

    /// Takes memory back to the pool that it came from.
    /// # Safety
    /// `at` came from `take` with the same layout, of a pool of this thread, and nobody uses it any more.
    #[inline]
    pub(crate) unsafe fn give(at: NonNull<u8>, layout: Layout) {
        if class::of(layout).is_none() {
            if layout.size() > 0 {
                // SAFETY: the caller's word; `take` had it from the allocator.
                unsafe { dealloc(at.as_ptr(), layout) };
            }
            return;
        }
        let head = at.as_ptr().map_addr(|address| address & !(SLAB_BYTES - 1)).cast::<Head>();
        // SAFETY: invariant 1: a slab, and so its head, stands at the multiple of `SLAB_BYTES` below each of its blocks.
        let Head { supply, index } = unsafe { head.read() };
        // SAFETY: invariant 1: a block was out until now.
        let supply = unsafe { &*supply };
        let supply = &mut *supply.borrow_mut();
        let slab = &mut supply.slabs[index as usize];
        let was_full = slab.is_full();
        // SAFETY: the caller's word: the block is ours to write; it is at least 16 B and aligned to 16.
        unsafe { at.cast::<u32>().write(slab.free) };
        slab.free = offset_in_slab(at);
        slab.live -= 1;
        let (is_empty, is_alone) = (slab.live == 0, slab.next == NONE && slab.prev == NONE);
        supply.live -= 1;
        if was_full {
            supply.link(index);
        } else if is_empty && !is_alone {
            supply.close_slab(index);
        }
    }

    impl Slab {
        fn step(&self) -> u32 {
            u32::try_from(class::bytes(self.class)).expect("a block is smaller than its slab")
        }

        fn is_full(&self) -> bool {
            self.free == 0 && self.fresh as usize + class::bytes(self.class) > SLAB_BYTES
        }

        fn at(&self, offset: u32) -> NonNull<u8> {
            debug_assert!((offset as usize) < SLAB_BYTES);
            // SAFETY: every offset that is kept is one inside the slab, whose base has leave for all of it.
            unsafe { self.base.add(offset as usize) }
        }
    }

    impl Supply {
        #[cold]
        fn open_slab(&mut self, class: usize, supply: *const RefCell<Self>) {
            let base = self.spare.pop().unwrap_or_else(|| {
                let layout = slab_layout();
                // SAFETY: the layout is not empty.
                let memory = unsafe { alloc(layout) };
                NonNull::new(memory).unwrap_or_else(|| handle_alloc_error(layout))
            });
            let fresh = u32::try_from(HEADER_BYTES).expect("a head is small");
            let slab = Slab { base, class, live: 0, free: 0, fresh, next: NONE, prev: NONE };
            let index = if let Some(index) = self.vacant.pop() {
                self.slabs[index as usize] = slab;
                index
            } else {
                self.slabs.push(slab);
                u32::try_from(self.slabs.len() - 1)
                    .expect("memory ends before the numbers of slabs do")
            };
            // SAFETY: the slab is ours, and its first `HEADER_BYTES` belong to no block.
            unsafe { base.cast::<Head>().write(Head { supply, index }) };
            self.link(index);
        }

        #[cold]
        fn close_slab(&mut self, index: u32) {
            self.unlink(index);
            self.vacant.push(index);
            let base = self.slabs[index as usize].base;
            if self.spare.len() < SPARE_MAX {
                return self.spare.push(base);
            }
            // SAFETY: invariant 1: it came from the allocator with this layout; none of its blocks is out, and its index is vacant.
            unsafe { dealloc(base.as_ptr(), slab_layout()) };
        }

        fn link(&mut self, index: u32) {
            let class = self.slabs[index as usize].class;
            let next = std::mem::replace(&mut self.open[class], index);
            self.slabs[index as usize].next = next;
            if next != NONE {
                self.slabs[next as usize].prev = index;
            }
        }

        fn unlink(&mut self, index: u32) {
            let slab = &mut self.slabs[index as usize];
            let (class, next, prev) = (slab.class, slab.next, slab.prev);
            (slab.next, slab.prev) = (NONE, NONE);
            match prev {
                NONE => self.open[class] = next,
                _ => self.slabs[prev as usize].next = next,
            }
            if next != NONE {
                self.slabs[next as usize].prev = prev;
            }
        }
    }

    impl Drop for Pool {
        fn drop(&mut self) {
            if self.live() > 0 {
                // Somebody kept a block beyond the life of the core, or forgot it: all stays for him, invariant 1.
                let _forgotten: *const RefCell<Supply> = Rc::into_raw(Rc::clone(&self.0));
            }
        }
    }

    impl Drop for Supply {
        fn drop(&mut self) {
            for (index, slab) in self.slabs.iter().enumerate() {
                if !self.vacant.iter().any(|vacant| *vacant as usize == index) {
                    // SAFETY: as in `close_slab`; no block is out.
                    unsafe { dealloc(slab.base.as_ptr(), slab_layout()) };
                }
            }
            for base in self.spare.drain(..) {
                // SAFETY: invariant 4: it came from the allocator with this layout, and is no slab.
                unsafe { dealloc(base.as_ptr(), slab_layout()) };
            }
        }
    }

    impl fmt::Debug for Pool {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.debug_struct("Pool").field("live", &self.live()).finish_non_exhaustive()
        }
    }

    fn slab_layout() -> Layout {
        Layout::from_size_align(SLAB_BYTES, SLAB_BYTES)
            .expect("a slab is aligned to a power of two")
    }

    fn offset_in_slab(at: NonNull<u8>) -> u32 {
        u32::try_from(at.addr().get() & (SLAB_BYTES - 1)).expect("a slab is smaller than 4 GiB")
    }

    #[cold]
    fn large(layout: Layout) -> NonNull<u8> {
        if layout.size() == 0 {
            return layout.dangling_ptr();
        }
        // SAFETY: the layout is not empty.
        let memory = unsafe { alloc(layout) };
        NonNull::new(memory).unwrap_or_else(|| handle_alloc_error(layout))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{ProptestConfig, any, prop_assert, prop_assert_eq, proptest};
    use std::alloc::Layout;
    use std::collections::BTreeMap;

    proptest! {
        #![proptest_config(ProptestConfig { cases: if cfg!(miri) { 3 } else { 128 }, failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn blocks_never_overlap_and_all_come_home(steps in proptest::collection::vec((any::<bool>(), 1_usize..5000, any::<usize>()), 0..200)) {
            let pool = Pool::new();
            let mut out = BTreeMap::new();
            for (take, bytes, pick) in steps {
                if take || out.is_empty() {
                    let layout = Layout::from_size_align(bytes, 16).unwrap();
                    let at = pool.take(layout);
                    prop_assert!(at.addr().get().is_multiple_of(16));
                    let before = out.range(..at).next_back().map(|(start, layout): (&std::ptr::NonNull<u8>, &Layout)| start.addr().get() + layout.size());
                    let after = out.range(at..).next().map(|(start, _)| start.addr().get());
                    prop_assert!(before.is_none_or(|end| end <= at.addr().get()));
                    prop_assert!(after.is_none_or(|start| start >= at.addr().get() + bytes));
                    // SAFETY: the block is ours and `bytes` long.
                    unsafe { at.write_bytes(0xA5, bytes) };
                    out.insert(at, layout);
                } else {
                    let at = *out.keys().nth(pick % out.len()).unwrap();
                    let layout = out.remove(&at).unwrap();
                    // SAFETY: taken above with this layout, given back once.
                    unsafe { give(at, layout) };
                }
                prop_assert_eq!(pool.live(), out.len());
                pool.validate();
            }
            for (at, layout) in out {
                // SAFETY: as above.
                unsafe { give(at, layout) };
            }
            pool.validate();
        }
    }

    #[test]
    fn a_burst_that_comes_again_finds_its_slabs_and_no_more_are_kept_than_said() {
        let pool = Pool::new();
        let layout = Layout::from_size_align(8 << 10, 8).unwrap();
        for count in [100, 100, 2_000] {
            let blocks: Vec<_> = (0..count).map(|_| pool.take(layout)).collect();
            assert_eq!(pool.spare(), 0, "what was put aside is used first");
            for at in blocks {
                // SAFETY: taken above, given back once.
                unsafe { give(at, layout) };
            }
            // 15 blocks a slab; one slab stays with its class.
            assert_eq!(pool.spare(), if count == 100 { 6 } else { 64 });
        }
    }

    #[test]
    fn slabs_go_back_when_their_blocks_come_home() {
        let pool = Pool::new();
        let layout = Layout::from_size_align(4096, 8).unwrap();
        let blocks: Vec<_> = (0..100).map(|_| pool.take(layout)).collect();
        assert_eq!(pool.slabs(), 4);
        for at in blocks {
            // SAFETY: taken above, given back once.
            unsafe { give(at, layout) };
        }
        assert_eq!(pool.slabs(), 1, "one is kept for the next");
    }
}
