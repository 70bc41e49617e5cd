//! `sharded-slab`: values of one length that any thread reads and deletes without a lock, behind keys with a generation.

use sharded_slab::Slab;

use crate::stores::slot_map_store::VALUE_BYTES;
use crate::stores::store::{Store, first_word};

#[derive(Debug, Default)]
pub(crate) struct SlabStore(Slab<[u8; VALUE_BYTES]>);

impl Store for SlabStore {
    type Handle = usize;

    #[inline]
    fn put(&mut self, bytes: &[u8]) -> usize {
        let value = bytes.try_into().expect("the length that it is measured with");
        self.0.insert(value).expect("a shard has room")
    }

    #[inline]
    fn get_each(&self, handles: &[usize], see: &mut impl FnMut(&[u8])) {
        for handle in handles {
            see(&*self.0.get(*handle).expect("it was put and not deleted"));
        }
    }

    fn hop(&self, from: usize, hop_count: u64) -> usize {
        (0..hop_count).fold(from, |at, _| {
            let value = self.0.get(at).expect("it was put and not deleted");
            usize::try_from(first_word(&*value)).expect("the word is a key")
        })
    }

    #[inline]
    fn replace(&mut self, handle: usize, bytes: &[u8]) -> usize {
        self.delete(handle);
        self.put(bytes)
    }

    #[inline]
    fn delete(&mut self, handle: usize) {
        assert!(self.0.remove(handle), "it was put and not deleted");
    }

    fn word_of(handle: usize) -> u64 {
        handle as u64
    }
}
