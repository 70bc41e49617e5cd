//! A reservation is room of an account that is charged before it is known for what, so that what comes then cannot fail.
//!
//! A mailbox takes a message in so: it asks what the message lacks, reserves that, or says that it is full; then it makes
//! every handle in the message its own.

use core::fmt;

use crate::account::Account;
use crate::counts::around::Around;
use crate::counts::ledger::{Purse, Refused};
use crate::limit::Full;
use crate::sync::{AtomicU64, Ordering};

/// Room of an account, given back when it is dropped as far as it was not used.
pub struct Reservation {
    account: Account,
    left_bytes: u64,
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
        let mut room = Reservation { account: self.clone(), left_bytes: 0 };
        room.grow(bytes)?;
        Ok(room)
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
        self.left_bytes
    }

    /// Charges so many bytes more. One that grows and shrinks, and is never used, is the charge of memory that lies elsewhere.
    ///
    /// # Errors
    /// [`Full`] where the account has less room; nothing has changed then.
    pub fn grow(&mut self, bytes: u64) -> Result<(), Full<()>> {
        let heap = self.account.heap().heap();
        heap.charge_exactly(self.account.number(), bytes).map_err(Full::of_account)?;
        self.set_aside_bytes().fetch_add(bytes, Ordering::Relaxed);
        self.left_bytes += bytes;
        Ok(())
    }

    /// Gives back so many bytes of what is not used yet.
    ///
    /// # Panics
    /// If that is less.
    pub fn shrink(&mut self, bytes: u64) {
        let left_bytes = self.left_bytes.checked_sub(bytes);
        self.left_bytes = left_bytes.expect("a reservation gives back what is left of it");
        self.uncharge(bytes);
    }

    fn uncharge(&self, bytes: u64) {
        self.set_aside_bytes().fetch_sub(bytes, Ordering::Relaxed);
        self.account.heap().heap().account(self.account.number()).uncharge(bytes);
    }

    fn set_aside_bytes(&self) -> &AtomicU64 {
        self.account.heap().heap().set_aside_bytes()
    }
}

impl Purse for Reservation {
    /// What is paid was charged when it was set aside.
    fn pay(&mut self, bytes: u64) -> Result<(), Refused> {
        let room_bytes = self.left_bytes;
        let refused = Refused { room_bytes, is_closed: false };
        self.left_bytes = room_bytes.checked_sub(bytes).ok_or(refused)?;
        self.set_aside_bytes().fetch_sub(bytes, Ordering::Relaxed);
        Ok(())
    }

    fn refund(&mut self, bytes: u64) {
        self.left_bytes += bytes;
        self.set_aside_bytes().fetch_add(bytes, Ordering::Relaxed);
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.uncharge(self.left_bytes);
    }
}

impl fmt::Debug for Reservation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reservation")
            .field("account", &self.account)
            .field("left_bytes", &self.left_bytes)
            .finish()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::Charged;
    use crate::heap::SharedHeap;
    use crate::options::Options;
    use crate::values::data::SharedData;

    #[test]
    fn what_is_set_aside_and_what_is_held_are_the_charge_at_every_step() {
        let heap = SharedHeap::new(Options { bytes_max: 8 << 20, arenas: 1, ..Options::default() })
            .unwrap();
        let (from, to) = (heap.default_account(), heap.account("to", 192).unwrap());
        let mut sent = [b"one", b"two"].map(|bytes| from.copy_from(bytes).unwrap());
        let mut room = to.reserve(192).unwrap();
        assert!(to.reserve(1).is_err());
        for (data, left_bytes) in sent.iter_mut().zip([128, 64]) {
            data.rehome(&mut room);
            assert_eq!((room.left_bytes(), to.charged_bytes()), (left_bytes, 192));
            assert_eq!(heap.gauges().set_aside_bytes, left_bytes);
            heap.validate();
        }
        drop(room);
        heap.validate();
        assert_eq!((from.charged_bytes(), to.charged_bytes()), (0, 128));
        assert_eq!(heap.gauges().set_aside_bytes, 0);
    }

    #[test]
    fn a_reservation_that_grows_and_shrinks_is_charged_with_what_it_has() {
        let heap = SharedHeap::new(Options { bytes_max: 8 << 20, arenas: 1, ..Options::default() })
            .unwrap();
        let account = heap.account("elsewhere", 192).unwrap();
        let mut room = account.reserve(0).unwrap();
        room.grow(192).unwrap();
        assert_eq!(room.grow(1).unwrap_err().room_bytes, 0);
        room.shrink(128);
        assert_eq!((room.left_bytes(), account.charged_bytes()), (64, 64));
        assert_eq!(heap.gauges().set_aside_bytes, 64);
        heap.validate();
        drop(room);
        assert_eq!((account.charged_bytes(), heap.gauges().set_aside_bytes), (0, 0));
        heap.validate();
    }

    #[test]
    fn of_a_long_value_as_many_pieces_move_as_the_room_suffices_for() {
        let heap = SharedHeap::new(Options { bytes_max: 8 << 20, arenas: 1, ..Options::default() })
            .unwrap();
        let (from, to) = (heap.default_account(), heap.account("to", 192).unwrap());
        let mut long = SharedData::new();
        for byte in 0..5 {
            long.append(from.copy_from(&[byte]).unwrap()).unwrap();
        }
        let mut room = to.reserve(192).unwrap();
        long.rehome(&mut room);
        assert_eq!((from.charged_bytes(), to.charged_bytes(), room.left_bytes()), (128, 192, 0));
        assert_eq!(long.to_vec(), [0, 1, 2, 3, 4]);
        drop(room);
        heap.validate();
    }

    #[test]
    fn what_the_room_does_not_suffice_for_stays_whose_it_was() {
        let heap = SharedHeap::new(Options { bytes_max: 8 << 20, arenas: 1, ..Options::default() })
            .unwrap();
        let (from, to) = (heap.default_account(), heap.account("to", 64).unwrap());
        let mut data = from.copy_from(&[1; 65]).unwrap();
        let mut room = to.reserve(64).unwrap();
        data.rehome(&mut room);
        assert_eq!((from.charged_bytes(), to.charged_bytes(), room.left_bytes()), (128, 64, 64));
        heap.validate();
        drop(room);
        assert_eq!((from.charged_bytes(), to.charged_bytes()), (128, 0));
    }
}
