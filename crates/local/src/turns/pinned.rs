//! A pinned object is alive and stays at its address, in turns and between them, until the pin is dropped.

use core::fmt;

use crate::objects::object::Object;
use crate::objects::trace::Rootable;
use crate::spaces::roots::Root;

/// Keeps an object where it is: for foreign code that keeps its address. [`LocalHeap::pin`](crate::LocalHeap::pin) makes it.
pub struct Pinned<R: Rootable> {
    root: Root<R>,
    value: *const u8,
}

impl<R: Rootable> Pinned<R> {
    pub(crate) fn new(root: Root<R>, object: Object) -> Self {
        Self { root, value: object.value().as_ptr() }
    }

    /// The first byte of its value. It may be read while no turn runs, and written by nobody.
    #[must_use]
    pub fn as_ptr(&self) -> *const u8 {
        self.value
    }

    /// The root that keeps it, to be read in turns.
    #[must_use]
    pub fn root(&self) -> &Root<R> {
        &self.root
    }
}

impl<R: Rootable> fmt::Debug for Pinned<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pinned").field(&self.value).finish()
    }
}
