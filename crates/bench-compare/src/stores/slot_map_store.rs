//! `slotmap`: values of one length in an array, behind keys with a generation of 32 bits that wraps.

use slotmap::{DefaultKey, Key, KeyData, SlotMap};

use crate::stores::store::{Store, first_word};

/// The one length of values that it is measured with: in the array itself, which is its best case.
pub(crate) const VALUE_BYTES: usize = 64;

#[derive(Debug, Default)]
pub(crate) struct SlotMapStore(SlotMap<DefaultKey, [u8; VALUE_BYTES]>);

impl Store for SlotMapStore {
    type Handle = DefaultKey;

    #[inline]
    fn put(&mut self, bytes: &[u8]) -> DefaultKey {
        self.0.insert(bytes.try_into().expect("the length that it is measured with"))
    }

    #[inline]
    fn get_each(&self, handles: &[DefaultKey], see: &mut impl FnMut(&[u8])) {
        for handle in handles {
            see(self.0.get(*handle).expect("it was put and not deleted"));
        }
    }

    fn hop(&self, from: DefaultKey, hop_count: u64) -> DefaultKey {
        (0..hop_count).fold(from, |at, _| {
            let value = self.0.get(at).expect("it was put and not deleted");
            KeyData::from_ffi(first_word(value)).into()
        })
    }

    #[inline]
    fn replace(&mut self, handle: DefaultKey, bytes: &[u8]) -> DefaultKey {
        let value = self.0.get_mut(handle).expect("it was put and not deleted");
        *value = bytes.try_into().expect("the length that it is measured with");
        handle
    }

    #[inline]
    fn delete(&mut self, handle: DefaultKey) {
        self.0.remove(handle).expect("it was put and not deleted");
    }

    fn clear(&mut self, _handles: &[DefaultKey]) {
        self.0.clear();
    }

    fn word_of(handle: DefaultKey) -> u64 {
        handle.data().as_ffi()
    }
}
