//! A pool deals arenas to threads: one to each that puts, or the same to all where the limit is small.
//!
//! A pile has one for its records, and each keeper one for his. What a thread has leased it finds in a list of its own.
//!
//! Cost: one look into a list that has a row for each pool the thread puts into.

use std::cell::RefCell;
use std::sync::atomic::AtomicU64 as IdSource;
use std::sync::{Arc, Weak};

use crate::arena::Arena;
use crate::lock::Lock;
use crate::sync::Ordering;

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
    /// The arenas of this thread, by pool.
    static LEASES: RefCell<Vec<Lease>> = const { RefCell::new(Vec::new()) };
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
    #[inline]
    pub(crate) fn with_arena<R>(self: &Arc<Self>, act: impl FnOnce(&Arena) -> R) -> R {
        if let Some(arena) = &self.shared {
            let _one = arena.sharing.as_ref().map(Lock::lock);
            return act(arena);
        }
        let mut act = Some(act);
        let done = LEASES.try_with(|leases| {
            let leases = leases.borrow();
            let lease = leases.iter().find(|lease| lease.pool == self.id)?;
            act.take().map(|act| act(&lease.arena))
        });
        match (done, act) {
            (Ok(Some(result)), _) => result,
            (_, Some(act)) => self.with_new_lease(act),
            (_, None) => unreachable!("what ran gave a result"),
        }
    }

    #[cold]
    fn with_new_lease<R>(self: &Arc<Self>, act: impl FnOnce(&Arena) -> R) -> R {
        let lease = Lease { pool: self.id, arena: self.free_arena(), dealer: Arc::downgrade(self) };
        let result = act(&lease.arena);
        let ended: Result<Vec<Lease>, _> = LEASES.try_with(|leases| {
            let mut leases = leases.borrow_mut();
            let (kept, ended) = leases.drain(..).partition(|lease| lease.dealer.strong_count() > 0);
            *leases = kept;
            leases.push(lease);
            ended
        });
        // Leases of pools that are no more, dropped outside of the list. A thread that ends keeps none.
        drop(ended);
        result
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
