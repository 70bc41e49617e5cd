//! A thread's home is the arena from which it takes first: told once by a core's loop, else dealt in turn.

use core::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Before the first use.
const UNTOLD: usize = usize::MAX;

thread_local! {
    static HOME: Cell<usize> = const { Cell::new(UNTOLD) };
}

/// Deals arenas to threads that were told none.
static NEXT_HOME: AtomicUsize = AtomicUsize::new(0);

/// Makes arena `index` the one that this thread takes from first, in every heap: a core's loop says so once.
pub fn set_home_arena(index: usize) {
    HOME.set(index);
}

/// This thread's number among arenas; a heap takes it modulo the arenas that it has.
#[inline]
pub(crate) fn home() -> usize {
    let home = HOME.get();
    if home != UNTOLD {
        return home;
    }
    // Relaxed: it only spreads threads, it orders nothing.
    let dealt = NEXT_HOME.fetch_add(1, Ordering::Relaxed);
    HOME.set(dealt);
    dealt
}
