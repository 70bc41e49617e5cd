//! The reader of a stream sees all that is there, takes what it wants of it, and so makes room for more.
//!
//! ```text
//! consumed ......... | held: one value, of all pieces that came | in the queue | not written yet
//!                    0 ─── examined ───────► held.len()
//! ```
//!
//! Cost: pieces that came are joined to those that are there, by moving them; nothing is copied. A read that need not wait is a look at
//! the queue, and a fence where room was made.

use crate::here;
use crate::message::{Message, Visit};
use crate::pid::Pid;
use crate::stream::between::{Between, WriterEnd};
use crate::stream::broken::StreamError;
use crate::stream::payer::{charge, is_cancelled, payer_of, spend};
use crate::stream::window::Window;
use levada_queue::Consumer;
use levada_shared::{Account, SharedData};
use std::future::poll_fn;
use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll};

/// The end of a stream that bytes come out at. It may be sent to any process, and what it has not read yet is then that process's.
///
/// All reads are safe to drop: what they would have returned is there for the next. Dropped, the reader lets go of what it did not
/// read, and the writer's next write says so.
#[derive(Debug)]
pub struct StreamReader {
    between: Arc<Between>,
    queue: Option<Consumer<SharedData>>,
    /// What came and was not consumed.
    held: SharedData,
    taken_bytes: u64,
    taken_pieces: u64,
    /// What the writer knows to be consumed.
    told: (u64, u64),
    /// How much of what is held was looked at, and is too little.
    examined_bytes: u64,
    /// How much of it has no such byte.
    searched: (u8, u64),
    payer: Option<Account>,
    /// Why the payer is who it is.
    home: Home,
    /// Whether the writer knows it.
    has_named: bool,
    /// Whether something of what is held may be charged to another than the payer.
    has_strange: bool,
    has_stopped: bool,
}

/// Whose the reader is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Home {
    /// It is on its way to somebody.
    Unknown,
    /// That process's.
    Of(Pid),
    /// That of who was named as payer.
    Named,
}

/// What a stream has at this moment.
#[derive(Debug)]
pub struct Chunk<'a> {
    /// All that is there.
    pub data: &'a SharedData,
    /// Whether the writer has finished and no more will come.
    pub last: bool,
}

/// What a look at a stream came to, if it did not come to an error.
enum Seen<T> {
    There(T),
    /// So much has to be held first.
    Wants(u64),
}

impl<T> Seen<T> {
    fn map<U>(self, change: impl FnOnce(T) -> U) -> Seen<U> {
        match self {
            Self::There(seen) => Seen::There(change(seen)),
            Self::Wants(bytes) => Seen::Wants(bytes),
        }
    }
}

impl StreamReader {
    pub(crate) fn new(between: Arc<Between>, payer: Option<Account>, pid: Pid) -> Self {
        Self {
            between,
            queue: None,
            held: SharedData::new(),
            taken_bytes: 0,
            taken_pieces: 0,
            told: (0, 0),
            examined_bytes: 0,
            searched: (0, 0),
            payer,
            home: Home::Of(pid),
            has_named: true,
            has_strange: false,
            has_stopped: false,
        }
    }

    /// The same, with what is written charged to `account` from now on, not to the account of the process that reads; until the reader
    /// is sent to another process.
    #[must_use]
    pub fn charged_to(mut self, account: &Account) -> Self {
        self.home = Home::Named;
        self.charge_to(Some(account.clone()));
        self
    }

    /// Waits until there are `bytes` bytes or more, and shows all that is there; at once if that is so. Less is shown only at the end:
    /// [`last`](Chunk::last) then says that it was all, or the next call why it was not.
    ///
    /// What is shown stays, until [`advance`](Self::advance) says how much of it was used. What was examined before is not shown again
    /// without something new.
    ///
    /// # Errors
    /// [`StreamError::NeedExceedsWindow`] at once if so much is never there; [`StreamError::Aborted`] after the last byte that was
    /// written; [`StreamError::AccountFull`].
    pub async fn at_least(&mut self, bytes: u64) -> Result<Chunk<'_>, StreamError> {
        let last = poll_fn(|context| self.poll(context, |this, end| this.seen(bytes, end))).await?;
        Ok(Chunk { data: &self.held, last })
    }

    /// Says that of the bytes that are there the first `consumed` were used, and the first `examined` were looked at and are too little:
    /// the next [`at_least`](Self::at_least) waits for more than those. What was used makes room in the window, and its blocks are let
    /// go of.
    ///
    /// # Panics
    /// If `examined` is less than `consumed`, or more than there is.
    pub fn advance(&mut self, consumed: u64, examined: u64) {
        assert!(consumed <= examined, "what was consumed was examined");
        assert!(examined <= self.held.len(), "no more was examined than is there");
        drop(self.consume(consumed));
        self.examined_bytes = examined - consumed;
        self.tell();
    }

    /// Takes all that is there, and waits until something is; none when the writer has finished.
    ///
    /// # Errors
    /// [`StreamError::Aborted`] after the last byte that was written; [`StreamError::AccountFull`].
    pub async fn next(&mut self) -> Result<Option<SharedData>, StreamError> {
        poll_fn(|context| {
            self.poll(context, |this, end| {
                let seen = this.seen_any(end)?;
                Ok(seen.map(|()| (!this.held.is_empty()).then(|| this.consume(this.held.len()))))
            })
        })
        .await
    }

    /// Takes what is there up to the next `byte`, and that with it, and waits until it is; what a writer that has finished wrote behind
    /// the last one comes last, then none.
    ///
    /// # Errors
    /// [`StreamError::NeedExceedsWindow`] if the window is full and has no such byte; [`StreamError::Aborted`] if there is none in what
    /// was written before the writer went, of which [`next`](Self::next) still takes the rest; [`StreamError::AccountFull`].
    pub fn until(
        &mut self,
        byte: u8,
    ) -> impl Future<Output = Result<Option<SharedData>, StreamError>> + use<'_> {
        poll_fn(move |context| self.poll(context, |this, end| this.seen_until(byte, end)))
    }

    /// Wants no more: the writer's next write says why. What is there is let go of.
    pub fn stop(mut self, why: &'static str) {
        self.has_stopped = true;
        self.between.end_reader(Some(why));
    }

    /// The window that the stream was opened with.
    #[must_use]
    pub fn window(&self) -> Window {
        self.between.window
    }

    /// Waits until something is there, or the writer has finished, and shows all.
    #[cfg(feature = "futures-io")]
    pub(crate) fn poll_held(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<&SharedData, StreamError>> {
        self.poll(context, |this, end| this.seen_any(end)).map_ok(|()| &self.held)
    }

    fn seen_any(&self, end: Option<WriterEnd>) -> Result<Seen<()>, StreamError> {
        match end {
            _ if !self.held.is_empty() => Ok(Seen::There(())),
            None => Ok(Seen::Wants(1)),
            Some(WriterEnd::Finished) => Ok(Seen::There(())),
            Some(WriterEnd::Left(left)) => Err(StreamError::Aborted(left)),
        }
    }

    fn seen(&self, bytes: u64, end: Option<WriterEnd>) -> Result<Seen<bool>, StreamError> {
        let more = if self.examined_bytes > 0 { self.examined_bytes + 1 } else { 0 };
        let need_bytes = bytes.max(more);
        if bytes > self.between.window.bytes {
            return Err(self.too_much(bytes));
        }
        let has_finished = end == Some(WriterEnd::Finished);
        if self.held.len() >= need_bytes || has_finished {
            return Ok(Seen::There(has_finished));
        }
        match end {
            Some(WriterEnd::Left(_)) if self.held.len() > self.examined_bytes => {
                Ok(Seen::There(false))
            }
            Some(WriterEnd::Left(left)) => Err(StreamError::Aborted(left)),
            _ if self.is_full() => Err(self.too_much(need_bytes)),
            _ => Ok(Seen::Wants(need_bytes)),
        }
    }

    fn seen_until(
        &mut self,
        byte: u8,
        end: Option<WriterEnd>,
    ) -> Result<Seen<Option<SharedData>>, StreamError> {
        let from = if self.searched.0 == byte { self.searched.1 } else { 0 };
        if let Some(at) = find(&self.held, from, byte) {
            return Ok(Seen::There(Some(self.consume(at + 1))));
        }
        let held_bytes = self.held.len();
        self.searched = (byte, held_bytes);
        match end {
            Some(WriterEnd::Finished) => {
                Ok(Seen::There((held_bytes > 0).then(|| self.consume(held_bytes))))
            }
            Some(WriterEnd::Left(left)) => Err(StreamError::Aborted(left)),
            None if self.is_full() => Err(self.too_much(held_bytes + 1)),
            None => Ok(Seen::Wants(held_bytes + 1)),
        }
    }

    fn too_much(&self, need_bytes: u64) -> StreamError {
        StreamError::NeedExceedsWindow { need_bytes, window: self.between.window }
    }

    /// Whether nothing more comes before something of what is held is consumed.
    fn is_full(&self) -> bool {
        self.between.window.is_full(self.held.len(), self.held.piece_count() as u64)
    }

    /// Looks at what is there by `see`, and waits for what that wants.
    fn poll<T>(
        &mut self,
        context: &mut Context<'_>,
        mut see: impl FnMut(&mut Self, Option<WriterEnd>) -> Result<Seen<T>, StreamError>,
    ) -> Poll<Result<T, StreamError>> {
        if is_cancelled() {
            return Poll::Ready(Err(StreamError::Cancelled));
        }
        if !spend() {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let wants = match self.look(&mut see) {
            Ok(Seen::There(seen)) => return Poll::Ready(Ok(seen)),
            Ok(Seen::Wants(bytes)) => bytes,
            Err(error) => return Poll::Ready(Err(error)),
        };
        let position = self.taken_bytes - self.held.len() + wants;
        let is_heard = self.between.written.wait_for(position, context.waker());
        let settled = match self.look(&mut see) {
            Ok(Seen::There(seen)) => Ok(seen),
            Err(error) => Err(error),
            Ok(Seen::Wants(_)) => {
                if !is_heard {
                    context.waker().wake_by_ref();
                }
                return Poll::Pending;
            }
        };
        self.between.written.withdraw();
        Poll::Ready(settled)
    }

    fn look<T>(
        &mut self,
        see: &mut impl FnMut(&mut Self, Option<WriterEnd>) -> Result<Seen<T>, StreamError>,
    ) -> Result<Seen<T>, StreamError> {
        self.come_home();
        let end = self.between.writer_end();
        self.take_in();
        if self.has_strange {
            charge(self.payer.as_ref(), &mut self.held).map_err(StreamError::AccountFull)?;
            self.has_strange = false;
        }
        let seen = see(self, end);
        self.tell();
        seen
    }

    /// Has what is written charged to the process that reads.
    #[inline]
    fn come_home(&mut self) {
        let Some(pid) = here::with(|state| state.and_then(|state| state.course.pid.get())) else {
            return;
        };
        if self.home != Home::Of(pid) && self.home != Home::Named {
            self.home = Home::Of(pid);
            self.charge_to(here::with(|state| state.and_then(|state| payer_of(state, pid))));
        }
        if !self.has_named {
            self.name_payer();
        }
    }

    #[cold]
    fn charge_to(&mut self, payer: Option<Account>) {
        self.payer = payer;
        self.has_strange = true;
        self.name_payer();
    }

    /// Tells the writer whom to charge; again with the next read, if it looks at this moment.
    #[cold]
    fn name_payer(&mut self) {
        let between = &self.between;
        self.has_named = self.payer.clone().is_none_or(|payer| between.name_payer(payer));
    }

    /// Takes in what is in the queue.
    #[inline]
    fn take_in(&mut self) {
        if self.queue.is_none() {
            self.queue = self.between.queue.take();
        }
        let Self { queue: Some(queue), held, payer, .. } = self else { return };
        let (mut bytes, mut pieces, mut has_strange) = (0, 0, false);
        queue.take(usize::MAX, |mut piece| {
            bytes += piece.len();
            pieces += piece.piece_count() as u64;
            // What was written for another payer becomes this one's, or is asked for again before it is shown.
            has_strange |= charge(payer.as_ref(), &mut piece).is_err();
            held.append(piece).expect("a window and one write are no more pieces than a value has");
        });
        self.taken_bytes += bytes;
        self.taken_pieces += pieces;
        self.has_strange |= has_strange;
    }

    /// Takes the first bytes out of what is held.
    fn consume(&mut self, bytes: u64) -> SharedData {
        self.examined_bytes = self.examined_bytes.saturating_sub(bytes);
        self.searched.1 = self.searched.1.saturating_sub(bytes);
        if bytes == self.held.len() {
            return mem::take(&mut self.held);
        }
        let mut head = self.held.split_to(bytes).expect("no more is consumed than is there");
        head.shed(); // or it would keep what comes behind it
        self.held.shed(); // or it would keep what was consumed
        head
    }

    /// Tells the writer how much was consumed, if that is more than it knows.
    #[inline]
    fn tell(&mut self) {
        // Neighbours that joined are one piece, which leaves room for others.
        let pieces = self.taken_pieces - self.held.piece_count() as u64;
        let consumed = (self.taken_bytes - self.held.len(), pieces);
        if consumed != self.told {
            self.told = consumed;
            self.between.consume(consumed);
        }
    }
}

/// Where `byte` is in `data`, from an offset on.
fn find(data: &SharedData, from: u64, byte: u8) -> Option<u64> {
    let mut before = 0;
    for run in data.pieces() {
        let skip = usize::try_from(from.saturating_sub(before)).unwrap_or(usize::MAX);
        let found = run.get(skip..).and_then(|rest| memchr::memchr(byte, rest));
        if let Some(at) = found {
            return Some(before + (skip + at) as u64);
        }
        before += run.len() as u64;
    }
    None
}

impl Drop for StreamReader {
    fn drop(&mut self) {
        if !self.has_stopped {
            self.between.end_reader(None);
        }
        // What came meanwhile is not to stay for as long as the writer does.
        if let Some(mut queue) = self.queue.take().or_else(|| self.between.queue.take()) {
            queue.take(usize::MAX, drop);
        }
    }
}

/// What it has not read yet becomes its receiver's with it; what is written from then on, with the first read there.
impl Message for StreamReader {
    const FLAT: bool = true;
    const CHARGES: bool = true;

    fn visit(&mut self, visit: &mut Visit<'_>) {
        self.take_in();
        self.home = Home::Unknown;
        self.has_strange = true;
        visit.charged(&mut self.held);
    }
}
