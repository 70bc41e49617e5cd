//! The standard library's values that may stand in a heap: those that show what they hold, and those that hold nothing.
#![expect(unsafe_code, reason = "says of other's types how they are traced")]

use core::marker::PhantomData;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::BuildHasher;
use std::sync::Arc;

use crate::objects::held::{Held, Leaf};
use crate::objects::trace::{Rootable, Trace};
use crate::objects::visitor::Visitor;
use crate::spaces::weak::Target;
use crate::turns::gc::{Gc, GcSlice, GcText};
use crate::turns::lock::{Lock, RefLock};

macro_rules! leaves {
    ($($leaf:ty),* $(,)?) => {$(
        // SAFETY: it holds no pointer into a heap, and can be sent.
        unsafe impl Trace<'_> for $leaf {
            const HAS_POINTERS: bool = false;

            #[inline]
            fn trace(&mut self, _: &mut Visitor<'_>) {}
        }

        impl Rootable for $leaf {
            type Of<'gc> = Self;
        }
    )*};
}

leaves!(
    (),
    bool,
    char,
    u8,
    u16,
    u32,
    u64,
    u128,
    usize,
    i8,
    i16,
    i32,
    i64,
    i128,
    isize,
    f32,
    f64,
    String,
);

macro_rules! generic_leaves {
    ($([$($bound:tt)*] $leaf:ty),* $(,)?) => {$(
        // SAFETY: what is `Send` and `'static` holds no pointer into a heap, and can be sent.
        unsafe impl<$($bound)*> Trace<'_> for $leaf {
            const HAS_POINTERS: bool = false;

            #[inline]
            fn trace(&mut self, _: &mut Visitor<'_>) {}
        }

        impl<$($bound)*> Rootable for $leaf {
            type Of<'gc> = Self;
        }
    )*};
}

generic_leaves!(
    [T: Send + 'static] Leaf<T>,
    [T: Send + 'static] Held<T>,
    [T: Send + Sync + ?Sized + 'static] Arc<T>,
    [T: ?Sized + 'static] PhantomData<fn() -> T>,
);

// SAFETY: it is followed by the weak pointers' own list, and not traced.
unsafe impl Trace<'_> for Target {
    const HAS_POINTERS: bool = false;

    fn trace(&mut self, _: &mut Visitor<'_>) {}
}

macro_rules! holders {
    ($([$($bound:tt)*] $holder:ty, $has_pointers:expr;)*) => {$(
        // SAFETY: traces each thing that it holds, once.
        unsafe impl<'gc, $($bound)*> Trace<'gc> for $holder {
            const HAS_POINTERS: bool = $has_pointers;

            #[inline]
            fn trace(&mut self, visitor: &mut Visitor<'_>) {
                self.iter_mut().for_each(|one| one.trace(visitor));
            }
        }
    )*};
}

// What holds its things elsewhere counts as with pointers: a type may hold itself by it, and could not say of itself what it says.
holders!(
    [T: Trace<'gc>] Option<T>, T::HAS_POINTERS;
    [T: Trace<'gc>] Vec<T>, true;
    [T: Trace<'gc>] VecDeque<T>, true;
    [T: Trace<'gc>] Box<[T]>, true;
    [T: Trace<'gc>, const N: usize] [T; N], T::HAS_POINTERS;
);

macro_rules! maps {
    ($([$($bound:tt)*] $map:ty;)*) => {$(
        // SAFETY: keys hold no pointer into a heap, since they are `'static` and `Send`; each value is traced once.
        unsafe impl<'gc, $($bound)*> Trace<'gc> for $map {
            fn trace(&mut self, visitor: &mut Visitor<'_>) {
                self.values_mut().for_each(|one| one.trace(visitor));
            }
        }
    )*};
}

maps!(
    [K: Send + 'static, V: Trace<'gc>, S: BuildHasher + Send + 'static] HashMap<K, V, S>;
    [K: Send + 'static, V: Trace<'gc>] BTreeMap<K, V>;
);

// SAFETY: traces what it holds.
unsafe impl<'gc, T: Trace<'gc>> Trace<'gc> for Box<T> {
    #[inline]
    fn trace(&mut self, visitor: &mut Visitor<'_>) {
        (**self).trace(visitor);
    }
}

// SAFETY: traces what it holds.
unsafe impl<'gc, T: Trace<'gc>, E: Trace<'gc>> Trace<'gc> for Result<T, E> {
    const HAS_POINTERS: bool = T::HAS_POINTERS || E::HAS_POINTERS;

    fn trace(&mut self, visitor: &mut Visitor<'_>) {
        match self {
            Ok(one) => one.trace(visitor),
            Err(one) => one.trace(visitor),
        }
    }
}

macro_rules! tuples {
    ($(($($name:ident),+);)*) => {$(
        // SAFETY: traces each of its fields once.
        unsafe impl<'gc, $($name: Trace<'gc>),+> Trace<'gc> for ($($name,)+) {
            const HAS_POINTERS: bool = false $(|| $name::HAS_POINTERS)+;

            #[inline]
            #[expect(non_snake_case, reason = "a field is named as its type")]
            fn trace(&mut self, visitor: &mut Visitor<'_>) {
                let ($($name,)+) = self;
                $($name.trace(visitor);)+
            }
        }

        impl<$($name: Rootable),+> Rootable for ($($name,)+) {
            type Of<'gc> = ($($name::Of<'gc>,)+);
        }
    )*};
}

tuples!(
    (A);
    (A, B);
    (A, B, C);
    (A, B, C, D);
    (A, B, C, D, E);
    (A, B, C, D, E, F);
);

impl<R: Rootable> Rootable for Option<R> {
    type Of<'gc> = Option<R::Of<'gc>>;
}

impl<R: Rootable> Rootable for Vec<R> {
    type Of<'gc> = Vec<R::Of<'gc>>;
}

impl<R: Rootable> Rootable for VecDeque<R> {
    type Of<'gc> = VecDeque<R::Of<'gc>>;
}

impl<R: Rootable> Rootable for Box<R> {
    type Of<'gc> = Box<R::Of<'gc>>;
}

impl<R: Rootable, const N: usize> Rootable for [R; N] {
    type Of<'gc> = [R::Of<'gc>; N];
}

impl<R: Rootable, E: Rootable> Rootable for Result<R, E> {
    type Of<'gc> = Result<R::Of<'gc>, E::Of<'gc>>;
}

impl<K: Send + 'static, R: Rootable> Rootable for BTreeMap<K, R> {
    type Of<'gc> = BTreeMap<K, R::Of<'gc>>;
}

impl<K, R, S> Rootable for HashMap<K, R, S>
where
    K: Send + 'static,
    R: Rootable,
    S: BuildHasher + Send + 'static,
{
    type Of<'gc> = HashMap<K, R::Of<'gc>, S>;
}

impl<R: Rootable> Rootable for Gc<'static, R> {
    type Of<'gc> = Gc<'gc, R::Of<'gc>>;
}

impl<R: Rootable> Rootable for GcSlice<'static, R> {
    type Of<'gc> = GcSlice<'gc, R::Of<'gc>>;
}

impl Rootable for GcText<'static> {
    type Of<'gc> = GcText<'gc>;
}

impl<R: Rootable> Rootable for Lock<R> {
    type Of<'gc> = Lock<R::Of<'gc>>;
}

impl<R: Rootable> Rootable for RefLock<R> {
    type Of<'gc> = RefLock<R::Of<'gc>>;
}
