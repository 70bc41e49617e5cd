//! What is done once for a process, a turn or an operation: an empty turn, an empty heap, a raw buffer.

use std::hint::black_box;
use std::mem::MaybeUninit;

use levada_local::{Limits, LocalHeap, Pool};

use crate::local::owned::{Owned, Source};
use crate::loops::looping::Prepared;
use crate::loops::turns::{Loop, each};

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

/// Makes an owned value of so many bytes, without its content, and drops it.
pub(crate) fn owned<S: Source, const BYTES: usize>() -> Prepared {
    Prepared::of(vec![each(|| {
        let owned = Owned::<_, S>::new(MaybeUninit::<[u8; BYTES]>::uninit());
        black_box(&owned);
    })])
}

/// How many are taken in a turn.
const RAW_COUNT: u64 = 100;

/// Takes a raw buffer of 16 B and drops it, a hundred in a turn.
pub(crate) fn raw_16() -> Prepared {
    let heap = LocalHeap::new(&Pool::default(), Limits::default(), |_| ());
    Prepared::of(vec![Box::new(Raw(heap))])
}

struct Raw(LocalHeap<()>);

impl Loop for Raw {
    fn run(&mut self, count: u64) {
        let mut left = count;
        while left > 0 {
            let now = left.min(RAW_COUNT);
            self.0.enter(|cx, ()| {
                for _ in 0..now {
                    let raw = cx.raw(16).expect("there is room");
                    black_box(&raw);
                }
            });
            self.0.end_turn();
            left -= now;
        }
    }
}

/// As [`owned`] of 16 B, filled with zeros as raw buffers are.
pub(crate) fn zeros_16<S: Source>() -> Prepared {
    Prepared::of(vec![each(|| {
        let owned = Owned::<_, S>::new([0_u8; 16]);
        black_box(&owned);
    })])
}
