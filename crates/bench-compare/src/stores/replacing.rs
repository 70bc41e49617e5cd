//! Replacing: other bytes of the same length behind the same handle, in an order that has none.

use crate::loops::turns::Loop;
use crate::stores::dice::Dice;
use crate::stores::store::Store;

pub(crate) struct Replacing<S: Store> {
    store: S,
    value: Vec<u8>,
    handles: Vec<S::Handle>,
    at: usize,
}

/// Fills a store.
pub(crate) fn replacing<S: Store + 'static>(
    mut store: S,
    (value_bytes, count): (usize, u64),
) -> Vec<Box<dyn Loop>> {
    let value = vec![7; value_bytes];
    let mut handles: Vec<_> = (0..count).map(|_| store.put(&value)).collect();
    Dice::from_seed(count).shuffle(&mut handles);
    vec![Box::new(Replacing { store, value, handles, at: 0 })]
}

impl<S: Store> Loop for Replacing<S> {
    fn run(&mut self, count: u64) {
        for _ in 0..count {
            let handle = &mut self.handles[self.at];
            *handle = self.store.replace(*handle, &self.value);
            self.at = (self.at + 1) % self.handles.len();
        }
    }
}
