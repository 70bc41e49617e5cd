//! A `Cx` is what a turn may do with its heap: make objects, read roots, pass barriers. It cannot collect.
#![expect(unsafe_code, reason = "writes values behind the headers that it was given")]

use crate::limits::Full;
use crate::objects::held::Held;
use crate::objects::object::Object;
use crate::objects::shape::{Shape, shape_of, shape_of_slice};
use crate::objects::trace::{Rootable, Trace};
use crate::spaces::roots::Root;
use crate::spaces::space::Space;
use crate::turns::gc::{Brand, Gc, GcSlice, GcText, VALUE_OFFSET};
use crate::turns::lock::Write;

/// One turn's leave to use its heap.
#[derive(Debug)]
#[repr(transparent)]
pub struct Cx<'gc> {
    space: Space,
    brand: Brand<'gc>,
}

/// What the plain forms say at the limit.
const AT_LIMIT: &str =
    "the heap is at its limit: use the `try_` form where a peer can make it grow";

/// What is said to be longer fits in no memory; below, no sum of its length and of what stands around it overflows.
const SLICE_BYTES_MAX: usize = 1 << 46;

impl<'gc> Cx<'gc> {
    /// # Safety
    /// Nobody else has the brand, and while it lives nothing in the space moves or goes.
    pub(crate) unsafe fn of(space: &'gc Space) -> &'gc Self {
        let this = core::ptr::from_ref(space).cast::<Self>();
        // SAFETY: the same layout; the promise is the caller's.
        unsafe { &*this }
    }

    /// Puts a value into the heap: in the nursery, or, if it is long, in the stable space.
    ///
    /// Cost: for up to 256 B some five instructions and the write of the value.
    ///
    /// # Panics
    /// At the heap's hard limit, or where its pool has no more memory.
    #[inline]
    pub fn alloc<T: Trace<'gc>>(&self, value: T) -> Gc<'gc, T> {
        self.try_alloc(value).unwrap_or_else(|_| panic!("{AT_LIMIT}"))
    }

    /// As [`Self::alloc`].
    ///
    /// # Errors
    /// [`Full`], with the value, at the heap's hard limit, or where its pool has no more memory.
    #[inline]
    pub fn try_alloc<T: Trace<'gc>>(&self, value: T) -> Result<Gc<'gc, T>, Full<T>> {
        let is_young = size_of::<T>() <= 256
            || size_of::<T>() <= self.space.pool.pacing().nursery_object_bytes_max;
        if !is_young {
            return self.try_alloc_stable(value);
        }
        let Some(object) = self.space.take_young(shape_of::<T>(), 1) else {
            return Err(Full(value));
        };
        if core::mem::needs_drop::<T>() {
            self.space.note_drop(object);
        }
        // SAFETY: it was just made for such a value.
        Ok(unsafe { Self::fill(object, value) })
    }

    /// Puts a value where it never moves.
    ///
    /// # Panics
    /// As [`Self::alloc`].
    #[inline]
    pub fn alloc_stable<T: Trace<'gc>>(&self, value: T) -> Gc<'gc, T> {
        self.try_alloc_stable(value).unwrap_or_else(|_| panic!("{AT_LIMIT}"))
    }

    /// As [`Self::alloc_stable`].
    ///
    /// # Errors
    /// As [`Self::try_alloc`].
    pub fn try_alloc_stable<T: Trace<'gc>>(&self, value: T) -> Result<Gc<'gc, T>, Full<T>> {
        let Some(object) = self.space.take_stable(shape_of::<T>(), 1) else {
            return Err(Full(value));
        };
        // SAFETY: it was just made for such a value.
        Ok(unsafe { Self::fill(object, value) })
    }

    /// # Safety
    /// The object was made for a `T`, of which there is none yet.
    #[inline]
    unsafe fn fill<T>(object: Object, value: T) -> Gc<'gc, T> {
        // SAFETY: promised by the caller; the value stands behind the header.
        let place = unsafe { object.header().add(VALUE_OFFSET) };
        // SAFETY: as above.
        unsafe { place.cast::<T>().write(value) };
        // SAFETY: the value is there.
        unsafe { Gc::of(object) }
    }

    /// Puts a run of values into the heap. What comes from `items` beyond its length is left there; fewer make a shorter run.
    ///
    /// # Panics
    /// As [`Self::alloc`]; and where `items` does: what came before stays in the heap until it is collected.
    pub fn slice<T: Trace<'gc>>(&self, items: impl ExactSizeIterator<Item = T>) -> GcSlice<'gc, T> {
        self.try_slice(items).unwrap_or_else(|_| panic!("{AT_LIMIT}"))
    }

    /// As [`Self::slice`].
    ///
    /// # Errors
    /// [`Full`], with all items, as [`Self::try_alloc`].
    pub fn try_slice<T: Trace<'gc>, I: ExactSizeIterator<Item = T>>(
        &self,
        items: I,
    ) -> Result<GcSlice<'gc, T>, Full<I>> {
        let count = items.len();
        let shape = shape_of_slice::<T>();
        let Some(object) = self.take_slice(shape, count) else { return Err(Full(items)) };
        // An item that is made may allocate, and may panic: at each moment the run is as long as it is filled.
        let mut filling = Filling { object, count, filled: 0 };
        if core::mem::needs_drop::<T>() && !object.is_stable() {
            self.space.note_drop(object);
        }
        for item in items.take(count) {
            // SAFETY: the object was made for so many elements.
            let place = unsafe { object.value().cast::<T>().add(filling.filled) };
            // SAFETY: as above.
            unsafe { place.write(item) };
            filling.filled += 1;
        }
        drop(filling);
        // SAFETY: a slice of such elements.
        Ok(unsafe { GcSlice::of(object) })
    }

    fn take_slice(&self, shape: &'static Shape, count: usize) -> Option<Object> {
        let bytes = shape.element_bytes().checked_mul(count)?;
        if bytes > SLICE_BYTES_MAX {
            return None;
        }
        if bytes <= self.space.pool.pacing().nursery_object_bytes_max {
            self.space.take_young(shape, count)
        } else {
            self.space.take_stable(shape, count)
        }
    }

    /// Copies text into the heap.
    ///
    /// # Panics
    /// As [`Self::alloc`].
    pub fn text(&self, text: &str) -> GcText<'gc> {
        self.try_text(text).unwrap_or_else(|_| panic!("{AT_LIMIT}"))
    }

    /// As [`Self::text`].
    ///
    /// # Errors
    /// [`Full`], as [`Self::try_alloc`].
    pub fn try_text(&self, text: &str) -> Result<GcText<'gc>, Full<()>> {
        let shape = shape_of_slice::<u8>();
        let object = self.take_slice(shape, text.len()).ok_or(Full(()))?;
        // SAFETY: the object was made for so many bytes, and nobody has it yet.
        unsafe { object.value().as_ptr().copy_from_nonoverlapping(text.as_ptr(), text.len()) };
        // SAFETY: a slice of bytes.
        let bytes = unsafe { GcSlice::of(object) };
        // SAFETY: which are those of a text.
        Ok(unsafe { GcText::of(bytes) })
    }

    /// Puts a value into the heap that keeps `bytes` of memory elsewhere: they count as if they were born in the nursery, and for as
    /// long as the value lives towards the next stable collection.
    ///
    /// # Panics
    /// As [`Self::alloc`].
    pub fn hold<T: Send + 'static>(&self, value: T, bytes: u64) -> Gc<'gc, Held<T>> {
        self.try_hold(value, bytes).unwrap_or_else(|_| panic!("{AT_LIMIT}"))
    }

    /// As [`Self::hold`].
    ///
    /// # Errors
    /// As [`Self::try_alloc`].
    pub fn try_hold<T: Send + 'static>(
        &self,
        value: T,
        bytes: u64,
    ) -> Result<Gc<'gc, Held<T>>, Full<T>> {
        let held = self.space.hold(bytes);
        self.try_alloc(Held::new(value, bytes, held)).map_err(|full| Full(full.0.into_value()))
    }

    /// Keeps an object beyond the turn.
    pub fn root<R: Rootable>(&self, gc: Gc<'gc, R::Of<'gc>>) -> Root<R> {
        Root::new(self.space.keep(gc.object()))
    }

    /// The object that a root keeps.
    ///
    /// # Panics
    /// If the root was made in another heap.
    #[inline]
    pub fn get<R: Rootable>(&self, root: &Root<R>) -> Gc<'gc, R::Of<'gc>> {
        let object = root.handle.object(self.space.number());
        // SAFETY: the entry keeps an object of this heap, whose value was a `R::Of` in the brand of another turn.
        unsafe { Gc::of(object) }
    }

    /// Whether the turn should end soon, since its end has something to collect or the heap is above its soft limit.
    #[inline]
    #[must_use]
    pub fn should_yield(&self) -> bool {
        self.space.should_yield()
    }

    pub(crate) fn space(&self) -> &Space {
        &self.space
    }
}

/// A run that is being filled.
struct Filling {
    object: Object,
    count: usize,
    filled: usize,
}

impl Drop for Filling {
    fn drop(&mut self) {
        if self.filled == self.count {
            return;
        }
        // Whoever walks over the nursery finds zeros behind what was filled.
        let (before, after) = (self.object.bytes(), {
            self.object.set_count(self.filled);
            self.object.bytes()
        });
        let end = self.object.header().as_ptr().wrapping_add(after);
        // SAFETY: the object was made with so many bytes.
        unsafe { end.write_bytes(0, before - after) };
    }
}

impl<'gc, T> Gc<'gc, T> {
    /// The right to write the value in this turn: the collector is told that it may.
    ///
    /// Cost: a load and a compare; for a stable object, once between collections, an entry in a list.
    #[inline]
    #[must_use]
    pub fn write(self, cx: &Cx<'gc>) -> &'gc Write<T> {
        cx.space.write(self.object());
        // SAFETY: the barrier was passed.
        unsafe { Write::of(self.get()) }
    }
}

impl<'gc, T> GcSlice<'gc, T> {
    /// The right to write one of the values in this turn.
    ///
    /// # Panics
    /// If there is no such value.
    #[inline]
    #[must_use]
    pub fn write_at(self, cx: &Cx<'gc>, index: usize) -> &'gc Write<T> {
        let value = &self.get()[index];
        cx.space.write_at(self.object(), index);
        // SAFETY: the barrier was passed for this one.
        unsafe { Write::of(value) }
    }
}
