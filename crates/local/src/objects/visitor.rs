//! A visitor is shown every pointer of an object, and may put another address in its place.

use core::fmt;
use core::ptr::NonNull;

/// What a collection does with the objects that it is led to.
pub(crate) trait Reach {
    /// Takes the address of an object's header; says where the object is now.
    fn reach(&mut self, header: NonNull<u8>) -> NonNull<u8>;
}

/// What [`Trace::trace`](crate::Trace::trace) shows its pointers to: by calling `trace` of each field.
pub struct Visitor<'a> {
    reach: &'a mut dyn Reach,
}

impl<'a> Visitor<'a> {
    pub(crate) fn new(reach: &'a mut dyn Reach) -> Self {
        Self { reach }
    }

    #[inline]
    pub(crate) fn reach(&mut self, header: NonNull<u8>) -> NonNull<u8> {
        self.reach.reach(header)
    }
}

impl fmt::Debug for Visitor<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Visitor")
    }
}
