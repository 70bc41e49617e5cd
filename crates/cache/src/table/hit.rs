//! A hit is an entry as it is read under a guard: its value in place, and what is known of it.

use core::fmt;
use core::ops::Deref;

use levada_pile::{Guard, HoldError, Version};
use levada_shared::{Account, SharedData};

use crate::sync::Ordering;
use crate::table::body::{Body, ENTRY_BYTES, Found};
use crate::values::Values;

/// An entry that was found.
pub struct Hit<'g, V: Values> {
    view: V::View<'g>,
    found: Found<'g>,
    body: &'g Body,
    guard: &'g Guard<'g>,
}

/// What an entry takes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Footprint {
    /// Bytes of its value.
    pub bytes: u64,
    /// Bytes that its table is charged for it: its slot, and its part of the index.
    pub charged_bytes: u64,
}

impl<'g, V: Values> Hit<'g, V> {
    /// `None` if the bytes are no value.
    #[inline]
    pub(crate) fn new(body: &'g Body, guard: &'g Guard<'g>, found: Found<'g>) -> Option<Self> {
        let view = V::view(&body.keep, found.record, found.value)?;
        Some(Self { view, found, body, guard })
    }

    /// The value, in place.
    #[inline]
    #[must_use]
    pub fn value(&self) -> &V::View<'g> {
        &self.view
    }

    /// The value as one's own.
    #[must_use]
    pub fn load(&self) -> Option<V::Owned> {
        V::load(&self.body.keep, self.found.record, self.found.value)
    }

    /// The value's bytes as they are kept, in place.
    #[inline]
    #[must_use]
    pub fn bytes(&self) -> &'g [u8] {
        self.found.value
    }

    /// Which of the values that its key ever had it is: for `compare_put` and `remove_if`. An entry that upkeep has moved counts
    /// as another.
    #[must_use]
    pub fn version(&self) -> Version {
        self.found.record.version()
    }

    /// For how many seconds it still lives; `None` if until it is removed or evicted.
    #[must_use]
    pub fn left_s(&self) -> Option<u32> {
        self.found.record.left_s
    }

    /// How many seconds ago it was put or rejuvenated, in a table that knows.
    #[must_use]
    pub fn age_s(&self) -> Option<u32> {
        self.body.age_s(&self.found)
    }

    /// Its level.
    #[must_use]
    pub fn level(&self) -> u8 {
        self.found.entry.level()
    }

    /// One of its notes, as it is now.
    ///
    /// # Panics
    /// If the table has fewer.
    #[inline]
    #[must_use]
    pub fn note(&self, note: usize) -> u32 {
        self.found.record.words[self.body.note_word(note)].load(Ordering::Relaxed)
    }

    /// What it takes.
    #[must_use]
    pub fn footprint(&self) -> Footprint {
        let slot_bytes = self.body.keep.slot_bytes(self.found.record.place);
        Footprint { bytes: self.found.value.len() as u64, charged_bytes: slot_bytes + ENTRY_BYTES }
    }

    /// The value's bytes as data that may outlive guard, entry and table; nothing is copied. What is held is not moved, and
    /// its slot is used again only after.
    ///
    /// # Errors
    /// [`HoldError`], if it went or was moved meanwhile, or the account is full.
    pub fn hold(&self, account: &Account) -> Result<SharedData, HoldError> {
        let record = self.found.record;
        let before = (record.bytes.len() - self.found.value.len()) as u64;
        let whole = self.body.keep.hold(self.guard, record.place, account)?;
        let end = whole.len();
        // A value is a part of its record.
        Ok(whole.slice(before..end).unwrap_or_default())
    }
}

impl<'g, V: Values> Deref for Hit<'g, V> {
    type Target = V::View<'g>;

    #[inline]
    fn deref(&self) -> &V::View<'g> {
        &self.view
    }
}

impl<V: Values> fmt::Debug for Hit<'_, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hit")
            .field("bytes", &self.found.value.len())
            .field("level", &self.level())
            .field("left_s", &self.left_s())
            .finish_non_exhaustive()
    }
}

impl Body {
    /// How many seconds ago an entry was put or rejuvenated.
    pub(crate) fn age_s(&self, found: &Found<'_>) -> Option<u32> {
        let created_s = self.made.ages.then(|| found.record.words[0].load(Ordering::Relaxed))?;
        Some(self.pile.now_s().saturating_sub(created_s))
    }
}
