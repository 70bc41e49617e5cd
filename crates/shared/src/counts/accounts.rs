//! The accounts of a heap are found by number in two steps, and stay where they are for as long as the heap lives.
//!
//! They stand in rows, each twice as long as the one before, so that no account ever moves when more are opened.

use std::sync::OnceLock;

use crate::counts::grant::{ACCOUNT_COUNT_MAX, AccountNumber};
use crate::counts::ledger::AccountLine;
use crate::sync::Lock;

const ROWS: usize = 16;
const FIRST_ROW: usize = 64;
const _: () = assert!(FIRST_ROW << ROWS == ACCOUNT_COUNT_MAX as usize);

type Row = Box<[OnceLock<AccountLine>]>;

/// The table.
#[derive(Debug)]
pub(crate) struct Accounts {
    rows: [OnceLock<Row>; ROWS],
    count: Lock<u32>,
}

impl Accounts {
    pub(crate) fn new() -> Self {
        Self { rows: [const { OnceLock::new() }; ROWS], count: Lock::new(0) }
    }

    /// Opens an account, or says that there are no more numbers.
    pub(crate) fn open(&self, name: &str, limit_bytes: u64) -> Option<AccountNumber> {
        let mut count = self.count.lock();
        let number = *count;
        let (row, place) = place_of(number)?;
        let row =
            self.rows[row].get_or_init(|| (0..FIRST_ROW << row).map(|_| OnceLock::new()).collect());
        assert!(
            row[place].set(AccountLine::new(name, limit_bytes)).is_ok(),
            "a number is given out once"
        );
        *count += 1;
        Some(AccountNumber(number))
    }

    /// The line of an account that was opened.
    #[inline]
    pub(crate) fn line(&self, number: AccountNumber) -> &AccountLine {
        place_of(number.0)
            .and_then(|(row, place)| self.rows[row].get()?.get(place)?.get())
            .expect("a word names an account that was opened")
    }

    /// All accounts that were opened.
    pub(crate) fn all(&self) -> impl Iterator<Item = &AccountLine> {
        let count = *self.count.lock();
        (0..count).map(|number| self.line(AccountNumber(number)))
    }
}

/// Row r has `FIRST_ROW << r` places and begins at number `FIRST_ROW * (2^r - 1)`.
#[inline]
fn place_of(number: u32) -> Option<(usize, usize)> {
    let shifted = number as usize + FIRST_ROW;
    let row = (shifted / FIRST_ROW).ilog2() as usize;
    (row < ROWS).then(|| (row, shifted - (FIRST_ROW << row)))
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn every_number_has_a_place_of_its_own_up_to_the_last() {
        let mut expected = (0, 0);
        for number in 0..10_000 {
            assert_eq!(place_of(number), Some(expected));
            expected.1 += 1;
            if expected.1 == FIRST_ROW << expected.0 {
                expected = (expected.0 + 1, 0);
            }
        }
        let last = ACCOUNT_COUNT_MAX - 65;
        assert_eq!(place_of(last), Some((ROWS - 1, (FIRST_ROW << (ROWS - 1)) - 1)));
        assert_eq!(place_of(last + 1), None);
    }

    #[test]
    fn an_account_keeps_its_place_when_more_are_opened() {
        let accounts = Accounts::new();
        let first = accounts.open("first", 1).unwrap();
        let address = core::ptr::from_ref(accounts.line(first));
        for _ in 0..200 {
            accounts.open("more", 2).unwrap();
        }
        assert_eq!(core::ptr::from_ref(accounts.line(first)), address);
        assert_eq!((accounts.line(first).name(), accounts.all().count()), ("first", 201));
    }
}
