//! A typed pile puts values and gives them back: every record of its type was written by its codec, and says so.
//!
//! A value that is up to a kibibyte when encoded is copied once from the stack into a slot of its length; to reserve one first
//! would cost more than the copy. A longer one is encoded straight into its slot. How long it becomes is guessed: as long as
//! the last one. A wrong guess costs one copy more, into a slot of the right length, and is counted (`encode_spills`).
//!
//! Cost: to put, its encoding and a put of the bytes; to read, one comparison more than plain bytes.

use core::fmt;
use core::mem::MaybeUninit;
use std::sync::Arc;

use crate::error::{Full, Gone, PutError, UpdateError};
use crate::naming::birth::Birth;
use crate::naming::life::Life;
use crate::naming::pointer::Pointer;
use crate::naming::stamp::{Stamp, Type};
use crate::naming::version::Version;
use crate::pile::Pile;
use crate::places::pages::PAYLOAD_BYTES_MAX;
use crate::reading::guard::Guard;
use crate::sync::{AtomicU32, Ordering};
use crate::threads::epoch::Pinned;
use crate::types::codec::{Codec, Unencodable, is_value};
use crate::types::found::Found;
use crate::types::registry::{Registered, StampTaken};
use crate::types::sink::{Scratch, Sink, Spilt};
use crate::types::upgrade::{Upgrade, Way};
use crate::writing::reserve::{Invalid, Reserved};

/// The records of one type in a pile.
///
/// ```
/// use levada_pile::{Gone, Life, Pile, Stamp, Text};
///
/// let pile = Pile::builder("shop").limit_bytes(1 << 20).build()?;
/// let names = pile.typed::<Text>(Stamp::new("shop.name", 1))?;
/// let notes = pile.typed::<Text>(Stamp::new("shop.note", 1))?;
/// let ann = names.put("Ann", Life::FOREVER)?;
/// names.update(ann, "Ann of Green Gables")?; //                           the same pointer
/// let guard = pile.pin();
/// assert_eq!(names.get(&guard, ann), Ok("Ann of Green Gables")); //       in place
/// assert_eq!(notes.get(&guard, ann), Err(Gone::WrongType));
/// drop(guard);
/// pile.delete(ann)?;
/// assert_eq!(names.load(ann), Err(Gone::Stale));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Typed<C: Codec> {
    pile: Pile,
    registered: Registered<C>,
    /// How long the last encoding was whose room did not suit.
    guess_bytes: AtomicU32,
    upgrades: Vec<Arc<dyn Upgrade<C::Owned>>>,
}

impl<C: Codec> Clone for Typed<C> {
    fn clone(&self) -> Self {
        Self {
            pile: self.pile.clone(),
            registered: self.registered.clone(),
            guess_bytes: AtomicU32::new(self.guess_bytes.load(Ordering::Relaxed)),
            upgrades: self.upgrades.clone(),
        }
    }
}

impl<C: Codec> fmt::Debug for Typed<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Typed").field("stamp", &self.registered.stamp).finish_non_exhaustive()
    }
}

impl Pile {
    /// The records of the type that has this stamp, by this codec. The same may be asked for any number of times.
    ///
    /// # Errors
    /// [`StampTaken`], if the name's 24 bits are another name's, or this schema of it is another codec's.
    pub fn typed<C: Codec>(&self, stamp: Stamp) -> Result<Typed<C>, StampTaken> {
        const {
            assert!(C::KIND.has_tag(), "a codec's records are of kind Archived or Compact");
        }
        let registered = self.store.registry.register::<C>(stamp)?;
        self.store.note_types();
        let guess_bytes = AtomicU32::new(0);
        Ok(Typed { pile: self.clone(), registered, guess_bytes, upgrades: Vec::new() })
    }
}

impl<C: Codec> Typed<C> {
    /// Loads records of an older schema too: read by `Old`, and turned into today's values. Each schema needs one.
    ///
    /// ```
    /// use levada_pile::{Life, Pile, Raw, Stamp, Text};
    /// let pile = Pile::builder("shop").limit_bytes(1 << 20).build()?;
    /// let before = pile.typed::<Raw>(Stamp::new("shop.name", 1))?;
    /// let at = before.put(b"Ann", Life::FOREVER)?;
    /// let names = pile
    ///     .typed::<Text>(Stamp::new("shop.name", 2))?
    ///     .upgrades::<Raw>(1, |old| String::from_utf8_lossy(&old).into_owned())?;
    /// assert_eq!(names.load(at), Ok("Ann".to_owned()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`StampTaken`], if that schema of the name is another codec's.
    pub fn upgrades<Old: Codec>(
        mut self,
        schema: u8,
        up: fn(Old::Owned) -> C::Owned,
    ) -> Result<Self, StampTaken>
    where
        C::Owned: 'static,
    {
        let stamp = Stamp { schema, ..self.registered.stamp };
        let old = self.pile.store.registry.register::<Old>(stamp)?;
        self.upgrades.push(Arc::new(Way { old, up }));
        Ok(self)
    }

    /// Puts a value. Nobody sees it before this returns. Its encoding may use the pile, and put other values first.
    ///
    /// # Errors
    /// [`PutError`], and nothing has changed.
    pub fn put(&self, value: &C::Value, life: Life) -> Result<Pointer, PutError> {
        self.put_as(value, self.birth(life))
    }

    /// Room for a value that comes encoded, as from a peer or a file. Its bytes are looked through when they are committed:
    /// what is not a value of this type does not become a record.
    ///
    /// # Errors
    /// [`Full`], as for a put of so many bytes.
    pub fn reserve(&self, room_bytes: usize, life: Life) -> Result<Reserved<'_>, Full> {
        let reserved = self.pile.reserve_as(room_bytes, self.birth(life))?;
        Ok(reserved.checked_by(is_value::<C>))
    }

    /// A record's value, in place.
    ///
    /// # Errors
    /// [`Gone`] with the reason, where there is no such record; [`Gone::WrongType`] where it is of another type;
    /// [`Gone::OldSchema`] where it is of another schema: that is loaded.
    ///
    /// # Panics
    /// If the guard is of another pile.
    #[inline]
    pub fn get<'g>(&self, guard: &'g Guard<'_>, at: Pointer) -> Result<C::View<'g>, Gone> {
        self.expect_own_pile(guard);
        guard.count();
        if let Some(found) = guard.pile.store.found_at_home(at, C::KIND, &guard.pinned)
            && let Some(encoded) = self.registered.encoded(found)
            && let Ok(view) = C::view(encoded)
        {
            return Ok(view);
        }
        self.get_special(guard, at).map(|(view, _)| view)
    }

    /// A record's value, in place, and its version, for [`Typed::compare_update`].
    ///
    /// # Errors
    /// As [`Typed::get`].
    ///
    /// # Panics
    /// If the guard is of another pile.
    #[inline]
    pub fn seen<'g>(
        &self,
        guard: &'g Guard<'_>,
        at: Pointer,
    ) -> Result<(C::View<'g>, Version), Gone> {
        self.expect_own_pile(guard);
        guard.count();
        self.get_special(guard, at)
    }

    #[inline]
    fn expect_own_pile(&self, guard: &Guard<'_>) {
        assert!(
            Arc::ptr_eq(&guard.pile.store, &self.pile.store),
            "a record is read under a guard of its own pile"
        );
    }

    fn get_special<'g>(
        &self,
        guard: &'g Guard<'_>,
        at: Pointer,
    ) -> Result<(C::View<'g>, Version), Gone> {
        let found = guard.pile.store.found(at, &guard.pinned)?;
        match self.registered.encoded(found).map(C::view) {
            Some(Ok(view)) => Ok((view, found.version)),
            Some(Err(_)) => Err(self.pile.store.refused(Gone::Invalid)),
            None => Err(self.is_other(found)),
        }
    }

    /// A record's value as one's own; of an older schema through its upgrade.
    ///
    /// # Errors
    /// As [`Typed::get`]; [`Gone::OldSchema`] only where no upgrade was registered for it.
    pub fn load(&self, at: Pointer) -> Result<C::Owned, Gone> {
        let store = &self.pile.store;
        let pinned = Pinned::new();
        let found = store.found(at, &pinned)?;
        let loaded = match self.registered.encoded(found) {
            Some(encoded) => Some(C::load(encoded)),
            None => self.upgrades.iter().find_map(|upgrade| upgrade.load(found)),
        };
        match loaded {
            Some(Ok(value)) => Ok(value),
            Some(Err(_)) => Err(store.refused(Gone::Invalid)),
            None => Err(self.is_other(found)),
        }
    }

    /// Gives a record a new value. Its life stays as it is; of an older schema, it is of today's then.
    ///
    /// # Errors
    /// [`UpdateError`]; the old value is then still there, whole.
    pub fn update(&self, at: Pointer, value: &C::Value) -> Result<Version, UpdateError> {
        self.update_as(at, None, value)
    }

    /// As [`Typed::update`], if nobody updated the record since `seen` was read with its value.
    ///
    /// # Errors
    /// [`UpdateError::Changed`] if somebody did; else as [`Typed::update`].
    pub fn compare_update(
        &self,
        at: Pointer,
        seen: Version,
        value: &C::Value,
    ) -> Result<Version, UpdateError> {
        self.update_as(at, Some(seen), value)
    }

    fn update_as(
        &self,
        at: Pointer,
        seen: Option<Version>,
        value: &C::Value,
    ) -> Result<Version, UpdateError> {
        // Looked for first, so that what is not there costs no encoding.
        self.check(at)?;
        let purges = self.pile.store.purges();
        let Type { kind, tag } = self.registered.of();
        let value = self.put_as(value, Birth::inner(kind, tag, at))?;
        self.pile.store.update_typed(at, seen, self.registered.of(), value, purges)
    }

    fn check(&self, at: Pointer) -> Result<(), Gone> {
        let pinned = Pinned::new();
        let found = self.pile.store.found(at, &pinned)?;
        if self.is_named_alike(found.of) { Ok(()) } else { Err(self.is_other(found)) }
    }

    fn is_named_alike(&self, of: Type) -> bool {
        Stamp::is_same_name(of.tag, self.registered.of().tag)
    }

    /// Why a record is not one of this type and schema.
    #[cold]
    fn is_other(&self, found: Found<'_>) -> Gone {
        let gone = if self.is_named_alike(found.of) {
            Gone::OldSchema { schema: Stamp::schema_of(found.of.tag) }
        } else {
            Gone::WrongType
        };
        self.pile.store.refused(gone)
    }

    fn birth(&self, life: Life) -> Birth {
        let Type { kind, tag } = self.registered.of();
        Birth { tag, ..Birth::of(kind, life) }
    }

    fn put_as(&self, value: &C::Value, birth: Birth) -> Result<Pointer, PutError> {
        let guess_bytes = self.guess_bytes.load(Ordering::Relaxed) as usize;
        let guess_bytes = guess_bytes.max(C::least_bytes(value));
        if guess_bytes <= Scratch::BYTES {
            return self.put_short(value, birth);
        }
        loop {
            match self.encoded(value, birth, guess_bytes)?.commit_all() {
                Ok(pointer) => return Ok(pointer),
                // Purged in between, with all that its encoding put: then this put comes after.
                Err(Invalid::Purged) => {}
                Err(_) => return Err(PutError::Unencodable),
            }
        }
    }

    /// Puts what will hardly be long: encoded beside the pile, and copied into a slot of its length.
    fn put_short(&self, value: &C::Value, birth: Birth) -> Result<Pointer, PutError> {
        let mut scratch = Scratch([MaybeUninit::uninit(); Scratch::BYTES]);
        let mut sink = Sink::new(&mut scratch.0, self.limit_bytes());
        C::encode(value, &mut sink).map_err(|Unencodable| PutError::Unencodable)?;
        if sink.position() == sink.written().len() {
            if C::CHECKS_OWN && !is_value::<C>(sink.written()) {
                return Err(PutError::Unencodable);
            }
            return Ok(self.pile.store.put(birth, sink.written())?);
        }
        let first = sink.written().to_vec();
        let spilt = sink.end();
        loop {
            match self.respaced(&first, &spilt, birth)?.commit_all() {
                Ok(pointer) => return Ok(pointer),
                Err(Invalid::Purged) => {}
                Err(_) => return Err(PutError::Unencodable),
            }
        }
    }

    /// Room with the encoded value in it.
    fn encoded(
        &self,
        value: &C::Value,
        birth: Birth,
        guess_bytes: usize,
    ) -> Result<Reserved<'_>, PutError> {
        let length = self.pile.store.length(guess_bytes.min(PAYLOAD_BYTES_MAX as usize))?;
        let Some(mut room) = Reserved::once(&self.pile, &self.pile.store.pool, birth, length)
        else {
            let mut sink = Sink::new(&mut [], self.limit_bytes());
            C::encode(value, &mut sink).map_err(|Unencodable| PutError::Unencodable)?;
            return self.respaced(&[], &sink.end(), birth);
        };
        let spilt = room
            .fill(|sink| C::encode(value, sink))
            .map_err(|Unencodable| PutError::Unencodable)?;
        let written_bytes = u32::try_from(room.written().len()).unwrap_or(u32::MAX);
        if spilt.is_nothing() && !room.is_too_wide_for(written_bytes) {
            return Ok(self.looked_through(room));
        }
        match self.respaced(room.written(), &spilt, birth) {
            // A room that is too wide is better than none.
            Err(PutError::Full(_)) if spilt.is_nothing() => Ok(self.looked_through(room)),
            respaced => respaced,
        }
    }

    /// Room of the right length, with a copy of the value in it.
    #[cold]
    fn respaced(
        &self,
        first: &[u8],
        spilt: &Spilt,
        birth: Birth,
    ) -> Result<Reserved<'_>, PutError> {
        let store = &self.pile.store;
        let length = store.length(first.len() + spilt.bytes.len() + spilt.lost_bytes)?;
        if spilt.lost_bytes > 0 {
            // More than the pile may have: it was not kept.
            return Err(store.out_of_space(birth, length).into());
        }
        self.guess_bytes.store(length, Ordering::Relaxed);
        let mut exact = self.pile.reserve_as(length as usize, birth)?;
        exact.write(first)?;
        exact.write(&spilt.bytes)?;
        store.with_arena(|arena| arena.counts.encode_spills.add(1));
        Ok(self.looked_through(exact))
    }

    fn looked_through<'s>(&self, room: Reserved<'s>) -> Reserved<'s> {
        if C::CHECKS_OWN { room.checked_by(is_value::<C>) } else { room }
    }

    fn limit_bytes(&self) -> u64 {
        self.pile.store.spans.supply.limit.limit_bytes()
    }
}
