//! What a turn makes lives for as long as something reaches it, wherever collections move it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use levada_local::{
    Depth, Gc, GcVec, GcWeak, Limits, LocalHeap, Lock, Pacing, Pool, PoolOptions, Root, Stress,
    Trace,
};

#[derive(Trace)]
struct Node<'gc> {
    value: u64,
    next: Lock<Option<Gc<'gc, Self>>>,
}

type List = Option<Gc<'static, Node<'static>>>;

fn checking_pool() -> Pool {
    let stress = Stress { every_turn: None, poisons: true, verifies: true };
    Pool::new(PoolOptions { stress, ..PoolOptions::default() })
}

fn list(pool: &Pool) -> LocalHeap<List> {
    LocalHeap::new(pool, Limits::default(), |_| None)
}

fn push(heap: &mut LocalHeap<List>, value: u64) {
    heap.enter(|cx, first| {
        *first = Some(cx.alloc(Node { value, next: Lock::new(*first) }));
    });
}

fn values(heap: &mut LocalHeap<List>) -> Vec<u64> {
    heap.enter(|_, first| {
        let nodes = std::iter::successors(*first, |node| node.next.get());
        nodes.map(|node| node.value).collect()
    })
}

#[test]
fn a_list_survives_every_depth_of_collection() {
    let pool = checking_pool();
    let mut heap = list(&pool);
    let mut expected = Vec::new();
    for round in 0..500 {
        push(&mut heap, round);
        expected.insert(0, round);
        match round % 7 {
            1 => drop(heap.collect(Depth::Minor)),
            3 => drop(heap.collect(Depth::Stable)),
            5 => drop(heap.collect(Depth::Major)),
            6 => drop(heap.rest()),
            _ => {}
        }
        if round % 100 == 0 {
            assert_eq!(values(&mut heap), expected);
        }
    }
    assert_eq!(values(&mut heap), expected);
    heap.validate();
}

#[test]
fn garbage_goes_and_its_destructors_run_once() {
    struct Counted(Arc<AtomicU64>);
    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    #[derive(Trace)]
    struct Holder<'gc> {
        _next: Option<Gc<'gc, Self>>,
        #[trace(leaf)]
        _counted: Counted,
    }
    let dropped = Arc::new(AtomicU64::new(0));
    let pool = checking_pool();
    let mut heap =
        LocalHeap::<Option<Gc<'static, Holder<'static>>>>::new(&pool, Limits::default(), |_| None);
    heap.enter(|cx, first| {
        for _ in 0..1_000 {
            *first =
                Some(cx.alloc(Holder { _next: *first, _counted: Counted(Arc::clone(&dropped)) }));
        }
        for _ in 0..500 {
            cx.alloc(Holder { _next: None, _counted: Counted(Arc::clone(&dropped)) });
        }
    });
    heap.collect(Depth::Minor);
    assert_eq!(dropped.load(Ordering::Relaxed), 500);
    heap.collect(Depth::Minor);
    assert!(heap.gauges().promoted_bytes > 0, "survivors above the rest became stable");
    heap.collect(Depth::Stable);
    assert_eq!(dropped.load(Ordering::Relaxed), 500);
    heap.enter(|_, first| *first = None);
    heap.collect(Depth::Stable);
    assert_eq!(dropped.load(Ordering::Relaxed), 1_500);
    heap.enter(|cx, first| {
        *first = Some(cx.alloc(Holder { _next: None, _counted: Counted(Arc::clone(&dropped)) }));
    });
    drop(heap);
    assert_eq!(dropped.load(Ordering::Relaxed), 1_501);
    assert_eq!((pool.gauges().lent_chunks, pool.gauges().lent_units), (0, 0));
}

#[test]
fn a_root_follows_its_object_and_lets_go_of_it() {
    let pool = checking_pool();
    let mut heap = LocalHeap::<()>::new(&pool, Limits::default(), |_| ());
    let root: Root<Node<'static>> = heap.enter(|cx, ()| {
        let node = cx.alloc(Node { value: 7, next: Lock::new(None) });
        node.write(cx).field(|node| &node.next).set(Some(node));
        cx.root(node)
    });
    let other = root.clone();
    heap.collect(Depth::Minor);
    drop(root);
    heap.collect(Depth::Major);
    let value = heap.enter(|cx, ()| cx.get(&other).next.get().map(|node| node.value));
    assert_eq!((value, heap.gauges().roots), (Some(7), 1));
    std::thread::spawn(move || drop(other)).join().unwrap();
    heap.collect(Depth::Major);
    assert_eq!(heap.gauges().roots, 0);
    heap.rest();
    assert_eq!(heap.gauges().nursery_bytes, 0);
}

#[test]
fn a_weak_pointer_follows_its_object_until_it_goes() {
    type Pair = (Option<Gc<'static, Node<'static>>>, Option<GcWeak<'static, Node<'static>>>);
    let pool = checking_pool();
    for depth in [Depth::Minor, Depth::Stable, Depth::Major] {
        let mut heap = LocalHeap::<Pair>::new(&pool, Limits::default(), |_| (None, None));
        heap.enter(|cx, (strong, weak)| {
            let node = if depth == Depth::Minor {
                cx.alloc(Node { value: 5, next: Lock::new(None) })
            } else {
                cx.alloc_stable(Node { value: 5, next: Lock::new(None) })
            };
            (*strong, *weak) = (Some(node), Some(node.downgrade(cx)));
        });
        let read = |heap: &mut LocalHeap<Pair>| {
            heap.enter(|_, (_, weak)| weak.and_then(GcWeak::upgrade).map(|node| node.value))
        };
        heap.collect(depth);
        assert_eq!(read(&mut heap), Some(5));
        heap.enter(|_, (strong, _)| *strong = None);
        assert_eq!(read(&mut heap), Some(5), "until it is collected");
        heap.collect(depth);
        assert_eq!(read(&mut heap), None);
    }
}

#[test]
fn a_vector_keeps_what_is_pushed() {
    let pool = checking_pool();
    let mut heap =
        LocalHeap::<(GcVec<'static, u64>,)>::new(&pool, Limits::default(), |cx| (GcVec::new(cx),));
    for round in 0..3_000_u64 {
        heap.enter(|cx, (all,)| all.push(cx, round));
        if round % 500 == 0 {
            heap.collect(Depth::Minor);
        }
    }
    heap.enter(|cx, (all,)| {
        assert!(all.iter().eq(0..3_000));
        assert_eq!(all.set(cx, 3_000, 1), Err(1));
        assert_eq!((all.set(cx, 0, 9), all.pop(cx), all.len()), (Ok(0), Some(2_999), 2_999));
    });
}

#[test]
fn turns_that_end_collect_what_is_due() {
    let pacing =
        Pacing { young_bytes_min: 128 << 10, old_bytes_min: 256 << 10, ..Pacing::default() };
    let stress = Stress { every_turn: None, poisons: true, verifies: false };
    let pool = Pool::new(PoolOptions { pacing, stress, ..PoolOptions::default() });
    let mut heap = list(&pool);
    for turn in 0..2_400 {
        for value in 0..100 {
            push(&mut heap, value);
        }
        heap.end_turn();
        if turn % 800 == 799 {
            heap.enter(|_, first| *first = None);
        }
        if turn % 200 == 0 {
            heap.validate();
        }
    }
    let gauges = heap.gauges();
    assert!(gauges.minors > gauges.stables && gauges.stables > gauges.majors, "{gauges:?}");
    assert!(gauges.majors > 0, "{gauges:?}");
}
