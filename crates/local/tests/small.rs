//! A little of everything that a heap does: short enough to run under Miri.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use levada_local::{
    Depth, Gc, GcSlice, GcText, GcVec, GcWeak, Leaf, Limits, LocalHeap, Lock, Pool, RefLock, Root,
    Trace,
};

/// Counts those of it that were dropped.
struct Token(Arc<AtomicUsize>);

impl Drop for Token {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

type Link<'gc> = Lock<Option<Gc<'gc, Part<'gc>>>>;

#[derive(Trace)]
enum Part<'gc> {
    Pair(Link<'gc>, Link<'gc>),
    Row(GcSlice<'gc, Link<'gc>>),
    Words(GcText<'gc>, Box<[Gc<'gc, Wide>]>),
    Open(RefLock<Vec<Gc<'gc, Self>>>),
    Token(#[trace(leaf)] Token),
    None,
}

#[derive(Clone, Copy, Debug, PartialEq, Trace)]
#[repr(align(32))]
struct Wide(u128);

#[derive(Default, Trace)]
struct All<'gc> {
    parts: Vec<Gc<'gc, Part<'gc>>>,
    numbers: Option<GcVec<'gc, u64>>,
    weak: Vec<GcWeak<'gc, Part<'gc>>>,
    empty: Option<(Gc<'gc, ()>, GcSlice<'gc, ()>)>,
}

fn make(heap: &mut LocalHeap<All<'static>>, dropped: &Arc<AtomicUsize>, row_length: usize) {
    heap.enter(|cx, all| {
        let token = || Part::Token(Token(Arc::clone(dropped)));
        let pair = cx.alloc(Part::Pair(Lock::new(None), Lock::new(Some(cx.alloc(token())))));
        let right = pair.write(cx).field(|part| match part {
            Part::Pair(left, _) => left,
            _ => unreachable!("it is a pair"),
        });
        right.set(Some(pair));
        let row = cx.slice((0..row_length).map(|_| Lock::new(None)));
        let stable = cx.alloc_stable(token());
        for index in (0..row_length).step_by(97) {
            let target = if index % 2 == 0 { stable } else { cx.alloc(Part::None) };
            row.write_at(cx, index).set(Some(target));
        }
        let wide = (0..3).map(|number| cx.alloc(Wide(number))).collect();
        let words = cx.alloc(Part::Words(cx.text("words of a heap"), wide));
        let open = cx.alloc_stable(Part::Open(RefLock::new(vec![words])));
        open.write(cx)
            .field(|part| match part {
                Part::Open(open) => open,
                _ => unreachable!("it is open"),
            })
            .borrow_mut()
            .push(pair);
        all.weak.extend([pair.downgrade(cx), cx.alloc(Part::None).downgrade(cx)]);
        all.parts.extend([open, cx.alloc(Part::Row(row))]);
        let numbers = GcVec::new(cx);
        (0..9).for_each(|number| numbers.push(cx, number));
        all.numbers = Some(numbers);
        all.empty = Some((cx.alloc(()), cx.slice([(); 3].into_iter())));
    });
}

/// Reads all of it.
fn look(heap: &mut LocalHeap<All<'static>>) {
    heap.enter(|_, all| {
        for part in &all.parts {
            match part.get() {
                Part::Open(open) => {
                    let open = open.borrow();
                    let Part::Words(text, wide) = open[0].get() else { panic!("words come first") };
                    assert_eq!(text.get(), "words of a heap");
                    assert!(wide.iter().zip(0..).all(|(wide, number)| wide.0 == number));
                    let Part::Pair(left, right) = open[1].get() else { panic!("then a pair") };
                    assert!(left.get().is_some_and(|left| left.same(open[1])));
                    assert!(right.get().is_some_and(|right| matches!(right.get(), Part::Token(_))));
                }
                Part::Row(row) => {
                    for (index, link) in row.iter().enumerate() {
                        assert_eq!(link.get().is_some(), index % 97 == 0);
                    }
                }
                _ => panic!("no other part is kept"),
            }
        }
        assert!(all.numbers.is_some_and(|numbers| numbers.iter().eq(0..9)));
        let is_there = |index: usize| all.weak[index].upgrade().is_some();
        assert!((0..all.weak.len()).step_by(2).all(is_there));
        assert!(all.empty.is_some_and(|(_, units)| units.len() == 3));
    });
}

#[test]
fn everything_survives_every_kind_of_collection_and_goes_once() {
    let (pool, dropped) = (Pool::default(), Arc::new(AtomicUsize::new(0)));
    let mut heap = LocalHeap::<All<'_>>::new(&pool, Limits::default(), |_| All::default());
    for row_length in [5, 1_200] {
        make(&mut heap, &dropped, row_length);
        for depth in [Depth::Minor, Depth::Stable, Depth::Major, Depth::Stable, Depth::Stable] {
            heap.collect(depth);
            look(&mut heap);
        }
        heap.rest();
        look(&mut heap);
    }
    heap.validate();
    let mut heap = std::thread::spawn(move || {
        heap.collect(Depth::Major);
        look(&mut heap);
        heap
    })
    .join()
    .unwrap();
    assert_eq!(dropped.load(Ordering::Relaxed), 0);
    heap.enter(|_, all| all.parts.truncate(2));
    heap.collect(Depth::Major);
    assert_eq!(dropped.load(Ordering::Relaxed), 2);
    heap.enter(|_, all| assert!(all.weak[2].upgrade().is_none()));
    drop(heap);
    assert_eq!(dropped.load(Ordering::Relaxed), 4);
    assert_eq!(pool.gauges().lent_chunks + pool.gauges().lent_units, 0);
}

#[test]
fn a_panic_among_the_items_of_a_run_leaves_those_before_it() {
    let (pool, dropped) = (Pool::default(), Arc::new(AtomicUsize::new(0)));
    let mut heap = LocalHeap::<()>::new(&pool, Limits::default(), |_| ());
    for length in [3, 700] {
        let turn = AssertUnwindSafe(|| {
            heap.enter(|cx, ()| {
                cx.slice((0..length).map(|index| {
                    assert!(index + 1 < length, "the last is one too many");
                    cx.alloc(Leaf(index));
                    Leaf(Token(Arc::clone(&dropped)))
                }));
            });
        });
        assert!(catch_unwind(turn).is_err());
        heap.validate();
    }
    heap.collect(Depth::Stable);
    assert_eq!(dropped.load(Ordering::Relaxed), 2 + 699);
}

#[test]
fn roots_and_pins_go_to_threads_and_keep_what_they_stand_for() {
    let pool = Pool::default();
    let mut heap = LocalHeap::<()>::new(&pool, Limits::default(), |_| ());
    let roots: Vec<Root<Leaf<u64>>> =
        heap.enter(|cx, ()| (0..9).map(|number| cx.root(cx.alloc(Leaf(number)))).collect());
    let pinned = heap.pin(&roots[3]).unwrap();
    let address = pinned.as_ptr();
    let here = roots.clone();
    let other = std::thread::spawn(move || drop(roots));
    for depth in [Depth::Minor, Depth::Stable, Depth::Major] {
        heap.collect(depth);
        assert_eq!(pinned.as_ptr(), address);
        heap.enter(|cx, ()| {
            for (number, root) in (0..).zip(&here) {
                assert_eq!(cx.get(root).0, number);
            }
            assert_eq!(std::ptr::from_ref(cx.get(pinned.root()).get()).cast(), address);
        });
    }
    other.join().unwrap();
    drop(here);
    heap.collect(Depth::Major);
    assert_eq!(heap.gauges().roots, 1);
}
