//! Ours: a batch is staged and shown at once; what is there is taken with one store. Many-to-one takes places one by one.

use std::hint::spin_loop;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use levada_queue::{Collector, Consumer, Producer, Submitter, mpsc, spsc};

use crate::queues::road::{Road, Sends, Takes, Value, value};

/// One to one.
pub(crate) enum LevadaSpsc {}

impl Road for LevadaSpsc {
    type Sends = Producer<Value>;
    type Takes = Consumer<Value>;

    fn ends(room: usize) -> (Self::Sends, Self::Takes) {
        spsc(room)
    }
}

impl Sends for Producer<Value> {
    #[inline]
    fn send(&mut self, first: u64, count: usize) {
        loop {
            if let Some(mut room) = self.reserve(count) {
                (first..first + count as u64).for_each(|number| room.push(value(number)));
                break;
            }
            spin_loop();
        }
        self.publish();
    }
}

impl Takes for Consumer<Value> {
    #[inline]
    fn take(&mut self, most: usize, each: impl FnMut(Value)) -> Option<usize> {
        let is_abandoned = self.is_abandoned();
        let count = Self::take(self, most, each);
        (count > 0 || !is_abandoned).then_some(count)
    }
}

/// Many to one.
pub(crate) enum LevadaMpsc {}

/// The queue does not tell its collector that nobody is left: a word beside it does.
#[derive(Debug)]
pub(crate) struct Submits {
    submitter: Submitter<Value>,
    is_over: Arc<AtomicBool>,
}

/// As above.
#[derive(Debug)]
pub(crate) struct Collects {
    collector: Collector<Value>,
    is_over: Arc<AtomicBool>,
}

impl Road for LevadaMpsc {
    type Sends = Submits;
    type Takes = Collects;

    fn ends(room: usize) -> (Self::Sends, Self::Takes) {
        let (submitter, collector) = mpsc(room);
        let is_over = Arc::new(AtomicBool::new(false));
        (Submits { submitter, is_over: Arc::clone(&is_over) }, Collects { collector, is_over })
    }
}

impl Sends for Submits {
    #[inline]
    fn send(&mut self, first: u64, count: usize) {
        for number in first..first + count as u64 {
            while self.submitter.submit(value(number)).is_err() {
                spin_loop();
            }
        }
    }
}

impl Drop for Submits {
    fn drop(&mut self) {
        // Release: who reads it finds all that was sent before.
        self.is_over.store(true, Ordering::Release);
    }
}

impl Takes for Collects {
    #[inline]
    fn take(&mut self, most: usize, mut each: impl FnMut(Value)) -> Option<usize> {
        let is_over = self.is_over.load(Ordering::Acquire);
        let mut count = 0;
        while count < most {
            let Some(value) = self.collector.collect() else { break };
            each(value);
            count += 1;
        }
        self.collector.release(count);
        (count > 0 || !is_over).then_some(count)
    }
}
