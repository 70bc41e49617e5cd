//! flume, bounded, awake: what is there is drained under one lock.

use std::hint::spin_loop;

use flume::{Receiver, Sender, TryRecvError, bounded};

use crate::queues::road::{Road, Sends, Takes, Value, value};

/// Drained.
pub(crate) enum Flume {}

impl Road for Flume {
    type Sends = Sender<Value>;
    type Takes = Receiver<Value>;

    fn ends(room: usize) -> (Self::Sends, Self::Takes) {
        bounded(room)
    }
}

impl Sends for Sender<Value> {
    #[inline]
    fn send(&mut self, first: u64, count: usize) {
        for number in first..first + count as u64 {
            while self.try_send(value(number)).is_err() {
                spin_loop();
            }
        }
    }
}

impl Takes for Receiver<Value> {
    /// More than `most`, if more are there: they are taken in one go.
    #[inline]
    fn take(&mut self, _most: usize, mut each: impl FnMut(Value)) -> Option<usize> {
        let count = self.drain().map(&mut each).count();
        if count > 0 {
            return Some(count);
        }
        match self.try_recv() {
            Ok(value) => {
                each(value);
                Some(1)
            }
            Err(TryRecvError::Empty) => Some(0),
            Err(TryRecvError::Disconnected) => None,
        }
    }
}
