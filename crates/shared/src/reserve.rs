//! A reservation is room of an account that is charged before it is known for what, so that what comes then cannot fail.
//!
//! A mailbox takes a message in so: it asks what the message lacks, reserves that, or says that it is full; then it makes
//! every handle in the message its own.

use core::fmt;

use crate::account::Account;
use crate::counts::around::Around;
use crate::counts::ledger::SetAside;
use crate::limit::Full;
use crate::sync::Ordering;

/// Room of an account, given back when it is dropped as far as it was not used.
pub struct Reservation {
    account: Account,
    rest: SetAside,
    set_aside_bytes: u64,
}

/// What has handles that are charged to an account, and can be made another's.
///
/// ```
/// # use levada_shared::Charged;
/// # let heap = levada_shared::SharedHeap::new(Default::default())?;
/// let (sender, receiver) = (heap.account("sender", 64)?, heap.account("receiver", 64)?);
/// let mut sent = sender.copy_from(b"a message")?;
/// let mut room = receiver.reserve(sent.lacks_bytes(&receiver))?; // full is said here, before anything has moved
/// sent.rehome(&mut room);
/// assert_eq!((sender.charged_bytes(), receiver.charged_bytes()), (0, 64));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Charged {
    /// How many bytes `at` has to have room for, at most, to hold all of it: blocks that it holds through other handles
    /// may be counted, and are not charged twice.
    fn lacks_bytes(&self, at: &Account) -> u64;

    /// Makes it the account's for which the room was reserved. What the room does not suffice for, and what lies in another
    /// heap, stays whose it was.
    fn rehome(&mut self, to: &mut Reservation);
}

impl Account {
    /// Charges `bytes` for what is about to come.
    ///
    /// # Errors
    /// [`Full`] where the account has less room.
    pub fn reserve(&self, bytes: u64) -> Result<Reservation, Full<()>> {
        let heap = self.heap().heap();
        heap.charge_exactly(self.number(), bytes).map_err(Full::of_account)?;
        heap.set_aside_bytes().fetch_add(bytes, Ordering::Relaxed);
        Ok(Reservation { account: self.clone(), rest: SetAside(bytes), set_aside_bytes: bytes })
    }
}

impl Reservation {
    /// Whose room it is.
    #[must_use]
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// How much of it is not used yet.
    #[must_use]
    pub fn left_bytes(&self) -> u64 {
        self.rest.0
    }

    pub(crate) fn purse(&mut self) -> &mut SetAside {
        &mut self.rest
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let heap = self.account.heap().heap();
        heap.set_aside_bytes().fetch_sub(self.set_aside_bytes, Ordering::Relaxed);
        heap.account(self.account.number()).uncharge(self.rest.0);
    }
}

impl fmt::Debug for Reservation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reservation")
            .field("account", &self.account)
            .field("left_bytes", &self.left_bytes())
            .finish()
    }
}
