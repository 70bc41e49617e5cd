//! A reservation is room in a record's own slot, which is filled in place and becomes the record by `commit`.
#![expect(unsafe_code, reason = "lends memory that was not written; all of it is in `raw` below")]

use core::fmt;
use core::mem::MaybeUninit;
use std::error::Error;
use std::sync::Arc;

use crate::error::Full;
use crate::naming::birth::Birth;
use crate::naming::header::{Header, Kind};
use crate::naming::life::Life;
use crate::naming::pointer::{Place, Pointer};
use crate::pile::Pile;
use crate::places::class::{Class, PAGE_BYTES};
use crate::places::segment::split;
use crate::sync::Ordering;
use crate::threads::epoch::Pinned;
use crate::threads::pool::Pool;
use crate::writing::roomy;

pub use raw::Reserved;

/// Why a reservation did not become a record. Its room went back.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Invalid {
    /// The bytes are not what the record's kind asks for.
    Bytes,
    /// More was said to be written than was.
    Unwritten {
        /// How much was written.
        written_bytes: usize,
    },
    /// The pile was purged since, and the room with it.
    Purged,
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes => write!(f, "the bytes are not a value of the record's kind"),
            Self::Unwritten { written_bytes } => {
                write!(f, "only {written_bytes} bytes of the reservation were written")
            }
            Self::Purged => {
                write!(f, "the pile was purged since the room was reserved: put it again")
            }
        }
    }
}

impl Error for Invalid {}

impl Pile {
    /// Room for `room_bytes` of a record that is written in its place.
    ///
    /// ```
    /// # use levada_pile::{Kind, Life, Pile};
    /// # let pile = Pile::builder("p").limit_bytes(1 << 20).build()?;
    /// let mut room = pile.reserve(100, Kind::Text, Life::FOREVER)?;
    /// room.write(b"written ")?;
    /// room.write(b"in place")?;
    /// let at = room.commit(16)?;
    /// assert_eq!(pile.pin().text(at), Ok("written in place"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Full`], as for a put of so many bytes.
    ///
    /// # Panics
    /// If `kind` is none of bytes and text: the others are reserved through what makes them.
    pub fn reserve(&self, room_bytes: usize, kind: Kind, life: Life) -> Result<Reserved<'_>, Full> {
        assert!(matches!(kind, Kind::Bytes | Kind::Text), "only bytes and text are reserved here");
        self.reserve_as(room_bytes, Birth::of(kind, life))
    }

    /// Room for a record of any kind.
    pub(crate) fn reserve_as(&self, room_bytes: usize, birth: Birth) -> Result<Reserved<'_>, Full> {
        self.reserve_from(&self.store.pool, room_bytes, birth)
    }

    /// As `reserve_as`, by an arena of this pool.
    pub(crate) fn reserve_from(
        &self,
        pool: &Arc<Pool>,
        room_bytes: usize,
        birth: Birth,
    ) -> Result<Reserved<'_>, Full> {
        let length = self.store.length(room_bytes)?;
        let once = || Reserved::once(self, pool, birth, length);
        once()
            .or_else(|| self.store.reclaimed(pool, once))
            .ok_or_else(|| self.store.out_of_space(birth, length))
    }

    /// Puts a record whose updates are copied into one of two halves of `room_bytes` each, in turn, and take no other slot.
    ///
    /// # Errors
    /// [`Full`]; also for a room of more than a mebibyte, or one that is shorter than `bytes`.
    pub fn put_roomy(&self, bytes: &[u8], room_bytes: usize, life: Life) -> Result<Pointer, Full> {
        let half_bytes =
            u32::try_from(room_bytes).ok().filter(|&bytes| bytes <= roomy::HALF_BYTES_MAX);
        let most_bytes = u64::from(roomy::HALF_BYTES_MAX).min(room_bytes as u64);
        let Some(half_bytes) = half_bytes.filter(|&half| bytes.len() <= half as usize) else {
            return Err(Full::TooLarge { most_bytes });
        };
        let payload_bytes = roomy::payload_bytes(half_bytes);
        let reserved = self.reserve_as(payload_bytes as usize, Birth::of(Kind::Roomy, life))?;
        match reserved.begin_roomy(half_bytes, bytes) {
            Ok(pointer) => Ok(pointer),
            // Purged in between: then this put comes after.
            Err(_) => self.put_roomy(bytes, room_bytes, life),
        }
    }
}

impl Reserved<'_> {
    /// Copies `bytes` in behind what is written.
    ///
    /// # Errors
    /// [`Full`] if they do not fit; nothing was written then.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Full> {
        let room = self.spare_mut();
        let room_bytes = room.len() as u64;
        let Some(room) = room.get_mut(..bytes.len()) else {
            return Err(Full::TooLarge { most_bytes: room_bytes });
        };
        room.write_copy_of_slice(bytes);
        self.written_here(bytes.len());
        Ok(())
    }
}

/// The bytes of the slot, or of the pages, that a record takes.
fn slot_bytes(is_aligned: bool, ext_bytes: u32, length_bytes: u32) -> u32 {
    match Class::holding(8 + ext_bytes + length_bytes) {
        Some(class) if is_aligned => class.aligned().shape().slot_bytes,
        Some(class) => class.shape().slot_bytes,
        None => length_bytes.next_multiple_of(PAGE_BYTES),
    }
}

mod raw {
    use super::{
        Arc, Birth, Header, Invalid, Kind, MaybeUninit, Ordering, Pile, Pinned, Place, Pointer,
        Pool, roomy, slot_bytes, split,
    };
    use core::mem::ManuallyDrop;

    use crate::places::class::Class;
    use crate::places::segment::Slot;
    use crate::reading::shard::LentRoom;
    use crate::store::Room;
    use crate::threads::arena::Vacant;
    use crate::types::codec::Unencodable;
    use crate::types::sink::{Sink, Spilt};

    /// Room for a record, for its one owner. Dropping it gives the room back.
    ///
    /// # Invariants
    /// 1. The slot is busy, and this value alone writes there: its span is counted as held, so that no purge lets it be
    ///    used again.
    /// 2. The first `written_bytes` of its room are initialised.
    #[derive(Debug)]
    pub struct Reserved<'p> {
        pile: &'p Pile,
        room: Room<'p>,
        room_bytes: u32,
        written_bytes: u32,
        is_record: bool,
        /// Whether these bytes may become the record.
        check: Option<fn(&[u8]) -> bool>,
    }

    impl<'p> Reserved<'p> {
        /// Room, if that needs no more than a slot.
        pub(crate) fn once(
            pile: &'p Pile,
            pool: &Arc<Pool>,
            birth: Birth,
            room_bytes: u32,
        ) -> Option<Self> {
            let _pinned = Pinned::new();
            let store = &pile.store;
            let room = pool.with_arena(|arena| store.room(arena, birth, room_bytes, true))?;
            let vacant = &room.vacant;
            vacant.slot.header().store(Header::busy(vacant.generation).0, Ordering::Relaxed);
            store.spans.hold(vacant.place);
            let (written_bytes, is_record, check) = (0, false, None);
            Some(Self { pile, room, room_bytes, written_bytes, is_record, check })
        }

        /// The same room, whose bytes become the record only if `check` says so.
        pub(crate) fn checked_by(mut self, check: fn(&[u8]) -> bool) -> Self {
            self.check = Some(check);
            self
        }

        /// Whether a record of `length_bytes` would get a shorter slot than this room has.
        pub(crate) fn is_too_wide_for(&self, length_bytes: u32) -> bool {
            let taken_bytes = |length_bytes| {
                let ext_bytes = self.room.ext_bytes();
                slot_bytes(self.room.birth.is_aligned, ext_bytes, length_bytes)
            };
            taken_bytes(length_bytes) < taken_bytes(self.room_bytes)
        }

        /// Lets a value be encoded behind what is written. What did not fit comes back.
        pub(crate) fn fill(
            &mut self,
            encode: impl FnOnce(&mut Sink<'_>) -> Result<(), Unencodable>,
        ) -> Result<Spilt, Unencodable> {
            let most_bytes = self.pile.store.spans.supply.limit.limit_bytes();
            let spare = self.spare_mut();
            let first = spare.as_ptr().cast::<u8>();
            let mut sink = Sink::new(spare, most_bytes);
            encode(&mut sink)?;
            let written = sink.written();
            // Whatever the encoder did with the sink: only what was written here is.
            if !core::ptr::eq(written.as_ptr(), first) {
                return Err(Unencodable);
            }
            let written_bytes = written.len();
            let spilt = sink.end();
            self.written_here(written_bytes);
            Ok(spilt)
        }

        /// The pile that it is in.
        pub(crate) fn pile(&self) -> &'p Pile {
            self.pile
        }

        /// What will name the record.
        pub(crate) fn pointer(&self) -> Pointer {
            Pointer::new(self.room.vacant.place, self.room.vacant.generation)
        }

        /// The room behind what is written, as memory that may hold anything.
        pub fn spare_mut(&mut self) -> &mut [MaybeUninit<u8>] {
            let room = self.room.vacant.slot.room(self.room.ext_bytes(), self.room_bytes);
            // SAFETY: the slot's room, which this value alone has (invariant 1).
            let room = unsafe { &mut *room.as_ptr() };
            &mut room[self.written_bytes as usize..]
        }

        /// Writes the words that a keeper's record begins with, before all else.
        pub(crate) fn write_words(&mut self, words: &[u32]) {
            assert!(self.written_bytes == 0, "words come first");
            let count = u8::try_from(words.len()).expect("a record has few words");
            let room = self.room.vacant.slot.words(self.room.ext_bytes(), count);
            for (word, &value) in room.iter().zip(words) {
                word.store(value, Ordering::Relaxed);
            }
            self.written_here(size_of_val(words));
        }

        /// Says that the first `bytes` of the spare room were written.
        ///
        /// # Safety
        /// They were initialised.
        ///
        /// # Panics
        /// If there is not so much room.
        pub unsafe fn add_written(&mut self, bytes: usize) {
            self.written_here(bytes);
        }

        pub(super) fn written_here(&mut self, bytes: usize) {
            let left = (self.room_bytes - self.written_bytes) as usize;
            assert!(bytes <= left, "more was written than there was room for");
            self.written_bytes += u32::try_from(bytes).expect("a room is shorter than 4 GiB");
        }

        /// What was written.
        #[must_use]
        pub fn written(&self) -> &[u8] {
            let room = self.room.vacant.slot.room(self.room.ext_bytes(), self.written_bytes);
            // SAFETY: the slot's room, which this value alone has (invariant 1).
            let room = unsafe { &*room.as_ptr() };
            // SAFETY: invariant 2.
            unsafe { room.assume_init_ref() }
        }

        /// What the reservation is, for its room to be lent: its slot stays busy and its span held.
        pub(crate) fn into_lent(self) -> (&'p Pile, LentRoom) {
            let this = ManuallyDrop::new(self);
            let (span, _) = split(this.room.vacant.place);
            let lent = LentRoom {
                place: this.room.vacant.place,
                class: this.room.class,
                generation: this.room.vacant.generation,
                birth: this.room.birth,
                expiry_s: this.room.expiry_s,
                keeper: this.room.keeper,
                room_bytes: this.room_bytes,
                written_bytes: this.written_bytes,
                check: this.check,
            };
            debug_assert!(this.pile.store.spans.is_held(span), "its span is held");
            (this.pile, lent)
        }

        /// The reservation whose room was lent, of which `filled_bytes` more were written meanwhile.
        ///
        /// # Safety
        /// Nobody else has the room any more, and so many bytes behind those that were written are initialised.
        pub(crate) unsafe fn from_lent(
            pile: &'p Pile,
            lent: LentRoom,
            filled_bytes: usize,
        ) -> Self {
            let (span, offset) = split(lent.place);
            let index = lent.class.shape().slot_at(offset).expect("it was a slot of its class");
            let slot = pile.store.spans.memory.slot_of(span, lent.class, index);
            let vacant = Vacant { slot, place: lent.place, generation: lent.generation };
            let LentRoom { class, birth, expiry_s, keeper, .. } = lent;
            let room = Room { vacant, class, birth, expiry_s, keeper };
            let LentRoom { room_bytes, written_bytes, check, .. } = lent;
            let is_record = false;
            let mut reserved = Self { pile, room, room_bytes, written_bytes, is_record, check };
            reserved.written_here(filled_bytes);
            reserved
        }

        /// Makes the first `length_bytes` of what was written the record.
        ///
        /// # Errors
        /// [`Invalid`]; the room went back then.
        pub fn commit(self, length_bytes: usize) -> Result<Pointer, Invalid> {
            let Some(bytes) = self.written().get(..length_bytes) else {
                return Err(Invalid::Unwritten { written_bytes: self.written_bytes as usize });
            };
            if self.room.birth.kind == Kind::Text && core::str::from_utf8(bytes).is_err() {
                return Err(Invalid::Bytes);
            }
            if self.check.is_some_and(|check| !check(bytes)) {
                return Err(Invalid::Bytes);
            }
            let written_bytes = self.written_bytes;
            self.publish(u32::try_from(length_bytes).unwrap_or(written_bytes))
        }

        /// Makes all that was written the record.
        pub(crate) fn commit_all(self) -> Result<Pointer, Invalid> {
            let length_bytes = self.written_bytes as usize;
            self.commit(length_bytes)
        }

        /// Makes it a cell that leads to `value`, unless that was purged before the room was reserved.
        pub(crate) fn begin_cell(self, value: Pointer) -> Result<Pointer, Invalid> {
            // A purge from here on ends the room too.
            let _pinned = Pinned::new();
            let memory = &self.pile.store.spans.memory;
            let found = memory.slot(value.place());
            let is_there = |(slot, _): (Slot<'_>, Class)| {
                Header(slot.header().load(Ordering::Acquire)).is_inner_of(value)
            };
            if !found.is_some_and(is_there) {
                return Err(Invalid::Purged);
            }
            let word = self.room.vacant.slot.word(self.room.ext_bytes(), 0);
            word.store(value.to_bits(), Ordering::Relaxed);
            self.publish(8)
        }

        pub(super) fn begin_roomy(self, half_bytes: u32, bytes: &[u8]) -> Result<Pointer, Invalid> {
            roomy::begin(self.room.vacant.slot, self.room.ext_bytes(), half_bytes, bytes);
            let length = self.room_bytes;
            self.publish(length)
        }

        fn publish(mut self, length: u32) -> Result<Pointer, Invalid> {
            let _pinned = Pinned::new();
            let (store, vacant) = (&self.pile.store, self.room.vacant);
            let (span, _) = split(vacant.place);
            if !store.spans.leads_somewhere(span) {
                return Err(Invalid::Purged);
            }
            let pointer = self.room.publish(length);
            self.is_record = true;
            let is_inner = self.room.birth.is_inner;
            store.with_arena(|arena| arena.counts.born(length, is_inner));
            Ok(pointer)
        }
    }

    impl Drop for Reserved<'_> {
        fn drop(&mut self) {
            let place: Place = self.room.vacant.place;
            if self.is_record {
                self.pile.store.spans.let_go(place);
            } else {
                self.pile.store.give_up(place);
            }
        }
    }
}
