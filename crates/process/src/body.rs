//! A body is what a process or a task does: a closure that becomes a future, in the same memory.
//!
//! ```text
//! data ──► [ closure ................ ]   first turn: the closure is moved out, called, and what it returns is moved in
//!          [ future ...................... ]   one block of the core's pool, sized for the larger of the two
//! ```
//!
//! Two words, no word of state in memory: which of the two is there is said by the table that the second word points to.
#![expect(unsafe_code, reason = "a future without its type; all of it is in `raw` below")]

pub(crate) use raw::Body;

mod raw {
    use crate::failure::Failure;
    use crate::pool::{Pool, give};
    use std::alloc::Layout;
    use std::fmt;
    use std::pin::Pin;
    use std::ptr::NonNull;
    use std::task::{Context, Poll};

    type Outcome = Result<(), Failure>;

    /// A closure or future without its type. # Invariants
    /// 1. `data` is a block of the pool it was made with, of `table.layout`, holding what `table` is for; it does not move.
    /// 2. It is used on the thread that made it only, as `NonNull` is not `Send`.
    pub(crate) struct Body {
        data: NonNull<u8>,
        table: &'static Table,
    }

    struct Table {
        layout: Layout,
        poll: unsafe fn(&mut Body, &mut Context<'_>) -> Poll<Outcome>,
        dispose: unsafe fn(NonNull<u8>),
    }

    struct Of<F, Fut>(F, Fut);

    impl<F: FnOnce() -> Fut, Fut: Future<Output = Outcome>> Of<F, Fut> {
        const LAYOUT: Layout = {
            let (closure, future) = (Layout::new::<F>(), Layout::new::<Fut>());
            let bytes = if closure.size() > future.size() { closure.size() } else { future.size() };
            let align =
                if closure.align() > future.align() { closure.align() } else { future.align() };
            match Layout::from_size_align(bytes, align) {
                Ok(layout) => layout,
                Err(_) => panic!("two layouts that are valid have a larger that is"),
            }
        };
        const CLOSURE: Table =
            Table { layout: Self::LAYOUT, poll: start::<F, Fut>, dispose: dispose::<F> };
        const FUTURE: Table =
            Table { layout: Self::LAYOUT, poll: go_on::<Fut>, dispose: dispose::<Fut> };
        const NOTHING: Table =
            Table { layout: Self::LAYOUT, poll: is_over, dispose: dispose::<()> };
    }

    impl Body {
        /// Puts a closure into a block of `pool`.
        pub(crate) fn new<F, Fut>(pool: &Pool, closure: F) -> Self
        where
            F: FnOnce() -> Fut,
            Fut: Future<Output = Outcome>,
        {
            let data = pool.take(Of::<F, Fut>::LAYOUT);
            // SAFETY: the block is ours, and large and aligned enough for an `F`.
            unsafe { data.cast::<F>().write(closure) };
            Self { data, table: const { &Of::<F, Fut>::CLOSURE } }
        }

        /// Runs it on; the first time, the closure becomes a future. Not to be called again after it is ready or has panicked.
        #[inline]
        pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Outcome> {
            // SAFETY: invariant 1: the table is that of what `data` holds.
            unsafe { (self.table.poll)(self, context) }
        }
    }

    impl Drop for Body {
        fn drop(&mut self) {
            /// Gives the block back also if the drop of what it held panics.
            struct Giving(NonNull<u8>, Layout);

            impl Drop for Giving {
                fn drop(&mut self) {
                    // SAFETY: body's invariants: it came from a pool of this thread with this layout; nothing is in it any more.
                    unsafe { give(self.0, self.1) };
                }
            }

            let _giving = Giving(self.data, self.table.layout);
            // SAFETY: invariant 1; it is not used again.
            unsafe { (self.table.dispose)(self.data) };
        }
    }

    unsafe fn start<F, Fut>(body: &mut Body, context: &mut Context<'_>) -> Poll<Outcome>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Outcome>,
    {
        // SAFETY: by invariant 1 `data` holds an `F`; the next line says that it does no more, before `closure` may panic.
        let closure = unsafe { body.data.cast::<F>().read() };
        body.table = const { &Of::<F, Fut>::NOTHING };
        let future = closure();
        // SAFETY: the block is large and aligned enough for a `Fut`.
        unsafe { body.data.cast::<Fut>().write(future) };
        body.table = const { &Of::<F, Fut>::FUTURE };
        // SAFETY: it holds a `Fut` now.
        unsafe { go_on::<Fut>(body, context) }
    }

    unsafe fn go_on<Fut>(body: &mut Body, context: &mut Context<'_>) -> Poll<Outcome>
    where
        Fut: Future<Output = Outcome>,
    {
        // SAFETY: by invariant 1 `data` holds a `Fut`, and `&mut Body` lends it once.
        let future = unsafe { body.data.cast::<Fut>().as_mut() };
        // SAFETY: invariant 1: it does not move until it is dropped in `end`.
        unsafe { Pin::new_unchecked(future) }.poll(context)
    }

    unsafe fn is_over(_body: &mut Body, _context: &mut Context<'_>) -> Poll<Outcome> {
        panic!("a body whose closure panicked is not polled again");
    }

    unsafe fn dispose<T>(data: NonNull<u8>) {
        // SAFETY: the word of the caller: `data` holds a `T`, used no more.
        unsafe { data.cast::<T>().drop_in_place() };
    }

    impl fmt::Debug for Body {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.debug_struct("Body").field("bytes", &self.table.layout.size()).finish_non_exhaustive()
        }
    }
}
