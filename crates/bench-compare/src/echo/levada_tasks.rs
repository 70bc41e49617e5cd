//! Ours as futures: a task for each connection on the channel's own loop, as the front page of `levada-channel` has it.

use std::io;

use levada_channel::{Channel, ChannelConfig, ListenPart, TcpListener, TcpStream, local};
use levada_shared::{Options, SharedHeap};

use crate::echo::part::Part;

/// Echoes until the program is ended.
/// # Errors
/// Whatever the kernel refuses.
pub(crate) fn serve(part: Part) -> io::Result<()> {
    let heap = SharedHeap::new(Options::default()).map_err(other)?;
    let account = heap.account("echo", u64::MAX).map_err(other)?;
    let channel = Channel::open(&ChannelConfig::default(), &account).map_err(other)?;
    let part = ListenPart::adopt(part.listener)?;
    let listener =
        TcpListener::open(&channel, part, false).map_err(|refused| other(refused.error))?;
    let ended = local::run(&channel, async {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => local::spawn(echo(stream)),
                Err(error) => return other(error),
            }
        }
    });
    Err(ended.unwrap_or_else(other))
}

/// Received, frozen, sent: nothing is copied. A peer that fails ends its connection only.
async fn echo(stream: TcpStream) {
    while let Ok(Some(bytes)) = stream.recv().await {
        let Ok(sending) = stream.send(bytes.freeze()) else { return };
        if sending.await.is_err() {
            return;
        }
    }
    stream.close().await;
}

fn other(error: impl ToString) -> io::Error {
    io::Error::other(error.to_string())
}
