//! Shared data is a value made of frozen ranges: cheap to clone, slice, join and send, and never written again.
//!
//! Cost: 56 bytes; a clone is one add for each piece, and up to three pieces need no allocation. Joining and slicing
//! copy no payload; what copies payload says so in its name, and is counted.

use core::fmt;
use core::ops::{Bound, RangeBounds};

use levada_plain::{Plain, to_index, view_at};

use crate::account::Account;
use crate::copied::Copied;
use crate::heap::prepaid::Wallet;
use crate::limit::{Full, Limit};
use crate::reserve::{Charged, Reservation};
use crate::values::exclusive::ExclusiveBuf;
use crate::values::piece::Piece;
use crate::values::pieces::{INLINE, Pieces, Span};

/// How many pieces a value has at most.
pub const PIECES_MAX: usize = 1024;

/// Bytes that many may read and nobody writes.
///
/// ```compile_fail,E0594
/// # let heap = levada_shared::SharedHeap::new(Default::default()).unwrap();
/// # let account = heap.account("a", u64::MAX).unwrap();
/// let data = account.copy_from(b"frozen").unwrap();
/// data.pieces().next().unwrap()[0] = 1; // read-only for ever
/// ```
#[derive(Clone)]
pub struct SharedData(Pieces);

const _: () = assert!(size_of::<SharedData>() == 56 && size_of::<Option<SharedData>>() == 56);

impl Account {
    /// A value with a copy of `bytes`: a named copy, counted.
    ///
    /// # Errors
    /// [`Full`] where the account or the heap has no room.
    pub fn copy_from(&self, bytes: &[u8]) -> Result<SharedData, Full<()>> {
        let mut buf = self.buf(bytes.len())?;
        buf.write_as(bytes, Copied::CopyFrom)?;
        Ok(buf.freeze())
    }
}

impl ExclusiveBuf {
    /// Ends the filling: what is filled becomes readable for all, in place, and never changes again. Room behind it
    /// is given up.
    ///
    /// Cost: nothing moves, no count changes; an empty buffer is dropped.
    #[inline]
    #[must_use]
    pub fn freeze(self) -> SharedData {
        SharedData(self.into_piece().map_or(Pieces::empty(), Pieces::one))
    }

    /// Freezes what was filled since the last time; the buffer keeps the room behind it.
    #[must_use]
    pub fn freeze_filled(&mut self) -> SharedData {
        SharedData(self.split_filled().map_or(Pieces::empty(), Pieces::one))
    }
}

impl SharedData {
    /// No bytes at all, and no block.
    #[must_use]
    pub const fn new() -> Self {
        Self(Pieces::empty())
    }

    pub(crate) fn of_piece(piece: Piece) -> Self {
        Self(Pieces::one(piece))
    }

    pub(crate) fn of_pieces(pieces: Vec<Piece>) -> Self {
        Self(Pieces::from_list(pieces))
    }

    /// How many bytes there are.
    #[inline]
    #[must_use]
    pub fn len(&self) -> u64 {
        self.0.length()
    }

    /// Whether there are none.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The contiguous runs in order; none of them is empty.
    #[inline]
    pub fn pieces(&self) -> impl Iterator<Item = &[u8]> + Clone {
        self.0.window().spans().map(Span::bytes)
    }

    /// How many contiguous runs there are.
    #[inline]
    #[must_use]
    pub fn piece_count(&self) -> usize {
        self.0.window().pieces.len()
    }

    /// The contiguous run from `offset` on; empty past the end.
    #[must_use]
    pub fn longest_at(&self, offset: u64) -> &[u8] {
        let mut left = offset;
        for run in self.pieces() {
            match run.get(to_index(left)..) {
                Some(rest) if !rest.is_empty() => return rest,
                _ => left -= run.len() as u64,
            }
        }
        &[]
    }

    /// A view of a part, `None` if the range does not lie inside. Copies nothing.
    #[must_use]
    pub fn slice(&self, range: impl RangeBounds<u64>) -> Option<Self> {
        let start = match range.start_bound() {
            Bound::Included(start) => *start,
            Bound::Excluded(before) => before.checked_add(1)?,
            Bound::Unbounded => 0,
        };
        let end = match range.end_bound() {
            Bound::Included(last) => last.checked_add(1)?,
            Bound::Excluded(end) => *end,
            Bound::Unbounded => self.len(),
        };
        (start <= end && end <= self.len()).then(|| self.part(start, end))
    }

    /// Takes the first `bytes` away and returns them: strips a header. `None`, and nothing changes, if there are fewer.
    pub fn split_to(&mut self, bytes: u64) -> Option<Self> {
        if bytes > self.len() {
            return None;
        }
        if let Some(head) = self.0.split_inline(bytes) {
            return Some(Self(head));
        }
        let head = self.part(0, bytes);
        *self = self.part(bytes, self.len());
        Some(head)
    }

    #[inline]
    fn part(&self, start: u64, end: u64) -> Self {
        if start == end {
            return Self::new();
        }
        if let Some(piece) = self.0.only_inline() {
            return Self(Pieces::one(piece.part(narrow(start)..narrow(end))));
        }
        let window = self.0.window();
        let mut before = 0; // the offset of the span in hand
        let mut first = None;
        for (index, span) in window.spans().enumerate() {
            let after = before + u64::from(span.length);
            if first.is_none() && start < after {
                first = Some((index, narrow(start - before) + span.start));
            }
            if let Some((first, skip)) = first
                && end <= after
            {
                let trim = span.piece.length() - span.start - narrow(end - before);
                return self.window_of(first, index, (skip, trim), end - start);
            }
            before = after;
        }
        unreachable!("the range was found to lie inside the {} bytes", self.len())
    }

    fn window_of(&self, first: usize, last: usize, (skip, trim): (u32, u32), length: u64) -> Self {
        let count = last + 1 - first;
        if count > INLINE {
            let (first, count) = (narrow(first as u64), narrow(count as u64));
            let part = self.0.narrowed(first, count, (skip, trim), length);
            return Self(part.expect("more than three pieces stand in a list"));
        }
        let mut part = Pieces::empty();
        for (index, piece) in self.0.window().pieces.iter().enumerate().take(last + 1).skip(first) {
            let from = if index == first { skip } else { 0 };
            let to = piece.length() - if index == last { trim } else { 0 };
            let pushed = part.push_inline(piece.part(from..to));
            debug_assert!(pushed.is_ok(), "three fit in place");
        }
        Self(part)
    }

    /// Puts `tail` behind. Copies nothing; neighbouring ranges of one block become one piece.
    ///
    /// # Errors
    /// [`Full`] with `tail` if there would be more than [`PIECES_MAX`] pieces.
    pub fn append(&mut self, tail: Self) -> Result<(), Full<Self>> {
        let pieces = self.piece_count() + tail.piece_count();
        if pieces > PIECES_MAX {
            let room_bytes = (PIECES_MAX - self.piece_count()) as u64;
            return Err(Full { limit: Limit::Pieces, room_bytes, value: tail });
        }
        if self.is_empty() {
            *self = tail;
            return Ok(());
        }
        let mut tail = match self.0.join_inline(tail.0, false) {
            Ok(()) => return Ok(()),
            Err(pieces) => Self(pieces),
        };
        if tail.piece_count() <= INLINE {
            for piece in tail.0.take_inline() {
                self.push(piece);
            }
            // A list's window may be as short: those pieces are shared with others and cloned.
            for span in tail.0.window().spans() {
                self.push(span.to_piece());
            }
            return Ok(());
        }
        let all = self.spans().chain(tail.spans()).map(Span::to_piece).collect();
        self.0 = Pieces::from_list(all);
        Ok(())
    }

    /// Puts `head` before. Copies nothing.
    ///
    /// # Errors
    /// [`Full`] with `head` if there would be more than [`PIECES_MAX`] pieces.
    pub fn prepend(&mut self, head: Self) -> Result<(), Full<Self>> {
        let mut head = match self.0.join_inline(head.0, true) {
            Ok(()) => return Ok(()),
            Err(pieces) => Self(pieces),
        };
        let kept = core::mem::take(self);
        let result = match head.append(kept) {
            Ok(()) => {
                *self = head;
                return Ok(());
            }
            Err(full) => full,
        };
        let room_bytes = (PIECES_MAX - result.value.piece_count()) as u64;
        *self = result.value;
        Err(Full { limit: Limit::Pieces, room_bytes, value: head })
    }

    fn push(&mut self, piece: Piece) {
        let mut piece = Some(piece);
        self.0.with_last_inline(|last| {
            if let Some(next) = piece.take() {
                piece = last.merge(next).err();
            }
        });
        let Some(piece) = piece else { return };
        let Err(piece) = self.0.push_inline(piece) else { return };
        let Err(piece) = self.0.push_listed(piece) else { return };
        let all = self.spans().map(Span::to_piece).chain([piece]).collect();
        self.0 = Pieces::from_list(all);
    }

    pub(crate) fn spans(&self) -> impl Iterator<Item = Span<'_>> + Clone {
        self.0.window().spans()
    }

    /// Reads a `T` at `offset`, across pieces if it must; `None` if it does not lie wholly inside.
    #[must_use]
    pub fn read<T: Plain>(&self, offset: u64) -> Option<T> {
        let end = offset.checked_add(size_of::<T>() as u64).filter(|end| *end <= self.len())?;
        let mut value = T::new_zeroed();
        let target = value.as_mut_bytes();
        let (mut skip, mut filled) = (to_index(offset), 0);
        for run in self.pieces() {
            if let Some(rest) = run.get(skip..) {
                let count = rest.len().min(target.len() - filled);
                target[filled..filled + count].copy_from_slice(&rest[..count]);
                filled += count;
                skip = 0;
                if filled == target.len() {
                    break;
                }
            } else {
                skip -= run.len();
            }
        }
        debug_assert!(offset + filled as u64 == end, "the bytes were found to be there");
        Some(value)
    }

    /// Sees a `T` at `offset` in place; `None` if it is not wholly inside one piece, or not aligned there.
    #[must_use]
    pub fn view<T: Plain>(&self, offset: u64) -> Option<&T> {
        view_at(self.longest_at(offset), 0)
    }

    /// The same bytes, held by another account too. Copies nothing.
    ///
    /// # Errors
    /// [`Full`] where that account has no room for all of it, or is one of another heap; nothing is charged then.
    pub fn share_with(&self, to: &Account) -> Result<Self, Full<()>> {
        self.check_heap(to)?;
        if let [piece] = self.0.window().pieces
            && u64::from(piece.length()) == self.len()
        {
            let mut purse = Wallet(to.heap().heap(), to.number());
            return Ok(Self(Pieces::one(piece.share_with(to.number(), &mut purse)?)));
        }
        // The sum first, so that nothing fails half-way.
        let mut room = to.reserve(self.lacks_bytes(to))?;
        let shared: Result<Vec<Piece>, Full<()>> =
            self.spans().map(|span| span.to_piece().share_with(to.number(), &mut room)).collect();
        Ok(Self(Pieces::from_list(shared?)))
    }

    /// Moves the caller's hold to another account: it is charged, and the caller's own account no more if this was
    /// its last handle.
    ///
    /// # Errors
    /// [`Full`] with the data where that account has no room, or is one of another heap. While it moves both may be
    /// charged, so `Full` may come one block early, never late.
    pub fn transfer_to(mut self, to: &Account) -> Result<Self, Full<Self>> {
        if let Err(full) = self.check_heap(to) {
            return Err(full.about(self));
        }
        let number = to.number();
        let moved = match self.0.inline_mut() {
            Some([piece]) => piece.move_to(number, &mut Wallet(to.heap().heap(), number)),
            // The sum first, so that nothing fails half-way.
            _ => to.reserve(self.lacks_bytes(to)).map(|mut room| self.rehome(&mut room)),
        };
        match moved {
            Ok(()) => Ok(self),
            Err(full) => Err(full.about(self)),
        }
    }

    fn check_heap(&self, to: &Account) -> Result<(), Full<()>> {
        let mut spans = self.spans();
        if spans.all(|span| span.piece.handle().is_of(to.heap().heap())) {
            return Ok(());
        }
        Err(Full { limit: Limit::OtherHeap, room_bytes: 0, value: () })
    }

    /// Says that the bytes are out of date. Who holds them goes on reading; no reference is upgraded any more, and soft
    /// ones no longer keep the bytes.
    ///
    /// It acts on whole blocks: other values in the same blocks are retired too. Cached things own their blocks
    /// ([`SharedData::is_whole`]).
    pub fn retire(&self) {
        for span in self.spans() {
            // The caller's own grant is strong, so nothing is freed here.
            let was_soft_only = span.piece.handle().block().state.retire();
            debug_assert!(!was_soft_only, "a holder's block is held");
        }
    }

    /// Whether any of the blocks was retired.
    #[must_use]
    pub fn is_retired(&self) -> bool {
        self.spans().any(|span| span.piece.handle().block().state.is_retired())
    }

    /// How many bytes of blocks this value keeps from being freed, each block counted once for neighbouring pieces: those
    /// of a long value that it was sliced from included, of which it still shares the list of pieces.
    #[must_use]
    pub fn pinned_bytes(&self) -> u64 {
        let mut pinned_bytes = 0;
        let mut last = None;
        for piece in self.0.kept() {
            let block = core::ptr::from_ref(piece.handle().block());
            if last != Some(block) {
                pinned_bytes += u64::from(piece.handle().capacity_bytes());
            }
            last = Some(block);
        }
        pinned_bytes
    }

    /// Lets go of the pieces that this value does not show and keeps all the same, because it shares a list of them with the longer
    /// value that it was sliced from: [`pinned_bytes`](Self::pinned_bytes) is then that of what it shows.
    ///
    /// Costs nothing for a value of up to three pieces, which has no list; a clone of each piece where others still share the list.
    ///
    /// ```
    /// # use levada_shared::SharedData;
    /// # let heap = levada_shared::SharedHeap::new(Default::default())?;
    /// # let account = heap.default_account();
    /// let mut long = SharedData::new();
    /// for byte in 0..8 {
    ///     long.append(account.copy_from(&[byte; 64])?).map_err(|full| full.to_string())?;
    /// }
    /// drop(long.split_to(256));
    /// assert_eq!((long.len(), long.pinned_bytes()), (256, 512));
    /// long.shed();
    /// assert_eq!(long.pinned_bytes(), 256);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn shed(&mut self) {
        if !self.0.shed() {
            self.0 = Pieces::from_list(self.spans().map(Span::to_piece).collect());
        }
    }

    /// Whether no other range of its blocks can be held by anybody: each was frozen as one. Where part of a buffer was
    /// frozen and the rest was kept, this is false for both.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        !self.spans().any(|span| span.piece.handle().block().is_split())
    }

    /// The same bytes in a block of their own, if what they keep from being freed is more than `ratio` times their
    /// length; as they were otherwise. A counted copy, charged to the account that holds the first piece.
    ///
    /// ```
    /// # let heap = levada_shared::SharedHeap::new(Default::default())?;
    /// let account = heap.default_account();
    /// let mut buf = account.kept_buf(1 << 20)?;
    /// buf.write(&[7; 64])?;
    /// let small = buf.freeze().compact_if(4).map_err(|full| full.to_string())?;
    /// assert_eq!((small.len(), small.pinned_bytes()), (64, 64));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Full`] with the data where the account or the heap has no room for the copy.
    pub fn compact_if(self, ratio: u32) -> Result<Self, Full<Self>> {
        if self.pinned_bytes() <= self.len().saturating_mul(u64::from(ratio)) {
            return Ok(self);
        }
        let Some(first) = self.spans().next() else { return Ok(self) };
        let copied = ExclusiveBuf::beside(first.piece.handle(), to_index(self.len()))
            .and_then(|buf| self.copied_into(buf, Copied::Compact));
        copied.map_err(|full| full.about(self))
    }

    fn copied_into(&self, mut buf: ExclusiveBuf, copied: Copied) -> Result<Self, Full<()>> {
        for run in self.pieces() {
            buf.write_as(run, copied)?;
        }
        Ok(buf.freeze())
    }

    /// The same bytes as one piece, charged to `account`: a counted copy, unless they are one piece already.
    ///
    /// # Errors
    /// [`Full`] where the account or the heap has no room.
    pub fn copy_contiguous(&self, account: &Account) -> Result<Self, Full<()>> {
        if self.piece_count() <= 1 {
            return self.share_with(account);
        }
        self.copied_into(account.buf(to_index(self.len()))?, Copied::Contiguous)
    }

    /// All bytes as a vector of the caller's: a copy, for tests and for the edges of a program.
    #[must_use]
    pub fn to_vec(&self) -> Vec<u8> {
        self.pieces().collect::<Vec<_>>().concat()
    }
}

fn narrow(bytes: u64) -> u32 {
    u32::try_from(bytes).expect("an offset in a piece, or a number of pieces")
}

impl Charged for SharedData {
    fn lacks_bytes(&self, at: &Account) -> u64 {
        let mut lacks_bytes = 0;
        let mut last = None;
        for span in self.spans() {
            let handle = span.piece.handle();
            if handle.account() == at.number() && handle.is_of(at.heap().heap()) {
                continue; // its own handle keeps that so
            }
            let block = core::ptr::from_ref(handle.block());
            if last != Some(block) {
                lacks_bytes += u64::from(handle.capacity_bytes());
            }
            last = Some(block);
        }
        lacks_bytes
    }

    fn rehome(&mut self, to: &mut Reservation) {
        if self.check_heap(to.account()).is_err() {
            return;
        }
        let number = to.account().number();
        if let Some(pieces) = self.0.inline_mut() {
            for piece in pieces {
                // What cannot be paid stays where it is charged.
                let _stays: bool = piece.move_to(number, to).is_err();
            }
            return;
        }
        let moved = self.spans().map(|span| {
            let mut piece = span.to_piece();
            let _stays: bool = piece.move_to(number, to).is_err();
            piece
        });
        self.0 = Pieces::from_list(moved.collect());
    }
}

impl Default for SharedData {
    fn default() -> Self {
        Self::new()
    }
}

impl PartialEq for SharedData {
    /// Equal bytes, however they are cut.
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.pieces().flatten().eq(other.pieces().flatten())
    }
}

impl Eq for SharedData {}

impl PartialEq<[u8]> for SharedData {
    fn eq(&self, other: &[u8]) -> bool {
        self.len() == other.len() as u64 && self.pieces().flatten().eq(other)
    }
}

impl fmt::Debug for SharedData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedData")
            .field("bytes", &self.len())
            .field("pieces", &self.piece_count())
            .finish()
    }
}
