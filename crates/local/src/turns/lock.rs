//! What can be changed in an object stands in a lock, and is changed only through `Write`: the proof that the collector was told.
#![expect(unsafe_code, reason = "writes through shared references; see `Lock`")]

use core::cell::{Ref, RefCell, RefMut, UnsafeCell};
use core::fmt;

use crate::objects::trace::Trace;
use crate::objects::visitor::Visitor;

/// A part of an object of which the collector knows that it may be written in this turn. [`Gc::write`](crate::Gc::write) gives
/// that of a whole value, [`Write::field`] that of a part of it.
#[repr(transparent)]
#[derive(Debug)]
pub struct Write<T: ?Sized>(T);

impl<T> Write<T> {
    /// # Safety
    /// `value` is, or is a part of, an object for which the barrier was passed in this turn.
    #[inline]
    pub(crate) unsafe fn of(value: &T) -> &Self {
        let this = core::ptr::from_ref(value).cast::<Self>();
        // SAFETY: the same layout; the promise is the caller's.
        unsafe { &*this }
    }

    /// The same right for a part of the value: a field, an element of an array, what a variant holds.
    ///
    /// ```
    /// # use levada_local::{Gc, Lock, LocalHeap, Pool, Trace};
    /// #[derive(Trace)]
    /// struct Node<'gc> { key: u64, next: Lock<Option<Gc<'gc, Node<'gc>>>> }
    /// # let mut heap = LocalHeap::<()>::new(&Pool::default(), Default::default(), |_| ());
    /// # heap.enter(|cx, ()| {
    /// let node = cx.alloc(Node { key: 1, next: Lock::new(None) });
    /// node.write(cx).field(|node| &node.next).set(Some(node));
    /// assert_eq!(node.next.get().unwrap().key, 1);
    /// # });
    /// ```
    ///
    /// # Panics
    /// If `part` gives something that lies outside of the value: behind a pointer, a box or in a constant.
    #[inline]
    pub fn field<U>(&self, part: impl for<'a> FnOnce(&'a T) -> &'a U) -> &Write<U> {
        let found = part(&self.0);
        let (whole, inner) =
            (core::ptr::from_ref(&self.0).addr(), core::ptr::from_ref(found).addr());
        let is_inside = inner >= whole && inner - whole + size_of::<U>() <= size_of::<T>();
        assert!(is_inside, "a part lies in the value whose barrier was passed");
        // SAFETY: what lies in the bytes of the value is a part of the object.
        unsafe { Write::of(found) }
    }

    /// The value.
    #[inline]
    pub fn get(&self) -> &T {
        &self.0
    }
}

/// A place in an object that can be written, whole: for what is [`Copy`], such as a `Gc` or a number.
///
/// It is written through [`Write`] only:
///
/// ```compile_fail,E0599
/// # use levada_local::{LocalHeap, Lock, Pool};
/// # let mut heap = LocalHeap::<()>::new(&Pool::default(), Default::default(), |_| ());
/// heap.enter(|cx, ()| cx.alloc(Lock::new(1_u64)).set(2)); // the collector was not told
/// ```
/// ```
/// # use levada_local::{LocalHeap, Lock, Pool};
/// # let mut heap = LocalHeap::<()>::new(&Pool::default(), Default::default(), |_| ());
/// heap.enter(|cx, ()| cx.alloc(Lock::new(1_u64)).write(cx).set(2));
/// ```
///
/// # Invariants
/// 1. No reference to what is inside is ever handed out, but by `&mut`; it is on one thread, as all objects of a turn are.
#[repr(transparent)]
pub struct Lock<T>(UnsafeCell<T>);

impl<T> Lock<T> {
    /// A place that holds this.
    pub const fn new(value: T) -> Self {
        Self(UnsafeCell::new(value))
    }

    /// What it holds.
    #[inline]
    pub fn get(&self) -> T
    where
        T: Copy,
    {
        // SAFETY: invariant 1.
        unsafe { self.0.get().read() }
    }

    /// What it held.
    pub fn into_inner(self) -> T {
        self.0.into_inner()
    }

    /// The place itself, for who alone has the lock.
    pub fn get_mut(&mut self) -> &mut T {
        self.0.get_mut()
    }
}

impl<T> Write<Lock<T>> {
    /// Puts a value there.
    #[inline]
    pub fn set(&self, value: T) {
        drop(self.replace(value));
    }

    /// Puts a value there, and gives what was.
    #[inline]
    pub fn replace(&self, value: T) -> T {
        // SAFETY: invariant 1 of `Lock`, and the barrier was passed.
        unsafe { self.0.0.get().replace(value) }
    }

    /// Takes what is there, and leaves the default.
    #[inline]
    pub fn take(&self) -> T
    where
        T: Default,
    {
        self.replace(T::default())
    }
}

impl<T: Default> Default for Lock<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T: Copy + fmt::Debug> fmt::Debug for Lock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Lock").field(&self.get()).finish()
    }
}

// SAFETY: shows what it holds; `&mut` proves that nobody writes.
unsafe impl<'gc, T: Trace<'gc>> Trace<'gc> for Lock<T> {
    const HAS_POINTERS: bool = T::HAS_POINTERS;

    #[inline]
    fn trace(&mut self, visitor: &mut Visitor<'_>) {
        self.get_mut().trace(visitor);
    }
}

/// A place in an object that can be written in part: for collections and the like. Borrows are checked while running, as
/// those of a `RefCell` are.
#[derive(Debug, Default)]
pub struct RefLock<T>(RefCell<T>);

impl<T> RefLock<T> {
    /// A place that holds this.
    pub const fn new(value: T) -> Self {
        Self(RefCell::new(value))
    }

    /// What it holds, to read.
    ///
    /// # Panics
    /// If it is borrowed to be written.
    pub fn borrow(&self) -> Ref<'_, T> {
        self.0.borrow()
    }

    /// What it held.
    pub fn into_inner(self) -> T {
        self.0.into_inner()
    }
}

impl<T> Write<RefLock<T>> {
    /// What it holds, to write.
    ///
    /// # Panics
    /// If it is borrowed.
    pub fn borrow_mut(&self) -> RefMut<'_, T> {
        self.0.0.borrow_mut()
    }
}

// SAFETY: shows what it holds; a borrow that was forgotten is only a stale flag, since `&mut` proves that nobody has one.
unsafe impl<'gc, T: Trace<'gc>> Trace<'gc> for RefLock<T> {
    const HAS_POINTERS: bool = T::HAS_POINTERS;

    #[inline]
    fn trace(&mut self, visitor: &mut Visitor<'_>) {
        self.0.get_mut().trace(visitor);
    }
}
