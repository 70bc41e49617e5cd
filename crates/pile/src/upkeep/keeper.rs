//! A keeper is code that has spans of its own and lets its records move: it is asked before one does, and told of each that
//! did, so that the spans can be emptied which hold little.

use core::fmt;
use std::sync::Arc;

use crate::lock::Lock;
use crate::naming::pointer::Place;
use crate::places::spans::KEEPERS;
use crate::sync::{AtomicBool, Ordering};
use crate::threads::arena::Arena;
use crate::threads::pool::Pool;

/// A record of a keeper, as it is read under a guard.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct KeptRecord<'g> {
    /// Where it is now.
    pub place: Place,
    /// Its bytes, in place.
    pub bytes: &'g [u8],
    /// For how many seconds it still lives; `None` if until it is deleted.
    pub left_s: Option<u32>,
}

/// What is to become of a record whose span is to be emptied.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// Copy it elsewhere; [`Keeper::moved`] follows.
    Move,
    /// It is worth less than its place; [`Keeper::dropped`] follows.
    Drop,
    /// Leave it where it is.
    Stay,
}

/// Why a record is dropped.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Why {
    /// Its life is over.
    Expired,
    /// The keeper said so.
    Verdict,
}

/// Who keeps records by their places. It is asked by whoever tends or compacts the pile: under a guard, with no lock of the
/// pile held, possibly by several threads at once. It should be brief, and must not wait for one who tends. It must not panic:
/// the span in question would be put into no more until the keep ends.
pub trait Keeper: Send + Sync {
    /// What is to become of this record.
    fn verdict(&self, record: KeptRecord<'_>) -> Verdict;

    /// The record was copied to `to`: swing your reference, if it still leads to `record.place`. `false` if it does not; then
    /// the copy goes, and the record is left to who unlinked it.
    fn moved(&self, record: KeptRecord<'_>, to: Place) -> bool;

    /// The record is about to go: unlink it, if your reference still leads to `record.place`. `false` if it does not; then
    /// it is left to who unlinked it.
    fn dropped(&self, record: KeptRecord<'_>, why: Why) -> bool;
}

/// A keeper whose records are there.
pub(crate) struct Kept {
    pub(crate) number: u16,
    pub(crate) keeper: Arc<dyn Keeper>,
    pub(crate) pool: Arc<Pool>,
    /// Where records are moved to, by the one who compacts.
    pub(crate) mover: Arena,
    is_over: AtomicBool,
}

impl Kept {
    /// Nothing is put for it any more.
    pub(crate) fn end(&self) {
        self.is_over.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::SeqCst)
    }
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept").field("number", &self.number).finish_non_exhaustive()
    }
}

/// The keepers of a pile.
#[derive(Debug, Default)]
pub(crate) struct Keepers {
    /// By their numbers less one.
    all: Lock<Vec<Option<Arc<Kept>>>>,
    /// Whether there ever were two at once: else each kept record is the one's.
    are_several: AtomicBool,
}

/// How many keepers a pile can have at once.
pub(crate) const KEEPERS_MAX: usize = KEEPERS - 1;

impl Keepers {
    /// One more; `None` if there are as many as can be.
    pub(crate) fn add(&self, keeper: Arc<dyn Keeper>, is_small: bool) -> Option<Arc<Kept>> {
        let mut all = self.all.lock();
        let row = all.iter().position(Option::is_none).unwrap_or(all.len());
        if row == KEEPERS_MAX {
            return None;
        }
        if row > 0 {
            self.are_several.store(true, Ordering::Relaxed);
        }
        let number = u16::try_from(row + 1).expect("few keepers");
        let kept = Arc::new(Kept {
            number,
            keeper,
            pool: Arc::new(Pool::new(number, is_small)),
            mover: Arena::new(number, true),
            is_over: AtomicBool::new(false),
        });
        if row == all.len() {
            all.push(None);
        }
        all[row] = Some(Arc::clone(&kept));
        Some(kept)
    }

    #[inline]
    pub(crate) fn are_several(&self) -> bool {
        self.are_several.load(Ordering::Relaxed)
    }

    /// The keeper of this number.
    pub(crate) fn of(&self, number: u16) -> Option<Arc<Kept>> {
        self.all.lock().get(usize::from(number).checked_sub(1)?)?.clone()
    }

    pub(crate) fn remove(&self, number: u16) {
        self.all.lock()[usize::from(number) - 1] = None;
    }

    pub(crate) fn all(&self) -> Vec<Arc<Kept>> {
        self.all.lock().iter().flatten().cloned().collect()
    }

    /// Does `act`, which asks nothing of keepers, if there is none, and none comes while it does; else says how many there
    /// are.
    pub(crate) fn if_none<R>(&self, act: impl FnOnce() -> R) -> Result<R, usize> {
        let all = self.all.lock();
        match all.iter().flatten().count() {
            0 => Ok(act()),
            count => Err(count),
        }
    }
}
