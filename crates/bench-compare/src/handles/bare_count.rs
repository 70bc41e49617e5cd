//! A bare count: an atomic add and an atomic subtraction, the least that any shared handle's clone and drop are.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::loops::looping::Prepared;
use crate::loops::turns::each;

/// Up and down on so many cores at once, of one count.
pub(crate) fn up_and_down(core_count: usize) -> Prepared {
    let count = Arc::new(AtomicU64::new(1));
    let one = |count: Arc<AtomicU64>| {
        each(move || {
            count.fetch_add(1, Ordering::Relaxed);
            count.fetch_sub(1, Ordering::Release);
        })
    };
    Prepared::of((0..core_count).map(|_| one(Arc::clone(&count))).collect())
}
