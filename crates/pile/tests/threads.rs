//! What a pile promises when several threads use it at once. `LEVADA_OPS` says how much they do.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use levada_pile::{Budget, Full, Gone, Guard, Life, Pile, Pointer, UpdateError};
use levada_shared::{Options, SharedData, SharedHeap};

/// How many operations a test does: `debug` of them in a debug build, twenty times as many in others.
fn ops(debug: u64) -> u64 {
    let stated = std::env::var("LEVADA_OPS").ok().and_then(|ops| ops.parse().ok());
    stated.unwrap_or(if cfg!(debug_assertions) { debug } else { 20 * debug })
}

/// Numbers without a pattern that matters.
fn numbers(seed: u64) -> impl FnMut(u64) -> u64 {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    move |end| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11) % end
    }
}

fn index(number: u64) -> usize {
    usize::try_from(number).expect("64 bits")
}

#[test]
fn increments_by_two_writers_are_never_lost_and_four_readers_see_only_what_was_written() {
    let pile = Pile::builder("increments").limit_bytes(80 << 20).build().unwrap();
    let rounds = ops(3000);
    for at in [
        pile.put(&[0; 32], Life::FOREVER).unwrap(),
        pile.put_cell(&[0; 32], Life::FOREVER).unwrap(),
        pile.put_roomy(&[0; 32], 32, Life::FOREVER).unwrap(),
    ] {
        let number = |bytes: &[u8]| {
            assert!(bytes.chunks_exact(8).all(|word| word == &bytes[..8]), "{bytes:?}");
            u64::from_le_bytes(bytes[..8].try_into().unwrap())
        };
        let is_over = AtomicBool::new(false);
        thread::scope(|threads| {
            for _ in 0..4 {
                threads.spawn(|| {
                    let mut last = 0;
                    while !is_over.load(Ordering::Relaxed) {
                        let now = number(pile.pin().get(at).expect("it is there"));
                        assert!((last..=2 * rounds).contains(&now), "{now} after {last}");
                        last = now;
                    }
                });
            }
            let writers = [0; 2].map(|_| {
                threads.spawn(|| {
                    for _ in 0..rounds {
                        loop {
                            let (bytes, seen) = {
                                let guard = pile.pin();
                                let (bytes, seen) = guard.seen(at).expect("it is there");
                                ((number(bytes) + 1).to_le_bytes().repeat(4), seen)
                            };
                            match pile.compare_update(at, seen, &bytes) {
                                Ok(_) => break,
                                Err(UpdateError::Changed { .. }) => {}
                                Err(other) => panic!("{other}"),
                            }
                        }
                    }
                })
            });
            let ended = writers.map(thread::ScopedJoinHandle::join);
            is_over.store(true, Ordering::Relaxed);
            assert!(ended.iter().all(Result::is_ok));
        });
        assert_eq!(number(pile.pin().get(at).unwrap()), 2 * rounds);
    }
    pile.validate();
}

#[test]
fn the_limit_is_exceeded_at_no_look() {
    for limit_bytes in [6 << 20, 70 << 20] {
        let pile = Pile::builder("limited").limit_bytes(limit_bytes).build().unwrap();
        let (left, refused) = (AtomicU64::new(2), AtomicU64::new(0));
        thread::scope(|threads| {
            for seed in 1..3 {
                let (pile, left, refused) = (&pile, &left, &refused);
                threads.spawn(move || {
                    let (mut below, mut put) = (numbers(seed), VecDeque::new());
                    let bytes = vec![7; 40_000];
                    for _ in 0..ops(30_000) {
                        let length = if below(50) == 0 { below(40_000) } else { below(2000) };
                        match pile.put(&bytes[..index(length)], Life::FOREVER) {
                            Ok(at) => put.push_back(at),
                            Err(_) => {
                                refused.fetch_add(1, Ordering::Relaxed);
                                for at in put.drain(..put.len() / 2) {
                                    pile.delete(at).unwrap();
                                }
                            }
                        }
                    }
                    left.fetch_sub(1, Ordering::Relaxed);
                });
            }
            while left.load(Ordering::Relaxed) > 0 {
                let gauges = pile.gauges();
                assert!(gauges.backed_bytes <= limit_bytes, "{gauges:?}");
            }
        });
        let is_reached = refused.into_inner() > 0;
        assert!(is_reached || ops(30_000) < 30_000, "the limit was reached");
        pile.validate();
    }
}

#[test]
fn records_that_other_threads_delete_come_back() {
    let pile = Pile::builder("handed on").limit_bytes(80 << 20).build().unwrap();
    for length in [8, 100, 9000, 20_000] {
        thread::scope(|threads| {
            for seed in 0..2 {
                let (sender, receiver) = std::sync::mpsc::sync_channel::<Pointer>(500);
                let pile = &pile;
                threads.spawn(move || {
                    let bytes = vec![seed; length];
                    for _ in 0..ops(20_000) {
                        sender.send(pile.put(&bytes, Life::FOREVER).unwrap()).unwrap();
                    }
                });
                threads.spawn(move || {
                    for at in receiver {
                        assert!(pile.pin().get(at).unwrap().iter().all(|&byte| byte == seed));
                        pile.delete(at).unwrap();
                    }
                });
            }
        });
        pile.validate();
    }
    // Two calls are enough, unless a thread of another test was stopped while it read.
    for _ in 0..1000 {
        pile.tend(Budget::unbounded());
        if pile.gauges().spans.is_empty() {
            break;
        }
        thread::yield_now();
    }
    pile.validate();
    assert!(pile.gauges().spans.is_empty(), "{:?}", pile.gauges());
}

#[test]
fn what_is_put_beside_purges_is_whole_or_gone() {
    for limit_bytes in [8 << 20, 80 << 20] {
        let pile = Pile::builder("purged").limit_bytes(limit_bytes).build().unwrap();
        let is_over = AtomicBool::new(false);
        thread::scope(|threads| {
            let writers: Vec<_> = (1..3_u8)
                .map(|seed| {
                    let pile = &pile;
                    threads.spawn(move || {
                        let (mut below, mut put) = (numbers(u64::from(seed)), VecDeque::new());
                        for round in 0..ops(40_000) {
                            let length = if below(100) == 0 { 100_000 } else { index(below(600)) };
                            let fill = seed + round.to_le_bytes()[0] % 120 * 2;
                            let bytes = vec![fill; length];
                            let at = match below(4) {
                                0 => pile.put_cell(&bytes, Life::FOREVER),
                                1 => pile.put_roomy(&bytes, length, Life::FOREVER),
                                _ => pile.put(&bytes, Life::FOREVER),
                            };
                            put.extend(at.map(|at| (at, fill, length)));
                            if put.len() > 100 {
                                let (at, fill, length) =
                                    put.swap_remove_back(index(below(100))).unwrap();
                                let guard = pile.pin();
                                match guard.get(at) {
                                    Ok(bytes) => {
                                        assert_eq!(bytes.len(), length);
                                        assert!(bytes.iter().all(|&byte| byte == fill), "{at:?}");
                                    }
                                    Err(gone) => assert_eq!(gone, Gone::Stale),
                                }
                                drop(guard);
                                if below(2) == 0 {
                                    let is_done = pile.update(at, &[fill; 30]).is_ok();
                                    put.push_back((at, fill, if is_done { 30 } else { length }));
                                } else {
                                    let _was_purged = pile.delete(at);
                                }
                            }
                        }
                    })
                })
                .collect();
            threads.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    pile.purge().unwrap();
                    for _ in 0..20 {
                        pile.tend(Budget::unbounded());
                        thread::yield_now();
                    }
                }
            });
            let ended: Vec<_> = writers.into_iter().map(thread::ScopedJoinHandle::join).collect();
            is_over.store(true, Ordering::Relaxed);
            assert!(ended.iter().all(Result::is_ok));
        });
        pile.validate();
        pile.purge().unwrap();
        // Guards of other tests may be in the way for a moment.
        for _ in 0..1000 {
            pile.tend(Budget::unbounded());
            if pile.gauges().forwards == 0 && pile.gauges().spans.is_empty() {
                break;
            }
            thread::yield_now();
        }
        pile.validate();
        let gauges = pile.gauges();
        assert!(gauges.spans.is_empty() && gauges.limbo_slots == 0, "{gauges:?}");
        assert_eq!(gauges.forwards, 0);
    }
}

#[test]
fn an_update_that_is_refused_for_space_leaves_the_bytes_whole_and_takes_nothing() {
    let pile = Pile::builder("full").limit_bytes(2 << 20).build().unwrap();
    let mut put: Vec<Pointer> = Vec::new();
    let bytes = vec![7; 100_000];
    for length in [600, 40, 8] {
        loop {
            let all = [
                pile.put(&bytes[..length], Life::FOREVER),
                pile.put_cell(&bytes[..length], Life::FOREVER),
                pile.put_roomy(&bytes[..length], length, Life::FOREVER),
            ];
            let is_full = all.iter().any(Result::is_err);
            put.extend(all.into_iter().flatten());
            if is_full {
                break;
            }
        }
    }
    let before = pile.gauges();
    for (number, &at) in put.iter().enumerate() {
        let was = pile.pin().get(at).unwrap().to_vec();
        let longer = &bytes[..if number % 2 == 0 { 5000 } else { bytes.len() }];
        let refused = pile.update(at, longer);
        assert!(matches!(refused, Err(UpdateError::Full(Full::OutOfSpace { .. }))), "{refused:?}");
        assert_eq!(pile.pin().get(at), Ok(&was[..]));
    }
    pile.validate();
    let after = pile.gauges();
    assert_eq!((after.records, after.used_bytes), (before.records, before.used_bytes));
    for at in put {
        pile.delete(at).unwrap();
    }
    pile.tend(Budget::unbounded());
    assert_eq!(pile.gauges().used_bytes, 0);
}

#[test]
fn ten_thousand_threads_one_after_another_leave_the_arena_of_one() {
    let pile = Pile::builder("one after another").limit_bytes(80 << 20).build().unwrap();
    for _ in 0..10_000 {
        let pile = pile.clone();
        let thread = thread::spawn(move || pile.put(b"here I was", Life::FOREVER).unwrap());
        thread.join().unwrap();
    }
    let gauges = pile.gauges();
    assert_eq!((gauges.records, gauges.arenas), (10_000, 1));
    pile.validate();
}

thread_local! {
    static KEPT: RefCell<(Vec<SharedData>, Option<Guard<'static>>)> = const { RefCell::new((Vec::new(), None)) };
}

#[test]
fn what_a_thread_still_keeps_when_it_ends_is_let_go() {
    let heap = SharedHeap::new(Options::default()).unwrap();
    let account = heap.account("kept", u64::MAX).unwrap();
    let pile: &'static Pile =
        Box::leak(Box::new(Pile::builder("kept").limit_bytes(80 << 20).build().unwrap()));
    let at = pile.put(&[1; 100], Life::FOREVER).unwrap();
    for _ in 0..100 {
        let (account, other) = (account.clone(), pile.put(&[2; 100], Life::FOREVER).unwrap());
        let thread = thread::spawn(move || {
            // First of all, so that it is dropped last of all that this thread has.
            KEPT.with_borrow_mut(|kept| kept.0.clear());
            let held = [at, other].map(|at| pile.pin().hold(at, &account).unwrap());
            KEPT.with_borrow_mut(|kept| *kept = (held.to_vec(), Some(pile.pin())));
            pile.delete(other).unwrap();
        });
        thread.join().unwrap();
    }
    assert_eq!(account.charged_bytes(), 0);
    let freed = (0..1000).any(|_| {
        pile.tend(Budget::unbounded());
        pile.gauges().limbo_slots == 0
    });
    assert!(freed, "no guard is left");
    pile.validate();
}
