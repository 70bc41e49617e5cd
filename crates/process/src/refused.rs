//! Refused is a message that was not accepted, and why.

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
}

impl<M> Refused<M> {
    /// The message.
    pub fn into_inner(self) -> M {
        match self {
            Self::Full(message) | Self::Closed(message, _) | Self::TooLarge(message) => message,
        }
    }

    pub(crate) fn of(why: Refusal, message: M) -> Self {
        match why {
            Refusal::Full => Self::Full(message),
            Refusal::Closed(why) => Self::Closed(message, why),
            Refusal::TooLarge => Self::TooLarge(message),
        }
    }
}

/// Why a message comes back.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Refusal {
    Full,
    Closed(Closed),
    TooLarge,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("the mailbox is full"),
            Self::Closed(why) => fmt::Display::fmt(why, f),
            Self::TooLarge => f.write_str("the message is heavier than its mailbox may hold"),
        }
    }
}

impl<M> Refused<M> {
    fn why(&self) -> Refusal {
        match self {
            Self::Full(_) => Refusal::Full,
            Self::Closed(_, why) => Refusal::Closed(*why),
            Self::TooLarge(_) => Refusal::TooLarge,
        }
    }
}

impl<M> fmt::Debug for Refused<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.why(), f)
    }
}

impl<M> fmt::Display for Refused<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.why(), f)
    }
}

impl<M> Error for Refused<M> {}

/// A message was accepted: it is in the mailbox, or on its sure way there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Sent {
    /// The receiver will find it.
    Accepted,
}
