//! Marks are set in the run of a mailbox's messages by those who wait until it is taken so far.

use crate::address::{ReplyTo, WaitId};
use crate::closed::Closed;
use std::collections::VecDeque;

/// Whom to tell that a mailbox was taken so far, or will not be.
pub(crate) type Teller = ReplyTo<Option<Closed>>;

/// The marks of one mailbox.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    /// How many messages were taken since there was a mark.
    taken: u64,
    /// By how many it is reached, in order: messages come in at the end, so a later mark is never before an earlier one.
    tellers: VecDeque<(u64, Teller)>,
}

impl Marks {
    /// Sets a mark behind all that is `queued`.
    pub(crate) fn add(&mut self, queued: u16, teller: Teller) {
        self.tellers.push_back((self.taken + u64::from(queued), teller));
    }

    /// Takes a mark away.
    pub(crate) fn remove(&mut self, teller: WaitId) {
        self.tellers.retain(|(_, other)| other.wait() != teller);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.tellers.is_empty()
    }

    /// Takes a message out of account that left without being taken, behind so many others.
    pub(crate) fn withdraw(&mut self, behind: u16) {
        let place = self.taken + u64::from(behind);
        self.tellers.iter_mut().filter(|(at, _)| *at > place).for_each(|(at, _)| *at -= 1);
    }

    /// Counts a message that was taken.
    pub(crate) fn taken(&mut self) {
        self.taken += 1;
    }

    /// A mark that is reached.
    pub(crate) fn pop_due(&mut self) -> Option<Teller> {
        let (at, teller) = self.tellers.front().copied()?;
        if at > self.taken {
            return None;
        }
        self.tellers.pop_front();
        Some(teller)
    }

    /// All that are not reached.
    pub(crate) fn into_tellers(self) -> impl Iterator<Item = Teller> {
        self.tellers.into_iter().map(|(_, teller)| teller)
    }
}
