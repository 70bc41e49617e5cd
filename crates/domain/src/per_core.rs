//! A per-core value is one that each core has of its own, for all its processes: a cache in front of a service, counters.
//!
//! It is the one thing that processes of a core share and can change, so it is lent for a closure at a time, never across
//! an await: no process sees it half-changed. If a closure panics, its process ends and the value with it; the next who
//! asks finds a fresh one.

use core::fmt;
use core::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::here;

/// The right to use one value of each core; clones name the same.
pub struct PerCore<T> {
    number: usize,
    make: Arc<dyn Fn() -> T + Send + Sync>,
    value: PhantomData<fn() -> T>,
}

/// Numbers are never used again: a domain is an OS process, and makes a handful.
static NEXT: AtomicUsize = AtomicUsize::new(0);

impl<T: 'static> PerCore<T> {
    /// A value for each core, made there when it is first used.
    pub fn new(make: impl Fn() -> T + Send + Sync + 'static) -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Self { number, make: Arc::new(make), value: PhantomData }
    }

    /// Lends this core's value to `use_it`.
    ///
    /// # Panics
    /// Elsewhere than on a core, and if `use_it` asks for the same value again.
    pub fn with<R>(&self, use_it: impl FnOnce(&mut T) -> R) -> R {
        here::with(|lent| {
            let mut value = match lent.values.take(self.number) {
                Some(value) => value.downcast::<T>().expect("a number is given to one type"),
                None => Box::new((self.make)()),
            };
            let result = use_it(&mut value);
            lent.values.put(self.number, value);
            result
        })
    }
}

impl<T> Clone for PerCore<T> {
    fn clone(&self) -> Self {
        Self { number: self.number, make: Arc::clone(&self.make), value: PhantomData }
    }
}

impl<T> fmt::Debug for PerCore<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PerCore").field(&self.number).finish()
    }
}
