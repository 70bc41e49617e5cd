//! The writer of a stream puts pieces in as far as the window reaches, and waits for its reader beyond that.
//!
//! Cost: a write that need not wait is a push into a queue, a look at the reader's account and a fence; no byte moves.

use crate::gauges::count;
use crate::here;
use crate::message::{Message, Visit};
use crate::stream::between::Between;
use crate::stream::broken::{Unwritten, WriteError};
use crate::stream::payer::{charge, is_cancelled, spend};
use crate::stream::window::Window;
use levada_queue::{Producer, spsc};
use levada_shared::{Account, SharedData};
use std::future::poll_fn;
use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// The end of a stream that bytes go in at. It may be sent to any process.
///
/// Dropped without [`finish`](Self::finish), also with its process, it leaves a stream whose reader gets all that was written, and then
/// [`Aborted`](crate::StreamError::Aborted).
#[derive(Debug)]
pub struct StreamWriter {
    between: Arc<Between>,
    queue: Option<Producer<SharedData>>,
    payer: Option<Account>,
    /// What was given to a write, and not accepted yet.
    unwritten: SharedData,
    written_bytes: u64,
    written_pieces: u64,
    /// As it was known last.
    consumed: (u64, u64),
    has_finished: bool,
}

impl StreamWriter {
    pub(crate) fn new(between: Arc<Between>, payer: Option<Account>) -> Self {
        Self {
            between,
            queue: None,
            payer,
            unwritten: SharedData::new(),
            written_bytes: 0,
            written_pieces: 0,
            consumed: (0, 0),
            has_finished: false,
        }
    }

    /// Writes data behind all that was written before. It waits while the window is full, and is done when the stream has accepted
    /// everything; whether the reader ever takes it, only the reader can say. Data that is larger than the window is cut, not copied.
    ///
    /// Dropped before it is done, the write leaves with the writer what was not accepted, and so nothing is lost:
    /// [`take_unwritten`](Self::take_unwritten) gives it back; else it goes before what is written next.
    ///
    /// # Errors
    /// [`Unwritten`] with what was not accepted, from its first byte on, if the reader went, or if its account has no room.
    pub fn write(
        &mut self,
        data: SharedData,
    ) -> impl Future<Output = Result<(), Unwritten>> + use<'_> {
        let mut refused = self.put_behind(data).err();
        poll_fn(move |context| match refused.take() {
            Some(back) => Poll::Ready(Err(Unwritten { why: WriteError::TooManyPieces, back })),
            None => self.poll_accepted(context),
        })
    }

    /// Waits until the stream has room, so that a write of data no larger than the window would not wait: for who makes what is
    /// written only then. What an earlier write left is written first.
    ///
    /// # Errors
    /// As [`write`](Self::write), with what an earlier write left.
    pub fn room(&mut self) -> impl Future<Output = Result<(), Unwritten>> + use<'_> {
        poll_fn(move |context| {
            ready!(self.poll_accepted(context))?;
            self.poll_room(context).map_err(|why| Unwritten { why, back: SharedData::new() })
        })
    }

    /// What a write left that was dropped before it was done.
    pub fn take_unwritten(&mut self) -> Option<SharedData> {
        let back = mem::take(&mut self.unwritten);
        (!back.is_empty()).then_some(back)
    }

    /// Says that this was all: the reader gets what was written, and then the end. If a write was dropped before it was done and what
    /// it left was not taken back, that is not all, and the stream ends as if the writer was dropped.
    pub fn finish(mut self) {
        self.has_finished = self.unwritten.is_empty();
    }

    /// The window that the stream was opened with.
    #[must_use]
    pub fn window(&self) -> Window {
        self.between.window
    }

    /// Takes data into the writer, to be accepted.
    /// # Errors
    /// The data, if it has too many pieces together with what is there.
    pub(crate) fn put_behind(&mut self, data: SharedData) -> Result<(), SharedData> {
        self.unwritten.append(data).map_err(|full| full.value)
    }

    /// Has all accepted that is in the writer.
    pub(crate) fn poll_accepted(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), Unwritten>> {
        loop {
            let accepted = match self.between.reader_end() {
                Some(why) => Err(why),
                None if is_cancelled() => Err(WriteError::Cancelled),
                None if self.unwritten.is_empty() => return Poll::Ready(Ok(())),
                None => ready!(self.poll_room(context)).and_then(|()| {
                    if !spend() {
                        return Ok(false);
                    }
                    self.accept_part().map(|()| true)
                }),
            };
            match accepted {
                Ok(true) => {}
                Ok(false) => {
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Err(why) => {
                    let back = mem::take(&mut self.unwritten);
                    return Poll::Ready(Err(Unwritten { why, back }));
                }
            }
        }
    }

    /// Waits for room in the window.
    pub(crate) fn poll_room(&mut self, context: &mut Context<'_>) -> Poll<Result<(), WriteError>> {
        if let Some(settled) = self.room_now() {
            return Poll::Ready(settled);
        }
        let is_heard = self.between.consumed.wait_for(0, context.waker());
        if let Some(settled) = self.room_now() {
            self.between.consumed.withdraw();
            return Poll::Ready(settled);
        }
        if !is_heard {
            context.waker().wake_by_ref();
        }
        here::with(|state| state.map_or((), |state| count(&state.counts.stream_waits)));
        Poll::Pending
    }

    /// Whether there is room, or will never be; neither is not settled yet.
    #[inline]
    fn room_now(&mut self) -> Option<Result<(), WriteError>> {
        if let Some(why) = self.between.reader_end() {
            self.let_go();
            return Some(Err(why));
        }
        if self.is_full() {
            self.consumed = self.between.consumed();
        }
        (!self.is_full()).then_some(Ok(()))
    }

    /// Whether the window is full, for all that is known.
    #[inline]
    fn is_full(&self) -> bool {
        let (bytes, pieces) = self.consumed;
        self.between.window.is_full(self.written_bytes - bytes, self.written_pieces - pieces)
    }

    /// Puts into the stream what the window lets through at once of what is in the writer.
    fn accept_part(&mut self) -> Result<(), WriteError> {
        if let Some(payer) = self.between.new_payer() {
            self.payer = Some(payer);
        }
        let mut part = self.cut();
        if let Err(full) = charge(self.payer.as_ref(), &mut part) {
            // It was cut off the front: it joins again, and makes no more pieces than there were.
            self.unwritten.prepend(part).expect("what was cut off has room where it was");
            return Err(WriteError::AccountFull(full));
        }
        self.push(part);
        Ok(())
    }

    /// Cuts off as much as the window takes when it is empty.
    fn cut(&mut self) -> SharedData {
        let window = self.between.window;
        let pieces_max = window.pieces as usize;
        let mut bytes = self.unwritten.len().min(window.bytes);
        if self.unwritten.piece_count() > pieces_max {
            let runs = self.unwritten.pieces().take(pieces_max);
            bytes = bytes.min(runs.map(|run| run.len() as u64).sum());
        }
        if bytes == self.unwritten.len() {
            return mem::take(&mut self.unwritten);
        }
        let mut part = self.unwritten.split_to(bytes).expect("no more is cut off than there is");
        part.shed();
        part
    }

    fn push(&mut self, part: SharedData) {
        let (bytes, pieces) = (part.len(), part.piece_count());
        let queue = self.queue.get_or_insert_with(|| begin(&self.between));
        // Each piece in the queue is one that the window counts, and that has room.
        queue.push(part).expect("the queue has a place for each piece in the window");
        self.written_bytes += bytes;
        self.written_pieces += pieces as u64;
        // A full window calls also who waits for more than it lets through: to hear just that.
        let position = if self.is_full() { u64::MAX } else { self.written_bytes };
        self.between.written.reached(position);
        // After the fence in that call: either we see that the reader went, or it found the part when it went.
        if self.between.reader_end().is_some() {
            self.let_go();
        }
    }

    /// Lets go of what nobody reads any more.
    fn let_go(&mut self) {
        drop(self.queue.take());
        drop(self.between.queue.take());
    }
}

/// Makes the queue, and hands its other end over.
#[cold]
fn begin(between: &Between) -> Producer<SharedData> {
    let (producer, mut consumer) = spsc(between.window.pieces as usize);
    // It comes back if the reader looks at this very moment, once.
    while let Err(back) = between.queue.put(consumer) {
        consumer = back;
    }
    producer
}

impl Drop for StreamWriter {
    fn drop(&mut self) {
        self.between.end_writer(self.has_finished);
    }
}

/// What a write left in it that was dropped before it was done goes with it, and becomes its receiver's.
impl Message for StreamWriter {
    const FLAT: bool = true;
    const CHARGES: bool = true;

    fn visit(&mut self, visit: &mut Visit<'_>) {
        visit.charged(&mut self.unwritten);
    }
}
