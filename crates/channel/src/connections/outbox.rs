//! An outbox is what a socket has still to send: values in order, of which the first few are with the kernel.
//!
//! All that was queued when a pass ends leaves as one vectored send; the next one starts when the kernel answered.
//! Cost: a queued value is 64 bytes; a send names its spans in a list that the outbox keeps for the next.
#![expect(
    unsafe_code,
    reason = "hands spans to the kernel, and keeps the values that they lie in until it answers"
)]

use std::collections::VecDeque;
use std::os::fd::{AsRawFd, RawFd};

use levada_ring::{Deadline, Driver, Errno, Op, ReadSpan, Target, Token, Vectored};
use levada_shared::SharedData;

use crate::connections::by_reference;
use crate::connections::queued::{Beside, FileRange, Queued};

/// How many bytes one operation carries at most: progress shows, and a slow peer holds no more.
const OPERATION_BYTES_MAX: u32 = 256 << 10;

/// How many bytes of a file one operation carries at most: it blocks a thread of the file pool meanwhile.
const FILE_OPERATION_BYTES_MAX: u64 = 1 << 20;

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

/// What a queue waits for, where that is no answer to a send.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Awaited {
    /// Room in the socket.
    Room,
    /// A descriptor for it.
    Descriptor,
}

/// How many bytes may be sent with the close behind them, in one operation that ends when all are taken.
const LAST_BYTES_MAX: u32 = 64 << 10;

/// The values and the list of their spans.
///
/// # Invariants
/// 1. While `is_out`, the spans of `list` lie in values at the front of `queue`, which stay there unchanged; or, of a
///    zero-copy send, in values that its hold keeps.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    queue: VecDeque<Queued>,
    /// How much of the first value was taken already.
    first_taken_bytes: u64,
    /// In a box: the kernel reads the header at its place.
    list: Box<Vectored>,
    is_out: bool,
    /// What is out is no send but a wait.
    waits_for: Option<Awaited>,
    /// Some of the queue is to go by reference.
    by_reference: bool,
    /// The list names descriptors.
    names_descriptors: bool,
    /// By what token a zero-copy send is out.
    zero_copy_token: Option<Token>,
    /// What is out, or was, closes the socket if the kernel takes all of it.
    closes: bool,
    /// When the kernel last took something, or the first value came.
    pub(crate) progress: Deadline,
}

impl Outbox {
    #[inline]
    pub(crate) fn push(&mut self, queued: Queued) {
        self.by_reference |= by_reference::is_worth_it(&queued.data);
        self.queue.push_back(queued);
    }

    /// Whether some of the queue is to go by reference, and nothing is out.
    pub(crate) fn goes_by_reference(&self) -> bool {
        self.by_reference && !self.is_out && self.queue.front().is_some_and(Queued::is_plain)
    }

    /// Lets all of the queue go as copies: there is no other way.
    pub(crate) fn go_as_copies(&mut self) {
        self.by_reference = false;
    }

    /// What of the queue is data and nothing else, for who sends it himself.
    pub(crate) fn plain_front(&self) -> impl Iterator<Item = &SharedData> + Clone {
        self.queue.iter().take_while(|queued| queued.is_plain()).map(|queued| &queued.data)
    }

    /// The range of a file that is to go next, if nothing is out.
    pub(crate) fn next_file(&self) -> Option<&FileRange> {
        self.queue.front().filter(|_| !self.is_out)?.file()
    }

    /// Nothing is sent until something else has been answered.
    pub(crate) fn wait(&mut self, awaited: Awaited) {
        (self.is_out, self.waits_for, self.closes) = (true, Some(awaited), false);
    }

    pub(crate) fn waits_for(&self) -> Option<Awaited> {
        self.waits_for
    }

    /// How many bytes the kernel took, by what it answered with `result`.
    #[inline]
    pub(crate) fn taken_bytes(&self, result: Result<u32, Errno>) -> u32 {
        if self.waits_for.is_some() { 0 } else { result.unwrap_or(0) }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    pub(crate) fn is_out(&self) -> bool {
        self.is_out
    }

    /// Whether what is out is a range of a file: if so, an answer of no bytes is that the file has no more.
    pub(crate) fn is_file_out(&self) -> bool {
        self.is_out
            && self.waits_for.is_none()
            && self.queue.front().is_some_and(|first| first.file().is_some())
    }

    /// By what token a send is out, if it is one without a copy.
    pub(crate) fn zero_copy_token(&self) -> Option<Token> {
        self.zero_copy_token
    }

    /// Whether the socket was closed behind what was sent: all of it was taken, none forgotten. Said once.
    pub(crate) fn take_closed(&mut self) -> bool {
        core::mem::take(&mut self.closes) && self.queue.is_empty()
    }

    /// Sends the front of the queue, if nothing is out and there is anything. If that is the last, and short, the socket is
    /// closed behind it; of a long one it must show whether the peer takes anything. `zero_copy_of` says by what token so many
    /// bytes go without a copy, when it has taken a hold of the values; `None` is that they are copied.
    #[inline]
    pub(crate) fn submit(
        &mut self,
        driver: &mut dyn Driver,
        token: Token,
        socket: Target,
        last: Last,
        zero_copy_of: impl FnOnce(&VecDeque<Queued>, u32) -> Option<Token>,
    ) -> bool {
        if self.is_out {
            return false;
        }
        let Some(first) = self.queue.front() else { return false };
        if core::mem::take(&mut self.names_descriptors) {
            self.list.clear_beside();
        }
        let (bytes, is_all) = match first.beside.as_deref() {
            None => {
                let plain = self.queue.iter().take_while(|queued| queued.is_plain());
                let spans = plain.flat_map(|queued| queued.data.pieces()).map(ReadSpan::of);
                let bytes = self.list.fill(spans, OPERATION_BYTES_MAX);
                let is_all = last != Last::No
                    && bytes <= LAST_BYTES_MAX
                    && self.queue.iter().map(Queued::len).sum::<u64>() == u64::from(bytes);
                (bytes, is_all)
            }
            Some(Beside::Descriptors(descriptors)) => {
                let spans = first.data.pieces().map(ReadSpan::of);
                let bytes = self.list.fill(spans, OPERATION_BYTES_MAX);
                let fds: Vec<RawFd> = descriptors.iter().map(AsRawFd::as_raw_fd).collect();
                self.list.set_descriptors(&fds);
                self.names_descriptors = true;
                (bytes, false)
            }
            // It goes another way.
            Some(Beside::File(_)) => return false,
        };
        self.is_out = true;
        self.closes = is_all;
        let spans = &raw const *self.list;
        let zero_copy =
            if is_all || self.names_descriptors { None } else { zero_copy_of(&self.queue, bytes) };
        self.zero_copy_token = zero_copy;
        let (token, op) = match (zero_copy, self.list.single()) {
            (Some(token), _) => (token, Op::SendZeroCopy { socket, spans }),
            _ if is_all => {
                (token, Op::SendLast { socket, spans, together: last == Last::Together })
            }
            (None, Some(span)) => (token, Op::Send { socket, span }),
            (None, None) => (token, Op::SendMany { socket, spans }),
        };
        // SAFETY: invariant 1; the values keep their blocks, and the list is neither moved nor changed until `answered`.
        unsafe { driver.push(token, &op) };
        true
    }

    /// Sends the range of a file that is next, through `socket`.
    pub(crate) fn submit_file(&mut self, driver: &mut dyn Driver, token: Token, socket: RawFd) {
        let Some(range) = self.next_file() else { return };
        let bytes = range.left_bytes.min(FILE_OPERATION_BYTES_MAX);
        let bytes = u32::try_from(bytes).expect("a MiB at most");
        let op = Op::SendFile { socket, file: range.file.as_raw_fd(), offset: range.offset, bytes };
        (self.is_out, self.closes) = (true, false);
        // SAFETY: the operation points to nothing; both descriptors stay open until it is answered.
        unsafe { driver.push(token, &op) };
    }

    /// The kernel is done with the spans, of which it took `bytes`. Each value of which nothing is left is `sent`, by its
    /// length.
    #[inline]
    pub(crate) fn answered(&mut self, bytes: u32, now: Deadline, mut sent: impl FnMut(u64)) {
        (self.is_out, self.waits_for, self.zero_copy_token) = (false, None, None);
        if bytes > 0 {
            self.progress = now;
        }
        let mut left = u64::from(bytes);
        while left > 0 {
            let first = self.queue.front_mut().expect("no more is taken than was handed over");
            if first.len() > left {
                first.advance(left);
                self.first_taken_bytes += left;
                return;
            }
            left -= first.len();
            sent(core::mem::take(&mut self.first_taken_bytes) + first.len());
            self.queue.pop_front();
        }
        // Of what comes next, what it is says how it goes.
        self.by_reference &= !self.queue.is_empty();
    }

    /// Takes out what is queued: nobody will take it. Only when nothing is out.
    pub(crate) fn clear(&mut self) -> impl Iterator<Item = SharedData> {
        assert!(!self.is_out, "what is with the kernel stays until it answers");
        (self.by_reference, self.closes, self.first_taken_bytes) = (false, false, 0);
        self.queue.drain(..).filter(|queued| queued.file().is_none()).map(|queued| queued.data)
    }
}

impl Drop for Outbox {
    /// What is with a kernel that never answered stays for ever: it may still be read.
    fn drop(&mut self) {
        if self.is_out && self.waits_for.is_none() {
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
