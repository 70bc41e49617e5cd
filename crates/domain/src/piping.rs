//! Piping leads the bytes of files and sockets through streams, from process to process, without copying them.
//!
//! Each of these runs until its source ends, and is as fast as its slower end: a file is read, and a socket received from, only while
//! the stream has room; a stream is read only when the socket has sent what came before. So a pipe holds what is in the window, what is
//! being read and what is being sent, and no more.

use core::fmt;
use core::ops::Range;

use levada_channel::{Connection, Error, File, Refused};
use levada_process::{StreamError, StreamReader, StreamWriter, WriteError};
use levada_shared::{Account, Full, SharedData};

use crate::io::Io;

/// How much of a file is read at once, at most.
const BLOCK_BYTES: u64 = 256 << 10;

/// What broke a pipe.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum PipeError {
    /// The file or the socket failed.
    Source(Error),
    /// The socket failed that was sent to.
    Sink(Error),
    /// There is no room for what would be read.
    NoRoom(Full<()>),
    /// The stream's reader takes no more.
    Unwritten(WriteError),
    /// The stream's writer did not finish.
    Unread(StreamError),
}

impl fmt::Display for PipeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Source(error) => write!(f, "what was to be read failed: {error}"),
            Self::Sink(error) => write!(f, "the connection sent to failed: {error}"),
            Self::NoRoom(full) => full.fmt(f),
            Self::Unwritten(why) => why.fmt(f),
            Self::Unread(why) => why.fmt(f),
        }
    }
}

impl std::error::Error for PipeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        // Only that it was cancelled: all else is told with this.
        match self {
            Self::Unwritten(why) => why.source(),
            Self::Unread(why) => why.source(),
            Self::Source(_) | Self::Sink(_) | Self::NoRoom(_) => None,
        }
    }
}

impl Io {
    /// Pours a range of a file into a stream, up to its end or that of the file; how many bytes that were. The stream can be written on
    /// behind them, and is [finished](StreamWriter::finish) by the caller.
    ///
    /// Blocks of at most the window, and 256 KiB, are filled out of `account`, and are the reader's when they are in the stream.
    ///
    /// A pipeline of three: a file is read, split into lines without copying, counted. The one who splits waits when the one who counts
    /// is behind, and the one who reads waits when the window is full.
    /// ```
    /// # use levada_channel::OpenHow;
    /// # use levada_domain::{Config, Domain, Folder, Io, PipeError};
    /// use levada_process::{Context, Failure, Mailbox, Message, Reply, Window};
    /// # use levada_shared::{SharedData, SharedHeap};
    /// # use std::time::Duration;
    ///
    /// #[derive(Message)]
    /// enum Tally { Line(SharedData), Total(Reply<u64>) }
    ///
    /// async fn start(cx: Context, io: Io, folder: Folder) -> Result<(), Failure> {
    ///     let (mut out, mut text) = cx.stream(Window { bytes: 256 << 10, pieces: 64 });
    ///     let count = cx.spawn("count", |_, mut inbox: Mailbox<Tally>| async move {
    ///         let mut count = 0;
    ///         loop {
    ///             match inbox.recv().await? {
    ///                 Tally::Line(_) => count += 1,
    ///                 Tally::Total(reply) => reply.send(count),
    ///             }
    ///         }
    ///     })?.sender;
    ///     cx.spawn("read", |cx, _: Mailbox<()>| async move {
    ///         let file = folder.open_file(b"access.log", OpenHow::default()).await?;
    ///         io.pour(&file, 0..u64::MAX, &cx.account(), &mut out).await?;
    ///         out.finish(); //                                  or the text would end as aborted
    ///         Ok(())
    ///     })?;
    ///     let split = cx.task(async move { //                     or in a process of its own
    ///         while let Some(line) = text.until(b'\n').await? {
    ///             count.send(Tally::Line(line)).await?;
    ///         }
    ///         Ok::<u64, Failure>(count.call(Duration::from_secs(5), Tally::Total).await?)
    ///     });
    ///     assert_eq!(split.await?, 120_000);
    ///     Ok(())
    /// }
    /// # let place = tempfile::tempdir()?;
    /// # std::fs::write(place.path().join("access.log"), "GET /\nGET /a\nGET /b\n".repeat(40_000))?;
    /// # let folder = Folder::open(place.path())?;
    /// # let heap = SharedHeap::new(Default::default())?;
    /// # let domain = Domain::start(&Config::new(heap), |cx, io| start(cx, io, folder))?;
    /// # assert_eq!(domain.wait(), Ok(()));
    /// # drop(domain.stop(Duration::from_secs(1)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`PipeError::Source`], [`PipeError::NoRoom`] and [`PipeError::Unwritten`]; what was poured before is in the stream.
    pub async fn pour(
        &self,
        file: &File,
        range: Range<u64>,
        account: &Account,
        writer: &mut StreamWriter,
    ) -> Result<u64, PipeError> {
        let most = BLOCK_BYTES.min(writer.window().bytes);
        let mut at = range.start;
        while at < range.end {
            // No block is held for a stream that has no room for it.
            writer.room().await.map_err(|unwritten| PipeError::Unwritten(unwritten.why))?;
            let block_bytes = usize::try_from(most.min(range.end - at)).unwrap_or(usize::MAX);
            let mut buffer = account.buf(block_bytes).map_err(PipeError::NoRoom)?;
            let ended = loop {
                self.channel().file_room().await;
                match file.read_at(buffer, at).await {
                    Ok(filled) => {
                        buffer = filled.buffer;
                        break filled.ended;
                    }
                    Err(Refused { error: Error::Full, value: Some(unread) }) => buffer = unread,
                    Err(Refused { error, .. }) => return Err(PipeError::Source(error)),
                }
            };
            buffer.truncate(block_bytes);
            at += buffer.len() as u64;
            let written = writer.write(buffer.freeze()).await;
            written.map_err(|unwritten| PipeError::Unwritten(unwritten.why))?;
            if ended {
                break;
            }
        }
        Ok(at - range.start)
    }

    /// Sends a stream to a socket, to the end of the stream; how many bytes that were. What is taken from the stream goes to the socket
    /// as it is, when what was sent before is with the kernel. The last of it may still be on its way when this returns.
    ///
    /// # Errors
    /// [`PipeError::Sink`]; [`PipeError::Unread`] behind all that was written before the writer went.
    pub async fn send<K>(
        &self,
        reader: &mut StreamReader,
        socket: &Connection<K>,
    ) -> Result<u64, PipeError> {
        let (mut sending, mut sent_bytes) = (None, 0);
        loop {
            // Before more is taken: that makes room for what is then read, while this is on its way.
            if let Some(until_bytes) = sending.take() {
                socket.sent(until_bytes).await.map_err(PipeError::Sink)?;
            }
            let Some(mut data) = reader.next().await.map_err(PipeError::Unread)? else {
                return Ok(sent_bytes);
            };
            sent_bytes += data.len();
            sending = loop {
                match socket.send(data) {
                    Ok(sending) => break Some(sending.until_bytes()),
                    Err(Refused { error: Error::Full, value }) => data = value,
                    Err(Refused { error, .. }) => return Err(PipeError::Sink(error)),
                }
                socket.room().await.map_err(PipeError::Sink)?;
            };
        }
    }

    /// Receives what a socket's peer sends into a stream, until the peer ends; how many bytes that were. The stream can be written on
    /// behind them, and is [finished](StreamWriter::finish) by the caller.
    ///
    /// What comes is received into blocks that the channel lends, of which the stream holds as many as its window lets through: a window
    /// of few pieces keeps few.
    ///
    /// # Errors
    /// [`PipeError::Source`] and [`PipeError::Unwritten`]; what came before is in the stream.
    pub async fn receive<K>(
        &self,
        socket: &Connection<K>,
        writer: &mut StreamWriter,
    ) -> Result<u64, PipeError> {
        let mut received_bytes = 0;
        loop {
            writer.room().await.map_err(|unwritten| PipeError::Unwritten(unwritten.why))?;
            let Some(block) = socket.recv().await.map_err(PipeError::Source)? else {
                return Ok(received_bytes);
            };
            let data: SharedData = block.freeze();
            received_bytes += data.len();
            let written = writer.write(data).await;
            written.map_err(|unwritten| PipeError::Unwritten(unwritten.why))?;
        }
    }
}
