//! What a turn has: pointers, locks, vectors, weak pointers, and the heap that runs it.

pub(crate) mod cx;
pub(crate) mod gc;
pub(crate) mod heap;
pub(crate) mod lock;
pub(crate) mod pinned;
pub(crate) mod vec;
pub(crate) mod weak_pointer;
