//! Boxes pushed to a list: the least that keeping values of any length costs where an allocator keeps them.

use std::mem;

use crate::stores::store::{Store, first_word};

/// The handle is a value's place in the list.
#[derive(Debug, Default)]
pub(crate) struct BoxList(Vec<Box<[u8]>>);

impl Store for BoxList {
    type Handle = usize;

    #[inline]
    fn put(&mut self, bytes: &[u8]) -> usize {
        self.0.push(bytes.into());
        self.0.len() - 1
    }

    #[inline]
    fn get_each(&self, handles: &[usize], see: &mut impl FnMut(&[u8])) {
        for handle in handles {
            see(&self.0[*handle]);
        }
    }

    fn hop(&self, from: usize, hop_count: u64) -> usize {
        (0..hop_count).fold(from, |at, _| {
            usize::try_from(first_word(&self.0[at])).expect("the word is a place")
        })
    }

    #[inline]
    fn replace(&mut self, handle: usize, bytes: &[u8]) -> usize {
        self.0[handle] = bytes.into();
        handle
    }

    #[inline]
    fn delete(&mut self, handle: usize) {
        drop(mem::take(&mut self.0[handle]));
    }

    fn clear(&mut self, _handles: &[usize]) {
        self.0.clear();
    }

    fn word_of(handle: usize) -> u64 {
        handle as u64
    }
}
