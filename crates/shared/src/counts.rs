//! Counting says who holds a block and who is charged for it: a word for the block, one for each account's grant on it.

pub(crate) mod accounts;
pub(crate) mod around;
pub(crate) mod grant;
pub(crate) mod grant_pointer;
pub(crate) mod holding;
pub(crate) mod leaving;
pub(crate) mod ledger;
pub(crate) mod lines;
pub(crate) mod loan;
pub(crate) mod shelf;
pub(crate) mod state;
