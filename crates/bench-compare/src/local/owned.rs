//! An owned value is a `Box` over an allocator that is named where it is made, and not the program's.
//!
//! The program's own has a branch before each call, by which it is chosen; a figure of 10 ns would feel that.
#![expect(unsafe_code, reason = "takes memory of an allocator and gives it back")]

use std::alloc::{GlobalAlloc, Layout, System, handle_alloc_error};
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

use mimalloc::MiMalloc;

/// Which allocator is meant.
pub(crate) trait Source: Send + 'static {
    type By: GlobalAlloc;
    const BY: Self::By;
}

#[derive(Debug)]
pub(crate) enum Glibc {}

impl Source for Glibc {
    type By = System;
    const BY: System = System;
}

#[derive(Debug)]
pub(crate) enum Mimalloc {}

impl Source for Mimalloc {
    type By = MiMalloc;
    const BY: MiMalloc = MiMalloc;
}

/// A value in memory of `S`.
///
/// # Invariants
/// 1. `place` was taken from `S` for a `T`, which is there, and is nobody else's.
#[derive(Debug)]
pub(crate) struct Owned<T, S: Source> {
    place: NonNull<T>,
    owns: PhantomData<(T, S)>,
}

// SAFETY: it is its value, and memory that any thread may give back.
unsafe impl<T: Send, S: Source> Send for Owned<T, S> {}

impl<T, S: Source> Owned<T, S> {
    #[inline]
    pub(crate) fn new(value: T) -> Self {
        const { assert!(size_of::<T>() > 0, "an allocator is asked for some bytes") };
        let layout = Layout::new::<T>();
        // SAFETY: the layout has a length.
        let place = unsafe { S::BY.alloc(layout) };
        let Some(place) = NonNull::new(place.cast::<T>()) else { handle_alloc_error(layout) };
        // SAFETY: just taken, for such a value.
        unsafe { place.write(value) };
        Self { place, owns: PhantomData }
    }
}

impl<T, S: Source> Deref for Owned<T, S> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: invariant 1.
        unsafe { self.place.as_ref() }
    }
}

impl<T, S: Source> DerefMut for Owned<T, S> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: invariant 1.
        unsafe { self.place.as_mut() }
    }
}

impl<T, S: Source> Drop for Owned<T, S> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: invariant 1; it is not used again.
        unsafe { self.place.drop_in_place() };
        // SAFETY: invariant 1: taken with this layout.
        unsafe { S::BY.dealloc(self.place.as_ptr().cast(), Layout::new::<T>()) };
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_value_is_dropped_once_and_can_be_changed_before() {
        let shared = Arc::new(7);
        let mut owned = Owned::<_, Mimalloc>::new((Arc::clone(&shared), 1_u64));
        owned.1 += 1;
        assert_eq!((Arc::strong_count(&shared), owned.1), (2, 2));
        drop(owned);
        assert_eq!(Arc::strong_count(&shared), 1);
    }
}
