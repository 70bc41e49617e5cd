//! An outbox is what a socket has still to send: values in order, of which the first few are with the kernel.
//!
//! All that was queued when a pass ends leaves as one vectored send; the next one starts when the kernel answered.
//! Cost: a queued value is 56 bytes; a send names its spans in a list that the outbox keeps for the next.
#![expect(
    unsafe_code,
    reason = "hands spans to the kernel, and keeps the values that they lie in until it answers"
)]

use std::collections::VecDeque;

use levada_ring::{Deadline, Driver, Errno, Op, ReadSpan, Target, Token, Vectored};
use levada_shared::SharedData;

use crate::by_reference;

/// How many bytes one operation carries at most: progress shows, and a slow peer holds no more.
const OPERATION_BYTES_MAX: u32 = 256 << 10;

/// Whether what is queued is the last that is sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Last {
    /// More may come, or something else has to end first.
    No,
    /// The close comes behind it.
    Behind,
    /// The close goes with it.
    Together,
}

/// How many bytes may be sent with the close behind them, in one operation that ends when all are taken.
const LAST_BYTES_MAX: u32 = 64 << 10;

/// The values and the list of their spans.
///
/// # Invariants
/// 1. While `is_out`, the spans of `list` lie in values at the front of `queue`, which stay there unchanged.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    queue: VecDeque<SharedData>,
    /// In a box: the kernel reads the header at its place.
    list: Box<Vectored>,
    is_out: bool,
    /// What is out is no send but a wait: for room in the socket, or for its descriptor.
    is_waiting: bool,
    /// Some of the queue is to go by reference.
    by_reference: bool,
    /// What is out, or was, closes the socket if the kernel takes all of it.
    closes: bool,
    /// When the kernel last took something, or the first value came.
    pub(crate) progress: Deadline,
}

impl Outbox {
    pub(crate) fn push(&mut self, data: SharedData) {
        self.by_reference |= by_reference::is_worth_it(&data);
        self.queue.push_back(data);
    }

    /// Whether some of the queue is to go by reference, and nothing is out.
    pub(crate) fn goes_by_reference(&self) -> bool {
        self.by_reference && !self.is_out
    }

    /// Lets all of the queue go as copies: there is no other way.
    pub(crate) fn go_as_copies(&mut self) {
        self.by_reference = false;
    }

    /// The queue, for who sends it himself.
    pub(crate) fn queue(&self) -> &VecDeque<SharedData> {
        &self.queue
    }

    /// Nothing is sent until something else has been answered.
    pub(crate) fn wait(&mut self) {
        (self.is_out, self.is_waiting, self.closes) = (true, true, false);
    }

    /// How many bytes the kernel took, by what it answered with `result`.
    pub(crate) fn taken_bytes(&self, result: Result<u32, Errno>) -> u32 {
        if self.is_waiting { 0 } else { result.unwrap_or(0) }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    pub(crate) fn is_out(&self) -> bool {
        self.is_out
    }

    /// Whether the socket was closed behind what was sent: all of it was taken, none forgotten.
    pub(crate) fn has_closed(&self) -> bool {
        self.closes && self.queue.is_empty()
    }

    /// Sends the front of the queue, if nothing is out and there is anything. If that is the `last`, and short, the socket is
    /// closed behind it; of a long one it must show whether the peer takes anything.
    pub(crate) fn submit(
        &mut self,
        driver: &mut dyn Driver,
        token: Token,
        socket: Target,
        last: Last,
    ) -> bool {
        if self.is_out || self.queue.is_empty() {
            return false;
        }
        let spans = self.queue.iter().flat_map(SharedData::pieces).map(ReadSpan::of);
        let bytes = self.list.fill(spans, OPERATION_BYTES_MAX);
        let is_all = || self.queue.iter().map(SharedData::len).sum::<u64>() == u64::from(bytes);
        self.is_out = true;
        self.closes = last != Last::No && bytes <= LAST_BYTES_MAX && is_all();
        let spans = &raw const *self.list;
        let op = match self.list.single() {
            _ if self.closes => Op::SendLast { socket, spans, together: last == Last::Together },
            Some(span) => Op::Send { socket, span },
            None => Op::SendMany { socket, spans },
        };
        // SAFETY: invariant 1; the values keep their blocks, and the list is neither moved nor changed until `answered`.
        unsafe { driver.push(token, &op) };
        true
    }

    /// The kernel is done with the spans, of which it took `bytes`.
    pub(crate) fn answered(&mut self, bytes: u32, now: Deadline) {
        (self.is_out, self.is_waiting) = (false, false);
        if bytes > 0 {
            self.progress = now;
        }
        let mut left = u64::from(bytes);
        while left > 0 {
            let front = self.queue.front_mut().expect("no more is taken than was handed over");
            if front.len() > left {
                let taken = front.split_to(left);
                debug_assert!(taken.is_some(), "the front is longer");
                return;
            }
            left -= front.len();
            self.queue.pop_front();
        }
        // Of what comes next, what it is says how it goes.
        self.by_reference &= !self.queue.is_empty();
    }

    /// Forgets what is queued: nobody will take it. Only when nothing is out.
    pub(crate) fn clear(&mut self) {
        assert!(!self.is_out, "what is with the kernel stays until it answers");
        self.queue.clear();
        (self.by_reference, self.closes) = (false, false);
    }
}

impl Drop for Outbox {
    /// What is with a kernel that never answered stays for ever: it may still be read.
    fn drop(&mut self) {
        if self.is_out && !self.is_waiting {
            let kept = (core::mem::take(&mut self.queue), core::mem::take(&mut self.list));
            let _quarantined = core::mem::ManuallyDrop::new(kept);
        }
    }
}

/// Outboxes of streams that have nothing to send, for the next that has: so a reply allocates nothing.
#[derive(Debug, Default)]
pub(crate) struct SpareOutboxes {
    #[expect(clippy::vec_box, reason = "a stream holds its outbox by eight bytes, idle or not")]
    outboxes: Vec<Box<Outbox>>,
}

/// How many are kept.
const SPARE_MAX: usize = 1024;

impl SpareOutboxes {
    pub(crate) fn take(&mut self) -> Box<Outbox> {
        self.outboxes.pop().unwrap_or_default()
    }

    /// Keeps an empty outbox.
    pub(crate) fn give(&mut self, outbox: Box<Outbox>) {
        if self.outboxes.len() < SPARE_MAX {
            self.outboxes.push(outbox);
        }
    }
}
