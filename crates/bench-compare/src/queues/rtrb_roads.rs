//! rtrb, by its chunks and value by value.

use std::hint::spin_loop;

use rtrb::{Consumer, Producer, RingBuffer};

use crate::queues::road::{Road, Sends, Takes, Value, value};

/// By chunks.
pub(crate) enum RtrbChunks {}

/// Value by value.
pub(crate) enum Rtrb {}

pub(crate) struct ByChunks<E>(E);

pub(crate) struct OneByOne<E>(E);

impl Road for RtrbChunks {
    type Sends = ByChunks<Producer<Value>>;
    type Takes = ByChunks<Consumer<Value>>;

    fn ends(room: usize) -> (Self::Sends, Self::Takes) {
        let (sends, takes) = RingBuffer::new(room);
        (ByChunks(sends), ByChunks(takes))
    }
}

impl Road for Rtrb {
    type Sends = OneByOne<Producer<Value>>;
    type Takes = OneByOne<Consumer<Value>>;

    fn ends(room: usize) -> (Self::Sends, Self::Takes) {
        let (sends, takes) = RingBuffer::new(room);
        (OneByOne(sends), OneByOne(takes))
    }
}

impl Sends for ByChunks<Producer<Value>> {
    #[inline]
    fn send(&mut self, first: u64, count: usize) {
        loop {
            if let Ok(chunk) = self.0.write_chunk_uninit(count) {
                chunk.fill_from_iter((first..first + count as u64).map(value));
                return;
            }
            spin_loop();
        }
    }
}

impl Takes for ByChunks<Consumer<Value>> {
    #[inline]
    fn take(&mut self, most: usize, each: impl FnMut(Value)) -> Option<usize> {
        let is_abandoned = self.0.is_abandoned();
        let count = self.0.slots().min(most);
        if count == 0 {
            return (!is_abandoned).then_some(0);
        }
        let chunk = self.0.read_chunk(count).expect("so many are there");
        chunk.into_iter().for_each(each);
        Some(count)
    }
}

impl Sends for OneByOne<Producer<Value>> {
    #[inline]
    fn send(&mut self, first: u64, count: usize) {
        for number in first..first + count as u64 {
            while self.0.push(value(number)).is_err() {
                spin_loop();
            }
        }
    }
}

impl Takes for OneByOne<Consumer<Value>> {
    #[inline]
    fn take(&mut self, most: usize, mut each: impl FnMut(Value)) -> Option<usize> {
        let is_abandoned = self.0.is_abandoned();
        let mut count = 0;
        while count < most {
            let Ok(value) = self.0.pop() else { break };
            each(value);
            count += 1;
        }
        (count > 0 || !is_abandoned).then_some(count)
    }
}
