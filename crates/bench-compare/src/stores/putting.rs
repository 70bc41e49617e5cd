//! Putting: values into memory that was used before; when all are there, all go, which nobody times.

use crate::loops::strokes::Stroke;
use crate::stores::store::Store;

pub(crate) struct Putting<S: Store> {
    store: S,
    value: Vec<u8>,
    handles: Vec<S::Handle>,
    stroke_count: usize,
}

/// So many strokes fill a store.
const STROKES: usize = 20;

impl<S: Store> Putting<S> {
    /// Fills the store once, so that its memory is there.
    pub(crate) fn new(store: S, (value_bytes, count): (usize, u64)) -> Self {
        let count = usize::try_from(count).expect("a count of what fits in memory");
        let stroke_count = count.div_ceil(STROKES);
        let handles = Vec::with_capacity(stroke_count * STROKES);
        let mut putting = Self { store, value: vec![7; value_bytes], handles, stroke_count };
        for _ in 0..STROKES {
            putting.stroke();
        }
        putting
    }
}

impl<S: Store> Stroke for Putting<S> {
    fn get_ready(&mut self) {
        if self.handles.len() == self.handles.capacity() {
            self.store.clear(&self.handles);
            self.handles.clear();
            self.store.tend();
        }
    }

    fn stroke(&mut self) -> u64 {
        let room = self.handles.capacity() - self.handles.len();
        let count = self.stroke_count.min(room);
        for _ in 0..count {
            self.handles.push(self.store.put(&self.value));
        }
        count as u64
    }
}
