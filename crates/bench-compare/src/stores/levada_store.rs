//! Ours: a pile, its pointers as handles.

use levada_pile::{Budget, Life, Pile, Pointer};

use crate::stores::store::{Store, first_word};

/// More than any case puts; addresses, not memory.
const LIMIT_BYTES: u64 = 24 << 30;

/// How a value is put, which decides how it is replaced.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    /// Replaced by another behind the same pointer.
    Plain,
    /// Behind a cell of 16 B.
    Cell,
    /// In a slot with room for two.
    Roomy,
}

/// Every clone is another handle to the same pile.
#[derive(Clone, Debug)]
pub(crate) struct LevadaStore {
    pile: Pile,
    kind: Kind,
}

impl LevadaStore {
    /// # Panics
    /// If the addresses cannot be had.
    pub(crate) fn new(kind: Kind) -> Self {
        let pile = Pile::builder("values").limit_bytes(LIMIT_BYTES).build();
        Self { pile: pile.expect("the addresses can be had"), kind }
    }
}

impl Store for LevadaStore {
    type Handle = Pointer;

    #[inline]
    fn put(&mut self, bytes: &[u8]) -> Pointer {
        let put = match self.kind {
            Kind::Plain => self.pile.put(bytes, Life::FOREVER),
            Kind::Cell => self.pile.put_cell(bytes, Life::FOREVER),
            Kind::Roomy => self.pile.put_roomy(bytes, bytes.len(), Life::FOREVER),
        };
        put.expect("the limit is above what is put")
    }

    #[inline]
    fn get_each(&self, handles: &[Pointer], see: &mut impl FnMut(&[u8])) {
        let guard = self.pile.pin();
        for handle in handles {
            see(guard.get(*handle).expect("it was put and not deleted"));
        }
    }

    #[inline]
    fn get_batch(&self, handles: &[Pointer], see: &mut impl FnMut(&[u8])) {
        let guard = self.pile.pin();
        guard.get_many(handles, &mut |_, found| see(found.expect("it was put and not deleted")));
    }

    fn hop(&self, from: Pointer, hop_count: u64) -> Pointer {
        let guard = self.pile.pin();
        (0..hop_count).fold(from, |at, _| {
            let value = guard.get(at).expect("it was put and not deleted");
            Pointer::from_bits(first_word(value)).expect("a value holds a pointer")
        })
    }

    #[inline]
    fn replace(&mut self, handle: Pointer, bytes: &[u8]) -> Pointer {
        self.pile.update(handle, bytes).expect("it was put, and the limit is above");
        handle
    }

    #[inline]
    fn delete(&mut self, handle: Pointer) {
        self.pile.delete(handle).expect("it was put and not deleted");
    }

    fn twin(&self) -> Option<Self> {
        Some(self.clone())
    }

    fn tend(&mut self) {
        let _done = self.pile.tend(Budget::unbounded());
    }

    fn word_of(handle: Pointer) -> u64 {
        handle.to_bits()
    }
}
