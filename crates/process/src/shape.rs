//! A shape is what the queues need to know of a message's type where they no longer know the type.
//!
//! Up to 472 B a message is carried as it is; above that, or aligned to more than 16 B, it is boxed and its box is carried.
#![expect(unsafe_code, reason = "values are moved as bytes; all of it is in `raw` below")]

pub(crate) use raw::Shape;

/// The largest message that is carried without a box.
pub(crate) const INLINE_BYTES_MAX: usize = 472;
/// The strictest alignment of a message that is carried without a box.
pub(crate) const ALIGN_MAX: usize = 16;

#[expect(clippy::cast_ptr_alignment, reason = "who hands in an address vouches for its alignment")]
mod raw {
    use super::{ALIGN_MAX, INLINE_BYTES_MAX};
    use crate::message::{Message, Visit};
    use std::any::type_name;
    use std::fmt;

    /// How values of one type are carried.
    /// # Invariants
    /// 1. All functions are those of one type `M`. What is *carried* is an `M`, or the address of a boxed one if `M` is large.
    /// 2. `carried_bytes` and `carried_align` are those of what is carried.
    pub(crate) struct Shape {
        name: fn() -> &'static str,
        pub(crate) carried_bytes: usize,
        pub(crate) carried_align: usize,
        pub(crate) flat: bool,
        pub(crate) boxed: bool,
        /// Whether it may carry what is charged to an account.
        pub(crate) charges: bool,
        /// What a value weighs, if it is flat.
        pub(crate) weight_bytes: u32,
        load: unsafe fn(*mut u8, *mut u8),
        unload: unsafe fn(*mut u8, *mut u8),
        visit: unsafe fn(*mut u8, &mut Visit<'_>),
        dispose: unsafe fn(*mut u8),
    }

    impl fmt::Debug for Shape {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.name())
        }
    }

    struct Of<M>(M);

    impl<M: Message> Of<M> {
        const BOXED: bool = size_of::<M>() > INLINE_BYTES_MAX || align_of::<M>() > ALIGN_MAX;

        #[expect(clippy::cast_possible_truncation, reason = "compared in the same line")]
        const SHAPE: Shape = Shape {
            name: type_name::<M>,
            carried_bytes: if Self::BOXED { size_of::<*mut M>() } else { size_of::<M>() },
            carried_align: if Self::BOXED { align_of::<*mut M>() } else { align_of::<M>() },
            flat: M::FLAT,
            boxed: Self::BOXED,
            charges: M::CHARGES,
            weight_bytes: if size_of::<M>() > u32::MAX as usize {
                u32::MAX
            } else {
                size_of::<M>() as u32
            },
            load: load::<M>,
            unload: unload::<M>,
            visit: visit::<M>,
            dispose: dispose::<M>,
        };
    }

    impl Shape {
        /// The shape of `M`.
        pub(crate) const fn of<M: Message>() -> &'static Self {
            const { &Of::<M>::SHAPE }
        }

        pub(crate) fn name(&self) -> &'static str {
            (self.name)()
        }

        /// Moves a value into `carried`.
        /// # Safety
        /// `value` holds an `M`, which is moved out; `carried` takes `carried_bytes` and is aligned for them.
        pub(crate) unsafe fn load(&self, value: *mut u8, carried: *mut u8) {
            // SAFETY: the caller's word, and invariant 1.
            unsafe { (self.load)(value, carried) }
        }

        /// Moves what is carried out into `value`.
        /// # Safety
        /// `carried` holds what `load` made, which is moved out; `value` takes an `M`.
        pub(crate) unsafe fn unload(&self, carried: *mut u8, value: *mut u8) {
            // SAFETY: the caller's word, and invariant 1.
            unsafe { (self.unload)(carried, value) }
        }

        /// Shows a visitor what is carried.
        /// # Safety
        /// `carried` holds what `load` made, and nobody else looks at it.
        pub(crate) unsafe fn visit(&self, carried: *mut u8, by: &mut Visit<'_>) {
            let value = if self.boxed {
                // SAFETY: the caller's word, and invariant 1: the address of a boxed value is carried.
                unsafe { carried.cast::<*mut u8>().read() }
            } else {
                carried
            };
            // SAFETY: the caller's word, and invariant 1.
            unsafe { self.visit_value(value, by) }
        }

        /// Shows a visitor a value.
        /// # Safety
        /// `value` holds an `M`, and nobody else looks at it.
        pub(crate) unsafe fn visit_value(&self, value: *mut u8, by: &mut Visit<'_>) {
            // SAFETY: the caller's word, and invariant 1.
            unsafe { (self.visit)(value, by) }
        }

        /// Drops what is carried.
        /// # Safety
        /// `carried` holds what `load` made, which is gone after.
        pub(crate) unsafe fn dispose(&self, carried: *mut u8) {
            // SAFETY: the caller's word, and invariant 1.
            unsafe { (self.dispose)(carried) }
        }
    }

    /// Moves a value whose type is known into `carried`.
    /// # Safety
    /// `carried` takes what the shape of `M` says.
    #[inline]
    pub(crate) unsafe fn load_value<M: Message>(value: M, carried: *mut u8) {
        if Of::<M>::BOXED {
            // SAFETY: the caller's word.
            unsafe { carried.cast::<*mut M>().write(Box::into_raw(Box::new(value))) }
        } else {
            // SAFETY: the caller's word.
            unsafe { carried.cast::<M>().write(value) }
        }
    }

    /// Moves out what is carried, of a type that is known.
    /// # Safety
    /// `carried` holds what `load_value::<M>` or the shape of `M` loaded.
    #[inline]
    pub(crate) unsafe fn unload_value<M: Message>(carried: *mut u8) -> M {
        if Of::<M>::BOXED {
            // SAFETY: the caller's word: the address of a boxed `M` is carried.
            let boxed = unsafe { carried.cast::<*mut M>().read() };
            // SAFETY: it came from `Box::into_raw` in `load_value`, and is moved out once.
            *unsafe { Box::from_raw(boxed) }
        } else {
            // SAFETY: the caller's word.
            unsafe { carried.cast::<M>().read() }
        }
    }

    unsafe fn load<M: Message>(value: *mut u8, carried: *mut u8) {
        // SAFETY: the word of the caller of `Shape::load`.
        let value = unsafe { value.cast::<M>().read() };
        // SAFETY: the same.
        unsafe { load_value(value, carried) }
    }

    unsafe fn unload<M: Message>(carried: *mut u8, value: *mut u8) {
        // SAFETY: the word of the caller of `Shape::unload`.
        let moved = unsafe { unload_value::<M>(carried) };
        // SAFETY: the same.
        unsafe { value.cast::<M>().write(moved) }
    }

    unsafe fn visit<M: Message>(value: *mut u8, by: &mut Visit<'_>) {
        // SAFETY: the word of the caller of `Shape::visit_value`: it points to an `M` that nobody else looks at.
        unsafe { &mut *value.cast::<M>() }.visit(by);
    }

    unsafe fn dispose<M: Message>(carried: *mut u8) {
        // SAFETY: the word of the caller of `Shape::dispose`.
        drop(unsafe { unload_value::<M>(carried) });
    }
}

pub(crate) use raw::{load_value, unload_value};
