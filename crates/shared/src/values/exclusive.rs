//! An exclusive buffer is a block, or the rest of one, that one owner fills until it is frozen; nothing leads back.
//!
//! ```text
//! block  ....frozen.... | start ──filled── | ──spare── end
//!        pieces read it   only this prefix   written by the owner, or by the kernel for him
//!                         is readable
//! ```
//! Cost: 24 bytes; freezing moves no byte and touches no count; freezing what is filled so far is one add.
#![expect(unsafe_code, reason = "lends memory that was not zeroed; all of it is in `raw` below")]

use core::fmt;
use core::mem::MaybeUninit;
use core::ops::{Deref, DerefMut};

use crate::account::Account;
use crate::copied::Copied;
use crate::heap::prepaid::Wallet;
use crate::limit::{Full, Limit};
use crate::memory::arena::Life;
use crate::reserve::{Charged, Reservation};

pub use raw::ExclusiveBuf;

/// ```compile_fail,E0599
/// # let heap = levada_shared::SharedHeap::new(Default::default()).unwrap();
/// # let account = heap.account("a", u64::MAX).unwrap();
/// let buf = account.buf(64).unwrap();
/// let twice = buf.clone(); // one owner: not Clone
/// ```
/// ```compile_fail,E0382
/// # let heap = levada_shared::SharedHeap::new(Default::default()).unwrap();
/// # let account = heap.account("a", u64::MAX).unwrap();
/// let mut buf = account.buf(64).unwrap();
/// let data = buf.freeze();
/// buf.write(b"late"); // frozen bytes never change
/// ```
/// ```compile_fail,E0382
/// # let heap = levada_shared::SharedHeap::new(Default::default()).unwrap();
/// # let account = heap.account("a", u64::MAX).unwrap();
/// let mut buf = account.buf(64).unwrap();
/// std::thread::spawn(move || drop(buf));
/// buf.write(b"mine no more"); // sent away
/// ```
/// ```compile_fail,E0505
/// # let heap = levada_shared::SharedHeap::new(Default::default()).unwrap();
/// # let account = heap.account("a", u64::MAX).unwrap();
/// let mut buf = account.buf(64).unwrap();
/// let spare = buf.spare_mut();
/// let data = buf.freeze(); // not while it is lent out
/// spare[0].write(1);
/// ```
#[cfg(doctest)]
struct _WhatMustNotCompile;

impl Account {
    /// A buffer with room for at least `bytes`, for what is to be sent and forgotten.
    ///
    /// # Errors
    /// [`Full`] where the account or the heap has no room.
    #[inline]
    pub fn buf(&self, bytes: usize) -> Result<ExclusiveBuf, Full<()>> {
        ExclusiveBuf::with_room(self, bytes, Life::Brief)
    }

    /// A buffer with room for at least `bytes`, for what is to be kept: it shares no slab with brief ones.
    ///
    /// Where the OS allows it, a long one (its room is 64 KiB or more) lies in the heap's file, so that what is frozen
    /// of it can be sent by reference ([`crate::SharedData::parts`]). Its pages are always fresh, and come as they are
    /// touched.
    ///
    /// # Errors
    /// [`Full`] where the account or the heap has no room.
    pub fn kept_buf(&self, bytes: usize) -> Result<ExclusiveBuf, Full<()>> {
        ExclusiveBuf::with_room(self, bytes, Life::Kept)
    }
}

impl ExclusiveBuf {
    /// How many bytes the buffer has room for, filled or not.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.len() + self.room_bytes()
    }

    /// Copies `bytes` in behind what is filled: a named copy, counted.
    ///
    /// # Errors
    /// [`Full`] if they do not all fit; the buffer is then as it was.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Full<()>> {
        self.write_as(bytes, Copied::Buffer)
    }

    pub(crate) fn write_as(&mut self, bytes: &[u8], copied: Copied) -> Result<(), Full<()>> {
        let room_bytes = self.room_bytes() as u64;
        if self.fill_from(bytes) {
            self.count_copy(copied, bytes.len());
            return Ok(());
        }
        Err(Full { limit: Limit::Buffer, room_bytes, value: () })
    }

    /// Moves the buffer to another account.
    ///
    /// # Errors
    /// [`Full`] with the buffer where that account has no room, or is one of another heap.
    pub fn transfer_to(mut self, to: &Account) -> Result<Self, Full<Self>> {
        if !self.is_in_heap_of(to) {
            return Err(Full { limit: Limit::OtherHeap, room_bytes: 0, value: self });
        }
        match self.move_to(to.number(), &mut Wallet(to.heap().heap(), to.number())) {
            Ok(()) => Ok(self),
            Err(full) => Err(full.about(self)),
        }
    }
}

impl Charged for ExclusiveBuf {
    fn lacks_bytes(&self, at: &Account) -> u64 {
        let lacks = self.account() != at.number() && self.is_in_heap_of(at);
        if lacks { u64::from(self.block_bytes()) } else { 0 }
    }

    fn rehome(&mut self, to: &mut Reservation) {
        if self.is_in_heap_of(to.account()) {
            let number = to.account().number();
            // What cannot be paid stays where it is charged.
            let _stays: bool = self.move_to(number, to).is_err();
        }
    }
}

impl Deref for ExclusiveBuf {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        self.filled()
    }
}

impl DerefMut for ExclusiveBuf {
    #[inline]
    fn deref_mut(&mut self) -> &mut [u8] {
        self.filled_mut()
    }
}

impl fmt::Debug for ExclusiveBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExclusiveBuf")
            .field("filled", &self.len())
            .field("room", &self.room_bytes())
            .finish()
    }
}

// SAFETY: `remaining_mut` is the room behind the filled prefix, `chunk_mut` is that room, `advance_mut` grows the prefix.
unsafe impl bytes::BufMut for ExclusiveBuf {
    #[inline]
    fn remaining_mut(&self) -> usize {
        self.room_bytes()
    }

    #[inline]
    fn chunk_mut(&mut self) -> &mut bytes::buf::UninitSlice {
        bytes::buf::UninitSlice::uninit(self.spare_mut())
    }

    #[inline]
    unsafe fn advance_mut(&mut self, filled_bytes: usize) {
        // SAFETY: the caller of this method promises what that one asks for.
        unsafe { self.add_filled(filled_bytes) };
    }
}

mod raw {
    use super::{Account, Copied, Full, Life, MaybeUninit};
    use crate::counts::grant::AccountNumber;
    use crate::counts::ledger::Purse;
    use crate::counts::loan::{Lender, Loan};
    use crate::values::piece::{Handle, Piece, spare_of};

    /// The one owner of a block, or of the rest of one.
    ///
    /// # Invariants
    /// 1. `handle` and no other reaches the block's bytes from `start` on; other handles on the block are pieces of
    ///    ranges before `start`.
    /// 2. `start <= filled <= end <=` the block's capacity, and `start .. filled` is initialised.
    pub struct ExclusiveBuf {
        handle: Handle,
        start: u32,
        filled: u32,
        end: u32,
    }

    const _: () =
        assert!(size_of::<ExclusiveBuf>() == 24 && size_of::<Option<ExclusiveBuf>>() == 24);

    impl ExclusiveBuf {
        #[inline]
        pub(super) fn with_room(
            account: &Account,
            bytes: usize,
            life: Life,
        ) -> Result<Self, Full<()>> {
            Handle::allocate(account, bytes, life).map(Self::of_block)
        }

        #[inline]
        fn of_block(handle: Handle) -> Self {
            let end = handle.capacity_bytes();
            Self::of_handle(handle, end)
        }

        /// The owner of a block up to `end`, of whose handles this is the first, and the only one.
        #[inline]
        pub(crate) fn of_handle(handle: Handle, end: u32) -> Self {
            debug_assert!(end <= handle.capacity_bytes(), "a buffer lies in its block");
            Self { handle, start: 0, filled: 0, end }
        }

        /// The block's loan, if it is `lender`'s and the buffer has all of it.
        pub(crate) fn take_back(self, lender: &dyn Lender) -> Result<Loan, Self> {
            let Self { handle, start, filled, end } = self;
            let given_up = |handle| Self { handle, start, filled, end };
            if start > 0 {
                return Err(given_up(handle));
            }
            let loan = handle.take_back(lender).map_err(given_up)?;
            Ok(Loan { loan, filled_bytes: filled as usize })
        }

        /// How many bytes may still be filled.
        #[inline]
        #[must_use]
        pub fn room_bytes(&self) -> usize {
            (self.end - self.filled) as usize
        }

        #[inline]
        pub(super) fn filled(&self) -> &[u8] {
            let first = self.handle.at(self.start);
            // SAFETY: invariant 2; the borrow of `self` keeps the owner from writing, and there is no other (1).
            unsafe { core::slice::from_raw_parts(first, (self.filled - self.start) as usize) }
        }

        #[inline]
        pub(super) fn filled_mut(&mut self) -> &mut [u8] {
            let first = self.handle.at(self.start);
            // SAFETY: invariant 2; the exclusive borrow of the only one who reaches the range (1).
            unsafe { core::slice::from_raw_parts_mut(first, (self.filled - self.start) as usize) }
        }

        /// The room behind what is filled, as memory that may hold anything.
        #[inline]
        pub fn spare_mut(&mut self) -> &mut [MaybeUninit<u8>] {
            // SAFETY: invariants 1 and 2.
            unsafe { spare_of(&mut self.handle, self.filled..self.end) }
        }

        /// Says that the first `bytes` of the spare room were written.
        ///
        /// # Panics
        /// If there is not so much room.
        ///
        /// # Safety
        /// They were initialised, by the caller or by the kernel at the caller's request, and the kernel has ended
        /// that operation.
        #[inline]
        pub unsafe fn add_filled(&mut self, bytes: usize) {
            assert!(bytes <= self.room_bytes(), "more was filled than there was room for");
            self.filled += u32::try_from(bytes).expect("a block is shorter than 4 GiB");
        }

        pub(super) fn fill_from(&mut self, bytes: &[u8]) -> bool {
            let Some(room) = self.spare_mut().get_mut(..bytes.len()) else {
                return false;
            };
            room.write_copy_of_slice(bytes);
            // SAFETY: written in the line above.
            unsafe { self.add_filled(bytes.len()) };
            true
        }

        pub(super) fn count_copy(&self, copied: Copied, bytes: usize) {
            self.handle.count_copy(copied, bytes);
        }

        /// A buffer of the account, and for as long a life, as a handle's.
        pub(crate) fn beside(handle: &Handle, bytes: usize) -> Result<Self, Full<()>> {
            handle.allocate_beside(bytes).map(Self::of_block)
        }

        /// Forgets what is filled behind the first `bytes`; nothing if there is less.
        pub fn truncate(&mut self, bytes: usize) {
            let filled_bytes = self.filled - self.start;
            self.filled = self.start
                + u32::try_from(bytes).map_or(filled_bytes, |bytes| bytes.min(filled_bytes));
        }

        /// Gives up the first `bytes` of what is filled, or all of it if there is less: nobody reaches them any more.
        pub fn skip(&mut self, bytes: usize) {
            let filled_bytes = self.filled - self.start;
            self.start +=
                u32::try_from(bytes).map_or(filled_bytes, |bytes| bytes.min(filled_bytes));
        }

        /// The filled range as a view, and the rest, if any is left, as a buffer still.
        pub(crate) fn split_filled(&mut self) -> Option<Piece> {
            let range = self.start..self.filled;
            if range.is_empty() {
                return None;
            }
            self.start = self.filled;
            if self.room_bytes() > 0 {
                self.handle.block().split();
            }
            // SAFETY: initialised by invariant 2; the line above keeps the owner behind it for ever (invariant 1).
            Some(unsafe { Piece::frozen(self.handle.clone(), range) })
        }

        /// The filled range as a view; the rest of the block is given up with the buffer.
        #[inline]
        pub(crate) fn into_piece(self) -> Option<Piece> {
            let range = self.start..self.filled;
            if range.is_empty() {
                return None;
            }
            // SAFETY: initialised by invariant 2; the only owner ends here, its handle becomes the view's.
            Some(unsafe { Piece::frozen(self.handle, range) })
        }

        /// Whose it is.
        pub(super) fn account(&self) -> AccountNumber {
            self.handle.account()
        }

        /// How long its block is, all of which is charged.
        pub(super) fn block_bytes(&self) -> u32 {
            self.handle.capacity_bytes()
        }

        pub(super) fn is_in_heap_of(&self, account: &Account) -> bool {
            self.handle.is_of(account.heap().heap())
        }

        /// Makes it another account's of its heap, paid from `purse`.
        pub(super) fn move_to(
            &mut self,
            to: AccountNumber,
            purse: &mut impl Purse,
        ) -> Result<(), Full<()>> {
            if self.handle.account() != to && !self.handle.rename(to, purse)? {
                // The old handle goes: for a moment both accounts were charged, never neither.
                self.handle = self.handle.share_with(to, purse)?;
            }
            Ok(())
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use crate::heap::SharedHeap;
    use crate::limit::Limit;
    use crate::options::Options;
    use crate::reserve::Charged;
    use crate::values::data::SharedData;

    #[test]
    fn freezing_keeps_the_address_and_what_is_frozen_can_be_filled_behind() {
        let heap = SharedHeap::new(Options { bytes_max: 8 << 20, arenas: 1, ..Options::default() })
            .unwrap();
        let account = heap.account("test", u64::MAX).unwrap();
        let mut buf = account.buf(100).unwrap();
        assert_eq!((buf.len(), buf.capacity()), (0, 128));
        buf.write(b"head").unwrap();
        let address = buf.as_ptr();
        let head = buf.freeze_filled();
        assert_eq!(
            (head.pieces().next().unwrap().as_ptr(), buf.len(), buf.capacity()),
            (address, 0, 124)
        );
        buf.write(b"body").unwrap();
        buf[0] = b'B';
        let body = buf.freeze();
        assert_eq!((head.to_vec(), body.to_vec()), (b"head".to_vec(), b"Body".to_vec()));
        assert_eq!(account.charged_bytes(), 128);
        let mut both: SharedData = head;
        both.append(body).unwrap();
        assert_eq!(both.pieces().count(), 1); // neighbours of one block merge
        drop(both);
        assert_eq!((account.charged_bytes(), heap.gauges().used_bytes), (0, 0));
    }

    #[test]
    fn a_full_buffer_says_what_would_have_fitted_and_stays_as_it_was() {
        let heap = SharedHeap::new(Options { bytes_max: 8 << 20, arenas: 1, ..Options::default() })
            .unwrap();
        let account = heap.account("test", u64::MAX).unwrap();
        let mut buf = account.buf(64).unwrap();
        buf.write(&[1; 60]).unwrap();
        let full = buf.write(&[2; 5]).unwrap_err();
        assert_eq!((full.limit, full.room_bytes, buf.len()), (Limit::Buffer, 4, 60));
        buf.truncate(2);
        buf.truncate(9);
        assert_eq!(&buf[..], [1, 1]);
    }

    #[test]
    fn what_is_skipped_is_not_read_and_the_room_behind_is_as_it_was() {
        let heap = SharedHeap::new(Options { bytes_max: 8 << 20, arenas: 1, ..Options::default() })
            .unwrap();
        let account = heap.account("test", u64::MAX).unwrap();
        let mut buf = account.buf(64).unwrap();
        buf.write(b"head, body").unwrap();
        buf.skip(6);
        assert_eq!((&buf[..], buf.room_bytes()), (&b"body"[..], 54));
        buf.write(b" and tail").unwrap();
        assert_eq!(buf.freeze_filled().to_vec(), b"body and tail");
        buf.write(b"x").unwrap();
        buf.skip(9);
        assert_eq!((buf.len(), buf.freeze().len()), (0, 0));
    }

    #[test]
    fn a_buffer_stays_in_its_heap() {
        let heaps = [(); 2].map(|()| {
            SharedHeap::new(Options { bytes_max: 8 << 20, arenas: 1, ..Options::default() })
                .unwrap()
        });
        let [from, to] = heaps.each_ref().map(|heap| heap.account("owner", u64::MAX).unwrap());
        let mut buf = from.buf(64).unwrap();
        buf.write(b"mine").unwrap();
        let full = buf.transfer_to(&to).unwrap_err();
        assert_eq!((full.limit, &full.value[..]), (Limit::OtherHeap, &b"mine"[..]));
        assert_eq!((from.charged_bytes(), to.charged_bytes()), (64, 0));
        drop(full);
        heaps.iter().for_each(SharedHeap::validate);
    }

    #[test]
    fn a_buffer_moves_its_charge_with_it() {
        let heap = SharedHeap::new(Options { bytes_max: 8 << 20, arenas: 1, ..Options::default() })
            .unwrap();
        let from = heap.account("from", u64::MAX).unwrap();
        let to = heap.account("to", 4096).unwrap();
        let mut buf = from.buf(4096).unwrap();
        buf.write(b"x").unwrap();
        let buf = buf.transfer_to(&to).unwrap();
        assert_eq!((from.charged_bytes(), to.charged_bytes()), (0, 4096));
        let second = from.buf(64).unwrap();
        let full = second.transfer_to(&to).unwrap_err();
        assert_eq!((full.limit, full.room_bytes, full.value.capacity()), (Limit::Account, 0, 64));
        assert_eq!(buf.freeze().to_vec(), b"x");
    }

    #[test]
    fn a_buffer_becomes_anothers_with_what_is_frozen_of_its_block_out_of_room_set_aside_before() {
        let heap = SharedHeap::new(Options { bytes_max: 8 << 20, arenas: 1, ..Options::default() })
            .unwrap();
        let from = heap.account("from", u64::MAX).unwrap();
        let to = heap.account("to", 4096 + 64).unwrap();
        let (mut private, mut part) = (from.buf(64).unwrap(), from.buf(4096).unwrap());
        part.write(b"head").unwrap();
        let head = part.freeze_filled();
        let lacks_bytes = private.lacks_bytes(&to) + part.lacks_bytes(&to);
        assert_eq!(lacks_bytes, 64 + 4096, "whole blocks");
        let mut room = to.reserve(lacks_bytes).unwrap();
        private.rehome(&mut room);
        part.rehome(&mut room);
        assert_eq!((room.left_bytes(), private.lacks_bytes(&to) + part.lacks_bytes(&to)), (0, 0));
        drop(room);
        assert_eq!((from.charged_bytes(), to.charged_bytes()), (4096, 4096 + 64));
        heap.validate();
        let mut third = from.buf(64).unwrap();
        third.rehome(&mut to.reserve(0).unwrap());
        assert_eq!(third.lacks_bytes(&to), 64, "what the room does not suffice for stays");
        drop((head, private, part, third));
        assert_eq!((from.charged_bytes(), to.charged_bytes()), (0, 0));
        heap.validate();
    }

    #[test]
    fn a_buffer_does_not_become_an_account_of_another_heap() {
        let new = || SharedHeap::new(Options { bytes_max: 8 << 20, ..Options::default() }).unwrap();
        let (heap, other) = (new(), new());
        let to = other.account("to", u64::MAX).unwrap();
        let mut buf = heap.account("from", u64::MAX).unwrap().buf(64).unwrap();
        assert_eq!(buf.lacks_bytes(&to), 0);
        buf.rehome(&mut to.reserve(64).unwrap());
        let full = buf.transfer_to(&to).unwrap_err();
        assert_eq!((full.limit, full.value.capacity()), (Limit::OtherHeap, 64));
        drop(full);
        heap.validate();
        other.validate();
    }
}
