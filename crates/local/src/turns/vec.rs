//! A vector in the heap: a length and a run of places, exchanged for a longer one when it is full.

use core::fmt;

use crate::limits::Full;
use crate::objects::trace::{Rootable, Trace};
use crate::turns::cx::Cx;
use crate::turns::gc::{Gc, GcSlice};
use crate::turns::lock::Lock;
use levada_derive::Trace;

/// A place is empty behind the vector's length.
type Places<'gc, T> = GcSlice<'gc, Lock<Option<T>>>;

/// A growing row of values that are copied out and in, such as pointers and numbers. One word; copies of it are the same vector.
///
/// ```
/// # use levada_local::{GcVec, LocalHeap, Pool};
/// # let mut heap = LocalHeap::<()>::new(&Pool::default(), Default::default(), |_| ());
/// # heap.enter(|cx, ()| {
/// let primes = GcVec::new(cx);
/// [2, 3, 5].map(|prime| primes.push(cx, prime));
/// assert_eq!((primes.get(1), primes.pop(cx), primes.len()), (Some(3), Some(5), 2));
/// # });
/// ```
#[derive(Trace)]
#[trace(crate = "crate")]
pub struct GcVec<'gc, T>(Gc<'gc, Body<'gc, T>>);

#[derive(Trace)]
#[trace(crate = "crate")]
struct Body<'gc, T> {
    length: Lock<usize>,
    places: Lock<Option<Places<'gc, T>>>,
}

impl<'gc, T: Trace<'gc> + Copy + 'gc> GcVec<'gc, T> {
    /// An empty vector: it takes 24 B until something is pushed.
    ///
    /// # Panics
    /// As [`Cx::alloc`].
    pub fn new(cx: &Cx<'gc>) -> Self {
        Self(cx.alloc(Body { length: Lock::new(0), places: Lock::new(None) }))
    }

    /// How many there are.
    #[must_use]
    pub fn len(self) -> usize {
        self.0.get().length.get()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The value at an index.
    #[must_use]
    pub fn get(self, index: usize) -> Option<T> {
        self.0.get().places.get()?.get().get(index)?.get()
    }

    /// Puts a value in the place of another, which it gives; one that is not there stays so, and the value comes back.
    ///
    /// # Errors
    /// The value, where there is none at that index.
    pub fn set(self, cx: &Cx<'gc>, index: usize, value: T) -> Result<T, T> {
        let places = self.0.get().places.get().filter(|_| index < self.len());
        let before = places.and_then(|places| places.write_at(cx, index).replace(Some(value)));
        before.ok_or(value)
    }

    /// Adds a value at the end.
    ///
    /// # Panics
    /// As [`Cx::alloc`].
    pub fn push(self, cx: &Cx<'gc>, value: T) {
        assert!(self.try_push(cx, value).is_ok(), "the heap is at its limit");
    }

    /// As [`Self::push`].
    ///
    /// # Errors
    /// [`Full`], with the value, as [`Cx::try_alloc`].
    pub fn try_push(self, cx: &Cx<'gc>, value: T) -> Result<(), Full<T>> {
        let (body, length) = (self.0.get(), self.len());
        let places = match body.places.get().filter(|places| length < places.get().len()) {
            Some(places) => places,
            None => self.grow(cx, length).ok_or(Full(value))?,
        };
        places.write_at(cx, length).set(Some(value));
        self.0.write(cx).field(|body| &body.length).set(length + 1);
        Ok(())
    }

    fn grow(self, cx: &Cx<'gc>, length: usize) -> Option<Places<'gc, T>> {
        let room = (length * 2).max(4);
        let items = (0..room).map(|index| Lock::new(self.get(index)));
        let places = cx.try_slice(items).ok()?;
        self.0.write(cx).field(|body| &body.places).set(Some(places));
        Some(places)
    }

    /// Takes the last value.
    pub fn pop(self, cx: &Cx<'gc>) -> Option<T> {
        let last = self.len().checked_sub(1)?;
        let places = self.0.get().places.get()?;
        let value = places.write_at(cx, last).replace(None);
        self.0.write(cx).field(|body| &body.length).set(last);
        value
    }

    /// Copies of the values, in order.
    pub fn iter(self) -> impl Iterator<Item = T> {
        (0..self.len()).filter_map(move |index| self.get(index))
    }
}

impl<T> Clone for GcVec<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for GcVec<'_, T> {}

impl<'gc, T: Trace<'gc> + Copy + fmt::Debug + 'gc> fmt::Debug for GcVec<'gc, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<R: Rootable> Rootable for GcVec<'static, R> {
    type Of<'gc> = GcVec<'gc, R::Of<'gc>>;
}
