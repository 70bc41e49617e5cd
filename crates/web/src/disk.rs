//! The disk is asked in turn: who finds as many operations in flight as there may be waits in line for the next place.

use levada_channel::{Error, File, Filled, OpenHow, Refused, Stat};
use levada_domain::{Folder, Io};
use levada_shared::ExclusiveBuf;

async fn in_turn<T>(io: &Io, ask: impl AsyncFn() -> Result<T, Error>) -> Result<T, Error> {
    loop {
        io.channel().file_room().await;
        match ask().await {
            Err(Error::Full) => {}
            answer => return answer,
        }
    }
}

/// Opens what `path` leads to, below `root`.
pub(crate) async fn open(io: &Io, root: &Folder, path: &[u8], how: OpenHow) -> Result<File, Error> {
    in_turn(io, async || root.open_file(path, how).await).await
}

/// What a file is.
pub(crate) async fn stat(io: &Io, file: &File) -> Result<Stat, Error> {
    in_turn(io, async || file.stat().await).await
}

/// What a name in a folder is; a link is not followed.
pub(crate) async fn stat_name(io: &Io, folder: &File, name: &[u8]) -> Result<Stat, Error> {
    in_turn(io, async || folder.stat_name(name).await).await
}

/// Reads from `offset` until the buffer is full or the file ends.
pub(crate) async fn read_at(
    io: &Io,
    file: &File,
    mut buffer: ExclusiveBuf,
    offset: u64,
) -> Result<Filled, Error> {
    loop {
        io.channel().file_room().await;
        match file.read_at(buffer, offset).await {
            Ok(filled) => return Ok(filled),
            Err(Refused { error: Error::Full, value: Some(unread) }) => buffer = unread,
            Err(Refused { error, .. }) => return Err(error),
        }
    }
}
