//! Records of a pile go through processes, files and sockets as they are: filled in their place, held, sent by message to another
//! core, and from there to a peer.

use std::io::Read;
use std::net::TcpStream as Peer;
use std::time::Duration;

use levada_channel::{ChannelConfig, Choice, ListenPart, OpenHow, TcpListener};
use levada_domain::{Config, Domain, Folder};
use levada_pile::{Kind, Life, Pile};
use levada_process::{Context, Failure, Mailbox, Message, Reply};
use levada_shared::{Options, SharedData, SharedHeap};

const BYTES: usize = 1 << 20;

/// Bytes that somebody is to look at and give back.
#[derive(Message)]
struct Look(SharedData, Reply<SharedData>);

#[test]
fn bytes_of_a_file_reach_their_slot_in_a_pile_and_a_peer_over_two_cores_without_a_copy() {
    let text: Vec<u8> = (0..=250).cycle().take(BYTES).collect();
    let place = tempfile::tempdir().unwrap();
    std::fs::write(place.path().join("long"), &text).unwrap();
    let folder = Folder::open(place.path()).unwrap();
    let heap = SharedHeap::new(Options { bytes_max: 64 << 20, arenas: 2, ..Options::default() });
    let heap = heap.unwrap();
    let mut config = Config::new(heap.clone());
    config.cores = vec![None; 2];
    let driver = match std::env::var("LEVADA_IO").as_deref() {
        Ok("epoll") => Choice::Epoll,
        Ok("uring") => Choice::Uring,
        _ => Choice::Auto,
    };
    config.channel = ChannelConfig { driver, ..ChannelConfig::default() };
    let pile = Pile::builder("records").limit_bytes(8 << 20).build().unwrap();
    let part = ListenPart::bind("127.0.0.1:0".parse().unwrap(), 1).unwrap().remove(0);
    let address = part.address();
    let inside = pile.clone();
    let domain = Domain::start(&config, move |cx, io| async move {
        let pile = inside;
        let account = cx.account();
        let file = folder.open_file(b"long", OpenHow::default()).await?;
        let room = pile.reserve(BYTES, Kind::Bytes, Life::FOREVER)?;
        let room = room.lend(&account).map_err(|_| Failure::new("no room for a record"))?;
        let filled = file.read_at(room, 0).await; // until it is full
        let room = filled.map_err(|_| Failure::new("the file cannot be read"))?.buffer;
        assert_eq!(room.len(), BYTES);
        let at = pile.commit_buf(room).map_err(|_| Failure::new("no record"))?;
        let held = pile.pin().hold(at, &account)?;
        pile.delete(at)?;

        let look = |_: Context, mut inbox: Mailbox<Look>| async move {
            let Look(data, reply) = inbox.recv().await?;
            reply.send(data);
            Ok(())
        };
        let other = cx.options().on(io.cores()[1]).spawn("looks", look).await;
        let other = other.map_err(|_| Failure::new("no room for a process"))?.sender;
        let asked = other.call(Duration::from_secs(5), |reply| Look(held, reply)).await;
        let data = asked.map_err(|_| Failure::new("nobody looked"))?;

        let listener = TcpListener::open(&io.channel(), part, false)?;
        let (socket, _) = listener.accept().await?;
        socket.send(data).map_err(|_| Failure::new("refused"))?.await?;
        socket.close().await;
        assert_eq!(account.heap().gauges().copied.sum(), 0);
        Ok(())
    })
    .unwrap();
    let mut received = Vec::new();
    Peer::connect(address).unwrap().read_to_end(&mut received).unwrap();
    assert!(received == text, "{} bytes came", received.len());
    assert_eq!(domain.wait(), Ok(()));
    let report = domain.stop(Duration::from_secs(5));
    assert!(report.is_clean && report.quarantined == 0, "{report:?}");
    heap.validate();
    assert_eq!(heap.gauges().lent_blocks, 0);
    assert_eq!(pile.gauges().records, 0);
}
