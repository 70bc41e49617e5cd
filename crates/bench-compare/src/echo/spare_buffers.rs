//! Spare buffers of a thread: a connection takes one and gives it back, so that no library pays for new memory at each.

use std::cell::RefCell;

thread_local! {
    static SPARE: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// A buffer of `buffer_bytes`, filled with something.
pub(crate) fn take(buffer_bytes: usize) -> Vec<u8> {
    SPARE.with_borrow_mut(Vec::pop).unwrap_or_else(|| vec![0; buffer_bytes])
}

pub(crate) fn give(buffer: Vec<u8>) {
    SPARE.with_borrow_mut(|spare| spare.push(buffer));
}
