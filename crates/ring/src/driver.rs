//! A driver carries operations to the kernel and brings completions back, in batches.
#![expect(
    unsafe_code,
    reason = "states the contract of spans that the kernel touches; the drivers keep it"
)]

use core::fmt;
use std::os::fd::RawFd;

use rustix::io::Errno;

use crate::caps::Caps;
use crate::done::Done;
use crate::op::{BlockId, Group, Op};
use crate::span::WriteSpan;
use crate::token::Token;
use crate::wait::{Deadline, Wait};
use crate::wake::CoreWaker;

/// What a pass through the kernel brought, beside completions.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Entered {
    /// The moment when it returned.
    pub now: Deadline,
    /// Whether a [`CoreWaker`] was used since the last pass.
    pub woken: bool,
}

/// The driver can go on no more: its ring or its poll set is broken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Fatal {
    /// What the kernel said.
    pub errno: Errno,
}

impl fmt::Display for Fatal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the kernel refuses further I/O on this core: {}", self.errno)
    }
}

impl std::error::Error for Fatal {}

/// Counts since the driver was opened.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[expect(missing_docs, reason = "each name says what is counted")]
#[non_exhaustive]
pub struct DriverGauges {
    /// System calls that carried operations or waited.
    pub enters: u64,
    /// All system calls of the driver, the above among them.
    pub syscalls: u64,
    pub operations: u64,
    pub completions: u64,
    pub cq_overflows: u64,
    /// Operations whose last completion is not in.
    pub in_kernel: u64,
}

/// One core's way to the kernel.
///
/// # Safety
/// An implementer touches a span of an operation only until it has reported the operation's last completion, and a
/// span that was provided only until it has reported it in `block`. What a completion says was read or received was
/// written to the span, from its start on.
pub unsafe trait Driver: fmt::Debug {
    /// What it can do, and why not more.
    fn caps(&self) -> &Caps;

    /// Makes a group that may have up to `blocks_max` blocks lent at a time.
    ///
    /// # Errors
    /// What the kernel said.
    fn open_group(&mut self, group: Group, blocks_max: u16) -> Result<(), Errno>;

    /// Lends a block to a group.
    ///
    /// # Panics
    /// If the group was not opened.
    ///
    /// # Safety
    /// The span may be written by the kernel, and nobody else touches it, until a completion names the block.
    unsafe fn provide(&mut self, group: Group, block: BlockId, span: WriteSpan);

    /// Starts an operation: it travels with the next [`Driver::enter`], and ends exactly once.
    ///
    /// # Safety
    /// All that the operation points to stays where it is, and is touched by nobody else in a way that conflicts,
    /// until its last completion was reported.
    unsafe fn push(&mut self, token: Token, op: &Op);

    /// Wishes an operation ended. Its own last completion answers, with what it came to or with `CANCELED`.
    fn cancel(&mut self, token: Token);

    /// Hands over what was pushed, waits as told unless something is complete already, and adds completions to `done`.
    /// A signal may end the wait before its time.
    ///
    /// # Errors
    /// [`Fatal`] where the driver is of no use any more.
    fn enter(&mut self, wait: Wait, done: &mut Vec<Done>) -> Result<Entered, Fatal>;

    /// Forgets a descriptor that its owner is about to close by himself, or to give away: its number may be another's next.
    fn forget(&mut self, fd: RawFd);

    /// A waker for this driver's core.
    fn waker(&self) -> CoreWaker;

    /// Counts since it was opened.
    fn gauges(&self) -> DriverGauges;
}
