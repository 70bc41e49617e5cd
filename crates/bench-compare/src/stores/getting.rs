//! Getting: values are looked at in an order that has none, the same for all.

use std::hint::black_box;
use std::sync::Arc;

use crate::loops::turns::Loop;
use crate::stores::dice::Dice;
use crate::stores::store::{Store, first_word};

/// How many are asked for in a call: a reader of ours announces itself once for each.
const AT_ONCE: usize = 256;

/// How a call asks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Asking {
    /// One get after the other.
    Singly,
    /// All by the store's own way for many.
    Together,
}

pub(crate) struct Getting<S: Store> {
    store: Arc<S>,
    handles: Arc<[S::Handle]>,
    asking: Asking,
    at: usize,
}

/// Fills a store and makes a loop for each thread.
pub(crate) fn getting<S: Store + 'static>(
    mut store: S,
    (asking, thread_count): (Asking, usize),
    (value_bytes, count): (usize, u64),
) -> Vec<Box<dyn Loop>> {
    let value = vec![7; value_bytes];
    let mut handles: Vec<_> = (0..count).map(|_| store.put(&value)).collect();
    Dice::from_seed(count).shuffle(&mut handles);
    let (store, handles): (Arc<S>, Arc<[S::Handle]>) = (Arc::new(store), handles.into());
    let one = |thread_index| -> Box<dyn Loop> {
        let at = handles.len() / thread_count * thread_index; // each in a part of its own
        Box::new(Getting { store: Arc::clone(&store), handles: Arc::clone(&handles), asking, at })
    };
    (0..thread_count).map(one).collect()
}

impl<S: Store> Loop for Getting<S> {
    fn run(&mut self, count: u64) {
        let mut left = usize::try_from(count).expect("a batch fits");
        let mut sum = 0_u64;
        let mut see = |bytes: &[u8]| sum = sum.wrapping_add(first_word(bytes));
        while left > 0 {
            let end = self.handles.len().min(self.at + left.min(AT_ONCE));
            let some = &self.handles[self.at..end];
            match self.asking {
                Asking::Singly => self.store.get_each(some, &mut see),
                Asking::Together => self.store.get_batch(some, &mut see),
            }
            left -= some.len();
            self.at = if end == self.handles.len() { 0 } else { end };
        }
        let value = u64::from_le_bytes([7; 8]);
        assert_eq!(sum, value.wrapping_mul(count), "every value is what was put in");
        black_box(sum);
    }
}
