//! A room is a slot for a keeper's record that is filled in its place, by the keeper or by whom it is lent to.

use core::mem::MaybeUninit;

use levada_shared::{Account, ExclusiveBuf};

use crate::error::Full;
use crate::naming::life::Life;
use crate::naming::pointer::{Place, Pointer};
use crate::upkeep::keep::Keep;
use crate::writing::lending::{LendError, NotReserved};
use crate::writing::reserve::{Invalid, Reserved};

/// Room for a keeper's record. Dropping it gives the room back.
#[derive(Debug)]
pub struct KeptRoom<'k> {
    keep: &'k Keep,
    reserved: Reserved<'k>,
    words_bytes: usize,
}

impl<'k> KeptRoom<'k> {
    /// Its words are written first: nobody else sees them before it is a record.
    fn begin(keep: &'k Keep, mut reserved: Reserved<'k>, words: &[u32]) -> Self {
        reserved.write_words(words);
        Self { keep, reserved, words_bytes: size_of_val(words) }
    }

    /// Copies `bytes` in behind what is written.
    ///
    /// # Errors
    /// [`Full`] if they do not fit; nothing was written then.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Full> {
        self.reserved.write(bytes)
    }

    /// What was written.
    #[must_use]
    pub fn written(&self) -> &[u8] {
        &self.reserved.written()[self.words_bytes..]
    }

    /// The room behind what is written, as memory that may hold anything.
    pub fn spare_mut(&mut self) -> &mut [MaybeUninit<u8>] {
        self.reserved.spare_mut()
    }

    /// Makes the first `length_bytes` of what was written the record.
    ///
    /// # Errors
    /// [`Invalid`]; the room went back then.
    pub fn commit(self, length_bytes: usize) -> Result<Place, Invalid> {
        let words_bytes = self.words_bytes;
        let committed = self.reserved.commit(length_bytes.saturating_add(words_bytes));
        committed.map(Pointer::place).map_err(|invalid| match invalid {
            Invalid::Unwritten { written_bytes } => {
                Invalid::Unwritten { written_bytes: written_bytes - words_bytes }
            }
            other => other,
        })
    }

    /// Lends the room behind what is written, as a buffer that a receive or a read fills in place. [`Keep::commit_buf`] makes
    /// it the record; dropping it gives the room back. The room is charged to the account until then.
    ///
    /// # Errors
    /// [`LendError`] with the room.
    pub fn lend(self, account: &Account) -> Result<ExclusiveBuf, LendError<Self>> {
        let Self { keep, reserved, words_bytes } = self;
        reserved.lend_by(&keep.lender, account).map_err(|LendError { reserved, full }| {
            let reserved = Box::new(Self { keep, reserved: *reserved, words_bytes });
            LendError { reserved, full }
        })
    }
}

impl Keep {
    /// Room for `room_bytes` of a record with these words that is written in its place.
    ///
    /// # Errors
    /// [`Full`], as for a put of so many bytes.
    ///
    /// # Panics
    /// As [`Keep::put`].
    pub fn reserve(
        &self,
        words: &[u32],
        room_bytes: usize,
        life: Life,
    ) -> Result<KeptRoom<'_>, Full> {
        self.assert_untyped();
        self.assert_words(words);
        let payload_bytes = room_bytes.saturating_add(size_of_val(words));
        let pool = &self.kept.pool;
        let reserved = self.pile.reserve_from(pool, payload_bytes, self.birth(life))?;
        Ok(KeptRoom::begin(self, reserved, words))
    }

    /// As [`Keep::reserve`], if there is room at once, as for [`Keep::put_once`].
    ///
    /// # Panics
    /// As [`Keep::put`].
    #[must_use]
    pub fn reserve_once(
        &self,
        words: &[u32],
        room_bytes: usize,
        life: Life,
    ) -> Option<KeptRoom<'_>> {
        self.assert_untyped();
        self.assert_words(words);
        let payload_bytes = room_bytes.saturating_add(size_of_val(words));
        let length = self.pile.store.length(payload_bytes).ok()?;
        let reserved = Reserved::once(&self.pile, &self.kept.pool, self.birth(life), length)?;
        Some(KeptRoom::begin(self, reserved, words))
    }

    /// Makes a record of a buffer that was lent by [`KeptRoom::lend`], with what was written before and all that it was filled
    /// with.
    ///
    /// # Errors
    /// [`NotReserved`]; a buffer of another keep, or of the pile, is given back.
    pub fn commit_buf(&self, buf: ExclusiveBuf) -> Result<Place, NotReserved> {
        self.pile.commit_lent(&*self.lender, buf).map(Pointer::place)
    }
}
