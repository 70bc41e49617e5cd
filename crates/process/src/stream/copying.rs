//! Copying adapters let code that reads and writes slices, by the traits of `futures-io`, use the ends of a stream.
//!
//! Who reads into a slice of his own copies, and who writes out of one: each byte is counted, as `CopiedBytes::write`
//! (see [`levada_shared::Gauges::copied`]).

use crate::stream::broken::{StreamError, Unwritten, WriteError};
use crate::stream::reader::StreamReader;
use crate::stream::writer::StreamWriter;
use futures_io::{AsyncBufRead, AsyncRead, AsyncWrite};
use levada_shared::{Account, ExclusiveBuf, SharedData};
use std::io::{Error, ErrorKind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// How much is gathered before it is a piece, at most.
const PIECE_BYTES: u64 = 16 << 10;

/// Reads a stream by copying it into slices: `AsyncRead`; and without copying, a run of bytes at a time: `AsyncBufRead`.
///
/// A stream that ends as aborted reads as `ErrorKind::UnexpectedEof`, with the [`StreamError`] inside.
#[derive(Debug)]
pub struct CopyingReader {
    reader: StreamReader,
    account: Account,
}

/// Writes a stream by copying slices into blocks: `AsyncWrite`. What was gathered leaves when a block of 16 KiB, or of the window, is
/// full, and with a flush; closing flushes and finishes the stream. Dropped without, the stream ends as aborted.
///
/// Where the reader went, writing fails with `ErrorKind::BrokenPipe`; where an account is full, with `ErrorKind::OutOfMemory`, and may be
/// tried again; both with a [`WriteError`] inside.
#[derive(Debug)]
pub struct CopyingWriter {
    /// None once it is closed.
    writer: Option<StreamWriter>,
    account: Account,
    filling: Option<ExclusiveBuf>,
}

impl StreamReader {
    /// Reads by copying into slices. What is copied is counted with the heap of `account`.
    #[must_use]
    pub fn into_copying(self, account: &Account) -> CopyingReader {
        CopyingReader { reader: self, account: account.clone() }
    }
}

impl StreamWriter {
    /// Writes by copying out of slices, into blocks of `account`, which are the reader's when they are written.
    #[must_use]
    pub fn into_copying(self, account: &Account) -> CopyingWriter {
        CopyingWriter { writer: Some(self), account: account.clone(), filling: None }
    }
}

impl CopyingReader {
    /// The reader, with all that was not read.
    #[must_use]
    pub fn into_inner(self) -> StreamReader {
        self.reader
    }
}

fn unread(error: StreamError) -> Error {
    let kind = match error {
        StreamError::Aborted(_) => ErrorKind::UnexpectedEof,
        StreamError::AccountFull(_) => ErrorKind::OutOfMemory,
        StreamError::NeedExceedsWindow { .. } => ErrorKind::InvalidInput,
        // Not `Interrupted`, which is tried again.
        StreamError::Cancelled => ErrorKind::Other,
    };
    Error::new(kind, error)
}

fn unwritten(why: WriteError) -> Error {
    let kind = match why {
        WriteError::NoReader(_) | WriteError::Stopped(_) => ErrorKind::BrokenPipe,
        WriteError::AccountFull(_) => ErrorKind::OutOfMemory,
        WriteError::TooManyPieces => ErrorKind::InvalidInput,
        WriteError::Cancelled => ErrorKind::Other,
    };
    Error::new(kind, why)
}

impl AsyncRead for CopyingReader {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut [u8],
    ) -> Poll<Result<usize, Error>> {
        if into.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let run = ready!(self.as_mut().poll_fill_buf(context))?;
        let count = run.len().min(into.len());
        into[..count].copy_from_slice(&run[..count]);
        self.account.heap().count_copy(count);
        self.consume(count);
        Poll::Ready(Ok(count))
    }
}

impl AsyncBufRead for CopyingReader {
    fn poll_fill_buf(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Result<&[u8], Error>> {
        let this = self.get_mut();
        let held = ready!(this.reader.poll_held(context)).map_err(unread)?;
        Poll::Ready(Ok(held.longest_at(0)))
    }

    fn consume(self: Pin<&mut Self>, bytes: usize) {
        let bytes = bytes as u64;
        self.get_mut().reader.advance(bytes, bytes);
    }
}

impl CopyingWriter {
    /// Has all accepted that was gathered.
    fn poll_gathered(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let Some(writer) = &mut self.writer else { return Poll::Ready(Ok(())) };
        if let Some(mut filling) = self.filling.take() {
            let filled = filling.freeze_filled();
            self.filling = (filling.room_bytes() > 0).then_some(filling);
            writer.put_behind(filled).map_err(|_| unwritten(WriteError::TooManyPieces))?;
        }
        writer.poll_accepted(context).map_err(|Unwritten { why, back }| {
            // What was written is not to be lost with an error that may pass.
            let is_kept = writer.put_behind(back).is_ok();
            debug_assert!(is_kept, "it was in the writer before");
            unwritten(why)
        })
    }
}

impl AsyncWrite for CopyingWriter {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        from: &[u8],
    ) -> Poll<Result<usize, Error>> {
        let this = self.get_mut();
        let Some(writer) = &this.writer else {
            return Poll::Ready(Err(Error::new(ErrorKind::BrokenPipe, "the stream was closed")));
        };
        if from.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let piece_bytes = usize::try_from(PIECE_BYTES.min(writer.window().bytes)).unwrap_or(1);
        if this.filling.is_none() {
            // Room in the stream first: no block is held for one that has none.
            ready!(this.poll_gathered(context))?;
            let made = this.account.buf(piece_bytes);
            this.filling = Some(made.map_err(|full| unwritten(WriteError::AccountFull(full)))?);
        }
        let Some(filling) = &mut this.filling else { return Poll::Pending };
        let count = from.len().min(filling.room_bytes());
        filling.write(&from[..count]).map_err(|full| unwritten(WriteError::AccountFull(full)))?;
        if filling.room_bytes() == 0 {
            // Whether it is accepted at once, the next write or flush sees to.
            let filled = this.filling.take().map_or_else(SharedData::new, ExclusiveBuf::freeze);
            if let Some(writer) = &mut this.writer {
                let is_kept = writer.put_behind(filled).is_ok();
                debug_assert!(is_kept, "all that was gathered before was accepted");
            }
        }
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.get_mut().poll_gathered(context)
    }

    fn poll_close(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let this = self.get_mut();
        ready!(this.poll_gathered(context))?;
        if let Some(writer) = this.writer.take() {
            writer.finish();
        }
        this.filling = None;
        Poll::Ready(Ok(()))
    }
}
