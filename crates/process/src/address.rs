//! An address says where a value may be put down, and of what type: a mailbox, or the landing of somebody who waits.
//!
//! Messages and answers travel as bytes. That they are read again as what they were written as rests on this file alone: an
//! address is made with the place, carries its type, and names the place by a generation that never comes back.
#![expect(unsafe_code, reason = "to make an address is to vouch for a type")]

use crate::pid::{CoreId, Pid};
use std::marker::PhantomData;

/// The mailbox of one process.
pub(crate) struct Address<M> {
    pid: Pid,
    messages: PhantomData<fn(M) -> M>,
}

impl<M> Address<M> {
    /// Names the mailbox of `pid`.
    /// # Safety
    /// The process `pid` was made with messages of `M`.
    pub(crate) unsafe fn of(pid: Pid) -> Self {
        Self { pid, messages: PhantomData }
    }

    pub(crate) fn pid(self) -> Pid {
        self.pid
    }
}

impl<M> Clone for Address<M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M> Copy for Address<M> {}

/// One wait on one core. The generation is counted over all waits of the core and is 64 bits wide: it never comes back.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct WaitId {
    pub(crate) core: CoreId,
    pub(crate) index: u32,
    pub(crate) generation: u64,
}

/// A wait that ends with an `R`.
pub(crate) struct ReplyTo<R> {
    wait: WaitId,
    answers: PhantomData<fn(R) -> R>,
}

impl<R> ReplyTo<R> {
    /// Names a wait.
    /// # Safety
    /// `wait` was opened with a landing for an `R`.
    pub(crate) unsafe fn of(wait: WaitId) -> Self {
        Self { wait, answers: PhantomData }
    }

    pub(crate) fn wait(self) -> WaitId {
        self.wait
    }
}

impl<R> Clone for ReplyTo<R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R> Copy for ReplyTo<R> {}

impl<R> PartialEq for ReplyTo<R> {
    fn eq(&self, other: &Self) -> bool {
        self.wait == other.wait
    }
}

impl<R> std::fmt::Debug for ReplyTo<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.wait.fmt(f)
    }
}

impl<M> std::fmt::Debug for Address<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.pid.fmt(f)
    }
}
