//! A raw buffer has one owner and stays where it is, until that drops it, wherever he is and whether the heap is there or not.
#![expect(unsafe_code, reason = "takes back what it gave up")]

use std::thread;

use levada_local::{Depth, Full, Limits, LocalHeap, Pool, PoolOptions, RawBuf, Stress};
use levada_pages::{FixedBytes, KeptBytes};

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
