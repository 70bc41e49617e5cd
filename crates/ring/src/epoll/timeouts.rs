//! Timeouts of the epoll driver are moments in order: the earliest ends a wait.
//!
//! Cost: setting and cancelling are a step in a tree each; a pass without any asks for no clock.

use std::collections::{BTreeSet, HashMap};

use crate::token::Token;
use crate::wait::Deadline;

/// All that run.
#[derive(Debug, Default)]
pub(super) struct Timeouts {
    due: BTreeSet<(Deadline, u64)>,
    moments: HashMap<Token, Deadline>,
}

impl Timeouts {
    pub(super) fn set(&mut self, token: Token, at: Deadline) {
        self.moments.insert(token, at);
        self.due.insert((at, token.number()));
    }

    /// Takes one out. Says whether it was there.
    pub(super) fn cancel(&mut self, token: Token) -> bool {
        let Some(at) = self.moments.remove(&token) else { return false };
        self.due.remove(&(at, token.number()))
    }

    /// The earliest moment.
    pub(super) fn next(&self) -> Deadline {
        self.due.first().map_or(Deadline::NEVER, |(at, _)| *at)
    }

    /// Takes out one whose moment has come.
    pub(super) fn pop(&mut self, now: Deadline) -> Option<Token> {
        if self.next() > now {
            return None;
        }
        let (_, number) = self.due.pop_first()?;
        let token = Token::numbered(number);
        self.moments.remove(&token);
        Some(token)
    }
}
