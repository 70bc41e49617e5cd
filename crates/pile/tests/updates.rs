//! What an update promises those who hold the record, and those who look at it meanwhile.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use levada_pile::{Budget, Life, Pile};
use levada_shared::{Options, SharedHeap};

#[test]
fn values_that_are_held_are_replaced_in_every_kind_of_record() {
    let heap = SharedHeap::new(Options::default()).unwrap();
    let account = heap.account("holder", u64::MAX).unwrap();
    let pile = Pile::builder("held").limit_bytes(16 << 20).build().unwrap();
    // So many that the locks of some are the locks of their values.
    for _ in 0..500 {
        for at in [
            pile.put(b"a", Life::FOREVER).unwrap(),
            pile.put_cell(b"a", Life::FOREVER).unwrap(),
            pile.put_roomy(b"a", 8, Life::FOREVER).unwrap(),
        ] {
            pile.update(at, &[1; 100]).unwrap();
            let first = pile.pin().hold(at, &account).unwrap();
            pile.update(at, &[2; 100]).unwrap();
            let second = pile.pin().hold(at, &account).unwrap();
            pile.delete(at).unwrap();
            assert!(first == [1; 100][..] && second == [2; 100][..]);
        }
    }
    pile.tend(Budget::unbounded());
    assert_eq!(pile.gauges().used_bytes, 0);
}

/// Lets readers end when the writer does, by a failure too.
struct Ended<'a>(&'a AtomicBool);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Runs `write` with rising numbers on this thread and `read` on two others until it ends.
fn beside(write: impl Fn(u64) + Sync, read: impl Fn() + Sync) {
    let rounds = if cfg!(debug_assertions) { 20_000 } else { 200_000 };
    let is_over = AtomicBool::new(false);
    thread::scope(|threads| {
        for _ in 0..2 {
            threads.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    read();
                }
            });
        }
        let end = Ended(&is_over);
        (1..rounds).for_each(&write);
        drop(end);
    });
}

#[test]
fn a_record_that_is_updated_is_there_at_every_look_and_never_goes_back() {
    let pile = Pile::builder("looked at").limit_bytes(16 << 20).build().unwrap();
    for at in [
        pile.put(&[0; 24], Life::FOREVER).unwrap(),
        pile.put_cell(&[0; 24], Life::FOREVER).unwrap(),
        pile.put_roomy(&[0; 24], 24, Life::FOREVER).unwrap(),
    ] {
        beside(
            |number| {
                let bytes = number.to_le_bytes();
                // Some do not fit the halves of a roomy record.
                let words = if number % 7 == 0 { 6 } else { 3 };
                pile.update(at, &bytes.repeat(words)).unwrap();
            },
            || {
                let mut last = 0;
                for _ in 0..100 {
                    let guard = pile.pin();
                    let bytes = guard.get(at).expect("it is there");
                    let numbers: Vec<u64> = bytes
                        .chunks_exact(8)
                        .map(|word| u64::from_le_bytes(word.try_into().unwrap()))
                        .collect();
                    assert!(numbers.iter().all(|&number| number == numbers[0]), "{numbers:?}");
                    assert!(numbers[0] >= last, "{} after {last}", numbers[0]);
                    last = numbers[0];
                }
            },
        );
    }
}

#[test]
fn what_is_held_while_others_update_stays_as_it_was_and_is_never_older_than_a_look_before() {
    let heap = SharedHeap::new(Options::default()).unwrap();
    let account = heap.account("holder", u64::MAX).unwrap();
    let pile = Pile::builder("held").limit_bytes(16 << 20).build().unwrap();
    for at in [
        pile.put(&[0; 64], Life::FOREVER).unwrap(),
        pile.put_cell(&[0; 64], Life::FOREVER).unwrap(),
        pile.put_roomy(&[0; 64], 64, Life::FOREVER).unwrap(),
    ] {
        let is_whole = |bytes: &[u8]| {
            bytes.chunks_exact(8).all(|word| word == &bytes[..8]) && bytes.len() == 64
        };
        let number = |bytes: &[u8]| u64::from_le_bytes(bytes[..8].try_into().unwrap());
        beside(
            |number| {
                pile.update(at, &number.to_le_bytes().repeat(8)).unwrap();
            },
            || {
                let mut kept = Vec::new();
                for _ in 0..20 {
                    let before = number(pile.pin().get(at).unwrap());
                    let held = pile.pin().hold(at, &account).unwrap();
                    let bytes = held.pieces().collect::<Vec<_>>().concat();
                    assert!(number(&bytes) >= before, "{} after {before}", number(&bytes));
                    kept.push((held, bytes));
                }
                for (held, bytes) in kept {
                    assert!(is_whole(&bytes));
                    assert!(held == bytes[..], "held bytes stay");
                }
            },
        );
    }
}
