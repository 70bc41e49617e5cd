//! A local heap is a space with a root value: it runs turns, and collects between them.
#![expect(
    unsafe_code,
    reason = "lends the space and the root value under a brand; see the invariants of `LocalHeap`"
)]

use core::fmt;
use core::mem::ManuallyDrop;

use crate::collecting::collect::{after_turn, collect};
use crate::collecting::minor::{Fit, minor};
use crate::collecting::undoing::Undoing;
use crate::collecting::validate::validate;
use crate::gauges::{Collected, Gauges};
use crate::limits::{Depth, Full, Limits, Payer};
use crate::memory::pool::Pool;
use crate::objects::object::Object;
use crate::objects::trace::{Rootable, Trace};
use crate::objects::visitor::Visitor;
use crate::spaces::roots::Root;
use crate::spaces::space::Space;
use crate::turns::cx::Cx;
use crate::turns::pinned::Pinned;

/// One process's own collected heap: what its turns make, reachable from a root value of type `R`.
///
/// # Invariants
/// 1. `root` is a value of `R::Of` for some brand: everything that it points to is in `space`.
/// 2. Whatever changes where objects are has the whole heap by `&mut`, and so runs in no turn.
pub struct LocalHeap<R: Rootable> {
    space: Space,
    root: ManuallyDrop<R::Of<'static>>,
}

// SAFETY: all that is in it can be sent (the promise of `Trace`), and between turns nothing outside refers to it but roots, which only
// count, and raw buffers, which are its no more.
unsafe impl<R: Rootable> Send for LocalHeap<R> {}

impl<R: Rootable> LocalHeap<R> {
    /// Makes a heap whose root value `root` makes. It takes no memory of the pool before that allocates.
    pub fn new(
        pool: &Pool,
        limits: Limits,
        root: impl for<'gc> FnOnce(&'gc Cx<'gc>) -> R::Of<'gc>,
    ) -> Self {
        Self::charged_to(pool, limits, None, root)
    }

    /// As [`Self::new`]; what it takes is drawn from a payer too.
    pub fn charged_to(
        pool: &Pool,
        limits: Limits,
        payer: Option<Box<dyn Payer>>,
        root: impl for<'gc> FnOnce(&'gc Cx<'gc>) -> R::Of<'gc>,
    ) -> Self {
        let space = Undone(Space::new(pool, limits, payer));
        let made = {
            // SAFETY: the space is there until the value is made.
            let space = unsafe { &*core::ptr::from_ref(&space.0) };
            // SAFETY: the brand is this closure's alone; nothing is collected until it has returned.
            let cx = unsafe { Cx::of(space) };
            ManuallyDrop::new(root(cx))
        };
        // SAFETY: types that differ in a lifetime are the same; the value is not used twice.
        let root = unsafe { core::mem::transmute_copy::<ManuallyDrop<R::Of<'_>>, _>(&made) };
        Self { space: space.into_inner(), root }
    }

    /// Runs a turn. Nothing moves while it runs, and no pointer leaves it: these do not compile.
    ///
    /// ```compile_fail
    /// # use levada_local::{Gc, LocalHeap, Pool};
    /// # let mut heap = LocalHeap::<()>::new(&Pool::default(), Default::default(), |_| ());
    /// let kept = heap.enter(|cx, ()| cx.alloc(7_u64)); //                   a pointer would outlive its turn,
    /// ```
    /// ```compile_fail
    /// # use levada_local::{Gc, LocalHeap, Pool};
    /// # let mut heap = LocalHeap::<()>::new(&Pool::default(), Default::default(), |_| ());
    /// let kept: &u64 = heap.enter(|cx, ()| cx.alloc(7_u64).get()); //       or a borrow of what it points to
    /// ```
    /// ```compile_fail,E0521
    /// # use levada_local::{Gc, LocalHeap, Pool};
    /// # type Slot = Option<Gc<'static, u64>>;
    /// # let mut one = LocalHeap::<Slot>::new(&Pool::default(), Default::default(), |_| None);
    /// # let mut other = LocalHeap::<Slot>::new(&Pool::default(), Default::default(), |_| None);
    /// one.enter(|cx, _| other.enter(|_, slot| *slot = Some(cx.alloc(7)))); // or stand in another heap
    /// ```
    /// ```compile_fail,E0499
    /// # use levada_local::{Depth, LocalHeap, Pool};
    /// # let mut heap = LocalHeap::<()>::new(&Pool::default(), Default::default(), |_| ());
    /// heap.enter(|cx, ()| heap.collect(Depth::Minor)); //                   a collection would move what is in use
    /// ```
    ///
    /// A pointer stays on its thread:
    ///
    /// ```compile_fail,E0277
    /// # use levada_local::{LocalHeap, Pool};
    /// # let mut heap = LocalHeap::<()>::new(&Pool::default(), Default::default(), |_| ());
    /// heap.enter(|cx, ()| {
    ///     let seven = cx.alloc(7_u64);
    ///     std::thread::scope(|scope| drop(scope.spawn(move || *seven)));
    /// });
    /// ```
    pub fn enter<T>(
        &mut self,
        turn: impl for<'gc> FnOnce(&'gc Cx<'gc>, &'gc mut R::Of<'gc>) -> T,
    ) -> T {
        let root = (&raw mut self.root).cast::<R::Of<'_>>();
        // SAFETY: the heap is borrowed until the turn is over.
        let space = unsafe { &*core::ptr::from_ref(&self.space) };
        // SAFETY: the brand is this turn's alone; nothing is collected until it is over (invariant 2).
        let cx = unsafe { Cx::of(space) };
        // SAFETY: types that differ in a lifetime are the same; the heap is borrowed as a whole.
        turn(cx, unsafe { &mut *root })
    }

    /// Ends a turn: collects what is due, as deep as is due. A turn that left nothing to do costs a load and a compare.
    ///
    /// # Panics
    /// If a destructor panicked: the others have run, and the heap is whole.
    #[inline]
    pub fn end_turn(&mut self) -> Collected {
        if !self.space.is_due.get() {
            return Collected::default();
        }
        self.collect_due()
    }

    #[cold]
    #[inline(never)]
    fn collect_due(&mut self) -> Collected {
        if let Some(depth) = self.space.pool.stress().every_turn {
            return self.collect(depth);
        }
        self.with_undoing(after_turn)
    }

    /// Collects now, all of a depth.
    ///
    /// # Panics
    /// As [`Self::end_turn`].
    pub fn collect(&mut self, depth: Depth) -> Collected {
        self.with_undoing(|space, root, undoing| collect(space, root, depth, undoing))
    }

    /// Collects the nursery and gives back all chunks of the pool: what lives in it is put where it just fits. For a process that
    /// has nothing to do. Says how many bytes the heap keeps.
    ///
    /// # Panics
    /// As [`Self::end_turn`].
    pub fn rest(&mut self) -> u64 {
        self.space.drain_raw();
        let nursery = self.space.nursery.get_mut();
        if nursery.chunks.iter().any(|chunk| chunk.is_lent()) {
            let collected = self.with_undoing(|space, root, undoing| {
                minor(space, root, Fit::Chunks, None, undoing)
            });
            let kept_bytes = self.space.nursery.get_mut().filled_bytes();
            if collected.is_some() && kept_bytes > 0 {
                self.with_undoing(|space, root, undoing| {
                    minor(space, root, Fit::Exactly(kept_bytes), None, undoing)
                });
            }
        }
        self.space.room.used_bytes()
    }

    /// Fixes the object of a root where it is; one in the nursery is moved to the stable space first.
    ///
    /// # Errors
    /// [`Full`] where that has no room for it.
    ///
    /// # Panics
    /// If the root was made in another heap; and as [`Self::end_turn`].
    pub fn pin<T: Rootable>(&mut self, root: &Root<T>) -> Result<Pinned<T>, Full<()>> {
        let object = root.handle.object(self.space.number());
        if !object.is_stable() {
            self.with_undoing(|space, trace, undoing| {
                minor(space, trace, Fit::Chunks, Some(object), undoing)
            });
        }
        let object: Object = root.handle.object(self.space.number());
        if object.is_stable() { Ok(Pinned::new(root.clone(), object)) } else { Err(Full(())) }
    }

    /// Says how many bytes the heap's objects keep elsewhere, beside those that say so themselves ([`Cx::hold`]): what is more than
    /// before counts as born in the nursery, what stays counts towards the next stable collection.
    pub fn external(&mut self, bytes: u64) {
        let mut more = self.space.more.borrow_mut();
        let external = &mut more.get_or_insert_default().external;
        external.said_bytes = bytes;
        self.space.look_at(external);
    }

    /// What it has, and has done.
    #[must_use]
    pub fn gauges(&self) -> Gauges {
        self.space.gauges()
    }

    /// Walks the whole heap and compares what it finds with what is kept of it: for tests.
    ///
    /// # Panics
    /// If a pointer leads nowhere or is not remembered where it must be, a mark is left, or a count is wrong.
    pub fn validate(&mut self) {
        let root = &mut *self.root;
        validate(&mut self.space, &mut |visitor: &mut Visitor<'_>| root.trace(visitor));
    }

    fn with_undoing<T>(
        &mut self,
        act: impl FnOnce(&mut Space, &mut dyn FnMut(&mut Visitor<'_>), &mut Undoing) -> T,
    ) -> T {
        self.space.drain_raw();
        let mut undoing = Undoing::default();
        let root = &mut *self.root;
        let mut trace = |visitor: &mut Visitor<'_>| root.trace(visitor);
        let mut torn = AbortIfTorn { is_whole: false };
        let done = act(&mut self.space, &mut trace, &mut undoing);
        torn.is_whole = true;
        if undoing.count > 0 {
            let counts = &mut self.space.more.get_mut().get_or_insert_default().counts;
            counts.destructors += undoing.count;
            counts.destructor_panics += undoing.panics;
        }
        if self.space.pool.stress().verifies {
            validate(&mut self.space, &mut trace);
        }
        if self.space.pool.stress().every_turn.is_some() {
            self.space.is_due.set(true);
        }
        undoing.go_on();
        done
    }
}

impl<R: Rootable> Drop for LocalHeap<R> {
    fn drop(&mut self) {
        let mut undoing = Undoing::default();
        // SAFETY: it is not used again.
        undoing.contain(|| unsafe { ManuallyDrop::drop(&mut self.root) });
        self.space.end(&mut undoing);
        if !std::thread::panicking() {
            undoing.go_on();
        }
    }
}

/// Destructors are contained, so that only a trace can unwind through a collection: it leaves a graph that is half rewritten.
struct AbortIfTorn {
    is_whole: bool,
}

impl Drop for AbortIfTorn {
    fn drop(&mut self) {
        if !self.is_whole {
            std::process::abort();
        }
    }
}

/// A space whose objects are undone if its root value is never made.
struct Undone(Space);

impl Undone {
    fn into_inner(self) -> Space {
        let this = ManuallyDrop::new(self);
        // SAFETY: the value is not used again.
        unsafe { core::ptr::read(&raw const this.0) }
    }
}

impl Drop for Undone {
    fn drop(&mut self) {
        self.0.end(&mut Undoing::default());
    }
}

impl<R: Rootable> fmt::Debug for LocalHeap<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalHeap").field("used_bytes", &self.space.room.used_bytes()).finish()
    }
}
