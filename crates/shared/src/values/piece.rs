//! A piece is a counted view of a range of one block whose bytes never change again.
//!
//! `piece 16 = grant 8 | start 4 | length 4`. Cost: a clone is one add to the grant's word, a drop one subtraction; the
//! last one of an account also one compare-and-swap on the block's state.
#![expect(unsafe_code, reason = "reads the bytes of blocks; all of it is in `raw` below")]

pub(crate) use raw::{Handle, Piece};

mod raw {
    use core::mem::{ManuallyDrop, MaybeUninit};
    use core::ops::Range;
    use core::ptr::NonNull;
    use std::os::fd::BorrowedFd;

    use crate::account::Account;
    use crate::copied::Copied;
    use crate::counts::grant::{AccountNumber, Ended, Grant};
    use crate::counts::grant_pointer::GrantPointer;
    use crate::counts::holding::{By, Refusal};
    use crate::counts::leaving;
    use crate::counts::ledger::Purse;
    use crate::counts::lines::Block;
    use crate::counts::loan::{Lender, Lent};
    use crate::heap::{Heap, heap_of};
    use crate::limit::Full;
    use crate::memory::arena::Life;

    /// One account's hold on one block.
    ///
    /// # Invariants
    /// 1. `grant` names a line with at least one strong handle for each `Handle` on it; the line's table lives while
    ///    a block is out, and a block with a strong handle is out.
    #[derive(Debug)]
    #[repr(transparent)]
    pub(crate) struct Handle(GrantPointer);

    // SAFETY: counts are atomics, and the heap takes blocks back from any thread.
    unsafe impl Send for Handle {}
    // SAFETY: as above; a shared handle gives reading access only.
    unsafe impl Sync for Handle {}

    impl Handle {
        /// A block of at least `bytes` with its first handle, which is the caller's alone.
        pub(crate) fn allocate(
            account: &Account,
            bytes: usize,
            life: Life,
        ) -> Result<Self, Full<()>> {
            let heap = account.heap().heap();
            heap.allocate(bytes, account.number(), life, account.tag()).map(Self)
        }

        /// The first handle on memory that is lent, which is the caller's alone.
        pub(crate) fn lend(
            account: &Account,
            lent: Lent,
            base: NonNull<u8>,
            length: usize,
        ) -> Result<Self, Full<()>> {
            let heap = account.heap().heap();
            heap.lend(lent, base, length, account.number(), account.tag()).map(Self)
        }

        /// Takes the block back for `lender`, who lent it, if nobody else reaches it; the number of the loan.
        pub(crate) fn take_back(self, lender: &dyn Lender) -> Result<u64, Self> {
            if !self.0.is_home() {
                return Err(self);
            }
            let (home, block) = (self.grant(), self.block());
            let Some(loan) = heap_of(block).take_back(home, block, lender) else {
                return Err(self);
            };
            // What it counted was taken from the grant in the line above.
            let _counted = ManuallyDrop::new(self);
            Ok(loan)
        }

        /// A handle of another account on the same block, paid from `purse`.
        pub(crate) fn share_with(
            &self,
            account: AccountNumber,
            purse: &mut impl Purse,
        ) -> Result<Self, Full<()>> {
            let block = self.block();
            let held = heap_of(block).hold(account, block, purse, By::Holder);
            held.map(Self).map_err(Refusal::into_full)
        }

        /// Makes the handle another account's, if it is the only way to its block. False if it is not; nothing has
        /// changed then.
        pub(crate) fn rename(
            &mut self,
            account: AccountNumber,
            purse: &mut impl Purse,
        ) -> Result<bool, Full<()>> {
            let block = self.block();
            if !self.0.is_home() {
                return Ok(false);
            }
            let renamed = heap_of(block).rename(self.account(), account, block, purse);
            renamed.map_err(Refusal::into_full)
        }

        /// Whose handle it is.
        #[inline]
        pub(crate) fn account(&self) -> AccountNumber {
            self.grant().account()
        }

        /// A handle made by an upgrade: the caller has counted it.
        ///
        /// # Safety
        /// A strong handle was added to the grant, for this value alone.
        pub(crate) unsafe fn counted(grant: GrantPointer) -> Self {
            Self(grant)
        }

        /// The grant, for references to be made of it.
        #[inline]
        pub(crate) fn pointer(&self) -> GrantPointer {
            self.0
        }

        #[inline]
        pub(crate) fn grant(&self) -> &Grant<Block> {
            // SAFETY: invariant 1.
            unsafe { self.0.grant() }
        }

        #[inline]
        pub(crate) fn block(&self) -> &Block {
            let block = self.grant().block();
            // SAFETY: invariant 1; a line with handles is bound to the line of a block that is out.
            unsafe { &*block.as_ptr() }
        }

        pub(crate) fn capacity_bytes(&self) -> u32 {
            self.grant().capacity_bytes()
        }

        /// The address of a byte of the block.
        #[inline]
        pub(crate) fn at(&self, offset: u32) -> *mut u8 {
            debug_assert!(offset <= self.capacity_bytes(), "an offset lies in its block");
            self.grant().base().wrapping_add(offset as usize)
        }

        /// Whether both are handles on the same grant, so that their ranges may be joined.
        #[inline]
        pub(crate) fn is_same(&self, other: &Self) -> bool {
            self.0 == other.0
        }

        /// Counts a copy of payload bytes for the block's heap.
        pub(crate) fn count_copy(&self, copied: Copied, bytes: usize) {
            heap_of(self.block()).count_copy(copied, bytes);
        }

        /// Whether its block lies in this heap.
        pub(crate) fn is_of(&self, heap: &Heap) -> bool {
            core::ptr::eq(heap_of(self.block()), heap)
        }

        /// A block of at least `bytes` with its first handle, to be kept, of this one's account and tag.
        pub(crate) fn allocate_beside(&self, bytes: usize) -> Result<Self, Full<()>> {
            let block = self.block();
            let (tag, _) = block.tag_and_birth();
            heap_of(block).allocate(bytes, self.account(), Life::Kept, tag).map(Self)
        }
    }

    impl Clone for Handle {
        #[inline]
        fn clone(&self) -> Self {
            self.grant().clone_handle();
            Self(self.0)
        }
    }

    impl Drop for Handle {
        #[inline]
        fn drop(&mut self) {
            // SAFETY: invariant 1.
            let place = unsafe { self.0.place() };
            if self.grant().only_handle().is_some() {
                return self.drop_last(place);
            }
            if let Some(ended) = self.grant().drop_handle() {
                self.leave(place, ended);
            }
        }
    }

    impl Handle {
        /// The last handle of its grant goes, as far as one can see; another may come meanwhile from a reference.
        #[inline(never)]
        fn drop_last(&mut self, place: Option<NonNull<Block>>) {
            if place.is_none() {
                let (home, block) = (self.grant(), self.block());
                if leaving::leave_private(heap_of(block), home, block) {
                    return;
                }
            }
            if let Some(ended) = self.grant().drop_handle() {
                self.leave(place, ended);
            }
        }

        #[inline(never)]
        fn leave(&mut self, place: Option<NonNull<Block>>, ended: Ended) {
            let block = place.unwrap_or_else(|| self.grant().block());
            // SAFETY: the block is out until its state is left, which is what comes now.
            let block = unsafe { &*block.as_ptr() };
            leaving::leave(heap_of(block), ended, place.is_none(), block);
        }
    }

    /// A view of frozen bytes.
    ///
    /// # Invariants
    /// 2. `start .. start + length` lies in the block, is initialised, and is written by nobody while a piece of it
    ///    lives: an exclusive owner of the same block, if there is one, begins behind it.
    #[derive(Clone, Debug)]
    #[repr(C)]
    pub(crate) struct Piece {
        handle: Handle,
        start: u32,
        length: u32,
    }

    impl Piece {
        /// # Safety
        /// Invariant 2 holds of the range, now and for as long as the piece or a clone of it lives.
        pub(crate) unsafe fn frozen(handle: Handle, range: Range<u32>) -> Self {
            debug_assert!(range.start < range.end, "a piece has at least one byte");
            Self { handle, start: range.start, length: range.end - range.start }
        }

        #[inline]
        pub(crate) fn length(&self) -> u32 {
            self.length
        }

        #[inline]
        pub(crate) fn handle(&self) -> &Handle {
            &self.handle
        }

        /// The bytes.
        #[inline]
        pub(crate) fn bytes(&self) -> &[u8] {
            let first = self.handle.at(self.start);
            // SAFETY: invariant 2; the borrow keeps the handle and so the block.
            unsafe { core::slice::from_raw_parts(first, self.length as usize) }
        }

        /// The file that the bytes lie in, if they do, and where the first of them is.
        pub(crate) fn in_file(&self) -> Option<(BorrowedFd<'_>, u64)> {
            let block = self.handle.block();
            if block.is_lent() {
                return None;
            }
            heap_of(block).in_file(self.handle.at(self.start))
        }

        /// Counts a handle for a copy that the caller makes byte by byte.
        #[inline]
        pub(crate) fn count_one_more(&self) {
            self.handle.grant().clone_handle();
        }

        /// The same block's range within this one, as a further view.
        #[inline]
        pub(crate) fn part(&self, range: Range<u32>) -> Self {
            let mut part = self.clone();
            part.narrow(range);
            part
        }

        /// Gives up what lies outside `range`, which counts from the view's start.
        #[inline]
        pub(crate) fn narrow(&mut self, range: Range<u32>) {
            assert!(
                range.start < range.end && range.end <= self.length,
                "a part of a piece lies inside it"
            );
            self.start += range.start;
            self.length = range.end - range.start;
        }

        /// Whether `next` is the very range behind this one.
        #[inline]
        pub(crate) fn is_before(&self, next: &Self) -> bool {
            self.handle.is_same(&next.handle) && self.start + self.length == next.start
        }

        /// Takes `next` in if it is the very range behind this one, and gives it back otherwise.
        #[inline]
        pub(crate) fn merge(&mut self, next: Self) -> Result<(), Self> {
            if self.is_before(&next) {
                self.length += next.length;
                return Ok(());
            }
            Err(next)
        }

        /// The same bytes, held by another account and paid from `purse`.
        pub(crate) fn share_with(
            &self,
            account: AccountNumber,
            purse: &mut impl Purse,
        ) -> Result<Self, Full<()>> {
            let handle = self.handle.share_with(account, purse)?;
            Ok(Self { handle, start: self.start, length: self.length })
        }

        /// Moves the piece to another account, paid from `purse`. On an error it stays where it was.
        pub(crate) fn move_to(
            &mut self,
            account: AccountNumber,
            purse: &mut impl Purse,
        ) -> Result<(), Full<()>> {
            if self.handle.account() != account && !self.handle.rename(account, purse)? {
                self.handle = self.handle.share_with(account, purse)?;
            }
            Ok(())
        }

        /// Where in its block the piece begins.
        pub(crate) fn start(&self) -> u32 {
            self.start
        }
    }

    /// The bytes of a block behind what is filled, for who owns them alone.
    ///
    /// # Safety
    /// The caller's handle is the only one that reaches `range`, and it lies in the block.
    pub(crate) unsafe fn spare_of(
        handle: &mut Handle,
        range: Range<u32>,
    ) -> &mut [MaybeUninit<u8>] {
        let first = handle.at(range.start).cast::<MaybeUninit<u8>>();
        // SAFETY: passed on to the caller.
        unsafe { core::slice::from_raw_parts_mut(first, (range.end - range.start) as usize) }
    }

    const _: () = assert!(size_of::<Piece>() == 16 && size_of::<Option<NonNull<u8>>>() == 8);
}

pub(crate) use raw::spare_of;

#[cfg(all(test, not(loom)))]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use crate::counts::grant::Grant;
    use crate::counts::lines::Block;
    use crate::heap::SharedHeap;
    use crate::options::Options;
    use crate::values::data::SharedData;

    const STRONG_MAX: i64 = 1 << 25;

    fn heap() -> SharedHeap {
        SharedHeap::new(Options { bytes_max: 8 << 20, arenas: 1, ..Options::default() })
            .expect("a few addresses")
    }

    fn grant(data: &SharedData) -> &Grant<Block> {
        data.spans().last().expect("it has a piece").piece.handle().grant()
    }

    fn is_refused<R>(act: impl FnOnce() -> R) {
        assert!(catch_unwind(AssertUnwindSafe(|| drop(act()))).is_err(), "it is refused");
    }

    #[test]
    fn a_handle_too_many_is_refused_and_every_count_is_as_it_was() {
        let heap = heap();
        let [first, second] = ["first", "second"].map(|name| heap.account(name, 1 << 20).unwrap());
        let data = first.copy_from(b"held").unwrap();
        let shared = data.share_with(&second).unwrap();
        let (soft, weak) = (shared.soft(), shared.weak());
        for (held, account) in [(&data, &first), (&shared, &second)] {
            grant(held).leak(STRONG_MAX - 1, 0);
            is_refused(|| held.clone());
            is_refused(|| data.share_with(account));
            assert_eq!(grant(held).strong_handles(), 1 << 25);
            heap.validate();
        }
        is_refused(|| soft.upgrade());
        is_refused(|| weak.upgrade());
        assert_eq!((first.charged_bytes(), second.charged_bytes()), (64, 64));
        for held in [&data, &shared] {
            grant(held).leak(1 - STRONG_MAX, 0);
        }
        heap.validate();
        drop((data, shared, soft, weak));
        heap.validate();
        assert_eq!(heap.gauges().used_bytes, 0);
    }

    #[test]
    fn a_value_of_two_blocks_of_which_one_is_refused_is_cloned_in_none() {
        let heap = heap();
        let account = heap.default_account();
        let first = account.copy_from(b"first").unwrap();
        let mut both = first.clone();
        both.append(account.copy_from(b"second").unwrap()).unwrap();
        grant(&both).leak(STRONG_MAX - 1, 0);
        is_refused(|| both.clone());
        assert_eq!(grant(&first).strong_handles(), 2);
        grant(&both).leak(1 - STRONG_MAX, 0);
        drop((first, both));
        heap.validate();
        assert_eq!(account.charged_bytes(), 0);
    }

    #[test]
    fn a_reference_too_many_is_refused_and_every_count_is_as_it_was() {
        let heap = heap();
        let account = heap.account("leaks", u64::MAX).unwrap();
        let data = account.copy_from(b"named").unwrap();
        let soft = data.soft();
        grant(&data).leak(0, (1 << 15) - 1);
        is_refused(|| data.soft());
        is_refused(|| soft.clone());
        grant(&data).leak(0, 1 - (1 << 15));
        let block = data.spans().next().unwrap().piece.handle().block();
        block.leak_weak(i32::MAX);
        is_refused(|| data.weak());
        block.leak_weak(-i32::MAX);
        drop((data, soft, account));
        heap.validate();
        assert_eq!((heap.gauges().used_bytes, heap.gauges().soft_blocks), (0, 0));
        // Nothing is left of the account, so its number is the next one's.
        let _next = heap.account("next", u64::MAX).unwrap();
        let names: Vec<_> = heap.accounts().into_iter().map(|account| account.name).collect();
        assert_eq!(names, ["default", "next"]);
    }
}
