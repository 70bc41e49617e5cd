//! A shape is what the collector knows of a type: how long it is, how it is traced, and how it is dropped.
//!
//! One for each type, in the program's constants, aligned to 64 bytes: the low six bits of its address are the header's own.
#![expect(unsafe_code, reason = "calls a type's functions on an address of that type")]

use core::fmt;

use crate::memory::class::Class;
use crate::objects::trace::Trace;
use crate::objects::visitor::Visitor;

/// Of a type, or of a slice of it.
#[repr(C, align(64))]
pub(crate) struct Shape {
    /// Of one element, or of the one value.
    element_bytes: u32,
    align: u16,
    /// Whether its objects have as many as they say; otherwise one.
    pub(crate) is_slice: bool,
    pub(crate) has_pointers: bool,
    /// How long its objects are, where they are no slices.
    whole_bytes: u32,
    /// Of the cells for its objects, where those are all of one length.
    class: Option<Class>,
    trace: unsafe fn(*mut u8, usize, &mut Visitor<'_>),
    drop: Option<unsafe fn(*mut u8, usize)>,
    name: fn() -> &'static str,
}

/// Of the values of a type that may stand in a heap.
#[inline]
pub(crate) fn shape_of<'gc, T: Trace<'gc>>() -> &'static Shape {
    const { &shape::<T>(false) }
}

/// Of slices of such a type.
#[inline]
pub(crate) fn shape_of_slice<'gc, T: Trace<'gc>>() -> &'static Shape {
    const { &shape::<T>(true) }
}

const fn shape<'gc, T: Trace<'gc>>(is_slice: bool) -> Shape {
    assert!(size_of::<T>() < 1 << 31, "a value in a heap is shorter than 2 GiB");
    assert!(align_of::<T>() <= 64, "a value in a heap is aligned to 64 bytes at most");
    let drop: unsafe fn(*mut u8, usize) = drop_all::<T>;
    let align = if align_of::<T>() > 8 { align_of::<T>() } else { 8 };
    let bytes = align + size_of::<T>().next_multiple_of(8);
    let class = if is_slice { None } else { Class::of(bytes, align) };
    #[expect(clippy::cast_possible_truncation, reason = "both are asserted above")]
    Shape {
        element_bytes: size_of::<T>() as u32,
        align: align_of::<T>() as u16,
        is_slice,
        has_pointers: T::HAS_POINTERS,
        whole_bytes: (8 + size_of::<T>()).next_multiple_of(8) as u32,
        class,
        trace: if is_slice { trace_all::<T> } else { trace_one::<T> },
        drop: if core::mem::needs_drop::<T>() { Some(drop) } else { None },
        name: core::any::type_name::<T>,
    }
}

/// # Safety
/// At `first` there is a value of `T`, reached by nobody else.
unsafe fn trace_one<'gc, T: Trace<'gc>>(first: *mut u8, _: usize, visitor: &mut Visitor<'_>) {
    // SAFETY: passed on to the caller.
    unsafe { &mut *first.cast::<T>() }.trace(visitor);
}

/// # Safety
/// From `first` on there are `count` values of `T`, reached by nobody else.
unsafe fn trace_all<'gc, T: Trace<'gc>>(first: *mut u8, count: usize, visitor: &mut Visitor<'_>) {
    // SAFETY: passed on to the caller.
    let all = unsafe { core::slice::from_raw_parts_mut(first.cast::<T>(), count) };
    for one in all {
        one.trace(visitor);
    }
}

/// # Safety
/// As of [`trace_all`]; and they are not used again.
unsafe fn drop_all<T>(first: *mut u8, count: usize) {
    let all = core::ptr::slice_from_raw_parts_mut(first.cast::<T>(), count);
    // SAFETY: passed on to the caller.
    unsafe { all.drop_in_place() };
}

impl Shape {
    /// How long `count` elements are, with the header before them, in whole words.
    #[inline]
    pub(crate) fn object_bytes(&self, count: usize) -> usize {
        // What does not overflow in the room of an address leaves room for seven more.
        (self.value_offset() + self.element_bytes() * count + 7) & !7
    }

    /// How long its objects are, where they are no slices.
    #[inline]
    pub(crate) fn whole_bytes(&self) -> usize {
        self.whole_bytes as usize
    }

    #[inline]
    pub(crate) fn element_bytes(&self) -> usize {
        self.element_bytes as usize
    }

    /// From an object's header to its value.
    #[inline]
    pub(crate) fn value_offset(&self) -> usize {
        if self.is_slice { 16 } else { 8 }
    }

    /// What the address of a value is a multiple of.
    #[inline]
    pub(crate) fn align(&self) -> usize {
        usize::from(self.align).max(8)
    }

    /// From a cell to the header in it, where cells begin at multiples of the alignment.
    #[inline]
    pub(crate) fn lead_bytes(&self) -> usize {
        self.align().max(self.value_offset()) - self.value_offset()
    }

    #[inline]
    pub(crate) fn class(&self) -> Option<Class> {
        self.class
    }

    #[inline]
    pub(crate) fn needs_drop(&self) -> bool {
        self.drop.is_some()
    }

    /// # Safety
    /// From `first` on there are `count` values of the shape's type, reached by nobody else.
    #[inline]
    pub(crate) unsafe fn trace(&self, first: *mut u8, count: usize, visitor: &mut Visitor<'_>) {
        // SAFETY: passed on to the caller.
        unsafe { (self.trace)(first, count, visitor) };
    }

    /// # Safety
    /// As of [`Self::trace`]; and they are not used again.
    pub(crate) unsafe fn drop_values(&self, first: *mut u8, count: usize) {
        if let Some(drop) = self.drop {
            // SAFETY: passed on to the caller.
            unsafe { drop(first, count) };
        }
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str((self.name)())
    }
}
