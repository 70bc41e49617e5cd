//! What an arena's blocks cost is charged in portions: a little more than is needed, kept for the next block of the same
//! account, so that a block that comes and goes on one core touches no line that other cores write.
//!
//! ```text
//! account's charge = what its blocks cost + what arenas keep prepaid for it
//! ```
//! Whoever asks for a charge is told what blocks cost. Before an account refuses, what is prepaid for it is taken back: so
//! a limit is exact. An account that was closed, or given a lower limit, is prepaid for no more.

use super::{Arena, Heap};
use crate::counts::around::Around;
use crate::counts::grant::AccountNumber;
use crate::counts::ledger::{AccountLine, Purse, Refused};

/// What is charged beyond what is needed, when nothing is prepaid.
const PORTION_BYTES: u64 = 64 << 10;

/// The most that is kept for an account.
const KEPT_MAX_BYTES: u64 = 4 * PORTION_BYTES;

impl Heap {
    /// Pays for a block of an arena whose stock the caller has locked, by what is prepaid or a new portion. False if the
    /// account has no room for it as it stands.
    #[inline]
    pub(super) fn pay(&self, arena: &Arena, number: AccountNumber, bytes: u64) -> bool {
        let line = self.account(number);
        let slot = arena.prepaid.slot(number);
        let (owner, kept_bytes) = slot.get();
        if owner == number && kept_bytes >= bytes && line.may_prepay() {
            slot.set(number, kept_bytes - bytes);
            return true;
        }
        self.pay_portion(arena, number, bytes)
    }

    #[cold]
    fn pay_portion(&self, arena: &Arena, number: AccountNumber, bytes: u64) -> bool {
        let line = self.account(number);
        if bytes <= PORTION_BYTES && line.may_prepay() && line.try_charge(bytes + PORTION_BYTES) {
            self.keep(arena, number, PORTION_BYTES);
            return true;
        }
        line.try_charge(bytes)
    }

    /// Takes back what a block cost, in an arena whose stock the caller has locked.
    #[inline]
    pub(super) fn repay(&self, arena: &Arena, number: AccountNumber, bytes: u64) {
        let line = self.account(number);
        let slot = arena.prepaid.slot(number);
        let (owner, kept_bytes) = slot.get();
        if owner == number && kept_bytes + bytes <= KEPT_MAX_BYTES && line.may_prepay() {
            slot.set(number, kept_bytes + bytes);
        } else {
            self.repay_portion(arena, number, bytes);
        }
    }

    #[cold]
    fn repay_portion(&self, arena: &Arena, number: AccountNumber, bytes: u64) {
        let line = self.account(number);
        if bytes > PORTION_BYTES || !line.may_prepay() {
            return line.uncharge(bytes);
        }
        let kept_bytes = arena.prepaid.of(number);
        if kept_bytes + bytes > KEPT_MAX_BYTES {
            // Half of it, so that those who only give back come here seldom.
            line.uncharge(kept_bytes + bytes - KEPT_MAX_BYTES / 2);
            arena.prepaid.slot(number).set(number, KEPT_MAX_BYTES / 2);
        } else {
            self.keep(arena, number, bytes);
        }
    }

    /// Keeps so much more for an account, in the place of what is kept for another.
    fn keep(&self, arena: &Arena, number: AccountNumber, bytes: u64) {
        let slot = arena.prepaid.slot(number);
        let (owner, kept_bytes) = slot.get();
        if owner == number {
            slot.set(number, kept_bytes + bytes);
            return;
        }
        slot.set(number, bytes);
        if kept_bytes > 0 {
            self.account(owner).uncharge(kept_bytes);
        }
    }

    /// Takes back what all arenas keep for an account.
    pub(crate) fn take_prepaid_back(&self, number: AccountNumber) {
        for arena in &self.arenas {
            if arena.prepaid.of(number) == 0 {
                continue;
            }
            let stock = arena.stock.lock();
            let kept_bytes = arena.prepaid.of(number);
            if kept_bytes > 0 {
                arena.prepaid.slot(number).set(number, 0);
                self.account(number).uncharge(kept_bytes);
            }
            drop(stock);
        }
    }

    /// What an account is charged with for blocks, and for what is set aside.
    pub(crate) fn charged_bytes(&self, number: AccountNumber) -> u64 {
        let prepaid_bytes: u64 = self.arenas.iter().map(|arena| arena.prepaid.of(number)).sum();
        self.account(number).charged_bytes().saturating_sub(prepaid_bytes)
    }

    /// Charges an account, by what is prepaid for it if there is no other room.
    pub(crate) fn charge_exactly(&self, number: AccountNumber, bytes: u64) -> Result<(), Refused> {
        let line: &AccountLine = self.account(number);
        if line.try_charge(bytes) {
            return Ok(());
        }
        self.take_prepaid_back(number);
        line.charge(bytes)
    }

    /// Ends an account: nothing is prepaid for it any more.
    pub(crate) fn close_account(&self, number: AccountNumber) {
        self.account(number).close();
        self.take_prepaid_back(number);
    }

    /// Gives an account another limit.
    pub(crate) fn set_account_limit(&self, number: AccountNumber, limit_bytes: u64) {
        self.account(number).set_limit(limit_bytes);
        self.take_prepaid_back(number);
    }
}

/// An account of a heap, as who pays for what is shared with it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wallet<'a>(pub(crate) &'a Heap, pub(crate) AccountNumber);

impl Purse for Wallet<'_> {
    fn pay(&mut self, bytes: u64) -> Result<(), Refused> {
        self.0.charge_exactly(self.1, bytes)
    }

    fn refund(&mut self, bytes: u64) {
        self.0.account(self.1).uncharge(bytes);
    }
}
