//! A filling is a receive into one buffer of the program's own until it holds enough: for bodies whose length is known.
#![expect(unsafe_code, reason = "lends a buffer to the kernel, and keeps it until that answers")]

use core::mem::ManuallyDrop;
use core::task::Waker;

use levada_ring::{Driver, Op, Target, Token, WriteSpan};
use levada_shared::ExclusiveBuf;

use crate::error::Error;

/// A buffer that is being filled, or was.
///
/// # Invariants
/// 1. While `is_out`, the buffer is neither read, changed nor dropped.
#[derive(Debug)]
pub(crate) struct Filling {
    buffer: ManuallyDrop<Option<ExclusiveBuf>>,
    /// How many bytes the buffer held before, and is to hold in all.
    before_bytes: usize,
    until_bytes: usize,
    is_out: bool,
    is_over: bool,
    /// Nobody waits for it any more.
    pub(crate) is_forgotten: bool,
    pub(crate) error: Option<Error>,
    pub(crate) waker: Option<Waker>,
}

impl Filling {
    /// Fills `buffer` until `at_least` bytes more are in it.
    pub(crate) fn new(buffer: ExclusiveBuf, at_least: usize) -> Self {
        let before_bytes = buffer.len();
        let until_bytes = before_bytes + at_least.min(buffer.room_bytes());
        let mut this = Self {
            buffer: ManuallyDrop::new(Some(buffer)),
            before_bytes,
            until_bytes,
            is_out: false,
            is_over: false,
            is_forgotten: false,
            error: None,
            waker: None,
        };
        this.is_over = this.is_full();
        this
    }

    /// Takes from `block` what is still missing, or what there is room for; copies it. Says whether all of it was taken.
    pub(crate) fn copy_in(&mut self, block: &mut ExclusiveBuf, taken_bytes: &mut usize) -> bool {
        assert!(!self.is_out, "what is with the kernel is left alone");
        let Some(buffer) = self.buffer.as_mut() else { return false };
        let rest = &block[*taken_bytes..];
        let count = rest.len().min(buffer.room_bytes());
        let written = buffer.write(&rest[..count]);
        debug_assert!(written.is_ok(), "there was room");
        *taken_bytes += count;
        self.is_over = self.is_full();
        *taken_bytes == block.len()
    }

    fn is_full(&self) -> bool {
        self.buffer.as_ref().is_none_or(|buffer| buffer.len() >= self.until_bytes)
    }

    pub(crate) fn is_out(&self) -> bool {
        self.is_out
    }

    /// Whether nothing more is to come into it.
    pub(crate) fn is_over(&self) -> bool {
        self.is_over
    }

    /// Hands the rest of the buffer to the kernel.
    pub(crate) fn submit(&mut self, driver: &mut dyn Driver, token: Token, socket: Target) {
        let Some(buffer) = self.buffer.as_mut() else { return };
        let into = WriteSpan::of(buffer.spare_mut());
        self.is_out = true;
        // SAFETY: invariant 1 until `answered`; a buffer that is moved keeps its block where it is.
        unsafe { driver.push(token, &Op::RecvInto { socket, into }) };
    }

    /// The kernel is done with the buffer, to which it added `bytes`; `None` is that there will be no more.
    pub(crate) fn answered(&mut self, bytes: Option<u32>) {
        self.is_out = false;
        if let (Some(buffer), Some(bytes)) = (self.buffer.as_mut(), bytes) {
            // SAFETY: the driver reports how much it wrote from the start of the spare room (its contract).
            unsafe { buffer.add_filled(bytes as usize) };
        }
        self.is_over = bytes.is_none() || self.is_full();
    }

    /// Nothing more will come.
    pub(crate) fn end(&mut self, error: Option<Error>) {
        self.is_over = true;
        self.error = self.error.or(error);
    }

    /// What came into it, if anything did: for whoever receives next.
    pub(crate) fn into_new_bytes(self) -> Option<ExclusiveBuf> {
        let before_bytes = self.before_bytes;
        let mut buffer = self.into_buffer()?;
        buffer.skip(before_bytes);
        (!buffer.is_empty()).then_some(buffer)
    }

    /// The buffer, when it is over.
    pub(crate) fn into_buffer(mut self) -> Option<ExclusiveBuf> {
        assert!(!self.is_out, "what is with the kernel stays until it answers");
        self.buffer.take()
    }
}

impl Drop for Filling {
    /// What is with a kernel that never answered stays for ever: it may still be written.
    fn drop(&mut self) {
        if !self.is_out {
            drop(self.buffer.take());
        }
    }
}
