//! What is not kept is streamed: a block is read while the one before it is sent, and no more are held.

use core::time::Duration;

use levada_channel::{Error, File, OpenHow, Refused, TcpStream};
use levada_domain::Io;
use levada_process::Context;
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

/// What streaming takes.
#[derive(Debug)]
pub(crate) struct Streaming<'a> {
    pub(crate) context: &'a Context,
    pub(crate) io: &'a Io,
    pub(crate) stream: &'a TcpStream,
    pub(crate) account: &'a Account,
    pub(crate) keepers: &'a Keepers,
}

/// Opens the file, if it is still the one that the head was made of. To be done before the head is sent.
pub(crate) async fn open(io: &Io, from_disk: &FromDisk) -> Option<File> {
    let path = from_disk.file_path();
    let file = disk::open(io, &from_disk.root, &path, OpenHow::default()).await.ok()?;
    let stat = disk::stat(io, &file).await.ok()?;
    (Version::of(&stat) == from_disk.version).then_some(file)
}

impl Streaming<'_> {
    /// Sends the parts in order. The last of it may still be on its way when this returns.
    ///
    /// The last block of each range leaves only if the file is still what its head was made of: bytes of two states are
    /// never the whole of anything.
    pub(crate) async fn send(&self, file: &File, from_disk: FromDisk) -> Result<(), Broken> {
        let mut sending = None;
        for part in from_disk.parts {
            let mut range = match part {
                Part::Text(text) => {
                    sending = Some(send(self.stream, text).await?);
                    continue;
                }
                Part::Range(range) => range,
            };
            while !range.is_empty() {
                let left = range.end - range.start;
                let block_bytes = usize::try_from(left).unwrap_or(usize::MAX).min(BLOCK_BYTES);
                let buffer = self.buffer(block_bytes).await?;
                let filled = disk::read_at(self.io, file, buffer, range.start).await;
                let mut buffer = filled.map_err(|_| Broken::File)?.buffer;
                buffer.truncate(block_bytes);
                if buffer.len() < block_bytes {
                    return Err(Broken::File); // shorter than it was: never the bytes of another length
                }
                range.start += block_bytes as u64;
                if range.is_empty() {
                    let stat = disk::stat(self.io, file).await.map_err(|_| Broken::File)?;
                    if Version::of(&stat) != from_disk.version {
                        return Err(Broken::File);
                    }
                }
                // The block before has to be with the kernel before another is queued behind this one.
                if let Some(sending) = sending.take() {
                    self.stream.sent(sending).await.map_err(|_| Broken::Peer)?;
                }
                sending = Some(send(self.stream, buffer.freeze()).await?);
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
            let no_room = NoRoom::of(self.account, bytes);
            if !waiting.wait(self.context, self.keepers, &no_room).await {
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
