//! While a major marks slice by slice the program goes on, and nothing that it still reaches is lost.

use levada_local::{
    Depth, Gc, GcSlice, Limits, LocalHeap, Lock, Pacing, Pool, PoolOptions, Stress, Trace,
};

#[derive(Trace)]
struct Node<'gc> {
    number: u64,
    next: Lock<Option<Gc<'gc, Self>>>,
}

#[derive(Default, Trace)]
struct Ends<'gc> {
    first: Option<Gc<'gc, Node<'gc>>>,
    last: Option<Gc<'gc, Node<'gc>>>,
    /// Shown last, so that it is looked at first.
    row: Option<GcSlice<'gc, Lock<Option<Gc<'gc, Node<'gc>>>>>>,
}

type Heap = LocalHeap<Ends<'static>>;

const LENGTH: u64 = 2_000;

/// A chain of stable objects whose marking has begun, and takes many slices: its first are marked, its last are not.
fn half_marked() -> Heap {
    let pacing = Pacing {
        nursery_bytes: 64 << 10,
        rest_bytes: 0,
        stable_survivals: 1,
        young_bytes_min: 1,
        old_bytes_min: 32 << 10,
        old_percent: 0,
        slice_bytes: 1 << 10,
        ..Pacing::default()
    };
    let stress = Stress { every_turn: None, poisons: true, verifies: true };
    let pool = Pool::new(PoolOptions { pacing, stress, ..PoolOptions::default() });
    let mut heap = Heap::new(&pool, Limits::default(), |_| Ends::default());
    heap.enter(|cx, ends| {
        for number in (0..LENGTH).rev() {
            let next = Lock::new(ends.first);
            ends.first = Some(cx.alloc_stable(Node { number, next }));
        }
        ends.row = Some(cx.slice((0..3_000).map(|_| Lock::new(None))));
    });
    heap.collect(Depth::Stable);
    while heap.gauges().major_slices < 3 {
        fill_a_chunk(&mut heap);
    }
    assert_eq!(heap.gauges().majors, 0);
    heap
}

/// Makes garbage until the end of the turn has something to do.
fn fill_a_chunk(heap: &mut Heap) {
    heap.enter(|cx, _| {
        while !cx.should_yield() {
            cx.alloc([0_u64; 8]);
        }
    });
    heap.end_turn();
}

fn finish(heap: &mut Heap) {
    while heap.gauges().majors == 0 {
        fill_a_chunk(heap);
    }
    heap.validate();
}

fn numbers(heap: &mut Heap) -> Vec<u64> {
    heap.enter(|_, ends| {
        std::iter::successors(ends.first, |node| node.next.get()).map(|node| node.number).collect()
    })
}

#[test]
fn what_is_moved_behind_the_marking_is_found() {
    let mut heap = half_marked();
    // The last hundred are unlinked from the end, which is not marked, and linked behind the first, which is.
    heap.enter(|cx, ends| {
        let chain = || std::iter::successors(ends.first, |node| node.next.get());
        let before = chain().nth(1_899).unwrap();
        let tail = before.next.get();
        before.write(cx).field(|node| &node.next).set(None);
        ends.first.unwrap().write(cx).field(|node| &node.next).set(tail);
    });
    finish(&mut heap);
    let expected: Vec<u64> = std::iter::once(0).chain(1_900..LENGTH).collect();
    assert_eq!(numbers(&mut heap), expected);
}

#[test]
fn what_is_moved_into_a_long_slice_that_is_marked_is_found() {
    let mut heap = half_marked();
    while heap.gauges().major_slices < 30 {
        fill_a_chunk(&mut heap); // the slice has 24 slices of marking in it
    }
    heap.enter(|cx, ends| {
        let before = std::iter::successors(ends.first, |node| node.next.get()).nth(1_899).unwrap();
        let tail = before.next.get();
        before.write(cx).field(|node| &node.next).set(None);
        let row = ends.row.unwrap();
        for index in [7, 2_999] {
            row.write_at(cx, index).set(tail);
        }
    });
    finish(&mut heap);
    let tail = heap.enter(|_, ends| {
        let row = ends.row.unwrap();
        [7, 2_999].map(|index| {
            std::iter::successors(row[index].get(), |node| node.next.get())
                .map(|node| node.number)
                .sum::<u64>()
        })
    });
    assert_eq!((tail, numbers(&mut heap).len()), ([(1_900..LENGTH).sum(); 2], 1_900));
}

#[test]
fn what_only_the_nursery_points_to_is_found() {
    let mut heap = half_marked();
    heap.enter(|cx, ends| {
        let before = std::iter::successors(ends.first, |node| node.next.get()).nth(1_899).unwrap();
        let next = Lock::new(before.next.get());
        before.write(cx).field(|node| &node.next).set(None);
        ends.last = Some(cx.alloc(Node { number: 7, next }));
    });
    finish(&mut heap);
    let last =
        heap.enter(|_, ends| std::iter::successors(ends.last, |node| node.next.get()).count());
    assert_eq!((last, numbers(&mut heap).len()), (101, 1_900));
}

#[test]
fn what_only_a_newborn_stable_object_points_to_is_found() {
    let mut heap = half_marked();
    heap.enter(|cx, ends| {
        let before = std::iter::successors(ends.first, |node| node.next.get()).nth(1_899).unwrap();
        let next = Lock::new(before.next.get());
        before.write(cx).field(|node| &node.next).set(None);
        ends.last = Some(cx.alloc_stable(Node { number: 7, next }));
    });
    finish(&mut heap);
    let last =
        heap.enter(|_, ends| std::iter::successors(ends.last, |node| node.next.get()).count());
    assert_eq!((last, numbers(&mut heap).len()), (101, 1_900));
}

#[test]
fn what_nobody_reaches_when_the_marking_begins_is_gone_when_it_ends() {
    let mut heap = half_marked();
    let before = heap.gauges();
    heap.enter(|_, ends| *ends = Ends::default());
    finish(&mut heap);
    // What was marked before is gone with the major after it.
    heap.collect(Depth::Major);
    assert!(before.old_bytes > 32 * LENGTH, "{before:?}");
    assert_eq!((heap.gauges().old_bytes, heap.gauges().young_bytes), (0, 0));
}
