//! A leaf is a value that cannot hold a pointer into the heap; held, it says how much it keeps elsewhere.

use core::ops::{Deref, DerefMut};
use core::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

/// Any value that cannot hold a `Gc`, as `'static` and `Send` prove. It is dropped when its object is collected.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Leaf<T: Send + 'static>(pub T);

impl<T: Send + 'static> Deref for Leaf<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Send + 'static> DerefMut for Leaf<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

/// A leaf that keeps memory outside of the heap, which counts in the pacing of its collections until it is dropped.
/// [`Cx::hold`](crate::Cx::hold) makes it.
#[derive(Debug)]
pub struct Held<T: Send + 'static> {
    value: T,
    counted: Counted,
}

/// So many bytes in a sum, until they are dropped.
#[derive(Debug)]
struct Counted {
    bytes: u64,
    all: Arc<AtomicU64>,
}

impl<T: Send + 'static> Held<T> {
    pub(crate) fn new(value: T, bytes: u64, all: Arc<AtomicU64>) -> Self {
        Self { value, counted: Counted { bytes, all } }
    }

    pub(crate) fn into_value(self) -> T {
        self.value
    }

    /// How many bytes it keeps elsewhere, as was said when it was made.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.counted.bytes
    }
}

impl<T: Send + 'static> Deref for Held<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.value
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.all.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
