//! kanal, bounded: awake and drained under one lock, and by its own waiting, which hands a value from stack to stack.

use std::hint::spin_loop;

use kanal::{Receiver, Sender, bounded};

use crate::queues::road::{Road, Sends, Takes, Value, value};

/// Tries again and again; what is there is drained.
pub(crate) enum Kanal {}

/// Waits as the channel waits.
pub(crate) enum KanalBlocking {}

pub(crate) struct Trying(Sender<Value>);

pub(crate) struct Draining {
    from: Receiver<Value>,
    drained: Vec<Value>,
}

pub(crate) struct Waiting<E>(E);

impl Road for Kanal {
    type Sends = Trying;
    type Takes = Draining;

    fn ends(room: usize) -> (Self::Sends, Self::Takes) {
        let (sends, from) = bounded(room);
        (Trying(sends), Draining { from, drained: Vec::with_capacity(room) })
    }
}

impl Road for KanalBlocking {
    type Sends = Waiting<Sender<Value>>;
    type Takes = Waiting<Receiver<Value>>;

    fn ends(room: usize) -> (Self::Sends, Self::Takes) {
        let (sends, takes) = bounded(room);
        (Waiting(sends), Waiting(takes))
    }
}

impl Sends for Trying {
    #[inline]
    fn send(&mut self, first: u64, count: usize) {
        for number in first..first + count as u64 {
            while !self.0.try_send(value(number)).expect("somebody takes until we have gone") {
                spin_loop();
            }
        }
    }
}

impl Takes for Draining {
    /// More than `most`, if more are there: they are taken in one go.
    #[inline]
    fn take(&mut self, _most: usize, mut each: impl FnMut(Value)) -> Option<usize> {
        let count = self.from.drain_into(&mut self.drained).ok()?;
        if count > 0 {
            self.drained.drain(..).for_each(each);
            return Some(count);
        }
        // A drain does not tell that nobody sends any more.
        let last = self.from.try_recv().ok()?;
        Some(usize::from(last.map(&mut each).is_some()))
    }
}

impl Sends for Waiting<Sender<Value>> {
    #[inline]
    fn send(&mut self, first: u64, count: usize) {
        for number in first..first + count as u64 {
            self.0.send(value(number)).expect("somebody takes until we have gone");
        }
    }
}

impl Takes for Waiting<Receiver<Value>> {
    #[inline]
    fn take(&mut self, _most: usize, mut each: impl FnMut(Value)) -> Option<usize> {
        each(self.0.recv().ok()?);
        Some(1)
    }
}
