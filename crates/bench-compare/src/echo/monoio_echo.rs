//! monoio on its ring: a task for each connection, a receive and a send of all that came, with buffers that are kept.
//!
//! Its ring is set up as ours is, with one issuer and work that waits until that one enters; by default it would not be.

use std::io;

use monoio::buf::IoBufMut;
use monoio::io::{AsyncReadRent, AsyncWriteRentExt};
use monoio::net::{TcpListener, TcpStream};
use monoio::{IoUringDriver, RuntimeBuilder};

use crate::echo::part::Part;
use crate::echo::spare_buffers;

const ENTRY_COUNT: u32 = 4_096;

/// Echoes until the program is ended.
/// # Errors
/// Whatever the kernel refuses.
pub(crate) fn serve(part: Part) -> io::Result<()> {
    let mut ring = io_uring_of_monoio::IoUring::builder();
    ring.setup_single_issuer().setup_defer_taskrun();
    let builder = RuntimeBuilder::<IoUringDriver>::new();
    let mut runtime = builder.with_entries(ENTRY_COUNT).uring_builder(ring).build()?;
    runtime.block_on(accept(part))
}

async fn accept(part: Part) -> io::Result<()> {
    let buffer_bytes = part.buffer_bytes;
    let listener = TcpListener::from_std(part.blocking_listener()?)?;
    loop {
        let (stream, _) = listener.accept().await?;
        // It ends by itself; nobody waits for it.
        drop(monoio::spawn(echo(stream, buffer_bytes)));
    }
}

/// A peer that fails ends its connection only.
async fn echo(mut stream: TcpStream, buffer_bytes: usize) {
    let mut buffer = spare_buffers::take(buffer_bytes);
    loop {
        let (received, filled) = stream.read(buffer).await;
        let Ok(received_bytes @ 1..) = received else {
            return spare_buffers::give(filled);
        };
        let (sent, part) = stream.write_all(filled.slice_mut(..received_bytes)).await;
        buffer = part.into_inner();
        if sent.is_err() {
            return spare_buffers::give(buffer);
        }
    }
}
