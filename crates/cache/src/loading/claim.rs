//! A claim finds a value, or gives the right and duty to load it to one of those who claim it.

use core::borrow::Borrow;
use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;
use std::error::Error;
use std::sync::Arc;
use std::thread;

use levada_pile::Guard;

use crate::error::Refused;
use crate::how::How;
use crate::keys::key::Key;
use crate::loading::flight::{End, Flight, Look};
use crate::loading::ticket::{Flown, NotFilled, Ticket};
use crate::table::body::Body;
use crate::table::hit::Hit;
use crate::table::typed::Table;
use crate::values::Values;

/// What a claim came to.
#[derive(Debug)]
pub enum Claim<'g, K: Key + ?Sized, V: Values> {
    /// It is there.
    Hit(Hit<'g, V>),
    /// It is yours to load.
    Yours(Ticket<K, V>),
    /// Another loads it.
    Theirs(Waiting),
}

/// How waiting ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Waited {
    /// There is a value: it is found by a get.
    Filled,
    /// The load was given up, or overtaken: claim again.
    GivenUp,
    /// It took too long.
    TimedOut,
}

/// Waits for another's load: a future, and [`Waiting::wait`] for threads. Nothing may be pinned by who waits.
#[derive(Debug)]
pub struct Waiting {
    flight: Arc<Flight>,
    waiter: u64,
}

/// A value that was found or loaded.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Loaded<T> {
    /// The value.
    pub value: T,
    /// Whether this call loaded it.
    pub is_loaded: bool,
    /// Why it was not kept, though it was loaded.
    pub not_filled: Option<NotFilled>,
}

/// Why there is no value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LoadError<E> {
    /// The load failed, in this call.
    Load(E),
    /// There is no room to load it.
    Refused(Refused),
    /// The loader of this key asks for it itself.
    Reentrant,
}

impl<E: fmt::Display> fmt::Display for LoadError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Load(error) => write!(f, "the load failed: {error}"),
            Self::Refused(refused) => write!(f, "nothing was loaded: {refused}"),
            Self::Reentrant => write!(f, "the loader of the key asks for it itself"),
        }
    }
}

impl<E: Error> Error for LoadError<E> {}

impl<K: Key + ?Sized, V: Values> Table<K, V> {
    /// Finds the entry under a key, or says whose it is to load. A load is charged for `room_bytes` of value first. An entry
    /// that its codec cannot read is removed, and loaded anew.
    ///
    /// ```
    /// use levada_cache::{Bytes, Cache, CacheOptions, Claim, How, Pile, TableOptions};
    ///
    /// let pile = Pile::builder("p").limit_bytes(8 << 20).build()?;
    /// let cache = Cache::over(&pile, CacheOptions::limit(8 << 20))?;
    /// let table = cache.table::<str, Bytes>("pages", TableOptions::default())?;
    /// let Claim::Yours(ticket) = table.claim(&cache.pin(), "/", 100)? else { unreachable!() };
    /// assert!(matches!(table.claim(&cache.pin(), "/", 100)?, Claim::Theirs(_)));
    /// ticket.fill(b"hello", How::default())?;
    /// assert!(matches!(table.claim(&cache.pin(), "/", 100)?, Claim::Hit(_)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Refused`]: there is no room for what would be loaded.
    pub fn claim<'g>(
        &'g self,
        guard: &'g Guard<'_>,
        key: &K,
        room_bytes: usize,
    ) -> Result<Claim<'g, K, V>, Refused> {
        loop {
            if let Some(hit) = self.read_or_remove(guard, key, Body::get, Some) {
                return Ok(Claim::Hit(hit));
            }
            match self.take_off(key, room_bytes, false)? {
                Flown::Yours(ticket) => return Ok(Claim::Yours(ticket)),
                Flown::Theirs(flight) => return Ok(Claim::Theirs(Waiting::on(flight))),
                Flown::Landed => {}
            }
        }
    }

    /// The value under a key, loaded by exactly one of those who ask for it at once; the others wait for that one. The value
    /// is returned as one's own: who would read it in place asks by [`Table::get`] first. An entry that its codec cannot read
    /// is removed, and loaded anew.
    ///
    /// # Errors
    /// [`LoadError`]; the error of a load goes to the caller who loaded, and is not kept.
    pub fn get_or_put<E>(
        &self,
        key: &K,
        room_bytes: usize,
        load: impl FnOnce() -> Result<(V::Owned, How), E>,
    ) -> Result<Loaded<V::Owned>, LoadError<E>> {
        loop {
            let guard = self.cache.pin();
            if let Some(value) = self.read_or_remove(&guard, key, Body::get, |hit| hit.load()) {
                return Ok(Loaded { value, is_loaded: false, not_filled: None });
            }
            drop(guard);
            let flown = self.take_off(key, room_bytes, true).map_err(LoadError::Refused)?;
            match flown {
                Flown::Landed => {}
                Flown::Theirs(flight) => {
                    if flight.loader == Some(thread::current().id()) {
                        return Err(LoadError::Reentrant);
                    }
                    let _ended: Option<End> = flight.wait(None);
                }
                Flown::Yours(ticket) => {
                    // Dropped by an error or a panic, the ticket gives the load up.
                    let (value, how) = load().map_err(LoadError::Load)?;
                    let not_filled = ticket.fill(value.borrow(), how).err();
                    return Ok(Loaded { value, is_loaded: true, not_filled });
                }
            }
        }
    }
}

impl Waiting {
    fn on(flight: Arc<Flight>) -> Self {
        let waiter = flight.waiter();
        Self { flight, waiter }
    }

    /// Waits with the thread, at most so long.
    #[must_use]
    pub fn wait(self, patience: Duration) -> Waited {
        self.flight.wait(Some(patience)).map_or(Waited::TimedOut, Waited::of)
    }
}

impl Waited {
    fn of(end: End) -> Self {
        match end {
            End::Filled => Self::Filled,
            End::GivenUp => Self::GivenUp,
        }
    }
}

impl Future for Waiting {
    type Output = Waited;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Waited> {
        match self.flight.poll(self.waiter, context.waker()) {
            Look::Ended(end) => Poll::Ready(Waited::of(end)),
            Look::Waits => Poll::Pending,
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.flight.forget(self.waiter);
    }
}
