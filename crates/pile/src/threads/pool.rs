//! A pool deals arenas to threads: one to each that puts, or the same to all where the limit is small.
//!
//! A pile has one for its records, and each keeper one for his. What a thread has leased it finds in a list of its own.
//!
//! Cost: one look into a list that has a row for each pool the thread puts into.

use core::cell::{Ref, RefCell};
use core::mem::ManuallyDrop;
use std::sync::atomic::AtomicU64 as IdSource;
use std::sync::{Arc, Weak};

use crate::lock::Lock;
use crate::sync::Ordering;
use crate::threads::arena::Arena;

/// The arenas of one owner of records.
#[derive(Debug)]
pub(crate) struct Pool {
    /// Tells pools apart in the list of a thread.
    id: u64,
    keeper: u16,
    arenas: Lock<Vec<Arc<Arena>>>,
    /// The only arena, where the limit is small.
    shared: Option<Arc<Arena>>,
}

thread_local! {
    /// The arenas of this thread. It needs no drop, so that looking at it is no more than an address.
    static LEASES: Leases = const {
        Leases { list: RefCell::new(ManuallyDrop::new(Vec::new())) }
    };
    /// Gives them back when the thread ends.
    static END: End = const { End };
}

/// The arenas of a thread, by pool.
struct Leases {
    list: RefCell<ManuallyDrop<Vec<Lease>>>,
}

/// See [`END`].
struct End;

impl Drop for End {
    fn drop(&mut self) {
        LEASES.with(|leases| drop(leases.take()));
    }
}

impl Leases {
    fn take(&self) -> Vec<Lease> {
        ManuallyDrop::into_inner(self.list.replace(ManuallyDrop::new(Vec::new())))
    }
}

/// A thread's hold on an arena.
struct Lease {
    pool: u64,
    arena: Arc<Arena>,
    dealer: Weak<Pool>,
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.arena.leave();
    }
}

static NEXT_ID: IdSource = IdSource::new(1);

impl Pool {
    /// A pool for records of this keeper, or of nobody.
    pub(crate) fn new(keeper: u16, is_small: bool) -> Self {
        let shared = is_small.then(|| Arc::new(Arena::new(keeper, true)));
        let arenas = Lock::new(shared.iter().cloned().collect());
        // Relaxed: numbers that differ are all that is asked.
        Self { id: NEXT_ID.fetch_add(1, Ordering::Relaxed), keeper, arenas, shared }
    }

    /// All arenas there are.
    pub(crate) fn arenas(&self) -> Vec<Arc<Arena>> {
        self.arenas.lock().clone()
    }

    /// Runs `act` with the arena of this thread, or the shared one. It must be brief and run no code of a user.
    ///
    /// It is called at one place, so that it becomes part of its caller: to call it, or to move what it captures to where it
    /// is called, made a put a third slower.
    #[inline]
    pub(crate) fn with_arena<R>(self: &Arc<Self>, act: impl FnOnce(&Arena) -> R) -> R {
        LEASES.with(|leases| {
            let (lease, _one);
            let arena = match &self.shared {
                Some(arena) => {
                    _one = arena.sharing.as_ref().map(Lock::lock);
                    arena
                }
                None => {
                    lease = self.lease(leases);
                    &lease.arena
                }
            };
            act(arena)
        })
    }

    /// This thread's lease of an arena.
    #[inline]
    fn lease<'l>(self: &Arc<Self>, leases: &'l Leases) -> Ref<'l, Lease> {
        let own = Ref::filter_map(leases.list.borrow(), |list| {
            list.iter().find(|lease| lease.pool == self.id)
        });
        match own {
            Ok(lease) => lease,
            Err(list) => {
                drop(list);
                self.new_lease(leases)
            }
        }
    }

    #[cold]
    fn new_lease<'l>(self: &Arc<Self>, leases: &'l Leases) -> Ref<'l, Lease> {
        // A thread that is ending gives back what it leased before, and nobody does that once it has ended.
        let is_ending = END.try_with(|_| ()).is_err();
        let mut former = leases.take();
        former.retain(|lease| !is_ending && lease.dealer.strong_count() > 0);
        former.push(Lease {
            pool: self.id,
            arena: self.free_arena(),
            dealer: Arc::downgrade(self),
        });
        *leases.list.borrow_mut() = ManuallyDrop::new(former);
        Ref::map(leases.list.borrow(), |list| list.last().expect("it was put there just now"))
    }

    /// An arena that nobody has.
    fn free_arena(&self) -> Arc<Arena> {
        let mut arenas = self.arenas.lock();
        if let Some(arena) = arenas.iter().find(|arena| arena.lease()) {
            return Arc::clone(arena);
        }
        let arena = Arc::new(Arena::new(self.keeper, false));
        let is_leased = arena.lease();
        debug_assert!(is_leased, "nobody else knows it");
        arenas.push(Arc::clone(&arena));
        arena
    }
}
