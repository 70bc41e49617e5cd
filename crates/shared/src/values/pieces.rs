//! The pieces of a value are up to three in place, or a counted list of more of which the value sees a window.
//!
//! ```text
//! 56 = piece 16 | piece 16 | piece 16                  | length 56 bits, count 8 bits
//!    | list 8, from 4, count 4 | skip 4, trim 4 | ...  | length, count = LIST
//! ```
//! A list is shared by the values made from it by slicing, so slicing one of a thousand pieces copies no piece: the
//! window leaves out `skip` bytes of its first piece and `trim` bytes of its last.
#![expect(unsafe_code, reason = "one place holds pieces or a list; all of it is in `raw` below")]

use std::os::fd::BorrowedFd;

use crate::values::piece::Piece;

/// How many pieces stand in place.
pub(crate) const INLINE: usize = 3;

pub(crate) use raw::Pieces;

/// A range of one piece, as a value sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span<'a> {
    pub(crate) piece: &'a Piece,
    pub(crate) start: u32,
    pub(crate) length: u32,
}

impl<'a> Span<'a> {
    #[inline]
    pub(crate) fn bytes(self) -> &'a [u8] {
        &self.piece.bytes()[self.start as usize..(self.start + self.length) as usize]
    }

    /// The file that the bytes lie in, if they do, and where the first of them is.
    #[inline]
    pub(crate) fn in_file(self) -> Option<(BorrowedFd<'a>, u64)> {
        let (file, offset) = self.piece.in_file()?;
        Some((file, offset + u64::from(self.start)))
    }

    pub(crate) fn to_piece(self) -> Piece {
        self.piece.part(self.start..self.start + self.length)
    }
}

/// The pieces of which something is seen, and what is not seen of the first and of the last.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window<'a> {
    pub(crate) pieces: &'a [Piece],
    pub(crate) skip: u32,
    pub(crate) trim: u32,
}

impl<'a> Window<'a> {
    /// The spans in order, none of them empty.
    #[inline]
    pub(crate) fn spans(self) -> impl Iterator<Item = Span<'a>> + Clone {
        let last = self.pieces.len().wrapping_sub(1);
        self.pieces.iter().enumerate().map(move |(index, piece)| {
            let start = if index == 0 { self.skip } else { 0 };
            let end = piece.length() - if index == last { self.trim } else { 0 };
            Span { piece, start, length: end - start }
        })
    }
}

mod raw {
    use core::mem::{ManuallyDrop, MaybeUninit};
    use core::num::NonZeroU64;
    use std::sync::Arc;

    use super::INLINE;
    use super::Window;
    use crate::values::piece::Piece;

    /// The count that stands for a list.
    const LIST: u64 = 0xFF;

    /// # Invariants
    /// 1. `tail` is `length << 8 | tag`. With tag `count + 1 <= 4`, the first `count` places of `place.inline` are
    ///    initialised; with tag `LIST`, `place.list` is.
    /// 2. `length` is the sum of the lengths of the inline pieces, or what the window of the list shows.
    pub(crate) struct Pieces {
        place: Place,
        tail: NonZeroU64,
    }

    union Place {
        inline: ManuallyDrop<[MaybeUninit<Piece>; INLINE]>,
        list: ManuallyDrop<List>,
    }

    #[derive(Clone)]
    struct List {
        pieces: Arc<Vec<Piece>>,
        from: u32,
        count: u32,
        skip: u32,
        trim: u32,
    }

    const _: () = assert!(size_of::<Pieces>() == 56 && size_of::<Option<Pieces>>() == 56);

    fn tail(length: u64, tag: u64) -> NonZeroU64 {
        assert!(length < 1 << 56, "a value is shorter than 2^56 bytes");
        NonZeroU64::new(length << 8 | tag).expect("no tag is zero")
    }

    impl Pieces {
        pub(crate) const fn empty() -> Self {
            let inline = ManuallyDrop::new([const { MaybeUninit::uninit() }; INLINE]);
            Self { place: Place { inline }, tail: NonZeroU64::MIN } // length 0, tag 1: no piece
        }

        #[inline]
        pub(crate) fn one(piece: Piece) -> Self {
            let mut one = Self::empty();
            let pushed = one.push_inline(piece);
            debug_assert!(pushed.is_ok(), "an empty value has room in place");
            one
        }

        /// A window on a fresh list; short lists come to stand in place.
        pub(crate) fn from_list(pieces: Vec<Piece>) -> Self {
            if pieces.len() <= INLINE {
                let mut inline = Self::empty();
                for piece in pieces {
                    let pushed = inline.push_inline(piece);
                    debug_assert!(pushed.is_ok(), "there is room for {INLINE}");
                }
                return inline;
            }
            let length = pieces.iter().map(|piece| u64::from(piece.length())).sum();
            let count = u32::try_from(pieces.len()).expect("a value has at most 1,024 pieces");
            Self::with_list(
                List { pieces: Arc::new(pieces), from: 0, count, skip: 0, trim: 0 },
                length,
            )
        }

        fn with_list(list: List, length: u64) -> Self {
            Self { place: Place { list: ManuallyDrop::new(list) }, tail: tail(length, LIST) }
        }

        #[inline]
        pub(crate) fn length(&self) -> u64 {
            self.tail.get() >> 8
        }

        #[inline]
        fn tag(&self) -> u64 {
            self.tail.get() & 0xFF
        }

        #[inline]
        fn inline_count(&self) -> Option<usize> {
            let tag = self.tag();
            (tag != LIST).then(|| usize::try_from(tag - 1).expect("at most three"))
        }

        #[inline]
        fn inline(&self) -> Option<&[Piece]> {
            let count = self.inline_count()?;
            // SAFETY: invariant 1: without the tag of a list the place holds the inline pieces.
            let inline = unsafe { &self.place.inline };
            // SAFETY: invariant 1: the first `count` are initialised.
            Some(unsafe { inline[..count].assume_init_ref() })
        }

        /// The inline pieces, to be changed without changing their lengths; `None` for a list, which others may see.
        pub(crate) fn inline_mut(&mut self) -> Option<&mut [Piece]> {
            let count = self.inline_count()?;
            // SAFETY: invariant 1: without the tag of a list the place holds the inline pieces.
            let inline = unsafe { &mut self.place.inline };
            // SAFETY: invariant 1: the first `count` are initialised.
            Some(unsafe { inline[..count].assume_init_mut() })
        }

        /// The piece, where it is the only one and in place.
        #[inline]
        pub(crate) fn only_inline(&self) -> Option<&Piece> {
            self.inline().and_then(|pieces| if let [piece] = pieces { Some(piece) } else { None })
        }

        fn list(&self) -> Option<&List> {
            // SAFETY: invariant 1, by the tag.
            (self.tag() == LIST).then(|| unsafe { &*self.place.list })
        }

        /// What is seen.
        #[inline]
        pub(crate) fn window(&self) -> Window<'_> {
            if let Some(pieces) = self.inline() {
                return Window { pieces, skip: 0, trim: 0 };
            }
            let list = self.list().expect("a value has inline pieces or a list");
            let pieces = &list.pieces[list.from as usize..(list.from + list.count) as usize];
            Window { pieces, skip: list.skip, trim: list.trim }
        }

        /// What is kept: more than is seen, where a list is shared with a longer value.
        pub(crate) fn kept(&self) -> &[Piece] {
            self.list().map_or_else(|| self.window().pieces, |list| &list.pieces)
        }

        /// Puts a piece behind the inline ones, or gives it back where there are three, or a list.
        #[inline]
        pub(crate) fn push_inline(&mut self, piece: Piece) -> Result<(), Piece> {
            let count = match self.inline_count() {
                Some(count) if count < INLINE => count,
                _ => return Err(piece),
            };
            let length = self.length() + u64::from(piece.length());
            // SAFETY: invariant 1: no list is in place.
            let inline = unsafe { &mut self.place.inline };
            inline[count].write(piece);
            self.tail = tail(length, count as u64 + 2);
            Ok(())
        }

        /// Gives the last inline piece to `change`, for merging; not for a list, whose pieces others may see.
        #[inline]
        pub(crate) fn with_last_inline<R>(
            &mut self,
            change: impl FnOnce(&mut Piece) -> R,
        ) -> Option<R> {
            let count = self.inline_count()?.checked_sub(1)?;
            // SAFETY: invariant 1: no list is in place.
            let inline = unsafe { &mut self.place.inline };
            // SAFETY: invariant 1: the piece before the end is initialised.
            let last = unsafe { inline[count].assume_init_mut() };
            let before = u64::from(last.length());
            let result = change(last);
            let length = u64::from(last.length()) + self.length() - before;
            self.tail = tail(length, count as u64 + 2);
            Some(result)
        }

        /// Puts a piece behind a list that nobody else sees and whose end the window shows, or gives it back.
        pub(crate) fn push_listed(&mut self, piece: Piece) -> Result<(), Piece> {
            let length = self.length() + u64::from(piece.length());
            let Some(list) = self.list_mut() else {
                return Err(piece);
            };
            let shows_end =
                list.trim == 0 && (list.from + list.count) as usize == list.pieces.len();
            let Some(pieces) = Arc::get_mut(&mut list.pieces).filter(|_| shows_end) else {
                return Err(piece);
            };
            pieces.push(piece);
            list.count += 1;
            self.tail = tail(length, LIST);
            Ok(())
        }

        /// Of a list that nobody else sees, keeps what is seen: true if no more than that is kept now.
        pub(crate) fn shed(&mut self) -> bool {
            let Some(list) = self.list_mut() else { return true };
            let seen = list.from as usize..(list.from + list.count) as usize;
            if seen.len() == list.pieces.len() {
                return true;
            }
            let Some(pieces) = Arc::get_mut(&mut list.pieces) else { return false };
            pieces.truncate(seen.end);
            drop(pieces.drain(..seen.start));
            list.from = 0;
            true
        }

        fn list_mut(&mut self) -> Option<&mut List> {
            // SAFETY: invariant 1, by the tag.
            (self.tag() == LIST).then(|| unsafe { &mut *self.place.list })
        }

        /// Of a list, the window of `count` pieces from the `first` seen on, without `skip` bytes of the first and
        /// `trim` of the last: `length` bytes.
        pub(crate) fn narrowed(
            &self,
            first: u32,
            count: u32,
            (skip, trim): (u32, u32),
            length: u64,
        ) -> Option<Self> {
            let list = self.list()?;
            assert!(first + count <= list.count, "a narrower window lies in the window");
            let list = List {
                pieces: Arc::clone(&list.pieces),
                from: list.from + first,
                count,
                skip,
                trim,
            };
            Some(Self::with_list(list, length))
        }

        /// Takes the first `bytes` of the inline pieces out: whole pieces move, and of the one that is cut both sides keep
        /// a part. `None` for a list. There are so many bytes.
        pub(crate) fn split_inline(&mut self, bytes: u64) -> Option<Self> {
            let count = self.inline_count()?;
            let pieces = self.inline_mut()?;
            let (mut whole, mut left_bytes) = (0, bytes);
            while whole < count && u64::from(pieces[whole].length()) <= left_bytes {
                left_bytes -= u64::from(pieces[whole].length());
                whole += 1;
            }
            // A panic of the count leaves everything as it was.
            let cut = match u32::try_from(left_bytes) {
                Ok(cut) if cut > 0 => {
                    let part = pieces[whole].part(0..cut);
                    let length = pieces[whole].length();
                    pieces[whole].narrow(cut..length);
                    Some(part)
                }
                _ => None,
            };
            let rest_bytes = self.length() - bytes;
            let mut head = Self::empty();
            self.tail = NonZeroU64::MIN; // from here on nobody else drops them
            let (from, to) = (self.first_mut(), head.first_mut());
            // SAFETY: the first `count` are initialised (invariant 1), and the first `whole` of them go to the head.
            unsafe { from.copy_to_nonoverlapping(to, whole) };
            // SAFETY: the others go to the front of where they are, each to one place.
            unsafe { from.wrapping_add(whole).copy_to(from, count - whole) };
            head.tail = tail(bytes - left_bytes, whole as u64 + 1);
            self.tail = tail(rest_bytes, (count - whole) as u64 + 1);
            if let Some(cut) = cut {
                let pushed = head.push_inline(cut);
                debug_assert!(pushed.is_ok(), "no more than there were");
            }
            Some(head)
        }

        /// Moves the inline pieces of another value before or behind the inline ones, if all have room in place and no two
        /// of them join; gives the other back otherwise.
        pub(crate) fn join_inline(&mut self, mut other: Self, before: bool) -> Result<(), Self> {
            let (Some(ours), Some(theirs)) = (self.inline(), other.inline()) else {
                return Err(other);
            };
            let (count, more) = (ours.len(), theirs.len());
            let joins = match (before, ours, theirs) {
                (false, [.., last], [first, ..]) | (true, [first, ..], [.., last]) => {
                    last.is_before(first)
                }
                _ => false,
            };
            if count + more > INLINE || joins {
                return Err(other);
            }
            let length = self.length() + other.length();
            let (gap, place) = if before { (more, 0) } else { (0, count) };
            other.tail = NonZeroU64::MIN; // from here on nobody else drops them
            let (to, from) = (self.first_mut(), other.first_mut());
            // SAFETY: the first `count` are initialised (invariant 1), and there are places for `more` besides: ours make
            // room for them.
            unsafe { to.copy_to(to.wrapping_add(gap), count) };
            // SAFETY: theirs fill it, each to one place.
            unsafe { from.copy_to_nonoverlapping(to.wrapping_add(place), more) };
            self.tail = tail(length, (count + more) as u64 + 1);
            Ok(())
        }

        /// The first place of those for inline pieces; for a value without a list.
        fn first_mut(&mut self) -> *mut MaybeUninit<Piece> {
            debug_assert!(self.inline_count().is_some(), "a list is in another place");
            (&raw mut self.place.inline).cast()
        }

        /// The inline pieces, moved out in order; nothing of a list.
        pub(crate) fn take_inline(&mut self) -> impl Iterator<Item = Piece> + use<> {
            let mut taken = [const { None }; INLINE];
            if let Some(count) = self.inline_count() {
                // SAFETY: invariant 1: no list is in place.
                let inline = unsafe { &mut self.place.inline };
                self.tail = NonZeroU64::MIN; // first: from here on nobody else drops them
                for (slot, piece) in taken.iter_mut().zip(&inline[..count]) {
                    // SAFETY: initialised by invariant 1, and read out once, since the count is zero now.
                    *slot = Some(unsafe { piece.assume_init_read() });
                }
            }
            taken.into_iter().flatten()
        }
    }

    impl Clone for Pieces {
        #[inline]
        fn clone(&self) -> Self {
            let Some(pieces) = self.inline() else {
                let list = self.list().expect("a value has inline pieces or a list");
                return Self::with_list(list.clone(), self.length());
            };
            // Counted first and then copied as one: written piece by piece, the copy would wait for its own stores.
            let mut counted = Counted { pieces, count: 0 };
            while let Some(piece) = pieces.get(counted.count) {
                piece.count_one_more();
                counted.count += 1;
            }
            counted.count = 0; // from here on the copy answers for them
            // SAFETY: a copy of each initialised piece was counted in the loop above; the rest is bytes that nobody reads
            // (invariant 1).
            Self { place: unsafe { core::ptr::read(&raw const self.place) }, tail: self.tail }
        }
    }

    /// Pieces that were counted for a copy which is not there yet: if counting the next one panics, they are let go.
    struct Counted<'a> {
        pieces: &'a [Piece],
        count: usize,
    }

    impl Drop for Counted<'_> {
        #[inline]
        fn drop(&mut self) {
            for piece in &self.pieces[..self.count] {
                // SAFETY: counted once more for a copy, which this is.
                drop(unsafe { core::ptr::read(piece) });
            }
        }
    }

    impl Drop for Pieces {
        #[inline]
        fn drop(&mut self) {
            if let Some(count) = self.inline_count() {
                // SAFETY: invariant 1: no list is in place.
                let inline = unsafe { &mut self.place.inline };
                for piece in &mut inline[..count] {
                    // SAFETY: initialised by invariant 1; dropped once, here.
                    unsafe { piece.assume_init_drop() };
                }
            } else {
                // SAFETY: invariant 1: without inline pieces there is a list.
                let list = unsafe { &mut self.place.list };
                // SAFETY: dropped once, here.
                unsafe { ManuallyDrop::drop(list) };
            }
        }
    }
}
