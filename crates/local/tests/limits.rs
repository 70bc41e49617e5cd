//! What a heap takes is bounded, charged once, and given back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use levada_local::{
    Depth, Full, Gc, Held, Leaf, Limits, LocalHeap, Lock, Pacing, Payer, Pool, PoolOptions, Stress,
    Trace,
};

#[derive(Trace)]
struct Node<'gc> {
    _bytes: [u64; 4],
    next: Lock<Option<Gc<'gc, Self>>>,
}

type List = Option<Gc<'static, Node<'static>>>;

fn pool() -> Pool {
    let stress = Stress { every_turn: None, poisons: true, verifies: true };
    Pool::new(PoolOptions { stress, ..PoolOptions::default() })
}

/// Grows the list until the heap is full; how many more there are.
fn fill(heap: &mut LocalHeap<List>) -> u64 {
    heap.enter(|cx, first| {
        (0..)
            .take_while(|_| {
                let node = Node { _bytes: [7; 4], next: Lock::new(*first) };
                cx.try_alloc(node).map(|node| *first = Some(node)).is_ok()
            })
            .count() as u64
    })
}

#[test]
fn at_the_limit_a_value_comes_back_and_the_heap_is_whole() {
    let pool = pool();
    let mut heap = LocalHeap::<List>::new(&pool, Limits::up_to(1 << 20), |_| None);
    let count = fill(&mut heap);
    assert!(count > 20_000, "{count} of 48 B in a megabyte");
    assert!(heap.enter(|cx, _| cx.should_yield()));
    heap.validate();
    assert!(heap.enter(|cx, _| matches!(cx.try_alloc_stable(3_u64), Err(Full(3)))));
    assert!(heap.enter(|cx, _| cx.try_text("long".repeat(2_000).as_str()).is_err()));
    let refused = heap.enter(|cx, _| match cx.try_slice([1_u64; 600].into_iter()) {
        Ok(_) => 0,
        Err(Full(items)) => items.len(),
    });
    assert_eq!(refused, 600);
    // Nothing of it is garbage, so collecting makes no room; letting go does.
    heap.collect(Depth::Major);
    assert!(heap.gauges().used_bytes <= 1 << 20 | 1 << 17, "{:?}", heap.gauges());
    heap.enter(|_, first| *first = None);
    heap.collect(Depth::Major);
    assert_eq!(heap.gauges().used_bytes, 0);
    assert!(fill(&mut heap) > 20_000);
}

#[test]
fn a_run_longer_than_any_memory_comes_back() {
    let mut heap = LocalHeap::<()>::new(&pool(), Limits::default(), |_| ());
    heap.enter(|cx, ()| {
        for count in [usize::MAX, usize::MAX - 16, isize::MAX as usize, 1 << 40] {
            let Err(Full(back)) = cx.try_slice((0..count).map(|_| 7_u8)) else {
                panic!("{count} bytes were had");
            };
            assert_eq!(back.len(), count);
        }
    });
    heap.validate();
}

#[test]
fn a_plain_allocation_at_the_limit_ends_its_turn_and_nothing_else() {
    let pool = pool();
    let mut heap = LocalHeap::<List>::new(&pool, Limits::up_to(256 << 10), |_| None);
    fill(&mut heap);
    let turn = std::panic::AssertUnwindSafe(|| heap.enter(|cx, _| cx.alloc([0_u64; 32])[0]));
    let panic = std::panic::catch_unwind(turn).unwrap_err();
    assert!(panic.downcast_ref::<String>().unwrap().contains("at its limit"));
    heap.validate();
}

/// Counts what is drawn, up to a limit.
struct Purse {
    drawn: Arc<AtomicU64>,
    limit_bytes: u64,
}

impl Payer for Purse {
    fn draw(&self, bytes: u64) -> bool {
        let drawn = self.drawn.load(Ordering::Relaxed) + bytes;
        if drawn <= self.limit_bytes {
            self.drawn.store(drawn, Ordering::Relaxed);
        }
        drawn <= self.limit_bytes
    }

    fn leave(&self, bytes: u64) {
        self.drawn.fetch_sub(bytes, Ordering::Relaxed);
    }
}

#[test]
fn a_payer_pays_for_what_is_there_and_no_more() {
    let pool = pool();
    let drawn = Arc::new(AtomicU64::new(0));
    let purse = Purse { drawn: Arc::clone(&drawn), limit_bytes: 600 << 10 };
    let mut heap =
        LocalHeap::<List>::charged_to(&pool, Limits::default(), Some(Box::new(purse)), |_| None);
    for round in 0..6 {
        fill(&mut heap);
        assert!(drawn.load(Ordering::Relaxed) > 500 << 10);
        heap.collect([Depth::Minor, Depth::Stable, Depth::Major][round % 3]);
        let used = heap.gauges().used_bytes;
        assert!(drawn.load(Ordering::Relaxed) <= used, "no more is drawn than is used");
        heap.enter(|_, first| *first = None);
        heap.collect(Depth::Major);
        heap.rest();
        assert_eq!(drawn.load(Ordering::Relaxed), 0);
    }
    fill(&mut heap);
    drop(heap);
    assert_eq!(drawn.load(Ordering::Relaxed), 0);
}

#[test]
fn a_pool_without_memory_puts_a_collection_off() {
    let options = PoolOptions { mapped_bytes_max: 1 << 20, ..PoolOptions::default() };
    let pool = Pool::new(options);
    let mut heap = LocalHeap::<List>::new(&pool, Limits::default(), |_| None);
    fill(&mut heap);
    heap.collect(Depth::Minor);
    assert_eq!((heap.gauges().minors, heap.gauges().skipped_minors), (0, 1));
    heap.validate();
    heap.enter(|_, first| *first = None);
    drop(heap);
    assert_eq!(pool.gauges().lent_chunks, 0);
}

#[test]
fn an_empty_heap_is_small_and_takes_nothing() {
    assert!(size_of::<LocalHeap<()>>() <= 256, "{} B", size_of::<LocalHeap<()>>());
    let pool = pool();
    let mut heap = LocalHeap::<()>::new(&pool, Limits::default(), |_| ());
    heap.enter(|_, ()| ());
    assert_eq!((heap.end_turn().depth, heap.rest()), (None, 0));
    assert_eq!(pool.gauges().mapped_bytes, 0);
}

#[test]
fn resting_heaps_hold_no_nursery() {
    let pool = Pool::default();
    let heaps: Vec<_> = (0..2_000)
        .map(|_| {
            let mut heap = LocalHeap::<List>::new(&pool, Limits::default(), |_| None);
            heap.enter(|cx, first| {
                for _ in 0..6 {
                    *first = Some(cx.alloc(Node { _bytes: [1; 4], next: Lock::new(*first) }));
                }
            });
            assert_eq!(heap.rest(), 320, "288 B of objects");
            heap
        })
        .collect();
    assert_eq!((pool.gauges().lent_chunks, pool.gauges().lent_units), (0, 0));
    for mut heap in heaps {
        heap.validate();
        assert_eq!(
            heap.enter(|_, first| std::iter::successors(*first, |node| node.next.get()).count()),
            6
        );
        heap.enter(|_, first| *first = None);
        heap.collect(Depth::Minor);
        assert_eq!(heap.rest(), 0);
    }
}

#[test]
fn little_that_lives_never_owns_a_stable_page() {
    let pool = pool();
    let mut heap = LocalHeap::<List>::new(&pool, Limits::default(), |_| None);
    for _ in 0..50 {
        heap.enter(|cx, first| {
            *first = None;
            for _ in 0..85 {
                *first = Some(cx.alloc(Node { _bytes: [2; 4], next: Lock::new(*first) }));
            }
        });
        for _ in 0..4 {
            heap.collect(Depth::Major);
        }
    }
    assert_eq!(pool.gauges().lent_units, 0);
}

#[test]
fn long_objects_that_live_a_turn_cause_no_major() {
    let pool = Pool::default();
    let mut heap = LocalHeap::<()>::new(&pool, Limits::default(), |_| ());
    let mut mapped_bytes_max = 0;
    for _ in 0..10_000 {
        assert_eq!(heap.enter(|cx, ()| cx.alloc([0_u8; 64 << 10])[7]), 0);
        heap.end_turn();
        mapped_bytes_max = mapped_bytes_max.max(pool.gauges().mapped_bytes);
    }
    let gauges = heap.gauges();
    assert_eq!((gauges.majors, gauges.major_slices), (0, 0));
    assert!(gauges.stables > 100 && mapped_bytes_max <= 6 << 20, "{gauges:?} {mapped_bytes_max}");
}

#[test]
fn what_is_held_elsewhere_paces_collections_and_goes_with_its_object() {
    let pool = pool();
    let mut heap =
        LocalHeap::<Option<Gc<'static, Held<Vec<u8>>>>>::new(&pool, Limits::default(), |_| None);
    for _ in 0..200 {
        heap.enter(|cx, kept| *kept = Some(cx.hold(vec![0; 64 << 10], 64 << 10)));
        heap.end_turn();
    }
    let gauges = heap.gauges();
    assert!(gauges.minors >= 40, "a minor for each 256 KiB that is held: {gauges:?}");
    assert!(gauges.external_bytes <= 320 << 10, "what is gone is not counted: {gauges:?}");
    heap.enter(|_, kept| *kept = None);
    heap.collect(Depth::Major);
    assert_eq!(heap.gauges().external_bytes, 0);
}

#[test]
fn destructors_run_once_each_although_some_panic() {
    struct Fuse(Arc<AtomicU64>);
    impl Drop for Fuse {
        fn drop(&mut self) {
            let before = self.0.fetch_add(1, Ordering::Relaxed);
            assert!(!before.is_multiple_of(5), "a destructor's own panic");
        }
    }
    let pool = pool();
    let dropped = Arc::new(AtomicU64::new(0));
    let mut heap =
        LocalHeap::<Option<Gc<'static, Leaf<Fuse>>>>::new(&pool, Limits::default(), |_| None);
    let make = |heap: &mut LocalHeap<Option<Gc<'static, Leaf<Fuse>>>>, count: u32| {
        heap.enter(|cx, kept| {
            for _ in 0..count {
                *kept = Some(cx.alloc(Leaf(Fuse(Arc::clone(&dropped)))));
                cx.alloc_stable(Leaf(Fuse(Arc::clone(&dropped))));
            }
        });
    };
    make(&mut heap, 10);
    let collecting = std::panic::AssertUnwindSafe(|| heap.collect(Depth::Major));
    assert!(std::panic::catch_unwind(collecting).is_err(), "the first panic goes on");
    assert_eq!(dropped.load(Ordering::Relaxed), 19);
    heap.validate();
    make(&mut heap, 10);
    let ending = std::panic::AssertUnwindSafe(move || drop(heap));
    assert!(std::panic::catch_unwind(ending).is_err());
    assert_eq!(dropped.load(Ordering::Relaxed), 40);
    assert_eq!((pool.gauges().lent_chunks, pool.gauges().lent_units), (0, 0));
}

#[test]
fn a_heap_goes_to_another_thread_between_turns() {
    let pool = pool();
    let mut heap = LocalHeap::<List>::new(&pool, Limits::default(), |_| None);
    heap.enter(|cx, first| {
        for _ in 0..2_000 {
            *first = Some(cx.alloc(Node { _bytes: [3; 4], next: Lock::new(*first) }));
        }
    });
    heap.collect(Depth::Stable);
    let there = std::thread::spawn(move || {
        heap.validate();
        heap.collect(Depth::Major);
        heap.enter(|_, first| std::iter::successors(*first, |node| node.next.get()).count())
    });
    assert_eq!(there.join().unwrap(), 2_000);
    assert_eq!((pool.gauges().lent_chunks, pool.gauges().lent_units), (0, 0));
}

#[test]
fn a_survivor_stops_moving() {
    let pacing = Pacing { rest_bytes: 0, ..Pacing::default() };
    let pool = Pool::new(PoolOptions { pacing, ..PoolOptions::default() });
    let mut heap = LocalHeap::<List>::new(&pool, Limits::default(), |cx| {
        Some(cx.alloc(Node { _bytes: [4; 4], next: Lock::new(None) }))
    });
    let address = |heap: &mut LocalHeap<List>| {
        heap.enter(|_, first| first.map(|node| core::ptr::from_ref(node.get()).addr()))
    };
    heap.collect(Depth::Minor);
    heap.collect(Depth::Minor);
    let settled = address(&mut heap);
    for round in 0..100 {
        heap.collect([Depth::Minor, Depth::Stable, Depth::Major][round % 3]);
        assert_eq!(address(&mut heap), settled);
    }
}

#[test]
fn a_mixed_load_collects_the_nursery_most_often_and_the_old_least() {
    let pool = Pool::default();
    let mut heap = LocalHeap::<Vec<List>>::new(&pool, Limits::default(), |_| vec![None; 512]);
    let turns = if cfg!(debug_assertions) { 12_000 } else { 60_000 };
    for turn in 0..turns {
        heap.enter(|cx, lists| {
            let mut short = None;
            for _ in 0..400 {
                short = Some(cx.alloc(Node { _bytes: [5; 4], next: Lock::new(short) }));
            }
            for index in 0..24 {
                let place = (turn * 31 + index * 7) % lists.len();
                lists[place] =
                    Some(cx.alloc(Node { _bytes: [6; 4], next: Lock::new(lists[place]) }));
                if turn % 64 == 63 && index == 0 {
                    lists[place] = None;
                }
            }
        });
        heap.end_turn();
        if turn % 4_000 == 3_999 {
            heap.enter(|_, lists| lists.iter_mut().for_each(|list| *list = None));
        }
    }
    let gauges = heap.gauges();
    assert!(gauges.minors >= 10 * gauges.stables, "{gauges:?}");
    assert!(gauges.majors == 0 || gauges.stables >= 5 * gauges.majors, "{gauges:?}");
}

#[test]
fn a_slice_of_a_major_does_a_bounded_part_of_it() {
    let pacing = Pacing { old_bytes_min: 4 << 20, old_percent: 10, ..Pacing::default() };
    let pool = Pool::new(PoolOptions { pacing, ..PoolOptions::default() });
    let mut heap = LocalHeap::<List>::new(&pool, Limits::default(), |_| None);
    let mut marked_max = 0;
    for _ in 0..4_000 {
        heap.enter(|cx, first| {
            for _ in 0..100 {
                *first = Some(cx.alloc(Node { _bytes: [8; 4], next: Lock::new(*first) }));
            }
        });
        let majors = heap.gauges().major_slices;
        let collected = heap.end_turn();
        if heap.gauges().major_slices > majors {
            marked_max = marked_max.max(collected.marked_objects);
        }
    }
    let gauges = heap.gauges();
    assert!(gauges.majors > 0 && gauges.major_slices > 20 * gauges.majors, "{gauges:?}");
    // 16 KiB, or twice what became stable since, in objects of 48 B; the last step looks at the nursery too.
    assert!(marked_max < 20_000, "{marked_max} of 400,000 at once");
}
