//! An onlook is what another thread can see of a core while that runs a turn, and cannot say so itself.
//!
//! ```text
//! turn 64 | pid 64 | kind 32 | cause 3 x 64     written by the core alone, with plain stores; read by a watchdog, rarely
//! ```
//!
//! The turn's number is odd while it runs; who reads looks at it before and behind the rest. The cause may change while a turn runs: it
//! is read until it is read twice alike, and where that does not come to be, it is none. Cost: four stores at the
//! start of a turn and one at its end.
#![expect(
    clippy::disallowed_types,
    reason = "the names of kinds: held to add one when something of a new kind is spawned, and to read one for a report"
)]

use crate::cause::Cause;
use crate::pid::Pid;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// How often a cause is read that changes meanwhile.
const TRIES: u32 = 16;

/// What a core shows of its turns.
#[derive(Debug, Default)]
pub(crate) struct Onlook {
    turn: AtomicU64,
    pid: AtomicU64,
    kind: AtomicU32,
    cause: [AtomicU64; 3],
    over_limit: AtomicU64,
    /// Name and message type by the number of a kind.
    kinds: Mutex<Vec<(&'static str, &'static str)>>,
}

impl Onlook {
    /// A turn begins, with this number.
    #[inline]
    pub(crate) fn begin(&self, turn: u64, pid: Pid, kind: u32) {
        // Release: who sees these sees that the turn before has ended, and so that they are not of that.
        self.pid.store(pid.to_bits(), Ordering::Release);
        self.kind.store(kind, Ordering::Release);
        self.turn.store(turn << 1 | 1, Ordering::Release);
    }

    /// It ends.
    #[inline]
    pub(crate) fn end(&self, turn: u64) {
        self.turn.store(turn << 1, Ordering::Release);
    }

    /// What runs runs on behalf of this.
    #[inline]
    pub(crate) fn set_cause(&self, cause: Cause) {
        // Release: who sees a word of this sees that the turns before have ended, and so that it is not of one of those.
        for (place, word) in self.cause.iter().zip(cause.to_words()) {
            place.store(word, Ordering::Release);
        }
    }

    /// On behalf of what it runs, as its own core reads it.
    #[inline]
    pub(crate) fn cause(&self) -> Cause {
        self.read_cause(Ordering::Relaxed) // what it wrote itself
    }

    #[inline]
    fn read_cause(&self, order: Ordering) -> Cause {
        let [one, two, three] = &self.cause;
        Cause::from_words([one.load(order), two.load(order), three.load(order)])
    }

    /// Notes what processes of a kind are called.
    pub(crate) fn note_kind(&self, kind: u32, name: &'static str, message: &'static str) {
        let kinds = &mut *self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        if kinds.len() == kind as usize {
            kinds.push((name, message));
        }
    }

    /// How many turns were found to run too long.
    pub(crate) fn over_limit(&self) -> u64 {
        self.over_limit.load(Ordering::Relaxed)
    }
}

/// Looks at the turns of a core, from any thread.
#[derive(Clone, Debug)]
pub struct CoreWatch(Arc<Onlook>);

/// A turn that runs at this moment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct TurnSeen {
    /// Which of the core's turns it is.
    pub number: u64,
    /// Whose.
    pub pid: Pid,
    /// The name that the process was spawned with.
    pub name: &'static str,
    /// The type of its messages.
    pub message: &'static str,
    /// On behalf of what it runs, if that could be made out.
    pub cause: Cause,
}

impl CoreWatch {
    pub(crate) fn of(onlook: Arc<Onlook>) -> Self {
        Self(onlook)
    }

    /// The turn that runs, if one does.
    #[must_use]
    pub fn look(&self) -> Option<TurnSeen> {
        let turn = self.0.turn.load(Ordering::Acquire);
        if turn & 1 == 0 {
            return None;
        }
        let pid = Pid::from_bits(self.0.pid.load(Ordering::Acquire))?;
        let kind = self.0.kind.load(Ordering::Acquire);
        let cause = self.read_cause();
        if self.0.turn.load(Ordering::Acquire) != turn {
            return None;
        }
        let kinds = self.0.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        let (name, message) = kinds.get(kind as usize).copied().unwrap_or_default();
        Some(TurnSeen { number: turn >> 1, pid, name, message, cause })
    }

    fn read_cause(&self) -> Cause {
        // Acquire: with `set_cause`, and so that the turn's number is looked at after it.
        let mut before = self.0.read_cause(Ordering::Acquire);
        for _ in 0..TRIES {
            let again = self.0.read_cause(Ordering::Acquire);
            if again == before {
                return again;
            }
            before = again;
        }
        Cause::NONE
    }

    /// Counts a turn that runs too long, for the core's gauges.
    pub fn count_over_limit(&self) {
        self.0.over_limit.fetch_add(1, Ordering::Relaxed);
    }
}
