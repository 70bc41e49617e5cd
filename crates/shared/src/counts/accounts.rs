//! The accounts of a heap are found by number in two steps, and stay where they are for as long as the heap lives.
//!
//! They stand in rows, each twice as long as the one before, so that no account ever moves when more are opened.

use std::collections::VecDeque;
use std::sync::OnceLock;

use crate::counts::grant::{ACCOUNT_COUNT_MAX, AccountNumber};
use crate::counts::ledger::AccountLine;
use crate::lock::Lock;

const ROWS: usize = 16;
const FIRST_ROW: usize = 64;
const _: () = assert!(FIRST_ROW << ROWS == ACCOUNT_COUNT_MAX as usize);

type Row = Box<[OnceLock<AccountLine>]>;

/// The table.
#[derive(Debug)]
pub(crate) struct Accounts {
    rows: [OnceLock<Row>; ROWS],
    book: Lock<Book>,
}

#[derive(Debug, Default)]
struct Book {
    count: u32,
    /// Accounts without a handle: as soon as nothing is charged to them their numbers are given out again.
    left: VecDeque<u32>,
}

/// How many of the accounts without a handle are looked at for each that is opened: more than come, so that none waits
/// for ever.
const LOOKS_PER_OPENING: usize = 8;

impl Accounts {
    pub(crate) fn new() -> Self {
        Self { rows: [const { OnceLock::new() }; ROWS], book: Lock::new(Book::default()) }
    }

    /// Opens an account, with one handle, or says that there are no more numbers. `settle` takes back what is charged to
    /// an account without a handle and stands for nothing.
    pub(crate) fn open(
        &self,
        name: &str,
        limit_bytes: u64,
        settle: impl Fn(AccountNumber),
    ) -> Option<AccountNumber> {
        let mut book = self.book.lock();
        for _ in 0..LOOKS_PER_OPENING.min(book.left.len()) {
            let left = book.left.pop_front()?;
            settle(AccountNumber(left));
            let line = self.line(AccountNumber(left));
            if line.is_unused() {
                line.reopen(name, limit_bytes);
                line.add_handle();
                return Some(AccountNumber(left));
            }
            book.left.push_back(left);
        }
        let number = book.count;
        let (row, place) = place_of(number)?;
        let row =
            self.rows[row].get_or_init(|| (0..FIRST_ROW << row).map(|_| OnceLock::new()).collect());
        let line = AccountLine::new(name, limit_bytes);
        line.add_handle();
        assert!(row[place].set(line).is_ok(), "a number has one line");
        book.count += 1;
        Some(AccountNumber(number))
    }

    /// Takes a handle of an account away.
    pub(crate) fn drop_handle(&self, number: AccountNumber) {
        if self.line(number).drop_handle() {
            self.book.lock().left.push_back(number.0);
        }
    }

    /// The line of an account that was opened.
    #[inline]
    pub(crate) fn line(&self, number: AccountNumber) -> &AccountLine {
        place_of(number.0)
            .and_then(|(row, place)| self.rows[row].get()?.get(place)?.get())
            .expect("a word names an account that was opened")
    }

    /// All lines, those that are unused included.
    pub(crate) fn all(&self) -> impl Iterator<Item = (AccountNumber, &AccountLine)> {
        let count = self.book.lock().count;
        (0..count).map(AccountNumber).map(|number| (number, self.line(number)))
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
        let first = accounts.open("first", 1, |_| {}).unwrap();
        let address = core::ptr::from_ref(accounts.line(first));
        for _ in 0..200 {
            accounts.open("more", 2, |_| {}).unwrap();
        }
        assert_eq!(core::ptr::from_ref(accounts.line(first)), address);
        assert_eq!((accounts.line(first).name().as_str(), accounts.all().count()), ("first", 201));
    }

    #[test]
    fn a_number_is_given_out_again_when_nothing_is_left_of_its_account() {
        let accounts = Accounts::new();
        let charged = accounts.open("charged", u64::MAX, |_| {}).unwrap();
        let idle = accounts.open("idle", u64::MAX, |_| {}).unwrap();
        accounts.line(charged).charge(64).unwrap();
        accounts.drop_handle(charged);
        accounts.drop_handle(idle);
        assert_eq!(accounts.open("next", u64::MAX, |_| {}), Some(idle));
        assert_eq!(accounts.open("another", u64::MAX, |_| {}), Some(AccountNumber(2)));
        accounts.line(charged).uncharge(64);
        assert_eq!(accounts.open("last", u64::MAX, |_| {}), Some(charged));
        assert_eq!(accounts.line(charged).name(), "last");
    }
}
