//! crossfire, bounded: one to one awake and by its own waiting, and many to one awake.

use std::hint::spin_loop;

use crossfire::{BlockingRxTrait, BlockingTxTrait, MTx, Rx, TryRecvError, Tx, mpsc, spsc};

use crate::queues::road::{Road, Sends, Takes, Value, value};

/// One to one; tries again and again.
pub(crate) enum Crossfire {}

/// One to one; waits as the channel waits.
pub(crate) enum CrossfireBlocking {}

/// Many to one; tries again and again.
pub(crate) enum CrossfireMany {}

pub(crate) struct Awake<E>(E);

pub(crate) struct Waiting<E>(E);

impl Road for Crossfire {
    type Sends = Awake<Tx<spsc::Array<Value>>>;
    type Takes = Awake<Rx<spsc::Array<Value>>>;

    fn ends(room: usize) -> (Self::Sends, Self::Takes) {
        let (sends, takes) = spsc::bounded_blocking(room);
        (Awake(sends), Awake(takes))
    }
}

impl Road for CrossfireBlocking {
    type Sends = Waiting<Tx<spsc::Array<Value>>>;
    type Takes = Waiting<Rx<spsc::Array<Value>>>;

    fn ends(room: usize) -> (Self::Sends, Self::Takes) {
        let (sends, takes) = spsc::bounded_blocking(room);
        (Waiting(sends), Waiting(takes))
    }
}

impl Road for CrossfireMany {
    type Sends = Awake<MTx<mpsc::Array<Value>>>;
    type Takes = Awake<Rx<mpsc::Array<Value>>>;

    fn ends(room: usize) -> (Self::Sends, Self::Takes) {
        let (sends, takes) = mpsc::bounded_blocking(room);
        (Awake(sends), Awake(takes))
    }
}

impl<T: BlockingTxTrait<Value> + Send> Sends for Awake<T> {
    #[inline]
    fn send(&mut self, first: u64, count: usize) {
        for number in first..first + count as u64 {
            while self.0.try_send(value(number)).is_err() {
                spin_loop();
            }
        }
    }
}

impl<R: BlockingRxTrait<Value> + Send> Takes for Awake<R> {
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

impl<T: BlockingTxTrait<Value> + Send> Sends for Waiting<T> {
    #[inline]
    fn send(&mut self, first: u64, count: usize) {
        for number in first..first + count as u64 {
            self.0.send(value(number)).expect("somebody takes until we have gone");
        }
    }
}

impl<R: BlockingRxTrait<Value> + Send> Takes for Waiting<R> {
    #[inline]
    fn take(&mut self, most: usize, mut each: impl FnMut(Value)) -> Option<usize> {
        each(self.0.recv().ok()?);
        let mut count = 1;
        while count < most {
            let Ok(value) = self.0.try_recv() else { break };
            each(value);
            count += 1;
        }
        Some(count)
    }
}
