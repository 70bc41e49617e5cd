//! A heap's payer charges what a process's own heap takes, its pages and chunks, to the account of the process.

use levada_local::Payer;
use levada_shared::{Account, Reservation};
use std::cell::RefCell;

/// Room of an account that grows and shrinks with a heap.
#[derive(Debug)]
pub(crate) struct HeapPayer(RefCell<Reservation>);

impl HeapPayer {
    pub(crate) fn of(account: &Account) -> Self {
        Self(RefCell::new(account.reserve(0).expect("every account has room for nothing")))
    }
}

impl Payer for HeapPayer {
    fn draw(&self, bytes: u64) -> bool {
        self.0.borrow_mut().grow(bytes).is_ok()
    }

    fn leave(&self, bytes: u64) {
        self.0.borrow_mut().shrink(bytes);
    }
}
