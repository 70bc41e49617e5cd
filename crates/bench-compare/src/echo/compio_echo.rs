//! compio on its ring: a task for each connection, a receive and a send of all that came, with buffers that are kept.
//!
//! Its ring is set up as ours is, with one issuer and work that waits until that one enters; by default it would not be.

use std::io;

use compio::BufResult;
use compio::buf::{IntoInner, IoBuf};
use compio::driver::ProactorBuilder;
use compio::io::{AsyncRead, AsyncWriteExt};
use compio::net::{TcpListener, TcpStream};
use compio::runtime::RuntimeBuilder;

use crate::echo::part::Part;
use crate::echo::spare_buffers;

const ENTRY_COUNT: u32 = 4_096;

/// Echoes until the program is ended.
/// # Errors
/// Whatever the kernel refuses.
pub(crate) fn serve(part: Part) -> io::Result<()> {
    let mut driver = ProactorBuilder::new();
    driver.capacity(ENTRY_COUNT).single_issuer(true).defer_taskrun(true);
    let runtime = RuntimeBuilder::new().with_proactor(driver).build()?;
    runtime.block_on(accept(part))
}

async fn accept(part: Part) -> io::Result<()> {
    let buffer_bytes = part.buffer_bytes;
    let listener = TcpListener::from_std(part.blocking_listener()?)?;
    loop {
        let (stream, _) = listener.accept().await?;
        compio::runtime::spawn(echo(stream, buffer_bytes)).detach();
    }
}

/// A peer that fails ends its connection only.
async fn echo(mut stream: TcpStream, buffer_bytes: usize) {
    let mut buffer = spare_buffers::take(buffer_bytes);
    loop {
        let BufResult(received, filled) = stream.read(buffer).await;
        let Ok(received_bytes @ 1..) = received else {
            spare_buffers::give(filled);
            // By the ring: dropping it would be a system call of its own.
            let _closed = stream.close().await;
            return;
        };
        let BufResult(sent, part) = stream.write_all(filled.slice(..received_bytes)).await;
        buffer = part.into_inner();
        if sent.is_err() {
            return spare_buffers::give(buffer);
        }
    }
}
