//! A listener is a socket that brings connections, as its channel keeps it.
//!
//! With peers' addresses wanted, each connection is accepted by an operation of its own that has room for one; without,
//! one operation goes on accepting. Such a one cannot be told how many, so it runs only while there is room for all that
//! a pass may bring; when room is short, exactly as many single ones are started. What has no room waits in the backlog.

use core::net::SocketAddr;
use core::task::Waker;
use std::collections::VecDeque;

use levada_ring::Deadline;

use crate::connections::stream::{Flight, Form};
use crate::listening::reuseport::ListenSocket;
use crate::table::Name;

/// How many connections may be accepted, or be being accepted, and not taken.
pub(crate) const UNTAKEN_MAX: usize = 64;

/// How long to wait after the first refusal for want of descriptors or memory, and at most.
pub(crate) const PAUSE_MS: core::ops::RangeInclusive<u64> = 1..=1000;

/// What a listener needs next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Step {
    /// All is as it should be.
    Nothing,
    /// The operation that goes on has to end, since what it brings has no room.
    StopMany,
    /// An operation that goes on is started.
    Many,
    /// So many single ones are started.
    Singles(usize),
}

/// One listener.
#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) fd: ListenSocket,
    /// Whether each connection is to come with its peer's address.
    pub(crate) with_peers: bool,
    /// Who hears of connections.
    pub(crate) form: Form,
    /// What whoever takes the events calls it.
    pub(crate) cookie: u64,
    /// How many connections whoever takes the events asked for and has not got.
    pub(crate) credits: u32,
    /// Its connections have receive blocks of their own.
    pub(crate) is_urgent: bool,
    /// Connections bring messages with descriptors.
    pub(crate) passes_descriptors: bool,
    pub(crate) untaken: VecDeque<(Name, Option<SocketAddr>)>,
    pub(crate) waker: Option<Waker>,
    /// Operations with the kernel that bring one connection each.
    pub(crate) singles_out: usize,
    /// The operation that goes on accepting.
    pub(crate) many: Flight,
    pub(crate) is_closing: bool,
    /// It takes what is in its queue and closes; it looks whether there is any at this moment.
    pub(crate) drains_at: Option<Deadline>,
    /// Not before this, after a refusal; and how long the next pause is.
    pub(crate) paused_until: Option<Deadline>,
    pub(crate) pause_ms: u64,
}

impl Listener {
    pub(crate) fn new(fd: ListenSocket, with_peers: bool, form: Form) -> Self {
        Self {
            fd,
            with_peers,
            form,
            cookie: 0,
            credits: 0,
            is_urgent: false,
            passes_descriptors: false,
            untaken: VecDeque::new(),
            waker: None,
            singles_out: 0,
            many: Flight::No,
            is_closing: false,
            drains_at: None,
            paused_until: None,
            pause_ms: *PAUSE_MS.start(),
        }
    }

    /// What to start or to stop, where there is room for `room_count` more connections.
    pub(crate) fn next_step(&self, room_count: usize) -> Step {
        if self.is_closing || self.paused_until.is_some() {
            return Step::Nothing;
        }
        let (spare, is_over) = match self.form {
            Form::Futures => {
                let spare = UNTAKEN_MAX.saturating_sub(self.untaken.len());
                (spare, spare == 0)
            }
            // One that goes on may bring as many as a pass takes: it runs only while all of those are wanted.
            Form::Events => {
                let credits = self.credits as usize;
                (credits.min(UNTAKEN_MAX), credits < UNTAKEN_MAX)
            }
        };
        let is_short = room_count < UNTAKEN_MAX || is_over;
        match self.many {
            Flight::Out if is_short => Step::StopMany,
            Flight::Out | Flight::Cancelled => Step::Nothing,
            Flight::No if self.with_peers || is_short => {
                Step::Singles(spare.min(room_count).saturating_sub(self.singles_out))
            }
            Flight::No => Step::Many,
        }
    }

    /// Whether it has ended for whoever waits: what was accepted before is still taken.
    pub(crate) fn has_ended(&self) -> bool {
        self.is_closing && !(self.drains_at.is_some() && self.is_busy())
    }

    /// Whether an accept is with the kernel.
    pub(crate) fn is_busy(&self) -> bool {
        self.singles_out > 0 || self.many != Flight::No
    }

    /// Doubles the pause, and says how long this one is.
    pub(crate) fn next_pause_ms(&mut self) -> u64 {
        let pause_ms = self.pause_ms;
        self.pause_ms = (pause_ms * 2).min(*PAUSE_MS.end());
        pause_ms
    }
}
