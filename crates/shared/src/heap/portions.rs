//! What an arena keeps prepaid, for a few accounts at a time.
//!
//! Changed under the lock of the arena's stock, read by anybody.

use crate::counts::grant::AccountNumber;
use crate::sync::{AtomicU64, Ordering};

/// How many accounts an arena prepays for at a time.
const SLOTS: usize = 4;

/// What one arena has prepaid; changed under the lock of its stock.
#[derive(Debug, Default)]
pub(super) struct Prepaid([Slot; SLOTS]);

/// `account 22 | bytes 42`.
#[derive(Debug, Default)]
pub(super) struct Slot(AtomicU64);

const BYTES_BITS: u32 = 42;

impl Slot {
    pub(super) fn get(&self) -> (AccountNumber, u64) {
        let word = self.0.load(Ordering::Relaxed);
        let number = u32::try_from(word >> BYTES_BITS).expect("22 bits");
        (AccountNumber(number), word & ((1 << BYTES_BITS) - 1))
    }

    pub(super) fn set(&self, number: AccountNumber, bytes: u64) {
        self.0.store(u64::from(number.0) << BYTES_BITS | bytes, Ordering::Relaxed);
    }
}

impl Prepaid {
    pub(super) fn slot(&self, number: AccountNumber) -> &Slot {
        &self.0[number.0 as usize % SLOTS]
    }

    /// What is kept for an account.
    pub(super) fn of(&self, number: AccountNumber) -> u64 {
        let (owner, bytes) = self.slot(number).get();
        if owner == number { bytes } else { 0 }
    }
}
