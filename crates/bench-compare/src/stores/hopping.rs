//! Hopping: each value holds the handle of the next, somewhere else; no processor can ask for it early.

use std::hint::black_box;

use crate::loops::turns::Loop;
use crate::stores::dice::Dice;
use crate::stores::store::Store;

pub(crate) struct Hopping<S: Store> {
    store: S,
    at: S::Handle,
}

/// Fills a store with one circle of values in no order.
///
/// A value is written once and holds a handle that may be given later; so the same puts are made twice, in two new stores:
/// the first tells the handles, which the second gives again.
/// # Errors
/// If the second gives others.
pub(crate) fn hopping<S: Store + 'static>(
    make: impl Fn() -> S,
    (value_bytes, count): (usize, u64),
) -> Result<Vec<Box<dyn Loop>>, String> {
    let mut value = vec![0; value_bytes];
    let mut first = make();
    let handles: Vec<_> = (0..count).map(|_| first.put(&value)).collect();
    drop(first);
    let next = Dice::from_seed(count).circle(u32::try_from(count).map_err(|_| "too many")?);
    let mut store = make();
    for (handle, next) in handles.iter().zip(&next) {
        let word = S::word_of(handles[*next as usize]);
        value[..8].copy_from_slice(&word.to_le_bytes());
        if S::word_of(store.put(&value)) != S::word_of(*handle) {
            return Err("a new store gives other handles for the same puts".to_owned());
        }
    }
    let at = *handles.first().ok_or("no values")?;
    Ok(vec![Box::new(Hopping { store, at })])
}

impl<S: Store> Loop for Hopping<S> {
    fn run(&mut self, count: u64) {
        self.at = black_box(self.store.hop(self.at, count));
    }
}
