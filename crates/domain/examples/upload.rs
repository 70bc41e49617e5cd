//! An upload: one process receives it from a socket into a stream, another on another core digests it and writes it to a file.
//!
//! `cargo run -p levada-domain --example upload`. A peer says how many bytes come, sends them, and gets the digest of what is saved.
//! If it goes before that was all, who saves is cancelled, and nothing of it is kept.

use std::error::Error;
use std::io::{Read, Write, stdout};
use std::net::TcpStream as Peer;
use std::sync::mpsc;
use std::time::Duration;

use levada_channel::{Access, Creation, ListenPart, OpenHow, TcpListener, TcpStream};
use levada_domain::{Config, Domain, Folder, Io};
use levada_process::{
    Cancel, Cancelled, Context, Failure, Mailbox, Message, Reply, Sender, StreamReader, Window,
};
use levada_shared::{Options, SharedData, SharedHeap};

/// An upload that is to be saved as long as its scope lasts. The answer is its digest, if all of it was.
#[derive(Message)]
struct Save {
    name: String,
    upload: StreamReader,
    under: Cancel,
    reply: Reply<Option<u64>>,
}

/// Saves uploads, one after the other.
async fn save(mut inbox: Mailbox<Save>, folder: Folder) -> Result<(), Failure> {
    let how = OpenHow { access: Access::Write, creation: Creation::Emptied, ..OpenHow::default() };
    loop {
        let Save { name, mut upload, under, reply } = inbox.recv().await?;
        let file = folder.open_file(name.as_bytes(), how).await?;
        let (mut digest, mut saved_bytes) = (DIGEST_BEGIN, 0);
        let is_whole = loop {
            // Only this wait ends with the scope. A write goes on in the kernel, so it is waited for.
            match under.run(upload.next()).await {
                Ok(Ok(Some(data))) => {
                    let bytes = data.len();
                    digest =
                        data.pieces().flatten().fold(digest, |digest, byte| mix(digest, *byte));
                    file.write_at(data, saved_bytes).await.map_err(|refused| refused.error)?;
                    saved_bytes += bytes;
                }
                Ok(Ok(None)) => break true,
                Ok(Err(_)) | Err(Cancelled) => break false,
            }
        };
        if is_whole {
            file.sync(true).await?;
        } else {
            folder.open_file(name.as_bytes(), how).await?; // empty again
        }
        reply.send(is_whole.then_some(digest));
    }
}

/// Serves one peer; the digest of what it sent, if that came whole.
async fn serve(
    cx: Context,
    io: Io,
    socket: TcpStream,
    name: String,
    saver: Sender<Save>,
) -> Result<Option<u64>, Failure> {
    let mut head = SharedData::new();
    while head.len() < 8 {
        let Some(block) = socket.recv().await? else { return Ok(None) };
        head.append(block.freeze())?;
    }
    let upload_bytes = head.split_to(8).and_then(|length| length.read(0)).map(u64::from_le_bytes);
    let scope = cx.scope();
    let (mut out, upload) = cx.stream(Window { bytes: 256 << 10, pieces: 16 });
    let under = scope.token();
    let saving = cx.task(async move {
        let save = |reply| Save { name, upload, under, reply };
        saver.call(Duration::from_secs(60), save).await // the reader is the saver's from here on, and what it holds too
    });
    let mut received_bytes = head.len();
    out.write(head).await?;
    // While the window is full nothing is received, and TCP makes the peer wait.
    received_bytes += io.receive(&socket, &mut out).await.unwrap_or(0);
    if Some(received_bytes) == upload_bytes {
        out.finish();
    } else {
        scope.cancel();
    }
    let digest = saving.await?;
    if let Some(digest) = digest {
        let answer = cx.account().copy_from(&digest.to_le_bytes())?;
        socket.send(answer).map_err(|refused| refused.error)?.await?;
    }
    socket.close().await;
    Ok(digest)
}

/// A digest that is short to write: FNV-1a.
const DIGEST_BEGIN: u64 = 0xcbf2_9ce4_8422_2325;

fn mix(digest: u64, byte: u8) -> u64 {
    (digest ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
}

/// Accepts two peers, each served by a process of its own, and tells what came of each.
async fn accept(
    cx: Context,
    io: Io,
    part: ListenPart,
    folder: Folder,
    tell: mpsc::Sender<Option<u64>>,
) -> Result<(), Failure> {
    let saver = cx.options().on(io.cores()[1]);
    let saver = saver.spawn("save", move |_, inbox| save(inbox, folder)).await?.sender;
    let listener =
        TcpListener::open(&io.channel(), part, false).map_err(|refused| refused.error)?;
    for number in 1..=2 {
        let ticket = listener.accept().await?.0.into_ticket();
        let (io, saver, tell) = (io.clone(), saver.clone(), tell.clone());
        let served = cx.spawn("serve", move |cx, _: Mailbox<()>| async move {
            let socket = ticket.into_stream(&io.channel());
            let socket = socket.map_err(|_| Failure::new("no room for a socket"))?;
            tell.send(serve(cx, io, socket, format!("upload-{number}"), saver).await?)?;
            Ok(())
        })?;
        let down = cx.monitor(served.pid).await;
        assert!(down.exit.is_normal(), "{}", down.exit);
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let place = tempfile::tempdir()?;
    let folder = Folder::open(place.path())?;
    let part = ListenPart::bind("127.0.0.1:0".parse()?, 1)?.remove(0);
    let address = part.address();
    let mut config = Config::new(SharedHeap::new(Options { arenas: 2, ..Options::default() })?);
    config.cores = vec![None; 2];
    let (tell, told) = mpsc::channel();
    let domain =
        Domain::start(&config, |cx, io| async move { accept(cx, io, part, folder, tell).await })?;
    let upload: Vec<u8> = (0..=250).cycle().take(3_000_000).collect();
    let head = 3_000_000_u64.to_le_bytes();

    let mut peer = Peer::connect(address)?;
    peer.write_all(&[&head, &upload[..2_000_000]].concat())?;
    drop(peer); // with a third of it to come
    assert_eq!(told.recv()?, None);
    assert_eq!(std::fs::read(place.path().join("upload-1"))?, b"");

    let mut peer = Peer::connect(address)?;
    peer.write_all(&[&head, &upload[..]].concat())?;
    peer.shutdown(std::net::Shutdown::Write)?;
    let mut answer = [0; 8];
    peer.read_exact(&mut answer)?;
    let digest = upload.iter().fold(DIGEST_BEGIN, |digest, byte| mix(digest, *byte));
    assert_eq!(u64::from_le_bytes(answer), digest);
    assert_eq!(told.recv()?, Some(digest));
    assert!(std::fs::read(place.path().join("upload-2"))? == upload);
    domain.wait()?;
    writeln!(stdout(), "saved {} bytes: {digest:016x}", upload.len())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn an_upload_is_saved_whole_or_not_at_all() {
        super::main().unwrap();
    }
}
