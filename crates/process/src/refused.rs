//! Refused is a message that was not accepted, and why.

use crate::cancelled::Cancelled;
use crate::closed::Closed;
use std::error::Error;
use std::fmt;

/// A message that comes back.
#[non_exhaustive]
pub enum Refused<M> {
    /// There is no room, and the mailbox does not let wait, or this sender did not want to.
    Full(M),
    /// The mailbox takes no more.
    Closed(M, Closed),
    /// It weighs more than the mailbox may ever hold.
    TooLarge(M),
    /// Who sends was cancelled, before it was accepted.
    Cancelled(M),
    /// What it carries of the shared heap does not fit the account of the receiver: which limit, and what would still have fitted.
    /// So it is under every policy: nobody can say when an account has room again, so nobody waits for it.
    AccountFull(M, levada_shared::Full<()>),
    /// The wait for room closed a circle of processes that wait for each other, none of which could ever go on.
    Cycle(M),
}

impl<M> Refused<M> {
    /// The message.
    pub fn into_inner(self) -> M {
        match self {
            Self::Full(message)
            | Self::Closed(message, _)
            | Self::TooLarge(message)
            | Self::Cancelled(message)
            | Self::AccountFull(message, _)
            | Self::Cycle(message) => message,
        }
    }

    /// What a sender is told whose message found no room: it comes back, unless its mailbox wants it dropped.
    pub(crate) fn of(why: Refusal, message: M) -> Result<Sent, Self> {
        match why {
            Refusal::Full => Err(Self::Full(message)),
            Refusal::Closed(why) => Err(Self::Closed(message, why)),
            Refusal::TooLarge => Err(Self::TooLarge(message)),
            Refusal::Dropped => {
                drop(message);
                Ok(Sent::Dropped)
            }
        }
    }

    /// A message for which there was room, but not for what it carries.
    pub(crate) fn for_its_bytes(why: Uncharged, message: M) -> Self {
        match why {
            Uncharged::Full(full) => Self::AccountFull(message, full),
            Uncharged::Closed(why) => Self::Closed(message, why),
        }
    }
}

/// Why there is no room for a message. A word: it is on the way of every message that is sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Refusal {
    Full,
    Closed(Closed),
    TooLarge,
    /// It is to be dropped: the policy of the mailbox.
    Dropped,
}

const _: () = assert!(size_of::<Refusal>() == 8);

/// Why what a message carries did not become its receiver's.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Uncharged {
    /// His account has no room.
    Full(levada_shared::Full<()>),
    /// He has ended, and his account with him.
    Closed(Closed),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("the mailbox is full"),
            Self::Closed(why) => fmt::Display::fmt(why, f),
            Self::TooLarge => f.write_str("the message is heavier than its mailbox may hold"),
            Self::Dropped => f.write_str("the message was dropped"),
        }
    }
}

impl<M> fmt::Debug for Refused<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(_) => fmt::Debug::fmt(&Refusal::Full, f),
            Self::Closed(_, why) => fmt::Debug::fmt(&Refusal::Closed(*why), f),
            Self::TooLarge(_) => fmt::Debug::fmt(&Refusal::TooLarge, f),
            Self::AccountFull(_, full) => f.debug_tuple("AccountFull").field(full).finish(),
            Self::Cycle(_) => f.write_str("Cycle"),
            Self::Cancelled(_) => f.write_str("Cancelled"),
        }
    }
}

impl<M> fmt::Display for Refused<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(_) => fmt::Display::fmt(&Refusal::Full, f),
            Self::Closed(_, why) => fmt::Display::fmt(&Refusal::Closed(*why), f),
            Self::TooLarge(_) => fmt::Display::fmt(&Refusal::TooLarge, f),
            Self::AccountFull(_, full) => {
                write!(f, "the receiver cannot hold what it carries: {full}")
            }
            Self::Cycle(_) => f.write_str("the wait for room closed a circle of waits"),
            Self::Cancelled(_) => fmt::Display::fmt(&Cancelled, f),
        }
    }
}

impl<M> Error for Refused<M> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        matches!(self, Self::Cancelled(_)).then_some(&Cancelled as _)
    }
}

/// A message was accepted: it is in the mailbox, or on its sure way there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Sent {
    /// The receiver will find it.
    Accepted,
    /// There was no room for it, and it was dropped: [`Full::DropNewest`](crate::Full::DropNewest), or on the way to another core
    /// also [`Full::DropOldest`](crate::Full::DropOldest).
    Dropped,
}
