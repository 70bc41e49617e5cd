//! A loan is memory of somebody else that a heap hands out as a block of its own, and whose end it tells him once.
//!
//! Who lent a block stands beside the word of its home grant, on the same line. It is put there while nobody knows the
//! block, and taken out by the one who ends the block's life: so of two there is never one who finds it twice. Cost: an
//! uncontended lock each time.

use core::fmt;
use core::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;

use crate::lock::Lock;

/// Somebody with memory of his own that a heap hands out.
pub trait Lender: Send + Sync + 'static {
    /// The loan has ended: nothing knows its bytes any more, and nothing ever will.
    ///
    /// It is called once for each loan, by whoever dropped the last handle, on that thread, in the very call; no lock of
    /// the heap is held meanwhile. It may drop handles and make others, of this heap too. It must not panic: it is called
    /// where values are dropped.
    fn returned(&self, loan: u64);
}

/// A loan that was taken back as the buffer that it was lent as ([`ExclusiveBuf::into_loan`](crate::ExclusiveBuf::into_loan)).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Loan {
    /// The number that its lender gave it.
    pub loan: u64,
    /// How many bytes, from the first on, were filled.
    pub filled_bytes: usize,
}

/// Who lent a block, and under which number.
pub(crate) struct Lent {
    pub(crate) lender: Arc<dyn Lender>,
    pub(crate) loan: u64,
}

impl Lent {
    /// Tells the lender that nothing knows the bytes any more.
    pub(crate) fn end(self) {
        self.lender.returned(self.loan);
    }
}

impl fmt::Debug for Lent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lent").field("loan", &self.loan).finish_non_exhaustive()
    }
}

/// Where a line keeps who lent its block; empty for any other.
#[derive(Debug)]
pub(crate) struct Lending(Lock<Option<Lent>>);

// What the lock guards is changed by one store each time.
impl RefUnwindSafe for Lending {}
impl UnwindSafe for Lending {}

impl Lending {
    pub(crate) fn none() -> Self {
        Self(Lock::new(None))
    }

    /// Says who lent the block; for who alone knows it.
    pub(crate) fn put(&self, lent: Lent) {
        let before = self.0.lock().replace(lent);
        assert!(before.is_none(), "a loan has ended before its lines are another's");
    }

    /// Who lent the block, for who ends its life.
    pub(crate) fn take(&self) -> Option<Lent> {
        self.0.lock().take()
    }

    /// Who lent the block, if it was `lender`.
    pub(crate) fn take_of(&self, lender: &dyn Lender) -> Option<Lent> {
        self.0.lock().take_if(|lent| core::ptr::addr_eq(Arc::as_ptr(&lent.lender), lender))
    }

    /// Whether somebody lent the block.
    pub(crate) fn is_some(&self) -> bool {
        self.0.lock().is_some()
    }
}
