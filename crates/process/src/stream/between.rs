//! What the two ends of a stream share: how much was consumed, who went, whom to call, and two things that one hands the other.
//!
//! ```text
//! writer ──► queue of pieces, made with the first write and handed over in `queue` ──► reader
//!            `written`: the reader's wish, in bytes written so far         how the writer ended ──►
//!        ◄── `consumed`: bytes and pieces; the writer's wish for any of it  how the reader ended ◄──
//!        ◄── `payer`: whom pieces are charged to from now on
//! ```
//!
//! Each word has one end that stores it. Nothing here locks: the orders in which the ends can meet are those of
//! [`spsc`](levada_queue::spsc), [`Spot`] and [`Wish`], which have their models.

use crate::here;
use crate::stream::broken::{Left, WriteError};
use crate::stream::window::Window;
use levada_queue::{Consumer, Spot, Wish};
use levada_shared::{Account, SharedData};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};

/// How the writer ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum WriterEnd {
    Finished,
    Left(Left),
}

const OPEN: u8 = 0;
const DONE: u8 = 1;
const DROPPED: u8 = 2;
const CRASHED: u8 = 3;

#[derive(Debug)]
pub(crate) struct Between {
    pub(crate) window: Window,
    consumed_bytes: AtomicU64,
    consumed_pieces: AtomicU64,
    /// What the reader waits for: a number of bytes written.
    pub(crate) written: Wish,
    /// What the writer waits for: that anything changes, which is position zero.
    pub(crate) consumed: Wish,
    pub(crate) queue: Spot<Consumer<SharedData>>,
    payer: Spot<Account>,
    payer_is_new: AtomicBool,
    writer: AtomicU8,
    reader: AtomicU8,
    why_stopped: OnceLock<&'static str>,
}

impl Between {
    pub(crate) fn new(window: Window) -> Self {
        Self {
            window,
            consumed_bytes: AtomicU64::new(0),
            consumed_pieces: AtomicU64::new(0),
            written: Wish::new(),
            consumed: Wish::new(),
            queue: Spot::new(),
            payer: Spot::new(),
            payer_is_new: AtomicBool::new(false),
            writer: AtomicU8::new(OPEN),
            reader: AtomicU8::new(OPEN),
            why_stopped: OnceLock::new(),
        }
    }

    /// How many bytes and pieces were consumed so far.
    #[inline]
    pub(crate) fn consumed(&self) -> (u64, u64) {
        // Acquire: blocks were let go of before their room was given.
        let bytes = self.consumed_bytes.load(Ordering::Acquire);
        (bytes, self.consumed_pieces.load(Ordering::Acquire))
    }

    /// Says how much was consumed so far, and calls a writer that waits.
    #[inline]
    pub(crate) fn consume(&self, (bytes, pieces): (u64, u64)) {
        self.consumed_bytes.store(bytes, Ordering::Release);
        self.consumed_pieces.store(pieces, Ordering::Release);
        self.consumed.reached(0);
    }

    /// Says whom to charge; false if that did not reach the writer, who looked at this moment.
    pub(crate) fn name_payer(&self, payer: Account) -> bool {
        let is_left = self.payer.put(payer).is_ok();
        // Release: who sees this finds the payer.
        self.payer_is_new.store(is_left, Ordering::Release);
        is_left
    }

    /// Whom to charge from now on, if that changed.
    #[inline]
    pub(crate) fn new_payer(&self) -> Option<Account> {
        let is_new = self.payer_is_new.load(Ordering::Relaxed)
            && self.payer_is_new.swap(false, Ordering::Acquire);
        if is_new { self.payer.take() } else { None }
    }

    /// How the writer ended, if it did. To be asked before the queue is looked at: then that has all that it ever had.
    #[inline]
    pub(crate) fn writer_end(&self) -> Option<WriterEnd> {
        // Acquire: with the end we see all that was written before.
        match self.writer.load(Ordering::Acquire) {
            OPEN => None,
            DONE => Some(WriterEnd::Finished),
            DROPPED => Some(WriterEnd::Left(Left::Dropped)),
            _ => Some(WriterEnd::Left(Left::Crashed)),
        }
    }

    /// The writer ends: finished, or by being dropped.
    pub(crate) fn end_writer(&self, is_finished: bool) {
        let end = if is_finished { DONE } else { left() };
        self.writer.store(end, Ordering::Release);
        self.written.reached(u64::MAX);
    }

    /// Why the reader takes nothing more, if so.
    #[inline]
    pub(crate) fn reader_end(&self) -> Option<WriteError> {
        match self.reader.load(Ordering::Acquire) {
            OPEN => None,
            DONE => Some(WriteError::Stopped(self.why_stopped.get().copied().unwrap_or_default())),
            DROPPED => Some(WriteError::NoReader(Left::Dropped)),
            _ => Some(WriteError::NoReader(Left::Crashed)),
        }
    }

    /// The reader ends: stopped for a reason, or by being dropped. It then takes out once more what the queue has: the fence in the
    /// call of the writer is what makes that, or the writer's own look after its push, find the last piece.
    pub(crate) fn end_reader(&self, why: Option<&'static str>) {
        let end = why.map_or_else(left, |why| {
            self.why_stopped.get_or_init(|| why);
            DONE
        });
        self.reader.store(end, Ordering::Release);
        self.consumed.reached(u64::MAX);
    }
}

/// How somebody leaves who is dropped now.
fn left() -> u8 {
    let is_taken_apart = here::with(|state| state.is_some_and(|state| state.course.crashing.get()));
    if is_taken_apart || std::thread::panicking() { CRASHED } else { DROPPED }
}
