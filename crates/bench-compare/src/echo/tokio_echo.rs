//! tokio: a task for each connection, a receive and a send of all that came; time is not driven, and buffers are kept.
//!
//! Current thread: a runtime for each core, each with its own listener. Multi-thread: one runtime with as many workers as
//! cores and one listener, which is how most programs use it.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;

use crate::echo::part::Part;
use crate::echo::spare_buffers;

/// Echoes on this thread until the program is ended.
/// # Errors
/// Whatever the kernel refuses.
pub(crate) fn serve_here(part: Part) -> io::Result<()> {
    Builder::new_current_thread().enable_io().build()?.block_on(accept(part))
}

/// Echoes on as many workers as there are cores until the program is ended.
/// # Errors
/// Whatever the kernel refuses.
pub(crate) fn serve_on_workers(part: Part) -> io::Result<()> {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_io().build()?;
    // A task of the runtime's own: what `block_on` runs is not on a worker, and would wake one for each connection.
    let accepting = runtime.spawn(accept(part));
    runtime.block_on(accepting).map_err(io::Error::other)?
}

async fn accept(part: Part) -> io::Result<()> {
    let buffer_bytes = part.buffer_bytes;
    let listener = TcpListener::from_std(part.listener.into())?;
    loop {
        let (stream, _) = listener.accept().await?;
        // It ends by itself; nobody waits for it.
        drop(tokio::spawn(echo(stream, buffer_bytes)));
    }
}

/// A peer that fails ends its connection only.
async fn echo(mut stream: TcpStream, buffer_bytes: usize) {
    let mut buffer = spare_buffers::take(buffer_bytes);
    while let Ok(received_bytes @ 1..) = stream.read(&mut buffer).await {
        if stream.write_all(&buffer[..received_bytes]).await.is_err() {
            break;
        }
    }
    spare_buffers::give(buffer);
}
