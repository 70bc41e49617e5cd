//! A reservation's room can be lent as a buffer, for the kernel or anybody to fill, and comes back as a record: bytes that
//! arrive are in their record's place from the first on.
#![expect(unsafe_code, reason = "lends the room of a slot, and takes it back filled")]

use core::fmt;
use core::ptr::NonNull;
use std::error::Error;
use std::sync::Arc;

use levada_shared::{Account, ExclusiveBuf, Lender};

use crate::naming::pointer::Pointer;
use crate::pile::Pile;
use crate::threads::epoch::Pinned;
use crate::writing::reserve::{Invalid, Reserved};

/// Why a reservation's room was not lent: the account or the heap has no room. The reservation is given back as it was.
#[derive(Debug)]
pub struct LendError<R> {
    /// The reservation.
    pub reserved: Box<R>,
    /// Which limit.
    pub full: levada_shared::Full<()>,
}

impl<R> fmt::Display for LendError<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the room of a reservation was not lent: {}", self.full)
    }
}

impl<R: fmt::Debug> Error for LendError<R> {}

/// Why a buffer did not become a record.
#[derive(Debug)]
#[non_exhaustive]
pub enum NotReserved {
    /// It is not, or not wholly, the room of a reservation of this pile; it is given back.
    Buffer(ExclusiveBuf),
    /// What it holds may not become the record; its room went back.
    Invalid(Invalid),
}

impl fmt::Display for NotReserved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Buffer(_) => {
                write!(f, "the buffer is not the whole room of a reservation of this pile")
            }
            Self::Invalid(invalid) => invalid.fmt(f),
        }
    }
}

impl Error for NotReserved {}

impl Reserved<'_> {
    /// Lends the room behind what is written, as a buffer that a receive or a read fills in place. [`Pile::commit_buf`] makes
    /// it the record; dropping it gives the slot back. The room is charged to the account until then.
    ///
    /// ```
    /// # use levada_pile::{Kind, Life, Pile};
    /// # let heap = levada_shared::SharedHeap::new(Default::default())?;
    /// # let account = heap.account("reader", 1 << 20)?;
    /// # let pile = Pile::builder("p").limit_bytes(1 << 20).build()?;
    /// let mut room = pile.reserve(100, Kind::Bytes, Life::FOREVER)?;
    /// room.write(b"head ")?;
    /// let mut buf = room.lend(&account).unwrap();
    /// buf.write(b"and body")?; //         by the kernel, elsewhere
    /// let at = pile.commit_buf(buf)?; //  nothing was copied
    /// assert_eq!(pile.pin().get(at), Ok(&b"head and body"[..]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`LendError`] with the reservation.
    pub fn lend(self, account: &Account) -> Result<ExclusiveBuf, LendError<Self>> {
        let lender = Arc::clone(&self.pile().lender);
        self.lend_by(&lender, account)
    }

    /// As `lend`, by this lender, who takes it back.
    pub(crate) fn lend_by(
        mut self,
        lender: &Arc<dyn Lender>,
        account: &Account,
    ) -> Result<ExclusiveBuf, LendError<Self>> {
        let room = NonNull::from(self.spare_mut());
        let (pile, lent) = self.into_lent();
        let loan = Pointer::new(lent.place, lent.generation);
        pile.store.shard(lent.place).lock().reserved.insert(lent.place, lent);
        // SAFETY: the rest of a busy slot, which only the reservation may touch; that stands in the table from here on, and
        // its span is held until the loan is ended.
        let buf = unsafe { account.lend_buf(Arc::clone(lender), loan.to_bits(), room) };
        buf.map_err(|full| {
            pile.store.shard(lent.place).lock().reserved.remove(&lent.place);
            // SAFETY: nothing was lent.
            let reserved = unsafe { Reserved::from_lent(pile, lent, 0) };
            LendError { reserved: Box::new(reserved), full }
        })
    }
}

impl Pile {
    /// Makes a record of a buffer that was lent by [`Reserved::lend`], with what was written before and all that it was
    /// filled with.
    ///
    /// # Errors
    /// [`NotReserved`].
    pub fn commit_buf(&self, buf: ExclusiveBuf) -> Result<Pointer, NotReserved> {
        self.commit_lent(&*self.lender, buf)
    }

    /// As `commit_buf`, of a buffer that this lender lent.
    pub(crate) fn commit_lent(
        &self,
        lender: &dyn Lender,
        buf: ExclusiveBuf,
    ) -> Result<Pointer, NotReserved> {
        let loan = buf.into_loan(lender).map_err(NotReserved::Buffer)?;
        let _pinned = Pinned::new();
        let place = Pointer::from_bits(loan.loan).map(Pointer::place);
        let lent = place.and_then(|place| self.store.shard(place).lock().reserved.remove(&place));
        let lent = lent
            .unwrap_or_else(|| unreachable!("a loan of room stands in the table until it ends"));
        // SAFETY: the loan is ended, and so many bytes of it are filled.
        let reserved = unsafe { Reserved::from_lent(self, lent, loan.filled_bytes) };
        let length_bytes = reserved.written().len();
        reserved.commit(length_bytes).map_err(NotReserved::Invalid)
    }
}
