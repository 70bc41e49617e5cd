//! A line keeps what one core writes away from what another reads.

use std::ops::Deref;

/// A value on cache lines of its own: 128 B, since processors fetch lines in pairs.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct Line<T>(T);

impl<T> Line<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(value)
    }
}

impl<T> Deref for Line<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}
