//! Ours as futures for bulk: two tasks for each connection, one that receives and one that keeps writes queued.
//!
//! A write is a reference to one block; what is queued on a connection leaves together.

use std::io;
use std::rc::Rc;

use levada_channel::{Channel, ChannelConfig, ListenPart, TcpListener, TcpStream, local};
use levada_shared::{Options, SharedData, SharedHeap};

use crate::bulk::work::Work;

/// Serves until the program is ended.
/// # Errors
/// Whatever the kernel refuses.
pub(crate) fn serve(work: Work) -> io::Result<()> {
    let heap = SharedHeap::new(Options::default()).map_err(other)?;
    let account = heap.account("bulk", u64::MAX).map_err(other)?;
    let write = account
        .copy_from(&work.pattern)
        .map_err(|_full| io::Error::other("the heap has no room for a write"))?;
    let channel = Channel::open(&ChannelConfig::default(), &account).map_err(other)?;
    let part = ListenPart::adopt(work.listener)?;
    let listener =
        TcpListener::open(&channel, part, false).map_err(|refused| other(refused.error))?;
    let ended = local::run(&channel, async {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    let stream = Rc::new(stream);
                    local::spawn(receive(Rc::clone(&stream)));
                    local::spawn(send(stream, write.clone()));
                }
                Err(error) => return other(error),
            }
        }
    });
    Err(ended.unwrap_or_else(other))
}

/// Until the peer ends or fails.
async fn receive(stream: Rc<TcpStream>) {
    while let Ok(Some(_unread)) = stream.recv().await {}
}

/// As much as the peer takes. A peer that has gone ends it.
async fn send(stream: Rc<TcpStream>, write: SharedData) {
    loop {
        match stream.send(write.clone()) {
            Ok(_queued) => {}
            Err(refused) if refused.error == levada_channel::Error::Full => {
                if stream.room().await.is_err() {
                    return;
                }
            }
            Err(_) => return,
        }
    }
}

fn other(error: impl ToString) -> io::Error {
    io::Error::other(error.to_string())
}
