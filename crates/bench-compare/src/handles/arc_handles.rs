//! `Arc<[u8]>`: the least that a counted handle to shared bytes can be.

use std::hint::black_box;
use std::sync::Arc;

use crate::loops::looping::Prepared;
use crate::loops::turns::each;

/// A clone and its drop, on so many cores at once, of one count.
pub(crate) fn clone_and_drop(core_count: usize, length_bytes: usize) -> Prepared {
    let data: Arc<[u8]> = vec![7; length_bytes].into();
    let one = |data: Arc<[u8]>| {
        each(move || {
            let twin = Arc::clone(black_box(&data));
            black_box(&twin);
        })
    };
    Prepared::of((0..core_count).map(|_| one(Arc::clone(&data))).collect())
}

/// A weak reference is upgraded while somebody holds what it finds, and that is dropped.
pub(crate) fn upgrade_and_drop(length_bytes: usize) -> Prepared {
    let data: Arc<[u8]> = vec![7; length_bytes].into();
    let kept = (Arc::downgrade(&data), data);
    Prepared::of(vec![each(move || {
        let found = black_box(&kept).0.upgrade();
        black_box(&found);
    })])
}
