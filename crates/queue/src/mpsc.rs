//! A queue from any number of threads to one, whose places may outlast the values in them.
//!
//! ```text
//! places_taken   one word: a submitter takes a place first; full is decided here and nowhere else
//! tail           the next position, handed out to who has a place
//! stamps         a word a place: position + 1 once the value is written
//! head           the collector's own; it takes what is stamped, in order, and gives the place back when it likes
//! ```
//!
//! A collector that cannot use a value yet keeps its place while it keeps the value: so what the bound counts is all that was
//! accepted and not dealt with, wherever it waits. Cost: two read-modify-writes a value in, one load a value out.
#![expect(unsafe_code, reason = "places are owned by position; all of it is in `raw` below")]

/// Makes a queue with `room` places.
/// # Panics
/// If `room` is zero, or so large that its memory cannot be had.
#[must_use]
pub fn mpsc<T>(room: usize) -> (Submitter<T>, Collector<T>) {
    assert!(room > 0, "a queue has room for at least one value");
    let (writer, reader) = raw::ends(room);
    (Submitter(writer), Collector(reader))
}

/// An end that values go in at; each thread may have its own, or share one.
#[derive(Debug)]
pub struct Submitter<T>(raw::Writer<T>);

impl<T> Submitter<T> {
    /// Puts a value in.
    /// # Errors
    /// The value, if every place is taken.
    pub fn submit(&self, value: T) -> Result<(), T> {
        self.0.submit(value)
    }
}

impl<T> Clone for Submitter<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

/// The end that values come out at.
#[derive(Debug)]
pub struct Collector<T>(raw::Reader<T>);

impl<T> Collector<T> {
    /// Takes the oldest value. Its place stays taken until it is [released](Self::release).
    pub fn collect(&mut self) -> Option<T> {
        self.0.collect()
    }

    /// Gives back the places of `count` values collected before.
    /// # Panics
    /// If more places are given back than values were collected.
    pub fn release(&mut self, count: usize) {
        self.0.release(count);
    }

    /// Whether nothing is on its way in: no submitter has a position whose value was not collected.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        self.0.is_drained()
    }
}

/// The only code here that touches places.
mod raw {
    use crate::line::Line;
    use crate::slots::Slots;
    use crate::sync::{Arc, AtomicUsize, Ordering};

    /// What all ends hold.
    /// # Invariants
    /// 1. `places_taken <= room <= stamps.len()`; positions handed out minus places given back never pass `places_taken`.
    /// 2. A position is written by the one submitter that was handed it, and by then its place is empty: whoever has a position
    ///    has, through `places_taken` and `tail`, seen every place given back that this needed.
    /// 3. A place whose stamp is `position + 1` holds the value of `position` if that is not below `head`, and is the reader's.
    #[derive(Debug)]
    struct Shared<T> {
        places_taken: Line<AtomicUsize>,
        tail: Line<AtomicUsize>,
        head: Line<AtomicUsize>,
        room: usize,
        stamps: Box<[AtomicUsize]>,
        slots: Slots<T>,
    }

    impl<T> Shared<T> {
        fn stamp(&self, position: usize) -> &AtomicUsize {
            &self.stamps[position & (self.stamps.len() - 1)]
        }
    }

    impl<T> Drop for Shared<T> {
        fn drop(&mut self) {
            let head = self.head.load(Ordering::Relaxed);
            for position in head..self.tail.load(Ordering::Relaxed) {
                // SAFETY: invariant 3, and no end is left: each position handed out was written, and none below `head` is read.
                let value = unsafe { self.slots.read(position) };
                drop(value);
            }
        }
    }

    pub(super) fn ends<T>(room: usize) -> (Writer<T>, Reader<T>) {
        let shared = Arc::new(Shared {
            places_taken: Line::new(AtomicUsize::new(0)),
            tail: Line::new(AtomicUsize::new(0)),
            head: Line::new(AtomicUsize::new(0)),
            room,
            stamps: (0..room.next_power_of_two()).map(|_| AtomicUsize::new(0)).collect(),
            slots: Slots::with_room(room),
        });
        (Writer { shared: Arc::clone(&shared) }, Reader { shared, head: 0, held: 0 })
    }

    #[derive(Debug)]
    pub(super) struct Writer<T> {
        shared: Arc<Shared<T>>,
    }

    impl<T> Clone for Writer<T> {
        fn clone(&self) -> Self {
            Self { shared: Arc::clone(&self.shared) }
        }
    }

    impl<T> Writer<T> {
        pub(super) fn submit(&self, value: T) -> Result<(), T> {
            let shared = &*self.shared;
            let mut taken = shared.places_taken.load(Ordering::Relaxed);
            loop {
                if taken == shared.room {
                    return Err(value);
                }
                let places_taken = &shared.places_taken;
                // Acquire: whoever made this place free, and all before it, is done with it.
                let (seen, unseen) = (Ordering::Acquire, Ordering::Relaxed);
                match places_taken.compare_exchange_weak(taken, taken + 1, seen, unseen) {
                    Ok(_) => break,
                    Err(now) => taken = now,
                }
            }
            // AcqRel: two that took their places in one order may come here in the other; the later then knows what the
            // earlier knew, and so that the place of its position is empty.
            let position = shared.tail.fetch_add(1, Ordering::AcqRel);
            // SAFETY: invariant 2.
            unsafe { shared.slots.write(position, value) };
            // Release: the value before its stamp.
            shared.stamp(position).store(position + 1, Ordering::Release);
            Ok(())
        }
    }

    /// The collector's half. # Invariants: `head` equals the shared one, which no other writes; `held` of the places taken are
    /// of values it collected.
    #[derive(Debug)]
    pub(super) struct Reader<T> {
        shared: Arc<Shared<T>>,
        head: usize,
        held: usize,
    }

    impl<T> Reader<T> {
        pub(super) fn collect(&mut self) -> Option<T> {
            // Acquire: with the stamp we see the value.
            if self.shared.stamp(self.head).load(Ordering::Acquire) != self.head + 1 {
                return None;
            }
            // SAFETY: invariant 3; `head` passes this position two lines below, once.
            let value = unsafe { self.shared.slots.read(self.head) };
            self.head += 1;
            self.held += 1;
            self.shared.head.store(self.head, Ordering::Relaxed); // for the drop alone, which sees it through the Arc
            Some(value)
        }

        pub(super) fn release(&mut self, count: usize) {
            assert!(count <= self.held, "no more places are given back than values were collected");
            self.held -= count;
            // Release: we are done with the places before a submitter counts on them.
            self.shared.places_taken.fetch_sub(count, Ordering::Release);
        }

        pub(super) fn is_drained(&self) -> bool {
            // Relaxed: who has heard of a value by another way sees its position here, and values are reached by their stamp.
            self.shared.tail.load(Ordering::Relaxed) == self.head
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use proptest::prelude::{ProptestConfig, prop_assert_eq, proptest};
    use std::collections::VecDeque;
    use std::sync::Arc;

    #[test]
    fn a_place_stays_taken_until_it_is_released() {
        let (submitter, mut collector) = mpsc(2);
        submitter.submit('a').unwrap();
        submitter.submit('b').unwrap();
        assert_eq!(submitter.submit('c'), Err('c'));
        assert_eq!(collector.collect(), Some('a'));
        assert_eq!(submitter.submit('c'), Err('c'), "the value is out, its place is not free");
        collector.release(1);
        submitter.submit('c').unwrap();
        assert_eq!(
            (collector.collect(), collector.collect(), collector.collect()),
            (Some('b'), Some('c'), None)
        );
        assert!(collector.is_drained());
    }

    #[test]
    #[should_panic(expected = "no more places are given back than values were collected")]
    fn giving_back_a_place_that_was_not_held_is_refused() {
        let (_submitter, mut collector) = mpsc::<u8>(2);
        collector.release(1);
    }

    #[test]
    fn values_that_nobody_collected_are_dropped_once() {
        for collector_first in [false, true] {
            let value = Arc::new(());
            let (submitter, mut collector) = mpsc(4);
            (0..3).for_each(|_| submitter.submit(Arc::clone(&value)).unwrap());
            drop(collector.collect());
            if collector_first {
                drop(collector);
                submitter.submit(Arc::clone(&value)).unwrap();
                drop(submitter);
            } else {
                drop(submitter);
                drop(collector);
            }
            assert_eq!(Arc::strong_count(&value), 1);
        }
    }

    #[test]
    fn four_threads_lose_nothing_and_never_pass_the_bound() {
        const COUNT: usize = if cfg!(miri) { 60 } else { 20_000 };
        let (submitter, mut collector) = mpsc(8);
        let threads: Vec<_> = (0..4)
            .map(|thread| {
                let submitter = submitter.clone();
                std::thread::spawn(move || {
                    for number in 0..COUNT {
                        let mut value = Box::new((thread, number));
                        while let Err(back) = submitter.submit(value) {
                            value = back;
                            std::thread::yield_now();
                        }
                    }
                })
            })
            .collect();
        let (mut next, mut held) = ([0; 4], 0);
        while next.iter().sum::<usize>() < 4 * COUNT {
            match collector.collect() {
                Some(value) => {
                    let (thread, number) = *value;
                    assert_eq!(number, next[thread], "each thread's values come in its order");
                    next[thread] += 1;
                    held += 1;
                    assert!(held <= 8);
                }
                None => {
                    collector.release(std::mem::take(&mut held));
                    std::thread::yield_now();
                }
            }
        }
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: if cfg!(miri) { 4 } else { 256 }, failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn a_queue_agrees_with_a_vecdeque(room in 1_usize..12, steps in proptest::collection::vec(0_u8..3, 0..150)) {
            let (submitter, mut collector) = mpsc(room);
            let (mut inside, mut held, mut next) = (VecDeque::new(), 0, 0_u64);
            for step in steps {
                match step {
                    0 => {
                        let accepted = submitter.submit(Box::new(next)).is_ok();
                        prop_assert_eq!(accepted, inside.len() + held < room);
                        if accepted {
                            inside.push_back(next);
                        }
                        next += 1;
                    }
                    1 => {
                        let value = collector.collect().map(|value| *value);
                        prop_assert_eq!(value, inside.pop_front());
                        held += usize::from(value.is_some());
                    }
                    _ => collector.release(std::mem::take(&mut held)),
                }
                prop_assert_eq!(collector.is_drained(), inside.is_empty());
            }
        }
    }
}
