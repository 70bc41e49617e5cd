//! What is not kept is streamed: a task reads a block into a stream while the connection sends the one before it, and no more are held.

use core::time::Duration;

use levada_channel::{Error, File, OpenHow, Refused, TcpStream};
use levada_domain::{Io, PipeError};
use levada_process::{Context, StreamWriter, Unwritten, Window, WriteError};
use levada_shared::{Account, ExclusiveBuf, SharedData};

use crate::disk;
use crate::entry::Version;
use crate::keepers::Keepers;
use crate::outgoing::{FromDisk, Part};
use crate::waiting::{NoRoom, Waiting};

/// How much is read at once. Two of these are held by a download.
const BLOCK_BYTES: usize = 256 << 10;

/// How long a download waits for memory before it is broken off.
const ROOM_WITHIN: Duration = Duration::from_secs(30);

/// Why a stream ended before its time. The connection is reset: its head promised more.
#[derive(Debug)]
pub(crate) enum Broken {
    /// The file is not what it was when the head was made, or cannot be read.
    File,
    /// The peer has gone, or takes nothing.
    Peer,
    /// The heap has no room for a block.
    NoRoom,
}

/// What reading a file for a download takes.
#[derive(Debug)]
pub(crate) struct Pouring {
    pub(crate) context: Context,
    pub(crate) io: Io,
    pub(crate) account: Account,
    pub(crate) keepers: Keepers,
}

/// Opens the file, if it is still the one that the head was made of. To be done before the head is sent.
pub(crate) async fn open(io: &Io, from_disk: &FromDisk) -> Option<File> {
    let path = from_disk.file_path();
    let file = disk::open(io, &from_disk.root, &path, OpenHow::default()).await.ok()?;
    let stat = disk::stat(io, &file).await.ok()?;
    (Version::of(&stat) == from_disk.version).then_some(file)
}

/// Sends the parts in order: a task reads them, one ahead of what is sent. The last of it may still be on its way when this returns.
pub(crate) async fn send_from_disk(
    socket: &TcpStream,
    pouring: Pouring,
    file: File,
    from_disk: FromDisk,
) -> Result<(), Broken> {
    let (context, io) = (pouring.context.clone(), pouring.io.clone());
    let (mut writer, reader) = context.stream(Window { bytes: BLOCK_BYTES as u64, pieces: 1 });
    let mut reader = reader.charged_to(&pouring.account);
    let reading = context.task(async move {
        pouring.pour(&file, from_disk, &mut writer).await?;
        writer.finish();
        Ok(())
    });
    match io.send(&mut reader, socket).await {
        Ok(_) => Ok(()),
        // It did not finish, and says why.
        Err(PipeError::Unread(_)) => reading.await,
        Err(_) => Err(Broken::Peer),
    }
}

impl Pouring {
    /// Reads the parts in order into a stream. A block is read when the one before it was taken to be sent.
    ///
    /// The last block of each range leaves only if the file is still what its head was made of: bytes of two states are
    /// never the whole of anything.
    async fn pour(
        &self,
        file: &File,
        from_disk: FromDisk,
        writer: &mut StreamWriter,
    ) -> Result<(), Broken> {
        for part in from_disk.parts {
            let mut range = match part {
                Part::Text(text) => {
                    self.write(writer, text).await?;
                    continue;
                }
                Part::Range(range) => range,
            };
            while !range.is_empty() {
                let left = range.end - range.start;
                let block_bytes = usize::try_from(left).unwrap_or(usize::MAX).min(BLOCK_BYTES);
                writer.room().await.map_err(|_| Broken::Peer)?;
                let buffer = self.buffer(block_bytes).await?;
                let filled = disk::read_at(&self.io, file, buffer, range.start).await;
                let mut buffer = filled.map_err(|_| Broken::File)?.buffer;
                buffer.truncate(block_bytes);
                if buffer.len() < block_bytes {
                    return Err(Broken::File); // shorter than it was: never the bytes of another length
                }
                range.start += block_bytes as u64;
                if range.is_empty() {
                    let stat = disk::stat(&self.io, file).await.map_err(|_| Broken::File)?;
                    if Version::of(&stat) != from_disk.version {
                        return Err(Broken::File);
                    }
                }
                self.write(writer, buffer.freeze()).await?;
            }
        }
        Ok(())
    }

    /// Puts data into the stream, waiting for room in the account that pays for what is in it.
    async fn write(&self, writer: &mut StreamWriter, mut data: SharedData) -> Result<(), Broken> {
        let mut waiting = Waiting::within(ROOM_WITHIN);
        while let Err(Unwritten { why, back }) = writer.write(data).await {
            let WriteError::AccountFull(_) = why else { return Err(Broken::Peer) };
            data = back;
            let no_room = NoRoom::of(&self.account, BLOCK_BYTES);
            if !waiting.wait(&self.context, &self.keepers, &no_room).await {
                return Err(Broken::NoRoom);
            }
        }
        Ok(())
    }

    /// A block to read into. What is kept has given way where there is no room: then others end some time.
    async fn buffer(&self, bytes: usize) -> Result<ExclusiveBuf, Broken> {
        let mut waiting = Waiting::within(ROOM_WITHIN);
        loop {
            if let Ok(buffer) = self.account.buf(bytes) {
                return Ok(buffer);
            }
            let no_room = NoRoom::of(&self.account, bytes);
            if !waiting.wait(&self.context, &self.keepers, &no_room).await {
                return Err(Broken::NoRoom);
            }
        }
    }
}

/// Queues `data`, waiting for room if there is none; how many bytes will have been sent when it is.
pub(crate) async fn send(stream: &TcpStream, mut data: SharedData) -> Result<u64, Broken> {
    loop {
        match stream.send(data) {
            Ok(sending) => return Ok(sending.until_bytes()),
            Err(Refused { error: Error::Full, value }) => data = value,
            Err(_) => return Err(Broken::Peer),
        }
        stream.room().await.map_err(|_| Broken::Peer)?;
    }
}
