//! Deleting: values in an order that has none; when all are gone, all come again, which nobody times.

use crate::loops::strokes::Stroke;
use crate::stores::dice::Dice;
use crate::stores::store::Store;

pub(crate) struct Deleting<S: Store> {
    store: S,
    value: Vec<u8>,
    handles: Vec<S::Handle>,
    count: u64,
    dice: Dice,
}

/// So many strokes empty a store.
const STROKES: usize = 20;

impl<S: Store> Deleting<S> {
    pub(crate) fn new(store: S, (value_bytes, count): (usize, u64)) -> Self {
        let dice = Dice::from_seed(count);
        Self { store, value: vec![7; value_bytes], handles: Vec::new(), count, dice }
    }
}

impl<S: Store> Stroke for Deleting<S> {
    fn get_ready(&mut self) {
        if self.handles.is_empty() {
            self.store.clear(&[]);
            self.store.tend();
            self.handles = (0..self.count).map(|_| self.store.put(&self.value)).collect();
            self.dice.shuffle(&mut self.handles);
        }
    }

    fn stroke(&mut self) -> u64 {
        let stroke_count = usize::try_from(self.count).expect("fits").div_ceil(STROKES);
        let rest = self.handles.len().saturating_sub(stroke_count);
        let deleted = self.handles.len() - rest;
        for handle in self.handles.drain(rest..) {
            self.store.delete(handle);
        }
        deleted as u64
    }
}
