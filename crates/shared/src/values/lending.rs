//! Memory of one's own is lent to an account, as data that is there already or as room to be filled, and told of when it
//! is free again.
//!
//! Cost: lending and the end of it are four uncontended locks and no allocation; the data is 56 bytes, a buffer 24.
#![expect(unsafe_code, reason = "takes the caller's word about memory that the heap did not make")]

use core::mem::MaybeUninit;
use core::ptr::NonNull;
use std::sync::Arc;

use crate::account::Account;
use crate::counts::loan::{Lender, Lent, Loan};
use crate::limit::Full;
use crate::values::data::SharedData;
use crate::values::exclusive::ExclusiveBuf;
use crate::values::piece::{Handle, Piece};

impl Account {
    /// Lends `bytes`, which somebody holds already, as data: nothing is copied. When nothing knows them any more, and not
    /// before, [`Lender::returned`] is called with the number `loan`, once; for no bytes at all that is at once.
    ///
    /// The length is charged to each account that holds the data, as a block's is, and counts for no limit of the heap. Soft
    /// references do not keep what is lent: they find it for as long as somebody holds it, and then say
    /// [`Lost::Gone`](crate::Lost::Gone).
    ///
    /// ```
    /// # use core::ptr::NonNull;
    /// # use std::sync::Arc;
    /// # use std::sync::atomic::{AtomicU64, Ordering};
    /// # use levada_shared::{Lender, SharedHeap};
    /// struct Book(AtomicU64);
    /// impl Lender for Book {
    ///     fn returned(&self, loan: u64) {
    ///         self.0.fetch_add(loan, Ordering::Relaxed);
    ///     }
    /// }
    /// let heap = SharedHeap::new(Default::default())?;
    /// let account = heap.account("reader", 4096)?;
    /// let book = Arc::new(Book(AtomicU64::new(0)));
    /// // SAFETY: what is static stays as it is.
    /// let data = unsafe { account.lend_data(book.clone(), 7, NonNull::from(&b"a page"[..])) }?;
    /// let part = data.slice(2..).unwrap();
    /// drop(data);
    /// assert_eq!((part.to_vec(), account.charged_bytes()), (b"page".to_vec(), 6)); // a part holds all of it
    /// drop(part);
    /// assert_eq!((book.0.load(Ordering::Relaxed), account.charged_bytes()), (7, 0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Full`] where the account has no room for the length, the heap no more lines, or the length is 4 GiB or more: nothing
    /// was lent then, and `returned` is not called.
    ///
    /// # Safety
    /// The bytes stay readable, at their place and unchanged until `returned` is called.
    pub unsafe fn lend_data(
        &self,
        lender: Arc<dyn Lender>,
        loan: u64,
        bytes: NonNull<[u8]>,
    ) -> Result<SharedData, Full<()>> {
        let lent = Lent { lender, loan };
        if bytes.is_empty() {
            lent.end();
            return Ok(SharedData::new());
        }
        let handle = Handle::lend(self, lent, bytes.cast(), bytes.len())?;
        let length = handle.capacity_bytes();
        // SAFETY: the caller says so of all of the block's bytes, until its last handle has gone.
        Ok(SharedData::of_piece(unsafe { Piece::frozen(handle, 0..length) }))
    }

    /// Lends `room` as a buffer to be filled, and to be frozen in place. When nothing knows it any more, filled, frozen or
    /// neither, [`Lender::returned`] is called with the number `loan`, once; unless the lender took it back before that
    /// ([`ExclusiveBuf::into_loan`]).
    ///
    /// Charges and references are those of [`lend_data`](Self::lend_data); a buffer without any room is charged as one byte.
    ///
    /// # Errors
    /// As those of [`lend_data`](Self::lend_data).
    ///
    /// # Safety
    /// The room stays readable and writable, at its place, until `returned` is called or the loan is taken back, and nobody
    /// else reads or writes it until then.
    pub unsafe fn lend_buf(
        &self,
        lender: Arc<dyn Lender>,
        loan: u64,
        room: NonNull<[MaybeUninit<u8>]>,
    ) -> Result<ExclusiveBuf, Full<()>> {
        let handle = Handle::lend(self, Lent { lender, loan }, room.cast(), room.len())?;
        let end = if room.is_empty() { 0 } else { handle.capacity_bytes() };
        Ok(ExclusiveBuf::of_handle(handle, end))
    }
}

impl ExclusiveBuf {
    /// Ends the loan that the buffer is, without a call of [`Lender::returned`]: the memory is its lender's again from here
    /// on, with what was filled of it.
    ///
    /// # Errors
    /// The buffer as it was, if it is not lent by `lender`, or no longer begins at the first byte of the loan, since some of
    /// it was frozen or skipped.
    pub fn into_loan(self, lender: &dyn Lender) -> Result<Loan, Self> {
        self.take_back(lender)
    }
}
