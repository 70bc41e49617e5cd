//! What is not kept is streamed: a block is read while the one before it is sent, and no more are held.

use levada_channel::{Error, OpenHow, Refused, TcpStream};
use levada_domain::Folder;
use levada_shared::{Account, SharedData};

use crate::load::version_of;
use crate::outgoing::{FromDisk, Part};

/// How much is read at once. Two of these are held by a download.
const BLOCK_BYTES: usize = 256 << 10;

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

/// Sends the parts in order. The last of it may still be on its way when this returns.
pub(crate) async fn send_from_disk(
    stream: &TcpStream,
    root: &Folder,
    account: &Account,
    from_disk: FromDisk,
) -> Result<(), Broken> {
    let file = root
        .open_file(&from_disk.file_path(), OpenHow::default())
        .await
        .map_err(|_| Broken::File)?;
    let stat = file.stat().await.map_err(|_| Broken::File)?;
    if version_of(&stat) != from_disk.version {
        return Err(Broken::File);
    }
    let mut sending = None;
    for part in from_disk.parts {
        let mut range = match part {
            Part::Text(text) => {
                sending = Some(send(stream, text).await?);
                continue;
            }
            Part::Range(range) => range,
        };
        while !range.is_empty() {
            let left = range.end - range.start;
            let block_bytes = usize::try_from(left).unwrap_or(usize::MAX).min(BLOCK_BYTES);
            let buffer = account.buf(block_bytes).map_err(|_| Broken::NoRoom)?;
            let filled =
                file.read_at(buffer, range.start).await.map_err(|Refused { .. }| Broken::File)?;
            let mut buffer = filled.buffer;
            buffer.truncate(block_bytes);
            if buffer.len() < block_bytes {
                return Err(Broken::File); // shorter than it was: never the bytes of another length
            }
            range.start += block_bytes as u64;
            // The block before has to be with the kernel before another is queued behind this one.
            if let Some(sending) = sending.take() {
                stream.sent(sending).await.map_err(|_| Broken::Peer)?;
            }
            sending = Some(send(stream, buffer.freeze()).await?);
        }
    }
    Ok(())
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
