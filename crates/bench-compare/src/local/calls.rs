//! What is done once for a process or a turn, whatever it allocates: an empty turn, and an empty heap.

use std::hint::black_box;

use levada_local::{Limits, LocalHeap, Pool};

use crate::local::owned::{Owned, Source};
use crate::loops::looping::Prepared;
use crate::loops::turns::each;

/// A turn that does nothing, and its end.
pub(crate) fn empty_turn() -> Prepared {
    let mut heap = LocalHeap::<u64>::new(&Pool::default(), Limits::default(), |_| 7);
    heap.enter(|cx, _| {
        cx.alloc(7_u64); // a heap that has done something before
    });
    Prepared::of(vec![each(move || {
        heap.enter(|_, root| {
            black_box(root);
        });
        black_box(heap.end_turn());
    })])
}

fn called(root: &mut u64) {
    black_box(root);
}

/// A call of a function by its address.
pub(crate) fn call() -> Prepared {
    let (mut root, function): (u64, fn(&mut u64)) = (7, called);
    Prepared::of(vec![each(move || black_box(function)(&mut root))])
}

/// Makes an empty heap and drops it.
pub(crate) fn empty_heap() -> Prepared {
    let pool = Pool::default();
    Prepared::of(vec![each(move || {
        let heap = LocalHeap::<u64>::new(&pool, Limits::default(), |_| 7);
        black_box(&heap);
    })])
}

/// Makes an owned value of 256 B, without its content, and drops it.
pub(crate) fn owned_256<S: Source>() -> Prepared {
    Prepared::of(vec![each(|| {
        let owned = Owned::<_, S>::new(std::mem::MaybeUninit::<[u8; 256]>::uninit());
        black_box(&owned);
    })])
}
