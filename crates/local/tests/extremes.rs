//! What a heap does where sizes, alignments and limits are unusual.

use std::sync::Arc;
#[expect(clippy::disallowed_types, reason = "a test's, held for one turn")]
use std::sync::Mutex;

use levada_local::{
    Depth, Gc, GcWeak, Leaf, Limits, LocalHeap, Lock, Pacing, Pool, PoolOptions, Stress, Trace,
};

fn checking_pool(pacing: Pacing, mapped_bytes_max: u64) -> Pool {
    let stress = Stress { every_turn: None, poisons: true, verifies: true };
    Pool::new(PoolOptions { stress, pacing, mapped_bytes_max })
}

/// An iterator that says it is longer than anything, and is not.
struct Boasting(usize, usize);

impl Iterator for Boasting {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        self.1 = self.1.checked_sub(1)?;
        Some(7)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.0, Some(self.0))
    }
}

impl ExactSizeIterator for Boasting {}

#[test]
fn a_slice_longer_than_memory_is_refused() {
    let pool = checking_pool(Pacing::default(), u64::MAX);
    let limits = Limits::up_to(u64::MAX);
    let mut heap = LocalHeap::<()>::new(&pool, limits, |_| ());
    heap.enter(|cx, ()| {
        for count in [usize::MAX, usize::MAX - 7, usize::MAX - 4096, usize::MAX / 2 + 1] {
            assert!(cx.try_slice(Boasting(count, 100)).is_err(), "{count} bytes");
            assert!(cx.try_slice(std::iter::repeat_n(7_u64, count)).is_err(), "{count} words");
        }
    });
    heap.validate();
}

#[derive(Trace)]
#[repr(align(64))]
struct Wide([u8; 64]);

type Mixed = (Vec<Gc<'static, Leaf<[u64; 6]>>>, Vec<Gc<'static, Wide>>);

#[test]
fn survivors_that_lie_less_well_than_they_were_born_find_room() {
    let pool = checking_pool(Pacing::default(), u64::MAX);
    let mut heap = LocalHeap::<Mixed>::new(&pool, Limits::default(), |_| Default::default());
    heap.enter(|cx, (plain, wide)| {
        // Born in turn they leave no gap; copied one kind after the other each wide one leaves one.
        for number in (0..8).flat_map(|_| 0..=255_u8) {
            plain.push(cx.alloc(Leaf([u64::from(number); 6])));
            wide.push(cx.alloc(Wide([number; 64])));
        }
    });
    heap.collect(Depth::Minor);
    heap.rest();
    heap.enter(|_, (plain, wide)| {
        for (number, (plain, wide)) in (0..8).flat_map(|_| 0..=255_u8).zip(plain.iter().zip(wide)) {
            assert_eq!(plain.0, [u64::from(number); 6]);
            assert_eq!(wide.0, [number; 64]);
            assert!(std::ptr::from_ref(wide.get()).is_aligned());
        }
    });
}

#[derive(Trace)]
struct Node<'gc> {
    number: u64,
    next: Lock<Option<Gc<'gc, Self>>>,
}

#[derive(Default, Trace)]
struct Roots<'gc> {
    kept: Vec<Gc<'gc, Node<'gc>>>,
    weak: Option<GcWeak<'gc, Node<'gc>>>,
}

/// Takes what is left of a pool when it is dropped.
struct Hog(
    #[expect(clippy::disallowed_types, reason = "a test's, held for one turn")]
    Arc<Mutex<LocalHeap<()>>>,
);

impl Drop for Hog {
    fn drop(&mut self) {
        self.0
            .lock()
            .expect("nobody panics with it")
            .enter(|cx, ()| while cx.try_alloc([0_u64; 32]).is_ok() {});
    }
}

#[test]
fn a_weak_pointer_leads_to_nothing_dead_where_memory_is_short() {
    let pool = checking_pool(Pacing::default(), 2 << 20);
    let other = LocalHeap::<()>::new(&pool, Limits::default(), |_| ());
    #[expect(clippy::disallowed_types, reason = "as above")]
    let other = Arc::new(Mutex::new(other));
    let mut heap = LocalHeap::<Roots<'_>>::new(&pool, Limits::default(), |_| Roots::default());
    heap.enter(|cx, roots| {
        // A circle through both spaces; what it costs to copy the rest is more than a chunk.
        let young = cx.alloc(Node { number: 1, next: Lock::new(None) });
        let stable = cx.alloc_stable(Node { number: 2, next: Lock::new(Some(young)) });
        young.write(cx).field(|node| &node.next).set(Some(stable));
        roots.weak = Some(young.downgrade(cx));
        while roots.kept.len() * 24 < 62 << 10 {
            roots.kept.push(cx.alloc(Node { number: 3, next: Lock::new(None) }));
        }
        cx.alloc(Leaf(Hog(Arc::clone(&other))));
    });
    heap.collect(Depth::Stable);
    let number = heap.enter(|_, roots| {
        let young = roots.weak.and_then(GcWeak::upgrade);
        young.map(|young| young.next.get().unwrap().number)
    });
    assert_eq!(number, None);
    heap.enter(|_, roots| assert!(roots.kept.iter().all(|node| node.number == 3)));
}

#[test]
fn a_heap_full_of_garbage_is_collected_at_the_end_of_the_turn() {
    let pool = checking_pool(Pacing::default(), u64::MAX);
    let mut heap = LocalHeap::<()>::new(&pool, Limits::up_to(128 << 10), |_| ());
    for turn in 0..10 {
        let count = heap
            .enter(|cx, ()| (0..).take_while(|number| cx.try_alloc([*number; 8]).is_ok()).count());
        heap.end_turn();
        assert!(count > 1_000, "{count} found room in turn {turn}");
    }
}

#[test]
fn a_heap_above_its_soft_limit_is_collected_at_the_end_of_the_turn() {
    let pool = checking_pool(Pacing::default(), u64::MAX);
    let limits = Limits { hard_bytes: 1 << 20, soft_bytes: 100 << 10 };
    let mut heap = LocalHeap::<()>::new(&pool, limits, |_| ());
    heap.enter(|cx, ()| {
        while !cx.should_yield() {
            cx.alloc([0_u64; 8]);
        }
    });
    heap.end_turn();
    assert!(!heap.enter(|cx, ()| cx.should_yield()));
}

#[test]
fn what_is_refused_for_stable_objects_is_collected_at_the_end_of_the_turn() {
    let pool = checking_pool(Pacing::default(), u64::MAX);
    let mut heap = LocalHeap::<()>::new(&pool, Limits::up_to(512 << 10), |_| ());
    for turn in 0..10 {
        let count = heap.enter(|cx, ()| {
            (0..).take_while(|number| cx.try_alloc_stable([*number; 8]).is_ok()).count()
        });
        heap.end_turn();
        assert!(count > 1_000, "{count} found room in turn {turn}");
    }
}

#[test]
fn stable_garbage_goes_although_the_pool_has_no_memory_for_copies() {
    let pool = checking_pool(Pacing::default(), 4 << 20);
    let other = Pool::clone(&pool);
    let mut heap = LocalHeap::<Roots<'_>>::new(&pool, Limits::default(), |_| Roots::default());
    let mut hog = LocalHeap::<()>::new(&other, Limits::default(), |_| ());
    heap.enter(|cx, roots| {
        roots.kept.push(cx.alloc(Node { number: 1, next: Lock::new(None) }));
        for number in 0..4_000 {
            cx.alloc_stable(Leaf([number; 32]));
        }
    });
    hog.enter(|cx, ()| while cx.try_alloc([0_u64; 32]).is_ok() {});
    heap.enter(|cx, _| while cx.try_alloc([0_u64; 32]).is_ok() {});
    heap.end_turn();
    assert!(heap.gauges().skipped_minors > 0);
    assert!(heap.enter(|cx, _| cx.try_alloc_stable(Leaf([0_u64; 32])).is_ok()));
    assert!(heap.enter(|_, roots| roots.kept[0].number == 1));
}

#[test]
fn as_much_as_there_is_no_memory_for_can_be_said_to_be_held() {
    let pool = checking_pool(Pacing::default(), u64::MAX);
    let mut heap = LocalHeap::<()>::new(&pool, Limits::default(), |_| ());
    heap.external(u64::MAX);
    heap.enter(|cx, ()| {
        cx.alloc(7_u64);
        cx.hold((), u64::MAX);
        cx.hold((), 9);
    });
    heap.end_turn();
    assert!(heap.gauges().external_bytes >= u64::MAX - 9);
    heap.external(0);
    heap.collect(Depth::Major);
    assert_eq!(heap.gauges().external_bytes, 0);
}

#[test]
fn pacing_out_of_all_proportion_is_borne() {
    let pacing = Pacing {
        young_bytes_min: u64::MAX,
        young_percent: u64::MAX,
        old_bytes_min: 1,
        old_percent: u64::MAX,
        hole_percent: u64::MAX,
        slice_bytes: u64::MAX,
        rest_bytes: u64::MAX,
        stable_survivals: 0,
        ..Pacing::default()
    };
    let pool = checking_pool(pacing, u64::MAX);
    let mut heap =
        LocalHeap::<Vec<Gc<'static, u64>>>::new(&pool, Limits::default(), |_| Vec::new());
    for depth in [Depth::Stable, Depth::Major, Depth::Stable, Depth::Major] {
        heap.enter(|cx, kept| (0..1_000).for_each(|number| kept.push(cx.alloc_stable(number))));
        heap.enter(|_, kept| kept.truncate(kept.len() / 2));
        heap.collect(depth);
        heap.end_turn();
    }
}

#[test]
fn what_is_written_while_a_major_sweeps_is_listed_right() {
    let pacing = Pacing {
        stable_survivals: 1,
        old_bytes_min: 8 << 20,
        slice_bytes: u64::MAX,
        ..Pacing::default()
    };
    let pool = checking_pool(pacing, u64::MAX);
    type Root = (Option<Gc<'static, Lock<u64>>>, Vec<Gc<'static, Leaf<[u64; 512]>>>);
    let mut heap = LocalHeap::<Root>::new(&pool, Limits::default(), |_| Default::default());
    heap.enter(|cx, (_, pages)| {
        pages.extend((0..2_000).map(|_| cx.alloc_stable(Leaf([0; 512]))));
    });
    heap.collect(Depth::Stable);
    heap.enter(|cx, (lock, pages)| {
        *lock = Some(cx.alloc_stable(Lock::new(1)));
        pages.extend((0..1_000).map(|_| cx.alloc_stable(Leaf([0; 512]))));
    });
    heap.end_turn();
    for turn in 0..20 {
        heap.enter(|cx, (lock, _)| {
            lock.unwrap().write(cx).set(turn);
            if turn == 0 {
                for _ in 0..2_500 {
                    cx.alloc([0_u64; 8]);
                }
            }
        });
        heap.end_turn();
        heap.validate();
    }
    assert!(heap.gauges().majors > 0);
}

#[test]
fn holes_of_old_pages_are_filled_after_a_stable_collection_too() {
    let pacing = Pacing { stable_survivals: 1, ..Pacing::default() };
    let pool = checking_pool(pacing, u64::MAX);
    type Root = Vec<Gc<'static, Leaf<[u64; 62]>>>;
    let mut heap = LocalHeap::<Root>::new(&pool, Limits::default(), |_| Vec::new());
    heap.enter(|cx, kept| kept.extend((0..800).map(|_| cx.alloc_stable(Leaf([1; 62])))));
    heap.collect(Depth::Stable);
    heap.enter(|_, kept| {
        let mut index = 0;
        kept.retain(|_| {
            index += 1;
            index % 2 == 0
        });
    });
    heap.collect(Depth::Major);
    let used_bytes = heap.gauges().used_bytes;
    for _ in 0..4 {
        heap.enter(|cx, kept| kept.extend((0..100).map(|_| cx.alloc_stable(Leaf([2; 62])))));
        heap.collect(Depth::Stable);
    }
    assert_eq!(heap.gauges().used_bytes, used_bytes);
    assert_eq!(heap.gauges().early_old_bytes, 400 * 512);
}

#[test]
fn what_a_full_heap_lets_go_of_is_found_although_it_does_not_grow() {
    let pool = checking_pool(Pacing { stable_survivals: 1, ..Pacing::default() }, u64::MAX);
    type Root = Vec<Gc<'static, Leaf<[u64; 62]>>>;
    let mut heap = LocalHeap::<Root>::new(&pool, Limits::up_to(1 << 20), |_| Vec::new());
    let is_refused = |heap: &mut LocalHeap<Root>| {
        let is_refused = heap.enter(|cx, _| cx.try_alloc_stable(Leaf([3_u64; 62])).is_err());
        heap.end_turn();
        is_refused
    };
    heap.enter(|cx, kept| {
        while let Ok(one) = cx.try_alloc_stable(Leaf([1; 62])) {
            kept.push(one);
        }
    });
    heap.collect(Depth::Stable);
    heap.collect(Depth::Major);
    assert!(is_refused(&mut heap), "all that is in it is kept");
    heap.enter(|_, kept| kept.clear());
    assert!((0..8).any(|_| !is_refused(&mut heap)), "what was old is garbage now");
}

#[test]
fn a_raw_buffer_longer_than_memory_is_refused() {
    let pool = checking_pool(Pacing::default(), u64::MAX);
    for hard_bytes in [1 << 20, u64::MAX] {
        let limits = Limits { hard_bytes, soft_bytes: 1 << 20 };
        let mut heap = LocalHeap::<()>::new(&pool, limits, |_| ());
        heap.enter(|cx, ()| {
            let kept = cx.raw(9_000).unwrap();
            for short_bytes in [0, 4_096, 8_192, 40_000, 1 << 20, 1 << 30, usize::MAX / 2] {
                assert!(cx.raw(usize::MAX - short_bytes).is_err(), "{short_bytes} from the end");
            }
            drop(kept);
        });
        heap.collect(Depth::Minor);
        heap.validate();
    }
}

#[test]
fn what_is_refused_for_raw_buffers_is_collected_at_the_end_of_the_turn() {
    let pool = checking_pool(Pacing::default(), u64::MAX);
    let mut heap = LocalHeap::<()>::new(&pool, Limits::up_to(256 << 10), |_| ());
    heap.enter(|cx, ()| {
        for number in 0..2_700_u64 {
            cx.alloc([number; 8]);
        }
    });
    assert!(heap.enter(|cx, ()| cx.raw(128 << 10)).is_err());
    heap.end_turn();
    assert!(heap.enter(|cx, ()| cx.raw(128 << 10)).is_ok());
}
