//! Every order in which threads can meet at a core's outside, tried by loom.

use crate::bounds::Full;
use crate::closed::Closed;
use crate::handover::Handover;
use crate::places::Places;
use crate::porch::{Porch, Went};
use crate::sync::{AtomicBool, AtomicU64, Ordering};
use loom::sync::Arc;
use loom::thread;
use std::task::{Wake, Waker};

#[test]
fn a_bell_that_is_rung_is_answered_with_what_its_ringer_did_before() {
    loom::model(|| {
        let porch = Arc::new(Porch::new());
        porch.open(0, 0, Full::Wait);
        porch.open(5, 0, Full::Wait);
        let done = Arc::new([AtomicU64::new(0), AtomicU64::new(0)]);
        let ringing: Vec<_> = [0, 5]
            .into_iter()
            .enumerate()
            .map(|(thread, slot)| {
                let (porch, done) = (Arc::clone(&porch), Arc::clone(&done));
                thread::spawn(move || {
                    done[thread].store(1, Ordering::Relaxed);
                    porch.ring(slot);
                })
            })
            .collect();
        let mut answered = Vec::new();
        let mut answer = |slot: u32| {
            assert_eq!(done[usize::from(slot == 5)].load(Ordering::Relaxed), 1, "before it rang");
            answered.push(slot);
        };
        porch.answer(&mut answer);
        ringing.into_iter().for_each(|ringing| ringing.join().unwrap());
        porch.answer(&mut answer);
        answered.sort_unstable();
        assert!(answered == [0, 5], "{answered:?}");
    });
}

#[test]
fn a_bell_that_was_rung_twice_is_answered_after_the_second_time() {
    loom::model(|| {
        let porch = Arc::new(Porch::new());
        porch.open(0, 0, Full::Wait);
        let done = Arc::new(AtomicU64::new(0));
        let ringing = {
            let (porch, done) = (Arc::clone(&porch), Arc::clone(&done));
            thread::spawn(move || {
                for round in 1..=2 {
                    done.store(round, Ordering::Relaxed);
                    porch.ring(0);
                }
            })
        };
        let mut last = 0;
        porch.answer(|_| last = done.load(Ordering::Relaxed));
        ringing.join().unwrap();
        porch.answer(|_| last = done.load(Ordering::Relaxed));
        assert_eq!(last, 2);
    });
}

#[test]
fn one_sender_is_the_last_and_one_of_him_and_the_core_hears_that_all_is_over() {
    loom::model(|| {
        let porch = Arc::new(Porch::new());
        porch.open(0, 0, Full::Wait);
        porch.word(0).add_sender();
        let done = Arc::new(AtomicU64::new(0));
        let dropping: Vec<_> = (0..2)
            .map(|_| {
                let (porch, done) = (Arc::clone(&porch), Arc::clone(&done));
                thread::spawn(move || {
                    done.fetch_add(1, Ordering::Relaxed);
                    let went = porch.word(0).drop_sender();
                    if went != Went::NotLast {
                        assert_eq!(
                            done.load(Ordering::Relaxed),
                            2,
                            "the last sees the others' part"
                        );
                    }
                    went
                })
            })
            .collect();
        porch.word(0).close(Closed::Ended);
        let left = porch.word(0).leave();
        let went: Vec<_> = dropping.into_iter().map(|dropping| dropping.join().unwrap()).collect();
        let last_of_all = went.iter().filter(|went| **went == Went::LastOfAll).count();
        let last = went.iter().filter(|went| **went == Went::Last).count();
        assert_eq!(last + last_of_all, 1, "{went:?}");
        assert_eq!(left, last_of_all == 1, "who is told to wait for the last is told of him");
        assert_eq!(porch.word(0).state().closed, Some(Closed::Ended));
    });
}

#[test]
fn what_is_handed_over_is_taken_once_and_not_left_behind() {
    loom::model(|| {
        let handover = Arc::new(Handover::<Vec<u32>>::new());
        let putting: Vec<_> = (0..2)
            .map(|number| {
                let handover = Arc::clone(&handover);
                thread::spawn(move || handover.put(|inside| inside.push(number)))
            })
            .collect();
        let mut taken = handover.take();
        putting.into_iter().for_each(|putting| putting.join().unwrap());
        taken.extend(handover.take());
        taken.sort_unstable();
        assert_eq!(taken, [0, 1]);
        assert!(handover.take().is_empty());
    });
}

struct Called(AtomicBool);

impl Wake for Called {
    fn wake(self: std::sync::Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn who_waits_for_a_place_finds_it_or_is_called() {
    loom::model(|| {
        let shared = Arc::new((Places::new(), AtomicU64::new(0)));
        let called = std::sync::Arc::new(Called(AtomicBool::new(false)));
        let freeing = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                let (places, free) = &*shared;
                free.store(1, Ordering::Relaxed);
                places.freed();
            })
        };
        let (places, free) = &*shared;
        places.wait(&Waker::from(std::sync::Arc::clone(&called)));
        let found = free.load(Ordering::Relaxed) == 1;
        freeing.join().unwrap();
        assert!(found || called.0.load(Ordering::Relaxed), "a place is free and nobody was called");
    });
}
