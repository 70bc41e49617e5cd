//! crossbeam-channel, bounded: awake, and by its own waiting, which spins before it sleeps.

use std::hint::spin_loop;

use crossbeam_channel::{Receiver, Sender, TryRecvError, bounded};

use crate::queues::road::{Road, Sends, Takes, Value, value};

/// Tries again and again.
pub(crate) enum Crossbeam {}

/// Waits as the channel waits.
pub(crate) enum CrossbeamBlocking {}

pub(crate) struct Awake<E>(E);

pub(crate) struct Waiting<E>(E);

impl Road for Crossbeam {
    type Sends = Awake<Sender<Value>>;
    type Takes = Awake<Receiver<Value>>;

    fn ends(room: usize) -> (Self::Sends, Self::Takes) {
        let (sends, takes) = bounded(room);
        (Awake(sends), Awake(takes))
    }
}

impl Road for CrossbeamBlocking {
    type Sends = Waiting<Sender<Value>>;
    type Takes = Waiting<Receiver<Value>>;

    fn ends(room: usize) -> (Self::Sends, Self::Takes) {
        let (sends, takes) = bounded(room);
        (Waiting(sends), Waiting(takes))
    }
}

impl Sends for Awake<Sender<Value>> {
    #[inline]
    fn send(&mut self, first: u64, count: usize) {
        for number in first..first + count as u64 {
            while self.0.try_send(value(number)).is_err() {
                spin_loop();
            }
        }
    }
}

impl Takes for Awake<Receiver<Value>> {
    #[inline]
    fn take(&mut self, most: usize, mut each: impl FnMut(Value)) -> Option<usize> {
        let mut count = 0;
        while count < most {
            match self.0.try_recv() {
                Ok(value) => each(value),
                Err(TryRecvError::Disconnected) if count == 0 => return None,
                Err(_) => break,
            }
            count += 1;
        }
        Some(count)
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
    fn take(&mut self, most: usize, mut each: impl FnMut(Value)) -> Option<usize> {
        each(self.0.recv().ok()?);
        Some(1 + self.0.try_iter().take(most - 1).map(each).count())
    }
}
