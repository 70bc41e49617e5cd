//! A heap's cell is where a core keeps the own heap of a process: one turn of it at a time, and none after its end.

use levada_local::{Collected, LocalHeap, Rootable};
use std::any::{Any, type_name};
use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

/// The own heap of a process, whatever the type of its root.
pub(crate) trait AnyHeap {
    /// Collects what is due.
    fn end_turn(&self) -> Collected;

    /// Gives back all chunks of the core's pool.
    fn rest(&self);

    /// All that it is charged; nothing while it is being used.
    fn used_bytes(&self) -> u64;

    /// Undoes it: whoever still has a handle has nothing in it.
    fn end(&self);

    /// What its root is called.
    fn root_name(&self) -> &'static str;

    fn into_any(self: Rc<Self>) -> Rc<dyn Any>;
}

/// The own heap of a process; empty before its root is made, and after its process.
pub(crate) struct HeapCell<R: Rootable>(RefCell<Option<LocalHeap<R>>>);

impl<R: Rootable> HeapCell<R> {
    pub(crate) fn new() -> Self {
        Self(RefCell::new(None))
    }

    /// Makes the heap, unless it is there.
    pub(crate) fn make(&self, make: impl FnOnce() -> LocalHeap<R>) {
        let mut heap = self.0.try_borrow_mut();
        let heap = heap.as_mut().expect("a heap is not asked for by what makes its root");
        if heap.is_none() {
            **heap = Some(make());
        }
    }

    /// Lends the heap.
    pub(crate) fn with<T>(&self, act: impl FnOnce(&mut LocalHeap<R>) -> T) -> T {
        let mut heap = self.0.try_borrow_mut();
        let heap = heap.as_mut().expect("a heap is not entered again while a turn of it runs");
        act(heap.as_mut().expect("a heap ends with its process"))
    }
}

impl<R: Rootable> AnyHeap for HeapCell<R> {
    fn end_turn(&self) -> Collected {
        self.0.borrow_mut().as_mut().map_or_else(Collected::default, LocalHeap::end_turn)
    }

    fn rest(&self) {
        if let Some(heap) = self.0.borrow_mut().as_mut() {
            heap.rest();
        }
    }

    fn used_bytes(&self) -> u64 {
        let heap = self.0.try_borrow().ok();
        heap.and_then(|heap| heap.as_ref().map(|heap| heap.gauges().used_bytes)).unwrap_or(0)
    }

    fn end(&self) {
        // Where a core is dropped in a turn of this very heap, the heap stays with its handles.
        let heap = self.0.try_borrow_mut().ok().and_then(|mut heap| heap.take());
        drop(heap);
    }

    fn root_name(&self) -> &'static str {
        type_name::<R>()
    }

    fn into_any(self: Rc<Self>) -> Rc<dyn Any> {
        self
    }
}

impl<R: Rootable> fmt::Debug for HeapCell<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("HeapCell").field(&self.root_name()).finish()
    }
}
