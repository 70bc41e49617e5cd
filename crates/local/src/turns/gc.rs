//! A `Gc` is a pointer to an object, good for one turn: the brand keeps it there, so that between turns objects may move.
#![expect(unsafe_code, reason = "reads what it points to; see the invariants of `Gc`")]

use core::fmt;
use core::marker::PhantomData;
use core::ops::Deref;
use core::ptr::NonNull;

use crate::objects::object::Object;
use crate::objects::trace::Trace;
use crate::objects::visitor::Visitor;

/// A brand: one turn of one heap. Neither longer nor shorter will do.
pub(crate) type Brand<'gc> = PhantomData<core::cell::Cell<&'gc ()>>;

/// From a header to a single value, and to the elements of a slice.
pub(crate) const VALUE_OFFSET: usize = 8;
pub(crate) const ELEMENTS_OFFSET: usize = 16;

/// A pointer to a value in the heap: one word, copied freely, and good until the end of the turn, or for as long as the object
/// lives that it stands in.
///
/// # Invariants
/// 1. It leads to the value of an object of the turn's heap, which lives and stays where it is until the turn is over: it came from an
///    allocation or a root in this turn, or out of an object that another such leads to.
/// 2. Outside of a turn it is only shown to visitors, which bring it up to date.
pub struct Gc<'gc, T> {
    value: NonNull<T>,
    brand: Brand<'gc>,
}

impl<'gc, T> Gc<'gc, T> {
    /// # Safety
    /// The object's value is a `T`, and is there; the object is of the heap whose turn the brand is.
    #[inline]
    pub(crate) unsafe fn of(object: Object) -> Self {
        // SAFETY: promised by the caller.
        let value = unsafe { object.header().add(VALUE_OFFSET) };
        Self { value: value.cast(), brand: PhantomData }
    }

    /// The value.
    #[inline]
    #[must_use]
    pub fn get(self) -> &'gc T {
        // SAFETY: invariant 1; who writes does it through cells.
        unsafe { self.value.as_ref() }
    }

    /// Whether both are the same object.
    #[inline]
    #[must_use]
    pub fn same(self, other: Self) -> bool {
        self.value == other.value
    }

    #[inline]
    pub(crate) fn object(self) -> Object {
        // SAFETY: invariant 1: the header stands before the value.
        Object::at(unsafe { self.value.cast::<u8>().sub(VALUE_OFFSET) })
    }
}

impl<T> Clone for Gc<'_, T> {
    #[inline]
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Gc<'_, T> {}

impl<'gc, T: 'gc> Deref for Gc<'gc, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        self.get()
    }
}

impl<'gc, T: fmt::Debug + 'gc> fmt::Debug for Gc<'gc, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

// SAFETY: shows the one pointer that it is.
unsafe impl<'gc, T: Trace<'gc>> Trace<'gc> for Gc<'gc, T> {
    #[inline]
    fn trace(&mut self, visitor: &mut Visitor<'_>) {
        let header = visitor.reach(self.object().header());
        // SAFETY: the visitor says where the object is now, whose value stands behind the header.
        self.value = unsafe { header.add(VALUE_OFFSET) }.cast();
    }
}

/// A pointer to a run of values in the heap, as many as there were when it was made: one word.
///
/// # Invariants
/// As of [`Gc`], with the object's elements in the place of its value.
pub struct GcSlice<'gc, T> {
    first: NonNull<T>,
    brand: Brand<'gc>,
}

impl<'gc, T> GcSlice<'gc, T> {
    /// # Safety
    /// The object is a slice whose elements are `T`s, and is of the heap whose turn the brand is.
    #[inline]
    pub(crate) unsafe fn of(object: Object) -> Self {
        // SAFETY: promised by the caller.
        let first = unsafe { object.header().add(ELEMENTS_OFFSET) };
        Self { first: first.cast(), brand: PhantomData }
    }

    /// The values.
    #[inline]
    #[must_use]
    pub fn get(self) -> &'gc [T] {
        // SAFETY: invariant 1 of `Gc`; the count stands before the first.
        unsafe { core::slice::from_raw_parts(self.first.as_ptr(), self.object().count()) }
    }

    /// Whether both are the same run.
    #[inline]
    #[must_use]
    pub fn same(self, other: Self) -> bool {
        self.first == other.first
    }

    #[inline]
    pub(crate) fn object(self) -> Object {
        // SAFETY: invariant 1 of `Gc`: the header stands before the count, and that before the first.
        Object::at(unsafe { self.first.cast::<u8>().sub(ELEMENTS_OFFSET) })
    }
}

impl<T> Clone for GcSlice<'_, T> {
    #[inline]
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for GcSlice<'_, T> {}

impl<'gc, T: 'gc> Deref for GcSlice<'gc, T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        self.get()
    }
}

impl<'gc, T: fmt::Debug + 'gc> fmt::Debug for GcSlice<'gc, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

// SAFETY: shows the one pointer that it is.
unsafe impl<'gc, T: Trace<'gc>> Trace<'gc> for GcSlice<'gc, T> {
    #[inline]
    fn trace(&mut self, visitor: &mut Visitor<'_>) {
        let header = visitor.reach(self.object().header());
        // SAFETY: the visitor says where the object is now, whose elements stand behind its count.
        self.first = unsafe { header.add(ELEMENTS_OFFSET) }.cast();
    }
}

/// Text in the heap: one word.
#[derive(Clone, Copy)]
pub struct GcText<'gc>(GcSlice<'gc, u8>);

impl<'gc> GcText<'gc> {
    /// # Safety
    /// The bytes are UTF-8.
    pub(crate) unsafe fn of(bytes: GcSlice<'gc, u8>) -> Self {
        Self(bytes)
    }

    /// The text.
    #[inline]
    #[must_use]
    pub fn get(self) -> &'gc str {
        // SAFETY: promised where it was made; bytes of a slice are never written.
        unsafe { core::str::from_utf8_unchecked(self.0.get()) }
    }

    /// Whether both are the same object.
    #[inline]
    #[must_use]
    pub fn same(self, other: Self) -> bool {
        self.0.same(other.0)
    }
}

impl Deref for GcText<'_> {
    type Target = str;

    #[inline]
    fn deref(&self) -> &str {
        self.get()
    }
}

impl fmt::Debug for GcText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

impl fmt::Display for GcText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

// SAFETY: shows the one pointer that it is.
unsafe impl<'gc> Trace<'gc> for GcText<'gc> {
    #[inline]
    fn trace(&mut self, visitor: &mut Visitor<'_>) {
        self.0.trace(visitor);
    }
}
