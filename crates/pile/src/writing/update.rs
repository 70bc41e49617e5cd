//! An update gives a record new bytes behind the same pointer. Readers see the old bytes or the new, never a mix, and are
//! never made to wait.
//!
//! The new bytes are put first, so that a lack of room leaves the record as it was. Then one compare-and-swap makes them
//! the record's: of the reference in a cell, or of the target of a forward. A roomy record copies into its other half. The
//! old bytes go to limbo.

use std::sync::Arc;

use crate::error::{Gone, UpdateError};
use crate::naming::birth::Birth;
use crate::naming::change;
use crate::naming::header::{Header, Kind};
use crate::naming::life::Life;
use crate::naming::pointer::Pointer;
use crate::naming::stamp::{Stamp, Type};
use crate::naming::version::Version;
use crate::pile::Pile;
use crate::places::segment::Slot;
use crate::reading::present::present;
use crate::store::Store;
use crate::sync::{AtomicU64, Ordering};
use crate::threads::epoch::Pinned;
use crate::writing::roomy;

impl Pile {
    /// Gives a record new bytes, of any length. Its life stays as it is.
    ///
    /// # Errors
    /// [`UpdateError`]; the old bytes are then still there, whole. A typed record is updated through its type.
    pub fn update(&self, at: Pointer, bytes: &[u8]) -> Result<Version, UpdateError> {
        self.store.update(at, None, bytes)
    }

    /// As [`Pile::update`], if nobody updated the record since `seen` was read with its bytes.
    ///
    /// # Errors
    /// [`UpdateError::Changed`] if somebody did; else as [`Pile::update`].
    pub fn compare_update(
        &self,
        at: Pointer,
        seen: Version,
        bytes: &[u8],
    ) -> Result<Version, UpdateError> {
        self.store.update(at, Some(seen), bytes)
    }
}

/// What came of one attempt.
enum Attempt {
    /// The new bytes are the record's; a value that it led to before is to be ended, if this is not zero.
    Done(Version, u64),
    /// Somebody was faster, or the new bytes are put only now.
    Again,
    /// There is no room for the new bytes, unless what was freed is taken in first.
    NoRoom,
    Refused(UpdateError),
}

impl From<Gone> for Attempt {
    fn from(gone: Gone) -> Self {
        Self::Refused(gone.into())
    }
}

/// What is asked for.
#[derive(Clone, Copy)]
struct Wish<'b> {
    at: Pointer,
    seen: Option<Version>,
    typed: Option<Type>,
    bytes: &'b [u8],
    /// How many purges had begun or ended before the new bytes were put.
    purges: u64,
}

impl Store {
    /// Updates a record of no type.
    pub(crate) fn update(
        self: &Arc<Self>,
        at: Pointer,
        seen: Option<Version>,
        bytes: &[u8],
    ) -> Result<Version, UpdateError> {
        let length = self.length(bytes.len())?;
        let purges = self.purges();
        self.fulfil(Wish { at, seen, typed: None, bytes, purges }, length, None)
    }

    /// Makes a value that was put as an inner one the bytes of a typed record, or ends it. `purges` as of before it was put.
    pub(crate) fn update_typed(
        self: &Arc<Self>,
        at: Pointer,
        seen: Option<Version>,
        typed: Type,
        value: Pointer,
        purges: u64,
    ) -> Result<Version, UpdateError> {
        self.fulfil(Wish { at, seen, typed: Some(typed), bytes: &[], purges }, 0, Some(value))
    }

    fn fulfil(
        self: &Arc<Self>,
        wish: Wish<'_>,
        length: u32,
        mut new: Option<Pointer>,
    ) -> Result<Version, UpdateError> {
        let mut may_be_more = true;
        let done = loop {
            match self.attempt(wish, &mut new) {
                Attempt::Done(version, _) => break Ok(version),
                Attempt::Again => {}
                Attempt::NoRoom if may_be_more => may_be_more = self.reclaim_more(),
                Attempt::NoRoom => {
                    break Err(self
                        .out_of_space(Birth::of(Kind::Bytes, Life::FOREVER), length)
                        .into());
                }
                Attempt::Refused(error) => break Err(error),
            }
        };
        if let Some(unused) = new {
            self.end_inner(Pointer::to_bits(unused), &Pinned::new());
        }
        self.with_arena(|arena| match &done {
            Ok(_) => arena.counts.updates.add(1),
            Err(UpdateError::Changed { .. }) => arena.counts.compare_failed.add(1),
            Err(_) => {}
        });
        done
    }

    fn attempt(self: &Arc<Self>, wish: Wish<'_>, new: &mut Option<Pointer>) -> Attempt {
        let pinned = Pinned::new();
        self.look_through(wish.at.place());
        let (slot, header) = match self.find(wish.at, &pinned) {
            Ok(found) => found,
            Err(gone) => return gone.into(),
        };
        if let Err(gone) = self.check_type(slot, header, wish.typed) {
            return gone.into();
        }
        if header.kind() == Kind::Text && core::str::from_utf8(wish.bytes).is_err() {
            return Gone::WrongType.into();
        }
        let attempt = if header.kind() == Kind::Roomy {
            self.attempt_roomy(wish, new, &pinned)
        } else {
            self.attempt_moving(wish, slot, header, new, &pinned)
        };
        if let Attempt::Done(_, left) = attempt {
            // Not before: a value that is held is ended under the lock of its own shard, of which no other may be had then.
            self.end_inner(left, &pinned);
        }
        if let Attempt::Done(version, _) = attempt
            && self.purges() != wish.purges
            && !self.is_whole_past_purge(wish.at, slot, version, &pinned)
        {
            return self.refused(Gone::Stale).into();
        }
        attempt
    }

    /// One that has halves: what changes it is under one lock, since it may be at home or away.
    fn attempt_roomy(
        self: &Arc<Self>,
        wish: Wish<'_>,
        new: &mut Option<Pointer>,
        pinned: &Pinned,
    ) -> Attempt {
        let _one = self.shard(wish.at.place()).lock();
        let (slot, header) = match self.find(wish.at, pinned) {
            Ok(found) => found,
            Err(gone) => return gone.into(),
        };
        match self.is_as_seen(wish, slot, header, pinned) {
            Ok(()) => {}
            Err(error) => return Attempt::Refused(error),
        }
        if !header.is_held()
            && let Some(version) = roomy::turn(slot, header, wish.bytes)
        {
            if !header.is_forwarded() {
                return Attempt::Done(version, 0);
            }
            let home = header.at_home(roomy::length(slot, header));
            if !change::exchange(slot.header(), header, home) {
                return Attempt::Again; // deleted: the next look says so
            }
            // The target stays: who read the number before is led to the old bytes, and never to none.
            let target = self.forwards.at(header.length()).target.load(Ordering::Relaxed);
            self.forwards.leave(header.length());
            self.with_arena(|arena| arena.counts.put_bytes.add(u64::from(home.length())));
            return Attempt::Done(version, target);
        }
        let attempt = self.attempt_moving(wish, slot, header, new, pinned);
        if matches!(attempt, Attempt::Done(..)) && !header.is_forwarded() {
            roomy::leave(slot, header);
        }
        attempt
    }

    fn is_as_seen(
        &self,
        wish: Wish<'_>,
        slot: Slot<'_>,
        header: Header,
        pinned: &Pinned,
    ) -> Result<(), UpdateError> {
        let Some(seen) = wish.seen else { return Ok(()) };
        let now = present(self, slot, header, wish.at, pinned)?.version;
        if seen == now { Ok(()) } else { Err(UpdateError::Changed { now }) }
    }

    /// Puts the new bytes into a slot of their own and makes them the record's.
    fn attempt_moving(
        self: &Arc<Self>,
        wish: Wish<'_>,
        slot: Slot<'_>,
        header: Header,
        new: &mut Option<Pointer>,
        pinned: &Pinned,
    ) -> Attempt {
        let version = match present(self, slot, header, wish.at, pinned) {
            Ok(present) => present.version,
            Err(gone) => return gone.into(),
        };
        if wish.seen.is_some_and(|seen| seen != version) {
            return Attempt::Refused(UpdateError::Changed { now: version });
        }
        let Some(target) = new.or_else(|| self.put_inner(wish)) else { return Attempt::NoRoom };
        *new = Some(target);
        let from = if header.is_forwarded() {
            self.swing(&self.forwards.at(header.length()).target, version, target)
        } else if header.kind() == Kind::Cell {
            self.swing(slot.word(header.ext_bytes(), 0), version, target)
        } else {
            let taken =
                self.forwards.take(&self.spans.supply.limit, wish.at.place(), target.to_bits());
            let Some(number) = taken else { return Attempt::NoRoom };
            let has_gone = change::exchange(slot.header(), header, header.forwarded(number));
            if has_gone {
                self.with_arena(|arena| {
                    arena.counts.deleted_bytes.add(u64::from(header.length()));
                });
            } else {
                self.forwards.give(number);
            }
            has_gone.then_some(0)
        };
        let Some(from) = from else { return Attempt::Again };
        *new = None;
        Attempt::Done(Version(target.to_bits()), from)
    }

    /// The value that an updated record leads to. It has no life of its own.
    fn put_inner(self: &Arc<Self>, wish: Wish<'_>) -> Option<Pointer> {
        let birth = Birth::inner(Kind::Bytes, 0, wish.at);
        let length = u32::try_from(wish.bytes.len()).expect("it was compared with the longest");
        self.put_once(birth, wish.bytes, length, true)
    }

    /// Makes a reference lead to the target, if it still leads where it was seen to lead; it led there then.
    fn swing(&self, word: &AtomicU64, from: Version, to: Pointer) -> Option<u64> {
        // Release: who sees the target sees its bytes. Zero stands there once the record is dead.
        word.compare_exchange(from.0, to.to_bits(), Ordering::AcqRel, Ordering::Relaxed).ok()
    }

    /// Whether the record is of this type, or of none.
    pub(crate) fn check_type(
        &self,
        slot: Slot<'_>,
        header: Header,
        typed: Option<Type>,
    ) -> Result<(), Gone> {
        let is_right = match typed {
            None => !header.kind().has_tag(),
            Some(typed) => {
                // Another schema of a type may be of another kind.
                header.kind().has_tag() && Stamp::is_same_name(self.tag(slot, header), typed.tag)
            }
        };
        if is_right { Ok(()) } else { Err(self.refused(Gone::WrongType)) }
    }

    /// The type that stands before a record's payload.
    pub(crate) fn tag(&self, slot: Slot<'_>, header: Header) -> u32 {
        slot.tag(header.has_expiry(), header.kind() == Kind::Archived).load(Ordering::Relaxed)
    }
}
