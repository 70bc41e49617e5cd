//! The face of weak pointers: made of a `Gc`, kept in objects, asked whether theirs is still there.
#![expect(unsafe_code, reason = "gives the type back to what a cell leads to")]

use core::cell::Cell;
use core::fmt;
use core::marker::PhantomData;
use core::ptr::NonNull;

use crate::limits::Full;
use crate::objects::object::Object;
use crate::objects::trace::{Rootable, Trace};
use crate::objects::visitor::Visitor;
use crate::spaces::weak::Target;
use crate::turns::cx::Cx;
use crate::turns::gc::Gc;

/// A pointer to an object that does not keep it: [`GcWeak::upgrade`] gives it for as long as something else does. One word, and
/// 16 bytes in the heap for each call of [`Gc::downgrade`].
pub struct GcWeak<'gc, T> {
    cell: Gc<'gc, Target>,
    kind: PhantomData<Gc<'gc, T>>,
}

impl<'gc, T> Gc<'gc, T> {
    /// A pointer that does not keep the object.
    ///
    /// # Panics
    /// As [`Cx::alloc`].
    pub fn downgrade(self, cx: &Cx<'gc>) -> GcWeak<'gc, T> {
        self.try_downgrade(cx).expect("the heap is at its limit")
    }

    /// As [`Self::downgrade`].
    ///
    /// # Errors
    /// As [`Cx::try_alloc`].
    pub fn try_downgrade(self, cx: &Cx<'gc>) -> Result<GcWeak<'gc, T>, Full<()>> {
        let target = Target(Cell::new(self.object().header().as_ptr()));
        let cell = cx.try_alloc(target).map_err(|_| Full(()))?;
        cx.space().note_weak(cell.object());
        Ok(GcWeak { cell, kind: PhantomData })
    }
}

impl<'gc, T> GcWeak<'gc, T> {
    /// The object, if something else has kept it through the last collection of its depth.
    #[must_use]
    pub fn upgrade(self) -> Option<Gc<'gc, T>> {
        let header = NonNull::new(self.cell.get().0.get())?;
        // SAFETY: a cell leads to the object that it was made for, or is emptied when that goes.
        Some(unsafe { Gc::of(Object::at(header)) })
    }
}

impl<T> Clone for GcWeak<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for GcWeak<'_, T> {}

impl<T> fmt::Debug for GcWeak<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.cell.get().0.get().is_null() { "GcWeak(gone)" } else { "GcWeak" })
    }
}

// SAFETY: shows the pointer to its cell; that to the object is no reason to keep it.
unsafe impl<'gc, T: Trace<'gc>> Trace<'gc> for GcWeak<'gc, T> {
    fn trace(&mut self, visitor: &mut Visitor<'_>) {
        self.cell.trace(visitor);
    }
}

impl<R: Rootable> Rootable for GcWeak<'static, R> {
    type Of<'gc> = GcWeak<'gc, R::Of<'gc>>;
}
