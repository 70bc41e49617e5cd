//! A queue from one thread to another: values are staged, then published together by one store.
//!
//! ```text
//! position   0 ........ head ............ tail ........ tail + staged ........ head + room
//!              taken    |  published      |  staged     |  free                |
//! head is stored by the consumer, tail by the producer, each on lines of its own; each end keeps a copy of the other's index
//! and looks again only when that copy says full or empty
//! ```
//!
//! Cost: a value is written once and read once; a batch costs one store and, at most, one look at the other's line on each side.
//! Who polls after every value makes batches of one, and pays a line transfer for each.
#![expect(unsafe_code, reason = "places are owned by index; all of it is in `raw` below")]

/// Makes a queue with `room` places and hands out its two ends.
/// # Panics
/// If `room` is zero, or so large that its memory cannot be had.
#[must_use]
pub fn spsc<T>(room: usize) -> (Producer<T>, Consumer<T>) {
    assert!(room > 0, "a queue has room for at least one value");
    let (writer, reader) = raw::ends(room);
    (Producer(writer), Consumer(reader))
}

/// The end that values go in at.
#[derive(Debug)]
pub struct Producer<T>(raw::Writer<T>);

impl<T> Producer<T> {
    /// Sets `count` places aside, if there are so many.
    pub fn reserve(&mut self, count: usize) -> Option<Room<'_, T>> {
        (self.0.free(count) >= count).then_some(Room { writer: &mut self.0, left: count })
    }

    /// Makes everything that was staged visible to the consumer; says how many values that were.
    pub fn publish(&mut self) -> usize {
        self.0.publish()
    }

    /// Stages one value and publishes it, with what was staged before.
    /// # Errors
    /// The value, if the queue is full.
    pub fn push(&mut self, value: T) -> Result<(), T> {
        let Some(mut room) = self.reserve(1) else { return Err(value) };
        room.push(value);
        self.0.publish();
        Ok(())
    }

    /// How many values are staged and not yet published.
    #[must_use]
    pub fn staged(&self) -> usize {
        self.0.staged()
    }

    /// Says that `count` places are wanted where there were fewer: false if there are so many by now; else the consumer hears of
    /// it at its next [`Consumer::relieves`], and is the one to call the producer.
    pub fn starve(&mut self, count: usize) -> bool {
        self.0.starve(count)
    }

    /// Leaves; what is staged is published first. Who leaves last is handed what nobody took.
    #[must_use]
    pub fn into_rest(self) -> Option<Rest<T>> {
        self.0.into_rest().map(Rest)
    }
}

/// Places set aside in a queue for values about to be staged.
#[derive(Debug)]
pub struct Room<'a, T> {
    writer: &'a mut raw::Writer<T>,
    left: usize,
}

impl<T> Room<'_, T> {
    /// Stages a value: it is in the queue, and unseen until [`Producer::publish`].
    /// # Panics
    /// If more values are staged than places were set aside.
    pub fn push(&mut self, value: T) {
        assert!(self.left > 0, "no more is staged than was reserved");
        self.left -= 1;
        self.writer.stage(value);
    }
}

/// The end that values come out at.
#[derive(Debug)]
pub struct Consumer<T>(raw::Reader<T>);

impl<T> Consumer<T> {
    /// Lends what is published, oldest first, in the two runs that it lies in.
    pub fn peek(&mut self) -> (&[T], &[T]) {
        self.0.peek()
    }

    /// Takes at most `most` values, oldest first, and shows each to `each`; says how many. Their places are free again at the
    /// end, all at once; if `each` panics, what it was shown is taken and the rest stays.
    pub fn take(&mut self, most: usize, each: impl FnMut(T)) -> usize {
        self.0.take(most, each)
    }

    /// Takes the oldest value.
    pub fn pop(&mut self) -> Option<T> {
        let mut popped = None;
        self.0.take(1, |value| popped = Some(value));
        popped
    }

    /// Whether the producer found the queue full and waits to be called, which is then the caller's to do. To be asked after
    /// places were made free; costs a fence, so once a batch.
    #[must_use = "a producer that starves is called by who hears `true`"]
    pub fn relieves(&mut self) -> bool {
        self.0.relieves()
    }

    /// Whether the producer has left; what it published before is still to be taken.
    #[must_use]
    pub fn is_abandoned(&self) -> bool {
        self.0.is_abandoned()
    }

    /// Leaves. Who leaves last is handed what nobody took.
    #[must_use]
    pub fn into_rest(self) -> Option<Rest<T>> {
        self.0.into_rest().map(Rest)
    }
}

/// What was in a queue that both ends have left, oldest first.
#[derive(Debug)]
pub struct Rest<T>(raw::Remains<T>);

impl<T> Iterator for Rest<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.0.next()
    }
}

/// The only code here that touches places.
mod raw {
    use crate::line::Line;
    use crate::slots::Slots;
    use crate::sync::{Arc, AtomicBool, AtomicUsize, Ordering, fence};

    /// What both ends hold.
    /// # Invariants
    /// 1. `head <= tail <= head + room`, and neither ever falls. `head` is stored by the reader only, `tail` by the writer only.
    /// 2. The places from `head` to `tail` hold values and are the reader's; the others are the writer's. A place passes to
    ///    the reader with a Release store of `tail`, and back with a Release store of `head`, each seen by an Acquire load.
    /// 3. Of the writer's places, `staged` from `tail` on hold values; `staged` is the writer's own count.
    /// 4. `departed` is set once by each end that leaves by `into_rest`, after its last touch of a place; who finds it set owns all.
    #[derive(Debug)]
    struct Shared<T> {
        head: Line<AtomicUsize>,
        tail: Line<AtomicUsize>,
        starved: Line<AtomicBool>,
        departed: AtomicBool,
        abandoned: AtomicBool,
        room: usize,
        slots: Slots<T>,
    }

    impl<T> Shared<T> {
        /// Takes the oldest value of a queue that has no other user.
        /// # Safety
        /// Nobody else touches the queue any more.
        unsafe fn take_last(&self) -> Option<T> {
            let head = self.head.load(Ordering::Relaxed);
            let tail = self.tail.load(Ordering::Relaxed);
            (head != tail).then(|| {
                self.head.store(head + 1, Ordering::Relaxed);
                // SAFETY: by invariant 2 the place of `head` holds a value, and by the caller's word it is ours alone.
                unsafe { self.slots.read(head) }
            })
        }
    }

    impl<T> Drop for Shared<T> {
        fn drop(&mut self) {
            loop {
                // SAFETY: `&mut self`: both ends are gone.
                let value = unsafe { self.take_last() };
                if value.is_none() {
                    break;
                }
            }
        }
    }

    pub(super) fn ends<T>(room: usize) -> (Writer<T>, Reader<T>) {
        let shared = Arc::new(Shared {
            head: Line::new(AtomicUsize::new(0)),
            tail: Line::new(AtomicUsize::new(0)),
            starved: Line::new(AtomicBool::new(false)),
            departed: AtomicBool::new(false),
            abandoned: AtomicBool::new(false),
            room,
            slots: Slots::with_room(room),
        });
        let writer = Writer { shared: Arc::clone(&shared), tail: 0, staged: 0, head_seen: 0 };
        (writer, Reader { shared, head: 0, tail_seen: 0 })
    }

    /// The producer's half. # Invariants: `tail` is what it stored last; `head_seen <= head`.
    #[derive(Debug)]
    pub(super) struct Writer<T> {
        shared: Arc<Shared<T>>,
        tail: usize,
        staged: usize,
        head_seen: usize,
    }

    impl<T> Writer<T> {
        pub(super) fn staged(&self) -> usize {
            self.staged
        }

        /// How many places are free, counted anew only if fewer than `wanted` seem so.
        pub(super) fn free(&mut self, wanted: usize) -> usize {
            let free = self.shared.room - (self.tail + self.staged - self.head_seen);
            if free >= wanted {
                return free;
            }
            // Acquire: the reader is done with the places before `head`.
            self.head_seen = self.shared.head.load(Ordering::Acquire);
            self.shared.room - (self.tail + self.staged - self.head_seen)
        }

        /// Writes a value behind what is staged.
        pub(super) fn stage(&mut self, value: T) {
            assert!(self.free(1) > 0, "a value is staged where there is room");
            // SAFETY: invariants 2 and 3; the line above found the place behind what is staged free.
            unsafe { self.shared.slots.write(self.tail + self.staged, value) };
            self.shared.slots.ask_to_write(self.tail + self.staged);
            self.staged += 1;
        }

        pub(super) fn publish(&mut self) -> usize {
            let published = std::mem::take(&mut self.staged);
            if published > 0 {
                self.tail += published;
                // Release: the reader sees the values before their index.
                self.shared.tail.store(self.tail, Ordering::Release);
            }
            published
        }

        pub(super) fn starve(&mut self, wanted: usize) -> bool {
            self.shared.starved.store(true, Ordering::Relaxed);
            // With the fence in `relieves`: either we see the reader's new head, or it sees that we starve. Never neither.
            fence(Ordering::SeqCst);
            if self.free(wanted) < wanted {
                return true;
            }
            self.shared.starved.store(false, Ordering::Relaxed);
            false
        }

        pub(super) fn into_rest(mut self) -> Option<Remains<T>> {
            self.publish();
            depart(Arc::clone(&self.shared))
        }
    }

    impl<T> Drop for Writer<T> {
        fn drop(&mut self) {
            // Release: who sees that we are gone sees all that we published.
            self.shared.abandoned.store(true, Ordering::Release);
            for position in self.tail..self.tail + std::mem::take(&mut self.staged) {
                // SAFETY: invariant 3; the count is zero already, so each is read once even if a drop panics.
                let value = unsafe { self.shared.slots.read(position) };
                drop(value);
            }
        }
    }

    /// The consumer's half. # Invariants: `head` is what it stored last, but within `take`; `tail_seen <= tail`.
    #[derive(Debug)]
    pub(super) struct Reader<T> {
        shared: Arc<Shared<T>>,
        head: usize,
        tail_seen: usize,
    }

    impl<T> Reader<T> {
        fn look(&mut self) {
            // Acquire: with the index we see the values before it.
            self.tail_seen = self.shared.tail.load(Ordering::Acquire);
        }

        pub(super) fn peek(&mut self) -> (&[T], &[T]) {
            self.look();
            let count = self.tail_seen - self.head;
            // SAFETY: invariant 2: all from `head` to `tail_seen` hold values and stay ours while `self` is lent.
            let first = unsafe { self.shared.slots.lend(self.head, count) };
            let rest = count - first.len();
            // SAFETY: the same; it begins where the first run ended, at the first place.
            (first, unsafe { self.shared.slots.lend(self.head + first.len(), rest) })
        }

        pub(super) fn take(&mut self, most: usize, mut each: impl FnMut(T)) -> usize {
            if self.tail_seen - self.head < most {
                self.look();
            }
            let count = most.min(self.tail_seen - self.head);
            if count == 0 {
                return 0;
            }
            let taking = Taking(self);
            for _ in 0..count {
                let position = taking.0.head;
                if position + Slots::<T>::AHEAD < taking.0.tail_seen {
                    taking.0.shared.slots.ask_to_read(position);
                }
                taking.0.head += 1; // before `each`, which may panic: what it was shown is gone
                // SAFETY: invariant 2: `position` is below `tail_seen`, and is passed once.
                each(unsafe { taking.0.shared.slots.read(position) });
            }
            count
        }

        pub(super) fn relieves(&mut self) -> bool {
            fence(Ordering::SeqCst); // see `Writer::starve`
            let starved = self.shared.starved.load(Ordering::Relaxed);
            if starved {
                self.shared.starved.store(false, Ordering::Relaxed);
            }
            starved
        }

        pub(super) fn is_abandoned(&self) -> bool {
            self.shared.abandoned.load(Ordering::Acquire)
        }

        pub(super) fn into_rest(self) -> Option<Remains<T>> {
            depart(self.shared)
        }
    }

    /// Gives the places back when a `take` ends, by whichever way it ends.
    struct Taking<'a, T>(&'a mut Reader<T>);

    impl<T> Drop for Taking<'_, T> {
        fn drop(&mut self) {
            // Release: we are done with these places before the writer sees them free.
            self.0.shared.head.store(self.0.head, Ordering::Release);
        }
    }

    fn depart<T>(shared: Arc<Shared<T>>) -> Option<Remains<T>> {
        // AcqRel: the second to leave sees all that the first did.
        let last = shared.departed.swap(true, Ordering::AcqRel);
        last.then(|| Remains(shared))
    }

    /// A queue that both ends have left; by invariant 4 it is ours alone.
    #[derive(Debug)]
    pub(super) struct Remains<T>(Arc<Shared<T>>);

    impl<T> Remains<T> {
        pub(super) fn next(&mut self) -> Option<T> {
            // SAFETY: invariant 4.
            unsafe { self.0.take_last() }
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use proptest::prelude::{
        Just, ProptestConfig, Strategy, prop_assert, prop_assert_eq, prop_oneof, proptest,
    };
    use std::collections::VecDeque;
    use std::sync::Arc;

    #[test]
    fn staged_values_are_unseen_until_they_are_published() {
        let (mut producer, mut consumer) = spsc(4);
        let mut room = producer.reserve(2).unwrap();
        room.push(1);
        room.push(2);
        assert_eq!((consumer.pop(), producer.staged()), (None, 2));
        assert_eq!(producer.publish(), 2);
        assert_eq!((consumer.pop(), consumer.pop(), consumer.pop()), (Some(1), Some(2), None));
    }

    #[test]
    fn a_full_queue_gives_the_value_back() {
        let (mut producer, mut consumer) = spsc(3);
        (0..3).for_each(|value| producer.push(value).unwrap());
        assert_eq!(
            producer.push(3),
            Err(3),
            "the bound is the one asked for, not the power of two above it"
        );
        assert!(producer.reserve(1).is_none());
        assert_eq!(consumer.pop(), Some(0));
        assert_eq!(producer.push(3), Ok(()));
    }

    #[test]
    #[should_panic(expected = "no more is staged than was reserved")]
    fn staging_more_than_was_reserved_is_refused() {
        let (mut producer, _consumer) = spsc(4);
        let mut room = producer.reserve(1).unwrap();
        room.push(1);
        room.push(2);
    }

    #[test]
    fn dropping_either_end_drops_each_value_once() {
        for consumer_first in [false, true] {
            let value = Arc::new(());
            let (mut producer, mut consumer) = spsc(8);
            (0..5).for_each(|_| producer.push(Arc::clone(&value)).unwrap());
            producer.reserve(1).unwrap().push(Arc::clone(&value));
            drop(consumer.pop());
            assert_eq!(Arc::strong_count(&value), 6);
            if consumer_first {
                drop(consumer);
                drop(producer);
            } else {
                drop(producer);
                assert!(consumer.is_abandoned());
                drop(consumer);
            }
            assert_eq!(Arc::strong_count(&value), 1);
        }
    }

    #[test]
    fn who_leaves_last_is_handed_what_nobody_took() {
        let (mut producer, consumer) = spsc(8);
        producer.push(1).unwrap();
        assert!(consumer.into_rest().is_none());
        producer.push(2).unwrap();
        producer.reserve(1).unwrap().push(3);
        assert_eq!(producer.into_rest().unwrap().collect::<Vec<_>>(), [1, 2, 3]);
    }

    #[test]
    fn a_panic_while_taking_loses_nothing_else() {
        let (mut producer, mut consumer) = spsc(8);
        (0..5).for_each(|value| producer.push(value).unwrap());
        let taking = std::panic::AssertUnwindSafe(|| {
            consumer.take(5, |value| assert_ne!(value, 2, "the third"))
        });
        assert!(std::panic::catch_unwind(taking).is_err());
        assert_eq!(consumer.peek().0, [3, 4]);
        assert!(producer.reserve(6).is_some(), "the places of those that were shown are free");
    }

    #[test]
    fn a_starving_producer_is_called_by_the_next_relief() {
        let (mut producer, mut consumer) = spsc(2);
        producer.push(1).unwrap();
        assert!(!producer.starve(1), "there is room");
        producer.push(2).unwrap();
        assert!(!consumer.relieves());
        assert!(producer.starve(1));
        assert_eq!(consumer.take(9, drop), 2);
        assert!(consumer.relieves());
        assert!(!consumer.relieves(), "once");
    }

    #[test]
    fn two_threads_pass_every_value_once_and_in_order() {
        const COUNT: usize = if cfg!(miri) { 300 } else { 100_000 };
        let (mut producer, mut consumer) = spsc(64);
        let consuming = std::thread::spawn(move || {
            let mut next = 0;
            while next < COUNT {
                consumer.take(48, |value: Box<usize>| {
                    assert_eq!(*value, next);
                    next += 1;
                });
                std::thread::yield_now();
            }
        });
        let mut next = 0;
        while next < COUNT {
            let batch = (next % 17 + 1).min(COUNT - next);
            match producer.reserve(batch) {
                Some(mut room) => (next..next + batch).for_each(|value| room.push(Box::new(value))),
                None => {
                    std::thread::yield_now();
                    continue;
                }
            }
            next += batch;
            producer.publish();
        }
        consuming.join().unwrap();
    }

    #[derive(Clone, Debug)]
    enum Step {
        Stage(usize),
        Publish,
        Peek,
        Take(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0_usize..9).prop_map(Step::Stage),
            Just(Step::Publish),
            Just(Step::Peek),
            (0_usize..9).prop_map(Step::Take)
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: if cfg!(miri) { 4 } else { 256 }, failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn a_queue_agrees_with_a_vecdeque(room in 1_usize..20, steps in proptest::collection::vec(step(), 0..120)) {
            let (mut producer, mut consumer) = spsc(room);
            let (mut seen, mut unseen, mut next) = (VecDeque::new(), VecDeque::new(), 0_u64);
            for step in steps {
                match step {
                    Step::Stage(count) => match producer.reserve(count) {
                        Some(mut place) => {
                            prop_assert!(seen.len() + unseen.len() + count <= room);
                            for _ in 0..count {
                                place.push(Box::new(next));
                                unseen.push_back(next);
                                next += 1;
                            }
                        }
                        None => prop_assert!(seen.len() + unseen.len() + count > room),
                    },
                    Step::Publish => {
                        prop_assert_eq!(producer.publish(), unseen.len());
                        seen.append(&mut unseen);
                    }
                    Step::Peek => {
                        let (first, second) = consumer.peek();
                        prop_assert!(first.iter().chain(second).map(|value| **value).eq(seen.iter().copied()));
                    }
                    Step::Take(most) => {
                        let mut taken = Vec::new();
                        prop_assert_eq!(consumer.take(most, |value| taken.push(*value)), most.min(seen.len()));
                        prop_assert!(seen.drain(..taken.len()).eq(taken));
                    }
                }
                prop_assert_eq!(producer.staged(), unseen.len());
            }
        }
    }
}
