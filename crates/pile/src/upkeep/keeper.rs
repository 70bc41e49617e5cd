//! A keeper is code that has spans of its own and lets its records move: it is asked before one does, and told of each that
//! did, so that the spans can be emptied which hold little.

use core::fmt;
use std::sync::{Arc, Weak};

use crate::lock::Lock;
use crate::naming::header::{Header, Kind};
use crate::naming::pointer::{Place, Pointer};
use crate::naming::version::Version;
use crate::places::segment::Slot;
use crate::places::spans::KEEPERS;
use crate::sync::{AtomicBool, AtomicU32, AtomicU64, Ordering, fence};
use crate::threads::arena::Arena;
use crate::threads::epoch::Pinned;
use crate::threads::pool::Pool;
use crate::upkeep::form::Form;

/// A record of a keeper, as it is read under a guard.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct KeptRecord<'g> {
    /// Where it is now.
    pub place: Place,
    /// Its words, as many as the form of its keep says. Whoever sees the record may change them at any time.
    pub words: &'g [AtomicU32],
    /// Its bytes, in place, without the words.
    pub bytes: &'g [u8],
    /// For how many seconds it still lives; `None` if until it is deleted.
    pub left_s: Option<u32>,
    /// When its life ends, if there is room to say so.
    pub(crate) expiry: Option<&'g AtomicU32>,
    /// Tells it from all that were, or will be, at its place.
    version: Version,
    /// Whose it is, and its bytes once more: what is relied on is not what anybody can change.
    pub(crate) kept: &'g Kept,
    pub(crate) found: &'g [u8],
}

impl KeptRecord<'_> {
    /// Tells this record from all others that the pile ever has, as long as it is open; a copy that is moved is another.
    #[inline]
    #[must_use]
    pub fn version(&self) -> Version {
        self.version
    }

    /// Gives this copy the words and the life that the record `from` has now, which it was made of: for [`Keeper::moved`], by a
    /// keeper that changes them under its own lock.
    pub fn take_over(&self, from: &KeptRecord<'_>) {
        for (word, of) in self.words.iter().zip(from.words) {
            word.store(of.load(Ordering::Relaxed), Ordering::Relaxed);
        }
        if let (Some(expiry), Some(of)) = (self.expiry, from.expiry) {
            expiry.store(of.load(Ordering::Relaxed), Ordering::Relaxed);
        }
    }
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
    /// Its place is wanted for a longer record ([`crate::Pile::make_way`]). A keeper may say no.
    Wanted,
}

/// Who keeps records by their places. It is asked by whoever tends or compacts the pile: under a guard, with no lock of the
/// pile held, possibly by several threads at once. It should be brief, and must not wait for one who tends. It must not panic:
/// the span in question would be put into no more until the keep ends.
pub trait Keeper: Send + Sync {
    /// What is to become of this record.
    fn verdict(&self, record: KeptRecord<'_>) -> Verdict;

    /// The record was copied: swing your reference to `copy.place`, if it still leads to `record.place`. `false` if it does
    /// not; then the copy goes, and the record is left to who unlinked it.
    ///
    /// The copy has the words as they were a moment ago. A keeper that changes them, or lives, under its own lock has that here
    /// too, and lets the copy take over what has changed ([`KeptRecord::take_over`]) before it swings its reference.
    fn moved(&self, record: KeptRecord<'_>, copy: KeptRecord<'_>) -> bool;

    /// The record is about to go: unlink it, if your reference still leads to `record.place`. `false` if it does not; then
    /// it is left to who unlinked it.
    fn dropped(&self, record: KeptRecord<'_>, why: Why) -> bool;
}

/// A keeper whose records are there.
pub(crate) struct Kept {
    pub(crate) number: u16,
    pub(crate) keeper: Arc<dyn Keeper>,
    /// What each of its records has before its bytes.
    pub(crate) form: Form,
    /// As what its records are read, if not as bytes alone.
    pub(crate) typed: Option<Kind>,
    pub(crate) pool: Arc<Pool>,
    /// Where records are moved to, by the one who compacts.
    pub(crate) mover: Arena,
    /// What it uses beside its records.
    pub(crate) beside_bytes: AtomicU64,
    is_over: AtomicBool,
}

impl Kept {
    /// What the keeper is shown of one of its records, which was found live under this pin. `None` for what has not the form of
    /// its records.
    #[inline]
    pub(crate) fn show<'m>(
        &'m self,
        place: Place,
        slot: Slot<'m>,
        header: Header,
        left_s: Option<u32>,
        pinned: &'m Pinned,
    ) -> Option<KeptRecord<'m>> {
        let (words, bytes) = slot.words_and_bytes(header, self.form.words, pinned)?;
        let expiry = header.has_expiry().then(|| slot.expiry());
        let version = Version(Pointer::new(place, header.generation()).to_bits());
        Some(KeptRecord { place, words, bytes, left_s, expiry, version, kept: self, found: bytes })
    }

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
    all: Lock<Vec<Row>>,
    /// Whether kept records may be another's than the one's who asks: there were two at once, or an earlier life had some.
    are_several: AtomicBool,
    /// What they use beside their records, all together.
    pub(crate) beside_bytes: AtomicU64,
}

/// A keeper's number.
#[derive(Debug)]
enum Row {
    Kept(Arc<Kept>),
    /// It is another's once nobody is at a record of the former: each record of a number has the form of its keep.
    Ended(Weak<Kept>),
}

impl Row {
    fn kept(&self) -> Option<&Arc<Kept>> {
        match self {
            Self::Kept(kept) => Some(kept),
            Self::Ended(_) => None,
        }
    }

    fn is_free(&self) -> bool {
        matches!(self, Self::Ended(kept) if kept.strong_count() == 0)
    }
}

/// How many keepers a pile can have at once.
pub(crate) const KEEPERS_MAX: usize = KEEPERS - 1;

impl Keepers {
    /// One more; `None` if there are as many as can be.
    pub(crate) fn add(
        &self,
        keeper: Arc<dyn Keeper>,
        form: Form,
        typed: Option<Kind>,
        is_small: bool,
    ) -> Option<Arc<Kept>> {
        let mut all = self.all.lock();
        let row = all.iter().position(Row::is_free).unwrap_or(all.len());
        if row == KEEPERS_MAX {
            return None;
        }
        // With the last who let go of the former come the records that he ended.
        fence(Ordering::Acquire);
        if row > 0 {
            self.are_several.store(true, Ordering::Relaxed);
        }
        let number = u16::try_from(row + 1).expect("few keepers");
        let kept = Arc::new(Kept {
            number,
            keeper,
            form,
            typed,
            pool: Arc::new(Pool::new(number, is_small)),
            mover: Arena::new(number, true),
            beside_bytes: AtomicU64::new(0),
            is_over: AtomicBool::new(false),
        });
        let taken = Row::Kept(Arc::clone(&kept));
        match all.get_mut(row) {
            Some(row) => *row = taken,
            None => all.push(taken),
        }
        Some(kept)
    }

    #[inline]
    pub(crate) fn are_several(&self) -> bool {
        self.are_several.load(Ordering::Relaxed)
    }

    /// Says that kept records are there whose keeper is of an earlier life.
    pub(crate) fn expect_former(&self) {
        self.are_several.store(true, Ordering::Relaxed);
    }

    /// The keeper of this number.
    pub(crate) fn of(&self, number: u16) -> Option<Arc<Kept>> {
        self.all.lock().get(usize::from(number).checked_sub(1)?)?.kept().cloned()
    }

    pub(crate) fn remove(&self, number: u16) {
        let mut all = self.all.lock();
        let row = &mut all[usize::from(number) - 1];
        let ended = row.kept().map(Arc::downgrade);
        *row = Row::Ended(ended.expect("a keep ends once"));
    }

    pub(crate) fn all(&self) -> Vec<Arc<Kept>> {
        self.all.lock().iter().filter_map(Row::kept).cloned().collect()
    }

    /// Does `act`, which asks nothing of keepers, if there is none, and none comes while it does; else says how many there
    /// are.
    pub(crate) fn if_none<R>(&self, act: impl FnOnce() -> R) -> Result<R, usize> {
        let all = self.all.lock();
        match all.iter().filter_map(Row::kept).count() {
            0 => Ok(act()),
            count => Err(count),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nobody;

    impl Keeper for Nobody {
        fn verdict(&self, _: KeptRecord<'_>) -> Verdict {
            Verdict::Stay
        }

        fn moved(&self, _: KeptRecord<'_>, _: KeptRecord<'_>) -> bool {
            false
        }

        fn dropped(&self, _: KeptRecord<'_>, _: Why) -> bool {
            false
        }
    }

    #[test]
    fn a_number_is_anothers_once_nobody_is_at_the_formers_records() {
        let keepers = Keepers::default();
        let add = || keepers.add(Arc::new(Nobody), Form::default(), None, true).unwrap();
        let first = add();
        keepers.remove(first.number);
        assert!(keepers.of(first.number).is_none());
        let second = add();
        assert_ne!(second.number, first.number);
        let number = first.number;
        drop(first);
        assert_eq!(add().number, number);
    }
}
