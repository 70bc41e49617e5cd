//! A raw buffer has one owner and stays where it is, until that drops it, wherever he is and whether the heap is there or not.
#![expect(unsafe_code, reason = "takes back what it gave up")]

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;

use levada_local::{Depth, Full, Limits, LocalHeap, Payer, Pool, PoolOptions, RawBuf, Stress};
use levada_pages::{FixedBytes, KeptBytes};
use proptest::prelude::{Just, ProptestConfig, Strategy, any};
use proptest::{prop_assert, prop_assert_eq, prop_oneof, proptest};

fn checking_pool() -> Pool {
    let stress = Stress { every_turn: None, poisons: true, verifies: true };
    Pool::new(PoolOptions { stress, ..PoolOptions::default() })
}

fn heap(pool: &Pool) -> LocalHeap<()> {
    LocalHeap::new(pool, Limits::default(), |_| ())
}

fn raw(heap: &mut LocalHeap<()>, bytes: usize) -> RawBuf {
    heap.enter(|cx, ()| cx.raw(bytes)).expect("room")
}

fn alignment(buffer: &RawBuf) -> usize {
    1 << buffer.as_ptr().addr().trailing_zeros()
}

#[test]
fn an_empty_heap_is_at_most_256_bytes() {
    assert!(size_of::<LocalHeap<()>>() <= 256, "{}", size_of::<LocalHeap<()>>());
}

#[test]
fn a_buffer_is_zeros_of_the_length_that_was_asked_for_and_aligned_to_its_class() {
    let pool = checking_pool();
    let mut heap = heap(&pool);
    for round in 0..3 {
        let lengths = [0, 1, 16, 17, 64, 512, 513, 1024, 4096, 5000, 8192, 8193, 100_000, 3 << 20];
        let mut buffers: Vec<RawBuf> = lengths.map(|bytes| raw(&mut heap, bytes)).into();
        for (buffer, bytes) in buffers.iter_mut().zip(lengths) {
            assert_eq!(buffer.len(), bytes);
            assert!(buffer.iter().all(|byte| *byte == 0), "{bytes} bytes in round {round}");
            let expected = if bytes.is_power_of_two() { bytes.clamp(16, 4096) } else { 16 };
            assert!(alignment(buffer) >= expected, "{bytes} bytes at {:p}", buffer.as_ptr());
            buffer.fill(0xA5);
        }
        assert!(
            buffers.iter().all(|buffer| buffer.iter().all(|byte| *byte == 0xA5)),
            "none overlaps"
        );
        heap.validate();
    }
    heap.rest();
    let gauges = heap.gauges();
    assert_eq!((gauges.raw_bytes, gauges.raw_buffers, gauges.raw_pages), (0, 0, 0));
    assert_eq!((gauges.used_bytes, pool.gauges().lent_units), (0, 0));
}

#[test]
fn what_is_freed_is_used_again_after_the_drain_and_not_before() {
    let pool = checking_pool();
    let mut heap = heap(&pool);
    let first = raw(&mut heap, 16);
    let address = first.as_ptr();
    drop(first);
    assert_eq!(heap.gauges().raw_bytes, 16, "charged until the heap looks");
    let others: Vec<RawBuf> = (0..255).map(|_| raw(&mut heap, 16)).collect();
    assert!(others.iter().all(|other| other.as_ptr() != address));
    assert_eq!(heap.gauges().raw_pages, 1);
    let again = raw(&mut heap, 16);
    assert_eq!((again.as_ptr(), heap.gauges().raw_pages), (address, 1));
    heap.validate();
}

#[test]
fn buffers_that_come_and_go_leave_the_pages_flat() {
    let pool = checking_pool();
    let mut heap = heap(&pool);
    let mut kept = std::collections::VecDeque::new();
    let mut pages_max = 0;
    for round in 0..if cfg!(miri) { 300_usize } else { 30_000 } {
        kept.push_back(raw(&mut heap, 16 << (round % 5)));
        if kept.len() > 64 {
            kept.pop_front();
        }
        pages_max = pages_max.max(heap.gauges().raw_pages);
        if round % 1_000 == 0 {
            heap.collect(Depth::Minor);
        }
    }
    assert!(pages_max <= 10, "{pages_max} pages");
    kept.clear();
    heap.collect(Depth::Minor);
    assert_eq!(heap.gauges().raw_pages, 0);
}

#[test]
fn buffers_are_freed_on_other_threads_and_drained_by_their_heap() {
    let pool = checking_pool();
    let mut heap = heap(&pool);
    let threads: Vec<_> = (0..3)
        .map(|_| {
            let buffers: Vec<RawBuf> =
                (0..if cfg!(miri) { 20 } else { 1_000 }).map(|_| raw(&mut heap, 48)).collect();
            thread::spawn(move || drop(buffers))
        })
        .collect();
    for _ in 0..100 {
        let _taken_and_freed = raw(&mut heap, 48);
    }
    for thread in threads {
        thread.join().unwrap();
    }
    heap.rest();
    assert_eq!((heap.gauges().raw_buffers, heap.gauges().raw_pages), (0, 0));
}

#[test]
fn buffers_outlive_their_heap_and_the_last_gives_the_pages_back() {
    let pool = checking_pool();
    let mut heap = heap(&pool);
    let mut buffers: Vec<RawBuf> =
        [16, 16, 500, 20_000, 2 << 20].map(|bytes| raw(&mut heap, bytes)).into();
    drop(raw(&mut heap, 300));
    drop(heap);
    let units = pool.gauges().orphaned_raw_units;
    assert_eq!(units, 1 + 1 + 5 + 512, "of the pages that a buffer is left in");
    for buffer in &mut buffers {
        buffer.fill(1);
    }
    let last = buffers.pop();
    thread::spawn(move || drop(buffers)).join().unwrap();
    assert_eq!(pool.gauges().orphaned_raw_units, units, "all go back together");
    drop(last);
    let gauges = pool.gauges();
    assert_eq!((gauges.orphaned_raw_units, gauges.lent_units, gauges.raw_regions), (0, 0, 0));
}

#[test]
fn at_the_limit_there_is_no_buffer_and_room_comes_back_with_what_is_freed() {
    let pool = checking_pool();
    let mut heap = LocalHeap::<()>::new(&pool, Limits::up_to(16 << 10), |_| ());
    let mut taken = Vec::new();
    heap.enter(|cx, ()| {
        while let Ok(buffer) = cx.raw(1024) {
            taken.push(buffer);
        }
        assert_eq!(
            (taken.len(), cx.raw(16).err(), cx.raw(1 << 40).err()),
            (16, Some(Full(())), Some(Full(())))
        );
        taken.pop();
        assert!(cx.raw(1024).is_ok());
        assert!(cx.raw(16).is_err());
        taken.clear();
        assert!(cx.raw(16).is_ok());
    });
    assert_eq!(heap.gauges().used_bytes, 4 << 10);
    heap.validate();
}

#[test]
fn a_buffer_goes_into_the_hands_of_who_keeps_its_address_and_comes_back() {
    let pool = checking_pool();
    let mut heap = heap(&pool);
    let mut buffer = raw(&mut heap, 40);
    buffer.copy_from_slice(&[9; 40]);
    let address = buffer.as_ptr();
    let raw_bytes = buffer.into_raw();
    // SAFETY: it was given up by the line above.
    let buffer = unsafe { RawBuf::from_raw(raw_bytes) };
    let kept = KeptBytes::of(buffer);
    heap.collect(Depth::Major);
    let buffer: RawBuf = kept.into_owner().unwrap();
    assert_eq!((buffer.as_ptr(), &buffer[..]), (address, &[9; 40][..]));
    let bytes = FixedBytes::into_raw(buffer);
    // SAFETY: as above.
    drop(unsafe { <RawBuf as FixedBytes>::from_raw(bytes) });
    drop(heap);
    assert_eq!(pool.gauges().orphaned_raw_units, 0);
}

#[test]
fn near_the_limit_a_turns_end_takes_back_what_was_freed() {
    let pool = Pool::default();
    let mut heap = LocalHeap::<()>::new(&pool, Limits::up_to(1 << 20), |_| ());
    let buffer = raw(&mut heap, 1_020 << 10);
    assert!(heap.enter(|cx, ()| cx.should_yield() && cx.try_alloc(1_u64).is_err()));
    thread::spawn(move || drop(buffer)).join().unwrap();
    heap.end_turn();
    assert!(heap.enter(|cx, ()| !cx.should_yield() && cx.try_alloc(1_u64).is_ok()));
}

#[test]
fn a_heap_that_is_full_of_what_nobody_reaches_has_room_again_after_a_few_turns() {
    let pool = Pool::default();
    let mut heap = LocalHeap::<()>::new(&pool, Limits::up_to(128 << 10), |_| ());
    let mut fill = |is_stable: bool| {
        let count = heap.enter(|cx, ()| {
            let is_room = |_: &u32| match is_stable {
                true => cx.try_alloc_stable([1_u64; 16]).is_ok(),
                false => cx.try_alloc([1_u64; 16]).is_ok(),
            };
            (0..u32::MAX).take_while(is_room).count()
        });
        heap.end_turn();
        count
    };
    for _ in 0..3 {
        for is_stable in [false, true] {
            let most = (0..3).map(|_| fill(is_stable)).max();
            assert!(most > Some(500), "{most:?}, stable: {is_stable}");
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Take(usize),
    Free(usize),
    FreeElsewhere(usize),
    PassOn(usize),
    Collect,
    Rest,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let length = prop_oneof![4 => 0..200_usize, 2 => 200..9_000_usize, 1 => 9_000..50_000_usize];
    let step = prop_oneof![
        8 => length.prop_map(Step::Take),
        4 => any::<usize>().prop_map(Step::Free),
        1 => any::<usize>().prop_map(Step::FreeElsewhere),
        1 => any::<usize>().prop_map(Step::PassOn),
        1 => Just(Step::Collect),
        1 => Just(Step::Rest),
    ];
    proptest::collection::vec(step, 1..200)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: if cfg!(miri) { 2 } else { 200 }, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn raw_buffers_agree_with_vectors_of_bytes(steps in steps(), outlives: bool) {
        let pool = Pool::default();
        let mut heap = heap(&pool);
        let mut live: Vec<(RawBuf, Vec<u8>)> = Vec::new();
        for (number, step) in steps.into_iter().enumerate() {
            let chosen = |index: usize| index.checked_rem(live.len());
            match step {
                Step::Take(bytes) => {
                    let mut buffer = raw(&mut heap, bytes);
                    prop_assert!(buffer.iter().all(|byte| *byte == 0));
                    buffer.fill(number.to_le_bytes()[0]);
                    let expected = buffer.to_vec();
                    live.push((buffer, expected));
                }
                Step::Free(index) => {
                    chosen(index).map(|index| live.swap_remove(index));
                }
                Step::FreeElsewhere(index) => {
                    if let Some(index) = chosen(index) {
                        let (buffer, _) = live.swap_remove(index);
                        thread::spawn(move || drop(buffer)).join().expect("it only frees");
                    }
                }
                Step::PassOn(index) => {
                    if let Some(index) = chosen(index) {
                        let (buffer, expected) = live.swap_remove(index);
                        let back = KeptBytes::of(buffer).into_owner::<RawBuf>();
                        live.push((back.expect("the same"), expected));
                    }
                }
                Step::Collect => drop(heap.collect(Depth::Major)),
                Step::Rest => {
                    heap.rest();
                    let gauges = heap.gauges();
                    prop_assert_eq!(gauges.raw_buffers, live.len() as u64);
                    prop_assert!(gauges.raw_pages <= live.len() as u64);
                }
            }
            heap.validate();
        }
        for (buffer, expected) in &live {
            prop_assert_eq!(&buffer[..], &expected[..]);
        }
        if outlives {
            drop(heap);
            prop_assert_eq!(pool.gauges().orphaned_raw_units > 0, !live.is_empty());
            for (buffer, expected) in live {
                prop_assert_eq!(&buffer[..], &expected[..]);
            }
        } else {
            drop(live);
            drop(heap);
        }
        let gauges = pool.gauges();
        prop_assert_eq!((gauges.orphaned_raw_units, gauges.lent_units), (0, 0));
    }
}

#[test]
fn heaps_that_go_while_others_free_their_buffers_leave_nothing() {
    let pool = Pool::default();
    for round in 0..if cfg!(miri) { 3 } else { 300 } {
        let mut heap = heap(&pool);
        let mut parts = [const { Vec::new() }; 3];
        for number in 0..30 + round % 7 {
            parts[number % 3].push(raw(&mut heap, 16 << (number % 8)));
        }
        let start = Arc::new(Barrier::new(4));
        let freeing = parts.map(|part| {
            let start = Arc::clone(&start);
            thread::spawn(move || {
                start.wait();
                drop(part);
            })
        });
        start.wait();
        drop(heap);
        for freeing in freeing {
            freeing.join().unwrap();
        }
        let gauges = pool.gauges();
        assert_eq!((gauges.orphaned_raw_units, gauges.lent_units, gauges.raw_regions), (0, 0, 0));
    }
}

#[test]
fn who_pays_for_a_heap_pays_no_more_for_buffers_that_outlive_it() {
    struct Purse(Arc<AtomicU64>);
    impl Payer for Purse {
        fn draw(&self, bytes: u64) -> bool {
            self.0.fetch_add(bytes, Ordering::Relaxed);
            true
        }

        fn leave(&self, bytes: u64) {
            self.0.fetch_sub(bytes, Ordering::Relaxed);
        }
    }
    let (pool, drawn) = (Pool::default(), Arc::new(AtomicU64::new(0)));
    let purse: Box<dyn Payer> = Box::new(Purse(Arc::clone(&drawn)));
    let mut heap = LocalHeap::<()>::charged_to(&pool, Limits::default(), Some(purse), |_| ());
    let buffers = [16, 40_000].map(|bytes| raw(&mut heap, bytes));
    assert_eq!(drawn.load(Ordering::Relaxed), (1 + 10) * 4096);
    drop(heap);
    assert_eq!(drawn.load(Ordering::Relaxed), 0);
    drop(buffers);
    assert_eq!(pool.gauges().lent_units, 0);
}
