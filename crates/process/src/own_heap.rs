//! An own heap is the collected heap of one process: made when that first asks for it, gone with it.
//!
//! ```text
//! process's future ── OwnHeap ─┐                        ┌─ pool of the core: pages, chunks
//! control block ─ extra ───────┴► cell [ LocalHeap<R> ] ┴─ account of the process: charged for both
//! ```

use crate::context::Context;
use crate::heap_cell::HeapCell;
use crate::heap_payer::HeapPayer;
use crate::here;
use crate::pid::Pid;
use levada_local::{Collected, Cx, Depth, Full, Gauges, Limits, LocalHeap, Payer, Pinned};
use levada_local::{Root, Rootable};
use std::any::type_name;
use std::error::Error;
use std::fmt;
use std::rc::Rc;

/// The way to the heap of a process. It stays in its process, and all tasks of that may have it; the heap ends with the process,
/// whoever still has a way to it.
///
/// ```
/// use levada_local::{Gc, Limits, Lock, Trace};
/// # use levada_process::{Context, Failure, Mailbox};
///
/// #[derive(Trace)]
/// struct Visit<'gc> { name: Gc<'gc, Lock<u64>>, before: Option<Gc<'gc, Visit<'gc>>> }
///
/// async fn count(cx: Context, mut inbox: Mailbox<u64>) -> Result<(), Failure> {
///     let heap = cx.own_heap::<Option<Gc<'static, Visit<'static>>>>(Limits::up_to(1 << 20), |_| None)?;
///     loop {
///         let name = inbox.recv().await?; //                     nothing of the heap is held over an await
///         heap.enter(|cx, last| {
///             let name = cx.alloc(Lock::new(name));
///             *last = Some(cx.alloc(Visit { name, before: *last }));
///         });
///     } //                                                       what is due is collected when the turn ends
/// }
/// ```
///
/// What it takes, pages and chunks, is charged to the account of the process, beside the limit that it was made with.
pub struct OwnHeap<R: Rootable> {
    pid: Pid,
    cell: Rc<HeapCell<R>>,
}

impl Context {
    /// The heap of the process, whose root value is an `R`. The first call makes it, within `limits`, with the root value that `root`
    /// makes; later ones give another way to the same, and look at neither.
    ///
    /// Costs some 1.3 KiB beside what it keeps, and nothing for processes without one.
    ///
    /// # Errors
    /// [`OtherRoot`] if the process has a heap with a root of another type: it has one heap.
    ///
    /// # Panics
    /// If it is asked for elsewhere than in a turn of the process, or by `root`.
    pub fn own_heap<R: Rootable>(
        &self,
        limits: Limits,
        root: impl for<'gc> FnOnce(&'gc Cx<'gc>) -> R::Of<'gc>,
    ) -> Result<OwnHeap<R>, OtherRoot> {
        let (cell, pool) = self.with(|state| {
            assert_turn_of(state.course.pid.get(), self.pid());
            let block = state.table.find(self.pid().slot(), self.pid().generation());
            let extra = block.expect("whose turn it is has a block").extra_or_new();
            let heap = extra.heap_or(|| {
                state.heaps.live_count.set(state.heaps.live_count.get() + 1);
                Rc::new(HeapCell::<R>::new())
            });
            state.heaps.enter();
            (heap, state.heaps.pool().clone())
        });
        let made_for = cell.root_name();
        let cell = cell.into_any().downcast::<HeapCell<R>>();
        let cell = cell.map_err(|_| OtherRoot { made_for, asked_for: type_name::<R>() })?;
        cell.make(|| {
            let account = self.find_account();
            let payer = account.map(|account| Box::new(HeapPayer::of(&account)) as Box<dyn Payer>);
            LocalHeap::charged_to(&pool, limits, payer, root)
        });
        Ok(OwnHeap { pid: self.pid(), cell })
    }
}

fn assert_turn_of(running: Option<Pid>, pid: Pid) {
    assert!(running == Some(pid), "a heap is used in turns of its own process");
}

impl<R: Rootable> OwnHeap<R> {
    /// Runs a turn of the heap, within that of the process: see [`LocalHeap::enter`].
    ///
    /// # Panics
    /// If it is entered, or otherwise used, by `turn` itself; or elsewhere than in a turn of its process.
    #[inline]
    pub fn enter<T>(
        &self,
        turn: impl for<'gc> FnOnce(&'gc Cx<'gc>, &'gc mut R::Of<'gc>) -> T,
    ) -> T {
        self.with(|heap| heap.enter(turn))
    }

    /// Collects now, all of a depth: see [`LocalHeap::collect`]. The end of a turn does what is due by itself.
    ///
    /// # Panics
    /// If a destructor panicked, and as [`Self::enter`].
    pub fn collect(&self, depth: Depth) -> Collected {
        self.with(|heap| heap.collect(depth))
    }

    /// Fixes an object where it is: see [`LocalHeap::pin`].
    ///
    /// # Errors
    /// [`Full`] where there is no room for it in the part that never moves.
    ///
    /// # Panics
    /// If the root is another heap's; if a destructor panicked, and as [`Self::enter`].
    pub fn pin<T: Rootable>(&self, root: &Root<T>) -> Result<Pinned<T>, Full<()>> {
        self.with(|heap| heap.pin(root))
    }

    /// Says how much its objects keep elsewhere: see [`LocalHeap::external`].
    ///
    /// # Panics
    /// As [`Self::enter`].
    pub fn external(&self, bytes: u64) {
        self.with(|heap| heap.external(bytes));
    }

    /// What it has, and has done.
    ///
    /// # Panics
    /// As [`Self::enter`].
    #[must_use]
    pub fn gauges(&self) -> Gauges {
        self.with(|heap| heap.gauges())
    }

    /// Walks over all of it and compares: see [`LocalHeap::validate`]. For tests.
    ///
    /// # Panics
    /// If it finds a fault, and as [`Self::enter`].
    pub fn validate(&self) {
        self.with(LocalHeap::validate);
    }

    #[inline]
    fn with<T>(&self, act: impl FnOnce(&mut LocalHeap<R>) -> T) -> T {
        here::with(|state| {
            let running = state.and_then(|state| state.course.pid.get());
            assert_turn_of(running, self.pid);
            if let Some(state) = state {
                state.heaps.enter();
            }
        });
        self.cell.with(act)
    }
}

impl<R: Rootable> Clone for OwnHeap<R> {
    fn clone(&self) -> Self {
        Self { pid: self.pid, cell: Rc::clone(&self.cell) }
    }
}

impl<R: Rootable> fmt::Debug for OwnHeap<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OwnHeap").field(&self.pid).finish()
    }
}

/// A process has one heap, and that has a root of another type.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct OtherRoot {
    /// The type that it was made for.
    pub made_for: &'static str,
    /// The type that was asked for.
    pub asked_for: &'static str,
}

impl fmt::Display for OtherRoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { made_for, asked_for } = self;
        write!(
            f,
            "the heap of this process was made for a root of type `{made_for}`, not `{asked_for}`: a process has one"
        )
    }
}

impl Error for OtherRoot {}
