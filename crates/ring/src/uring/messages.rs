//! A message's block is filled by the kernel with gaps, and the end of a connection looks like a message: both are put right.
//!
//! Cost: one look into a table for each completion, on cores that receive messages; zeros for the gaps, 112 bytes of them
//! where the sender's address is IPv4.
#![expect(
    unsafe_code,
    reason = "writes blocks that the kernel is done with and nobody else knows of"
)]

use core::ops::Range;
use std::collections::HashMap;

use crate::done::Done;
use crate::message::{CONTROL_HEAD_BYTES, HEAD_BYTES, MessageForm, MessageHead};
use crate::op::Group;
use crate::span::WriteSpan;
use crate::token::Token;
use crate::uring::group::LentBlocks;

/// The operations that receive messages.
#[derive(Debug, Default)]
pub(super) struct Messages {
    armed: HashMap<Token, (Group, MessageForm)>,
}

impl Messages {
    pub(super) fn is_empty(&self) -> bool {
        self.armed.is_empty()
    }

    pub(super) fn arm(&mut self, token: Token, group: Group, form: MessageForm) {
        self.armed.insert(token, (group, form));
    }

    /// Makes of a ring's completion what every driver says.
    ///
    /// # Safety
    /// It comes from the kernel, and the program has not seen it.
    pub(super) unsafe fn settle(&mut self, done: &mut Done, groups: &mut [Option<LentBlocks>]) {
        let Some((group, form)) = self.armed.get(&done.token).copied() else { return };
        if !done.more {
            self.armed.remove(&done.token);
        }
        let (Some(block), Ok(_)) = (done.block, done.result) else { return };
        let lent = groups.get_mut(usize::from(group.0)).and_then(Option::as_mut);
        let lent = lent.expect("a message is received into a group that was opened");
        let span = lent.span_of(block);
        // SAFETY: the kernel completed a message into the block (passed on to the caller), which is ours until it is told of.
        let head = unsafe { fill_gaps(span, form) };
        if form.is_of_a_connection() && head.payload_bytes == 0 && !done.more {
            // SAFETY: lent as it was, before the program heard of it.
            unsafe { lent.provide(block, span) };
            (done.block, done.result) = (None, Ok(0));
        }
    }
}

/// Writes zeros before the payload where the kernel had less to say than there is room for; says how the block begins.
///
/// # Safety
/// The kernel wrote a message of this form into the span, which is ours.
unsafe fn fill_gaps(span: WriteSpan, form: MessageForm) -> MessageHead {
    let (name_end, payload_start) = (form.control_start(), form.payload_start());
    assert!(span.bytes as usize >= payload_start, "a ring refuses shorter blocks for messages");
    let zero = |gap: Range<usize>| {
        let start = span.start.wrapping_add(gap.start);
        // SAFETY: before the payload's start, which is in the span (passed on to the caller).
        unsafe { start.write_bytes(0, gap.len()) };
    };
    // SAFETY: a message begins with its head (passed on to the caller).
    let head = MessageHead::of(unsafe { span.start.cast::<[u8; HEAD_BYTES]>().read() });
    let name_stop = HEAD_BYTES + (head.name_bytes as usize).min(form.name_bytes());
    zero(name_stop..name_end);
    let control_stop = name_end + (head.control_bytes as usize).min(form.control_bytes());
    zero(control_stop..payload_start);
    // Each content in the control part ends where it says, and the next begins at a multiple of eight.
    let mut at = name_end;
    while at + CONTROL_HEAD_BYTES <= control_stop {
        let length = span.start.wrapping_add(at).cast::<[u8; 8]>();
        // SAFETY: what the kernel calls used begins with a length (passed on to the caller).
        let length = u64::from_le_bytes(unsafe { length.read() });
        let length = usize::try_from(length).unwrap_or(0).max(CONTROL_HEAD_BYTES);
        let stop = control_stop.min(at.saturating_add(length));
        at = control_stop.min(stop.next_multiple_of(8));
        zero(stop..at);
    }
    head
}
