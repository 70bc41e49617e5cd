//! A typed keep puts values: each record is a prefix of bytes, such as a key, and a value of one codec behind it.
//!
//! ```text
//! header 8 | expiry 4? | words 4 x n | length of the prefix 4 | prefix | zeros to a multiple of 16? | encoded value
//! ```
//! Only the codec writes there, and what it wrote is looked through before it becomes a record where it relies on its form; so
//! a value is read in place, without being looked through again. The zeros are there for archived values alone: their slots
//! begin at multiples of 16, as pages do, so a value keeps its distance when its record moves.
//!
//! A record that is shown says whose it is, by what nobody can change in it: so no bytes but those that a keep put are read as its
//! own.
//!
//! Cost: as for other typed records; to read one, whose it is is compared instead of its tag.

use core::fmt;
use core::mem::MaybeUninit;
use core::ops::Deref;
use std::error::Error;
use std::sync::Arc;

use crate::error::{Full, PutError};
use crate::naming::header::Kind;
use crate::naming::life::Life;
use crate::naming::pointer::{Place, Pointer};
use crate::naming::stamp::Stamp;
use crate::pile::Pile;
use crate::places::class::Class;
use crate::places::pages::PAYLOAD_BYTES_MAX;
use crate::sync::{AtomicU32, Ordering};
use crate::types::codec::{Codec, Damaged, Unencodable, is_value};
use crate::types::registry::{Registered, StampTaken};
use crate::types::sink::{Scratch, Sink};
use crate::upkeep::form::Form;
use crate::upkeep::keep::Keep;
use crate::upkeep::keeper::{Keeper, KeptRecord};
use crate::writing::reserve::Reserved;

/// A keeper's records that are values of one type. All of [`Keep`] is there, but for its puts of bytes and its rooms, which
/// panic: what is in these records is the codec's.
///
/// ```
/// # use levada_pile::{Keeper, KeptRecord, Verdict, Why};
/// # struct Nailed;
/// # impl Keeper for Nailed {
/// #     fn verdict(&self, _: KeptRecord<'_>) -> Verdict { Verdict::Stay }
/// #     fn moved(&self, _: KeptRecord<'_>, _: KeptRecord<'_>) -> bool { false }
/// #     fn dropped(&self, _: KeptRecord<'_>, _: Why) -> bool { false }
/// # }
/// use std::sync::Arc;
/// use levada_pile::{Form, Life, Pile, Stamp, Text};
///
/// let pile = Pile::builder("p").limit_bytes(1 << 20).build()?;
/// let stamp = Stamp::new("demo.note", 1);
/// let notes = pile.typed_keeper::<Text>(stamp, Arc::new(Nailed), Form::default())?;
/// let place = notes.put(&[], b"key", "value", Life::FOREVER)?;
/// let guard = pile.pin();
/// let record = notes.at(&guard, place).expect("it is there");
/// assert_eq!((record.prefix(), notes.view(record)), (Some(&b"key"[..]), Ok("value")));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct TypedKeep<C: Codec> {
    keep: Keep,
    registered: Registered<C>,
    /// How long the last encoding was whose room did not suit.
    guess_bytes: AtomicU32,
}

/// Why there is no typed keep.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum TypedKeepError {
    /// The stamp is another type's.
    Stamp(StampTaken),
    /// The pile has as many keepers as it can have, or is closed.
    Full(Full),
}

impl fmt::Display for TypedKeepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stamp(taken) => taken.fmt(f),
            Self::Full(full) => full.fmt(f),
        }
    }
}

impl Error for TypedKeepError {}

impl Pile {
    /// Begins to keep values of the type that has this stamp, by this codec, for `keeper`. Several keeps may have the same
    /// type.
    ///
    /// # Errors
    /// [`TypedKeepError`].
    ///
    /// # Panics
    /// As [`Pile::keeper`].
    pub fn typed_keeper<C: Codec>(
        &self,
        stamp: Stamp,
        keeper: Arc<dyn Keeper>,
        form: Form,
    ) -> Result<TypedKeep<C>, TypedKeepError> {
        const {
            assert!(C::KIND.has_tag(), "a codec's records are of kind Archived or Compact");
        }
        let registered = self.store.registry.register::<C>(stamp).map_err(TypedKeepError::Stamp)?;
        let keep = self.keep(keeper, form, Some(C::KIND)).map_err(TypedKeepError::Full)?;
        Ok(TypedKeep { keep, registered, guess_bytes: AtomicU32::new(0) })
    }
}

/// Bytes of the length of a prefix.
const LENGTH_BYTES: usize = 4;

/// What a value is aligned to.
const fn align_of_kind(kind: Kind) -> usize {
    if matches!(kind, Kind::Archived) { 16 } else { 1 }
}

/// The zeros before a value that would begin at this address or distance.
fn zeros_before(at: usize, kind: Kind) -> usize {
    at.wrapping_neg() % align_of_kind(kind)
}

impl<'g> KeptRecord<'g> {
    /// What stands before the value in a record of a [`TypedKeep`], the prefix that it was put with. `None` in one of bytes
    /// alone.
    #[must_use]
    pub fn prefix(&self) -> Option<&'g [u8]> {
        self.prefix_and_value().map(|(prefix, _)| prefix)
    }

    /// The prefix of a record of a [`TypedKeep`], and its value as it is encoded. `None` in one of bytes alone.
    #[must_use]
    pub fn prefix_and_value(&self) -> Option<(&'g [u8], &'g [u8])> {
        parts_of(self.found, self.kept.typed?)
    }
}

/// The prefix and the value of a record of this kind.
#[inline]
fn parts_of(bytes: &[u8], kind: Kind) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<LENGTH_BYTES>()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    let (prefix, rest) = rest.split_at_checked(length)?;
    let value = rest.get(zeros_before(rest.as_ptr().addr(), kind)..)?;
    Some((prefix, value))
}

/// A record before its value.
#[derive(Clone, Copy)]
struct Head<'a> {
    words: &'a [u32],
    prefix: &'a [u8],
    life: Life,
    /// Whether there must be room at once.
    at_once: bool,
}

impl<C: Codec> TypedKeep<C> {
    /// Puts a value behind a prefix. Nobody finds it before the keeper lets its place be known.
    ///
    /// # Errors
    /// [`PutError`], and nothing has changed.
    ///
    /// # Panics
    /// If the words are not as many as the form says.
    pub fn put(
        &self,
        words: &[u32],
        prefix: &[u8],
        value: &C::Value,
        life: Life,
    ) -> Result<Place, PutError> {
        self.put_behind(Head { words, prefix, life, at_once: false }, value)
    }

    /// As [`TypedKeep::put`], if there is room at once, as for [`Keep::put_once`].
    ///
    /// # Errors
    /// [`PutError`]; [`Full::OutOfSpace`] where there is none at once.
    ///
    /// # Panics
    /// As [`TypedKeep::put`].
    pub fn put_once(
        &self,
        words: &[u32],
        prefix: &[u8],
        value: &C::Value,
        life: Life,
    ) -> Result<Place, PutError> {
        self.put_behind(Head { words, prefix, life, at_once: true }, value)
    }

    /// A record's value, in place.
    ///
    /// # Errors
    /// [`Damaged`], if the record is another keep's, or the codec says so.
    #[inline]
    pub fn view<'g>(&self, record: KeptRecord<'g>) -> Result<C::View<'g>, Damaged> {
        C::view(self.registered.kept(self.value_bytes(&record)?))
    }

    /// A record's value as one's own.
    ///
    /// # Errors
    /// As [`TypedKeep::view`].
    pub fn load(&self, record: KeptRecord<'_>) -> Result<C::Owned, Damaged> {
        C::load(self.registered.kept(self.value_bytes(&record)?))
    }

    /// The prefix that a record was put with.
    ///
    /// # Errors
    /// [`Damaged`], if the record is another keep's.
    #[inline]
    pub fn prefix<'g>(&self, record: &KeptRecord<'g>) -> Result<&'g [u8], Damaged> {
        self.parts(record).map(|(prefix, _)| prefix)
    }

    /// A record's value as it is encoded.
    ///
    /// # Errors
    /// [`Damaged`], if the record is another keep's.
    #[inline]
    pub fn value_bytes<'g>(&self, record: &KeptRecord<'g>) -> Result<&'g [u8], Damaged> {
        self.parts(record).map(|(_, value)| value)
    }

    #[inline]
    fn parts<'g>(&self, record: &KeptRecord<'g>) -> Result<(&'g [u8], &'g [u8]), Damaged> {
        let is_own = core::ptr::eq(record.kept, &raw const *self.keep.kept);
        is_own.then(|| parts_of(record.found, C::KIND)).flatten().ok_or(Damaged)
    }

    fn put_behind(&self, head: Head<'_>, value: &C::Value) -> Result<Place, PutError> {
        self.keep.assert_words(head.words);
        // So long a prefix can have no value.
        self.keep.pile.store.length(head.prefix.len())?;
        let guess_bytes = self.guess_bytes.load(Ordering::Relaxed) as usize;
        let guess_bytes = guess_bytes.max(C::least_bytes(value));
        if guess_bytes <= Scratch::BYTES {
            self.put_short(head, value)
        } else {
            self.put_long(head, value, guess_bytes)
        }
    }

    /// Puts what will hardly be long: encoded beside the pile, and copied into a slot of its length.
    fn put_short(&self, head: Head<'_>, value: &C::Value) -> Result<Place, PutError> {
        let mut scratch = Scratch([MaybeUninit::uninit(); Scratch::BYTES]);
        let mut sink = Sink::new(&mut scratch.0, self.keep.pile.limit_bytes());
        C::encode(value, &mut sink).map_err(|Unencodable| PutError::Unencodable)?;
        if sink.position() > sink.written().len() {
            let first = sink.written().to_vec();
            return self.put_respaced(head, &[&first, &sink.end().kept()?]);
        }
        let encoded = sink.written();
        let Some(zeros) = self.zeros_in_slot(head, encoded.len()) else {
            return self.put_copied(head, &[encoded]);
        };
        if C::CHECKS_OWN && !is_value::<C>(encoded) {
            return Err(PutError::Unencodable);
        }
        let length = prefix_length(head.prefix);
        let parts = [&length[..], head.prefix, &[0; 16][..zeros], encoded];
        if head.at_once {
            let put = self.keep.put_parts_once(head.words, &parts, head.life);
            return put.ok_or_else(|| self.no_room(head, encoded.len()));
        }
        Ok(self.keep.put_parts(head.words, &parts, head.life)?)
    }

    /// The zeros before a value of so many bytes, if its record lies in a slot; in pages they are others.
    fn zeros_in_slot(&self, head: Head<'_>, value_bytes: usize) -> Option<usize> {
        let has_expiry = self.keep.kept.form.has_expiry || head.life != Life::FOREVER;
        let ext_bytes = Kind::Bytes.ext_bytes(has_expiry) as usize;
        let before = 8 + ext_bytes + size_of_val(head.words) + LENGTH_BYTES + head.prefix.len();
        let zeros = zeros_before(before, C::KIND);
        Class::holding(u32::try_from(before + zeros + value_bytes).ok()?).map(|_| zeros)
    }

    /// Encodes a value straight into its slot, if the guess of its length is right.
    fn put_long(
        &self,
        head: Head<'_>,
        value: &C::Value,
        guess_bytes: usize,
    ) -> Result<Place, PutError> {
        let limit_bytes = self.keep.pile.limit_bytes();
        let room_bytes = self.room_bytes(head, guess_bytes).min(PAYLOAD_BYTES_MAX as usize);
        let length = self.keep.pile.store.length(room_bytes)?;
        let Some(mut room) = self.room_once(head, length) else {
            let mut sink = Sink::new(&mut [], limit_bytes);
            C::encode(value, &mut sink).map_err(|Unencodable| PutError::Unencodable)?;
            return self.put_respaced(head, &[&sink.end().kept()?]);
        };
        let value_at = begin(&mut room, head, C::KIND)?;
        let spilt = room.fill(|sink| C::encode(value, sink));
        let spilt = spilt.map_err(|Unencodable| PutError::Unencodable)?;
        let written_bytes = u32::try_from(room.written().len()).unwrap_or(u32::MAX);
        if spilt.is_nothing() && !room.is_too_wide_for(written_bytes) {
            return self.commit(room, value_at);
        }
        let is_whole = spilt.is_nothing();
        match self.put_respaced(head, &[&room.written()[value_at..], &spilt.kept()?]) {
            // A room that is too wide is better than none.
            Err(PutError::Full(_)) if is_whole => self.commit(room, value_at),
            respaced => respaced,
        }
    }

    /// Puts a value that did not suit its room, and remembers how long it is.
    #[cold]
    fn put_respaced(&self, head: Head<'_>, encoded: &[&[u8]]) -> Result<Place, PutError> {
        let store = &self.keep.pile.store;
        let value_bytes: usize = encoded.iter().map(|part| part.len()).sum();
        self.guess_bytes.store(store.length(value_bytes)?, Ordering::Relaxed);
        let put = self.put_copied(head, encoded);
        store.with_arena(|arena| arena.counts.encode_spills.add(1));
        put
    }

    /// Copies an encoded value into room of its length.
    #[cold]
    fn put_copied(&self, head: Head<'_>, encoded: &[&[u8]]) -> Result<Place, PutError> {
        let keep = &self.keep;
        let value_bytes = encoded.iter().map(|part| part.len()).sum();
        let room_bytes = self.room_bytes(head, value_bytes);
        let mut room = if head.at_once {
            let length = keep.pile.store.length(room_bytes)?;
            self.room_once(head, length).ok_or_else(|| self.no_room(head, value_bytes))?
        } else {
            keep.pile.reserve_from(&keep.kept.pool, room_bytes, keep.birth(head.life))?
        };
        let value_at = begin(&mut room, head, C::KIND)?;
        for part in encoded {
            room.write(part)?;
        }
        self.commit(room, value_at)
    }

    /// The most that a record with so long a value takes.
    fn room_bytes(&self, head: Head<'_>, value_bytes: usize) -> usize {
        let before = size_of_val(head.words) + LENGTH_BYTES + head.prefix.len();
        let zeros = self.zeros_in_slot(head, value_bytes).unwrap_or(align_of_kind(C::KIND) - 1);
        before.saturating_add(zeros).saturating_add(value_bytes)
    }

    fn room_once(&self, head: Head<'_>, length: u32) -> Option<Reserved<'_>> {
        let keep = &self.keep;
        Reserved::once(&keep.pile, &keep.kept.pool, keep.birth(head.life), length)
    }

    #[cold]
    fn no_room(&self, head: Head<'_>, value_bytes: usize) -> PutError {
        let length = u32::try_from(self.room_bytes(head, value_bytes)).unwrap_or(u32::MAX);
        self.keep.pile.store.out_of_space(self.keep.birth(head.life), length).into()
    }

    /// Makes the room a record, whose value begins there among what was written.
    fn commit(&self, room: Reserved<'_>, value_at: usize) -> Result<Place, PutError> {
        if C::CHECKS_OWN && !is_value::<C>(&room.written()[value_at..]) {
            return Err(PutError::Unencodable);
        }
        // With keepers there is no purge, but for the one that closes the pile.
        room.commit_all().map(Pointer::place).map_err(|_| Full::Closed.into())
    }
}

/// The prefix's length as it stands before it. That it fits was looked at.
fn prefix_length(prefix: &[u8]) -> [u8; LENGTH_BYTES] {
    u32::try_from(prefix.len()).expect("a prefix fits into a record").to_le_bytes()
}

/// Writes what stands before the value. Where that begins among what is written.
fn begin(room: &mut Reserved<'_>, head: Head<'_>, kind: Kind) -> Result<usize, Full> {
    room.write_words(head.words);
    room.write(&prefix_length(head.prefix))?;
    room.write(head.prefix)?;
    let zeros = zeros_before(room.spare_mut().as_ptr().addr(), kind);
    room.write(&[0; 16][..zeros])?;
    Ok(room.written().len())
}

impl<C: Codec> Deref for TypedKeep<C> {
    type Target = Keep;

    fn deref(&self) -> &Keep {
        &self.keep
    }
}

impl<C: Codec> fmt::Debug for TypedKeep<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TypedKeep")
            .field("keep", &self.keep)
            .field("stamp", &self.registered.stamp)
            .finish_non_exhaustive()
    }
}
