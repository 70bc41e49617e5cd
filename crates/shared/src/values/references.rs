//! References find frozen bytes without holding them: a soft one keeps them while memory lasts, a weak one does not.
//!
//! ```text
//! soft piece 16 = grant 8 | start 4 | length 4                    weak piece 24 = block 8 | start 4 | length 4 | account 4
//! ```
//! Cost: an upgrade is one compare-and-swap where the account holds the block already; where only references keep it, some
//! eight atomic steps, two of them back when it is dropped again. Values of one piece allocate nothing.
#![expect(
    unsafe_code,
    reason = "reaches lines through counted pointers; all of it is in `raw` below"
)]

use core::fmt;

use crate::counts::holding::Refusal;
use crate::counts::state::Dead;
use crate::limit::{Full, Limit};
use crate::values::data::SharedData;
use crate::values::piece::Piece;

use raw::{SoftPiece, WeakPiece};

/// Keeps bytes for as long as memory is not needed, and finds them until then.
///
/// What it names cannot be read through it: only a holder reads.
///
/// ```compile_fail,E0599
/// # let heap = levada_shared::SharedHeap::new(Default::default()).unwrap();
/// let soft = heap.default_account().copy_from(b"kept").unwrap().soft();
/// soft.pieces(); // upgrade it first
/// ```
#[derive(Clone)]
pub struct SoftRef(Pieces<SoftPiece>);

/// Finds bytes for as long as somebody else keeps them.
///
/// ```compile_fail,E0599
/// # let heap = levada_shared::SharedHeap::new(Default::default()).unwrap();
/// let weak = heap.default_account().copy_from(b"gone").unwrap().weak();
/// weak.pieces(); // upgrade it first
/// ```
#[derive(Clone)]
pub struct WeakRef(Pieces<WeakPiece>);

const _: () = assert!(size_of::<SoftRef>() == 16 && size_of::<WeakRef>() == 24);

/// One piece in place, or several in a box: a thin one, so that a reference of one piece is no longer than it must be.
#[derive(Clone)]
enum Pieces<P> {
    One(P),
    #[expect(
        clippy::box_collection,
        reason = "a thin pointer: several take as much room in place as one"
    )]
    Many(Box<Vec<P>>),
}

/// Why an upgrade found nothing to hold.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Lost {
    /// The bytes went: their last holder did, or memory was needed.
    Gone,
    /// They were retired.
    Retired,
    /// They are there, and the account has no room to hold them, or the heap none for the bookkeeping.
    Full {
        /// Which limit.
        limit: Limit,
        /// How many bytes would have fitted.
        room_bytes: u64,
    },
}

impl From<Refusal> for Lost {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Dead(Dead::Stolen) => Self::Gone,
            Refusal::Dead(Dead::Retired) => Self::Retired,
            Refusal::Full(Full { limit, room_bytes, value: () }) => {
                Self::Full { limit, room_bytes }
            }
        }
    }
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone => f.write_str("the bytes have gone"),
            Self::Retired => f.write_str("the bytes were retired"),
            Self::Full { limit, room_bytes } => {
                Full { limit: *limit, room_bytes: *room_bytes, value: () }.fmt(f)
            }
        }
    }
}

impl std::error::Error for Lost {}

impl<P> Pieces<P> {
    fn of(mut pieces: impl Iterator<Item = P>) -> Self {
        match (pieces.next(), pieces.next()) {
            (Some(one), None) => Self::One(one),
            (first, second) => {
                Self::Many(Box::new(first.into_iter().chain(second).chain(pieces).collect()))
            }
        }
    }

    fn as_slice(&self) -> &[P] {
        match self {
            Self::One(piece) => core::slice::from_ref(piece),
            Self::Many(pieces) => pieces,
        }
    }

    /// All of them upgraded, or none: those that were are let go again.
    fn upgrade(&self, upgrade: impl Fn(&P) -> Result<Piece, Refusal>) -> Result<SharedData, Lost> {
        if let Self::One(piece) = self {
            return Ok(SharedData::of_piece(upgrade(piece)?));
        }
        let pieces: Result<Vec<Piece>, Refusal> = self.as_slice().iter().map(upgrade).collect();
        Ok(SharedData::of_pieces(pieces?))
    }
}

impl SharedData {
    /// A reference that keeps the bytes for as long as memory is not needed, but does not hold them.
    ///
    /// Cost: an add for each piece; the first of an account on a block also puts it on a list, under a lock.
    #[must_use]
    pub fn soft(&self) -> SoftRef {
        SoftRef::of(self.spans().map(SoftPiece::of))
    }

    /// A reference that does not keep the bytes: it finds them for as long as somebody else does.
    ///
    /// Cost: an add for each piece, and an add for the account.
    #[must_use]
    pub fn weak(&self) -> WeakRef {
        WeakRef::of(self.spans().map(WeakPiece::of))
    }
}

impl SoftRef {
    fn of(pieces: impl Iterator<Item = SoftPiece>) -> Self {
        Self(Pieces::of(pieces))
    }

    /// The bytes, held again by the account that made the reference, or `None`: [`SoftRef::try_upgrade`] says why.
    #[must_use]
    #[inline]
    pub fn upgrade(&self) -> Option<SharedData> {
        self.try_upgrade().ok()
    }

    /// The bytes, held again by the account that made the reference.
    ///
    /// # Errors
    /// [`Lost`]; after [`Lost::Full`] they are as soft as before.
    #[inline]
    pub fn try_upgrade(&self) -> Result<SharedData, Lost> {
        self.0.upgrade(SoftPiece::upgrade)
    }

    /// Whether an upgrade would find the bytes now; for tables that clear themselves of what has gone.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.0.as_slice().iter().all(SoftPiece::is_alive)
    }

    /// Says that the bytes are out of date, as [`SharedData::retire`] does. What only soft references kept is freed.
    pub fn retire(&self) {
        self.0.as_slice().iter().for_each(SoftPiece::retire);
    }

    /// How many bytes there are.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.0.as_slice().iter().map(|piece| u64::from(piece.length())).sum()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl WeakRef {
    fn of(pieces: impl Iterator<Item = WeakPiece>) -> Self {
        Self(Pieces::of(pieces))
    }

    /// The bytes, held by the account that made the reference, or `None`: [`WeakRef::try_upgrade`] says why.
    #[must_use]
    #[inline]
    pub fn upgrade(&self) -> Option<SharedData> {
        self.try_upgrade().ok()
    }

    /// The bytes, held by the account that made the reference.
    ///
    /// # Errors
    /// [`Lost`].
    #[inline]
    pub fn try_upgrade(&self) -> Result<SharedData, Lost> {
        self.0.upgrade(WeakPiece::upgrade)
    }

    /// Whether an upgrade would find the bytes now; for tables that clear themselves of what has gone.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.0.as_slice().iter().all(WeakPiece::is_alive)
    }

    /// How many bytes there are, or were.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.0.as_slice().iter().map(|piece| u64::from(piece.length())).sum()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl fmt::Debug for SoftRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SoftRef").field("bytes", &self.len()).finish()
    }
}

impl fmt::Debug for WeakRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeakRef").field("bytes", &self.len()).finish()
    }
}

mod raw {
    use core::ptr::NonNull;

    use crate::counts::around::Around;
    use crate::counts::grant::{AccountNumber, Grant};
    use crate::counts::grant_pointer::GrantPointer;
    use crate::counts::holding::{self, By, Refusal};
    use crate::counts::leaving;
    use crate::counts::lines::Block;
    use crate::heap::heap_of;
    use crate::heap::prepaid::Wallet;
    use crate::values::piece::{Handle, Piece};
    use crate::values::pieces::Span;

    /// One account's soft hold on a range of one block.
    ///
    /// # Invariants
    /// 1. `grant` names a line with at least one soft handle for each value; the line stays of that account and bound to
    ///    that block while it has one. The block's lines, and so the heap, stay while a grant counts in its state.
    /// 2. The range was frozen in the life of the block in which the value was made.
    pub(crate) struct SoftPiece {
        grant: GrantPointer,
        start: u32,
        length: u32,
    }

    // SAFETY: counts are atomics, and every step they lead to can be made on any thread.
    unsafe impl Send for SoftPiece {}
    // SAFETY: as above.
    unsafe impl Sync for SoftPiece {}

    impl SoftPiece {
        /// A reference to what is seen of a piece.
        pub(crate) fn of(span: Span<'_>) -> Self {
            let handle = span.piece.handle();
            let block = handle.block();
            leaving::add_soft(heap_of(block), handle.grant(), block);
            let start = span.piece.start() + span.start;
            Self { grant: handle.pointer(), start, length: span.length }
        }

        fn grant(&self) -> &Grant<Block> {
            // SAFETY: invariant 1.
            unsafe { self.grant.grant() }
        }

        fn block(&self) -> &Block {
            let block = self.grant().block();
            // SAFETY: invariant 1.
            unsafe { &*block.as_ptr() }
        }

        pub(crate) fn length(&self) -> u32 {
            self.length
        }

        pub(crate) fn is_alive(&self) -> bool {
            self.block().state.dead().is_none()
        }

        #[inline]
        pub(crate) fn upgrade(&self) -> Result<Piece, Refusal> {
            let block = self.block();
            holding::upgrade(heap_of(block), self.grant(), block)?;
            // SAFETY: the handle was counted in the line above, for this value.
            let handle = unsafe { Handle::counted(self.grant) };
            // SAFETY: invariant 2; the block is held, and as it was not stolen, it is the same life.
            Ok(unsafe { Piece::frozen(handle, self.start..self.start + self.length) })
        }

        pub(crate) fn retire(&self) {
            let block = self.block();
            leaving::retire(heap_of(block), block);
        }
    }

    impl Clone for SoftPiece {
        fn clone(&self) -> Self {
            let is_joined = self.grant().join_soft();
            debug_assert!(is_joined, "there is one already");
            Self { grant: self.grant, start: self.start, length: self.length }
        }
    }

    impl Drop for SoftPiece {
        fn drop(&mut self) {
            // SAFETY: invariant 1.
            let place = unsafe { self.grant.place() };
            if let Some(ended) = self.grant().drop_soft() {
                let block = place.unwrap_or_else(|| self.grant().block());
                // SAFETY: the grant still counts in the block's state, until it is left, which is what comes now.
                let block = unsafe { &*block.as_ptr() };
                leaving::leave_soft(heap_of(block), ended, place.is_none(), block);
            }
        }
    }

    /// One account's knowledge of a range of one block.
    ///
    /// # Invariants
    /// 3. `block` names lines that count this value among those who know them, so they are no other block's; the heap
    ///    stays while any lines are known.
    /// 4. The range was frozen in the life of the block in which the value was made.
    pub(crate) struct WeakPiece {
        block: NonNull<Block>,
        start: u32,
        length: u32,
        account: AccountNumber,
    }

    // SAFETY: counts are atomics, and every step they lead to can be made on any thread.
    unsafe impl Send for WeakPiece {}
    // SAFETY: as above.
    unsafe impl Sync for WeakPiece {}

    impl WeakPiece {
        /// A reference to what is seen of a piece.
        pub(crate) fn of(span: Span<'_>) -> Self {
            let handle = span.piece.handle();
            let start = span.piece.start() + span.start;
            Self::known(handle.block(), start, span.length, handle.account())
        }

        /// Counts another who knows the lines; the caller does.
        fn known(block: &Block, start: u32, length: u32, account: AccountNumber) -> Self {
            block.add_weak(); // first: it refuses by a panic
            heap_of(block).account(account).begin_reference();
            Self { block: NonNull::from(block), start, length, account }
        }

        fn block(&self) -> &Block {
            // SAFETY: invariant 3.
            unsafe { self.block.as_ref() }
        }

        pub(crate) fn length(&self) -> u32 {
            self.length
        }

        pub(crate) fn is_alive(&self) -> bool {
            self.block().state.dead().is_none()
        }

        #[inline]
        pub(crate) fn upgrade(&self) -> Result<Piece, Refusal> {
            let block = self.block();
            let heap = heap_of(block);
            let mut purse = Wallet(heap, self.account);
            let grant = heap.hold(self.account, block, &mut purse, By::Reference)?;
            // SAFETY: the handle was counted in the line above, for this value.
            let handle = unsafe { Handle::counted(grant) };
            // SAFETY: invariant 4; the block is held, and lines that are known have one life.
            Ok(unsafe { Piece::frozen(handle, self.start..self.start + self.length) })
        }
    }

    impl Clone for WeakPiece {
        fn clone(&self) -> Self {
            Self::known(self.block(), self.start, self.length, self.account)
        }
    }

    impl Drop for WeakPiece {
        fn drop(&mut self) {
            let block = self.block();
            let heap = heap_of(block);
            heap.account(self.account).end_reference();
            heap.forget(block);
        }
    }
}
