//! Here is the core that this thread is running at this moment: the one place that is bound to a thread.
//!
//! A thread may run several cores in turn, as a simulation does; each enters when it is called and leaves when it returns.
#![expect(
    unsafe_code,
    reason = "lends the state behind a pointer in a thread-local; all of it is in `raw` below"
)]

pub(crate) use raw::{enter, with};

mod raw {
    use crate::state::State;
    use std::cell::Cell;
    use std::marker::PhantomData;
    use std::ptr;
    use std::rc::Rc;

    thread_local! {
        /// Null, or the address of the `Rc` that the last `Entered` on this thread's stack borrows.
        static HERE: Cell<*const Rc<State>> = const { Cell::new(ptr::null()) };
    }

    /// Says for its life that a core runs on this thread. # Invariants
    /// 1. It is dropped, not forgotten, and in the reverse order of making: it never leaves the function that made it.
    #[derive(Debug)]
    pub(crate) struct Entered<'a> {
        before: *const Rc<State>,
        state: PhantomData<&'a Rc<State>>,
    }

    /// Runs `inside` as the core.
    #[inline]
    pub(crate) fn enter<T>(state: &Rc<State>, inside: impl FnOnce() -> T) -> T {
        let _entered = Entered { before: HERE.replace(ptr::from_ref(state)), state: PhantomData };
        inside()
    }

    impl Drop for Entered<'_> {
        fn drop(&mut self) {
            HERE.set(self.before);
        }
    }

    /// Lends the core that runs on this thread; none if this thread runs none at this moment.
    #[inline]
    pub(crate) fn with<T>(show: impl FnOnce(Option<&Rc<State>>) -> T) -> T {
        // SAFETY: null, or the address of an `Rc` that is borrowed by an `Entered` below us on the stack, so alive until we return.
        show(unsafe { HERE.get().as_ref() })
    }
}
