//! Two things at a time on one connection, or one thing after another on what it left behind.

use std::io::{Read, Write};
use std::net::TcpStream as Peer;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as UnixPeer;
use std::time::Duration;

use levada_channel::{
    ChannelConfig, Deadline, Error, Event, Events, File, ListenPart, OpenHow, UnixDatagram,
    UnixListener, UnixName, UnixStream, Wait, now,
};
use levada_shared::SharedData;

use crate::stage::{Stage, pattern, receive};

fn unix_name(which: &str) -> UnixName {
    let unique = format!("levada-{which}-{}-{}", std::process::id(), now().ns);
    UnixName::abstract_name(unique.as_bytes()).expect("it works here")
}

fn kept(stage: &Stage, bytes: usize) -> SharedData {
    let mut buffer = stage.account.kept_buf(bytes).expect("it works here");
    buffer.write(&pattern(bytes)).expect("it works here");
    buffer.freeze()
}

#[test]
fn a_long_reply_after_another_connection_closed_behind_its_last_leaves_its_own_open() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let (closing, mut closed) = stage.pair();
        let (stream, mut peer) = stage.pair();
        let mut served = |stage: &Stage| {
            drop(stream.send(kept(stage, 100 << 10)).unwrap());
            stage.rest(20);
            let mut all = vec![0; 100 << 10];
            peer.read_exact(&mut all).unwrap();
            assert!(all == pattern(100 << 10));
        };
        served(stage); // it has its descriptor now
        drop(closing.send(stage.data(b"farewell")).unwrap());
        stage.run(closing.close());
        let mut text = String::new();
        closed.read_to_string(&mut text).unwrap();
        assert_eq!(text, "farewell");
        served(stage);
        served(stage);
        assert_eq!(stage.channel.gauges().streams_open, 1);
    });
}

#[test]
fn a_question_about_a_connection_does_not_answer_its_send() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let name = unix_name("question");
        let listener = UnixListener::bind(&stage.channel, &name).unwrap();
        let by = Deadline::NEVER;
        let (client, server) = stage.run(async {
            let client = UnixStream::connect(&stage.channel, &name, by).await.unwrap();
            (client, listener.accept().await.unwrap().0)
        });
        drop(server.send(stage.data(&pattern(1 << 20))).unwrap());
        stage.rest(10); // it waits for room
        stage.run(server.peer_credentials()).unwrap();
        server.shutdown();
        assert!(stage.run(receive(&client)).unwrap() == pattern(1 << 20));
    });
}

#[test]
fn closing_behind_a_reply_ends_a_filling_first_and_leaves_no_block_behind() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        for is_dropped in [false, true] {
            let (stream, mut peer) = stage.pair();
            {
                let buffer = stage.account.buf(10_000).unwrap();
                let mut filling = Box::pin(stream.recv_into(buffer, 10_000));
                assert!(filling.as_mut().poll(&mut cx).is_pending());
                stage.rest(5);
                if !is_dropped {
                    stage.rest(1);
                }
            }
            drop(stream.send(stage.data(b"too slow")).unwrap());
            stage.run(stream.close());
            let mut text = String::new();
            peer.read_to_string(&mut text).unwrap();
            assert_eq!(text, "too slow");
        }
        // In the event form the buffer comes back.
        let (stream, mut peer) = stage.pair();
        let detached = stage.run(stream.into_fd()).unwrap();
        let socket = stage.channel.adopt(detached, 1).unwrap();
        let buffer = stage.account.buf(10_000).unwrap();
        stage.channel.recv_into(socket, buffer, 10_000).unwrap();
        stage.rest(5);
        stage.channel.send(socket, stage.data(b"too slow")).unwrap();
        stage.channel.close(socket).unwrap();
        let (mut events, mut all) = (Events::with_capacity(8), Vec::new());
        while !matches!(all.last(), Some(Event::Closed { .. })) {
            stage.channel.dispatch(&mut events, Wait::ANY).unwrap();
            all.extend(events.drain());
        }
        assert!(all.iter().any(|event| matches!(event, Event::ReceivedInto { .. })), "{all:?}");
        let mut text = String::new();
        peer.read_to_string(&mut text).unwrap();
        assert_eq!(text, "too slow");
    });
}

#[test]
fn many_datagrams_to_a_socket_that_is_full_are_all_answered() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let sender = UnixDatagram::bind(&stage.channel, &unix_name("sender"), 1000).unwrap();
        let to = unix_name("taker");
        let taker = UnixDatagram::bind(&stage.channel, &to, 1000).unwrap();
        stage.run(async {
            let sending: Vec<_> = (0..200_u8)
                .map(|number| sender.send_to(stage.data(&[number]), &to).unwrap())
                .collect();
            for number in 0..200_u8 {
                assert_eq!(taker.recv_from().await.unwrap().bytes.to_vec(), [number]);
            }
            for sending in sending {
                sending.await.unwrap();
            }
        });
    });
}

#[test]
fn bytes_under_way_when_a_filling_begins_go_into_it_and_those_behind_it_are_told_after() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        for rest_ms in [0, 1, 10] {
            let (stream, mut peer) = stage.pair();
            let detached = stage.run(stream.into_fd()).unwrap();
            let socket = stage.channel.adopt(detached, 1).unwrap();
            let mut events = Events::with_capacity(64);
            stage.channel.recv(socket, 1 << 20).unwrap();
            stage.channel.dispatch(&mut events, Wait::No).unwrap();
            peer.write_all(&pattern(50_000)[..100]).unwrap();
            let mut all = Vec::new();
            while all.is_empty() {
                stage.channel.dispatch(&mut events, Wait::ANY).unwrap();
                for event in events.drain() {
                    if let Event::Received { bytes, .. } = event {
                        all.extend_from_slice(&bytes);
                    }
                }
            }
            stage.rest(1); // the receive goes on
            peer.write_all(&pattern(50_000)[100..]).unwrap();
            std::thread::park_timeout(Duration::from_millis(rest_ms));
            stage.channel.recv_into(socket, stage.account.buf(20_000).unwrap(), 20_000).unwrap();
            while all.len() < 50_000 {
                stage.channel.dispatch(&mut events, Wait::ANY).unwrap();
                for event in events.drain() {
                    match event {
                        Event::Received { bytes, .. } => all.extend_from_slice(&bytes),
                        Event::ReceivedInto { buffer, .. } => {
                            assert!(buffer.len() >= 20_000);
                            all.extend_from_slice(&buffer);
                        }
                        Event::Woken => {}
                        other => panic!("nobody asked for {other:?}"),
                    }
                }
            }
            assert!(all == pattern(50_000));
            stage.channel.abort(socket).unwrap();
            stage.until(|| stage.channel.gauges().streams_open == 0);
        }
    });
}

#[test]
fn more_connections_at_once_than_there_are_places_wait_and_all_are_served() {
    let config = ChannelConfig { sockets_max: 300, ..ChannelConfig::default() };
    Stage::on_each(&config, |stage| {
        let part = ListenPart::bind(([127, 0, 0, 1], 0).into(), 1).unwrap().remove(0);
        let address = part.address();
        // All stand in the queue before the first is accepted.
        let peers: Vec<_> = (0..900).map(|_| Peer::connect(address).unwrap()).collect();
        let listener = levada_channel::TcpListener::open(&stage.channel, part, false).unwrap();
        stage.run(async {
            for _ in 0..900 {
                let (stream, _) = listener.accept().await.unwrap();
                drop(stream.send(stage.data(b"served")).unwrap());
                drop(stream.close());
            }
        });
        stage.rest(20);
        for mut peer in peers {
            let mut text = String::new();
            peer.read_to_string(&mut text).unwrap();
            assert_eq!(text, "served");
        }
    });
}

#[test]
fn no_more_connections_are_told_than_were_asked_for() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let part = ListenPart::bind(([127, 0, 0, 1], 0).into(), 1).unwrap().remove(0);
        let address = part.address();
        let listener = stage.channel.listen(part, false, 0).unwrap();
        let peers: Vec<_> = (0..300).map(|_| Peer::connect(address).unwrap()).collect();
        let mut events = Events::with_capacity(1000);
        for credits in [70, 100, 130] {
            stage.channel.accept(listener, credits).unwrap();
            let end = now() + Duration::from_millis(30);
            let mut told = 0;
            while stage.channel.dispatch(&mut events, Wait::Until(end)).unwrap().now < end {
                told +=
                    events.drain().filter(|event| matches!(event, Event::Accepted { .. })).count();
            }
            assert_eq!(told, credits as usize);
        }
        drop(peers);
    });
}

#[test]
fn a_file_behind_a_long_reply_goes_on_by_itself() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("page"), pattern(300_000)).unwrap();
        let root = OwnedFd::from(std::fs::File::open(folder.path()).unwrap());
        let root = File::adopt(&stage.channel, root);
        let file = stage.run(root.open(b"page", OpenHow::default())).unwrap();
        let (stream, mut peer) = stage.pair();
        drop(stream.send(kept(stage, 100 << 10)).unwrap());
        drop(stream.send_file(&file, 0..300_000).unwrap());
        drop(stream.send(kept(stage, 100 << 10)).unwrap());
        let reader = std::thread::spawn(move || {
            let mut all = Vec::new();
            peer.read_to_end(&mut all).map(|_| all)
        });
        stage.run(stream.close());
        let expected = [pattern(100 << 10), pattern(300_000), pattern(100 << 10)].concat();
        assert!(reader.join().unwrap().unwrap() == expected);
    });
}

#[test]
fn descriptors_that_nobody_takes_do_not_pile_up() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let (near, far) = UnixPeer::pair().unwrap();
        let sender = UnixStream::adopt(&stage.channel, OwnedFd::from(near)).unwrap();
        let receiver = UnixStream::adopt(&stage.channel, OwnedFd::from(far)).unwrap();
        // All are the same pipe, so that they can be told from what other scenes have open meanwhile.
        let (pipe, _writer) = std::io::pipe().unwrap();
        let link = |fd: &dyn std::os::fd::AsRawFd| {
            std::fs::read_link(format!("/proc/self/fd/{}", fd.as_raw_fd())).unwrap()
        };
        let wanted = link(&pipe);
        stage.run(async {
            for _ in 0..100 {
                let pipes = (0..8).map(|_| OwnedFd::from(pipe.try_clone().unwrap())).collect();
                sender.send_descriptors(stage.data(b"x"), pipes).unwrap().await.unwrap();
                assert_eq!(receiver.recv().await.unwrap().unwrap().len(), 1);
            }
        });
        let all = std::fs::read_dir("/proc/self/fd").unwrap();
        let open_count = all
            .filter(|fd| {
                fd.as_ref()
                    .is_ok_and(|fd| std::fs::read_link(fd.path()).is_ok_and(|to| to == wanted))
            })
            .count();
        assert!(open_count <= 80, "{open_count}");
    });
}

#[test]
fn a_connection_that_left_and_was_not_taken_is_closed_once_with_its_channel() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let (stream, mut peer) = stage.pair();
        let leaving = stream.into_fd();
        stage.rest(10);
        let begin = now();
        stage.channel.end(begin + Duration::from_secs(4)).unwrap();
        assert!(now() - begin < Duration::from_secs(2));
        drop(leaving);
        assert_eq!(peer.read(&mut [0]).unwrap(), 0);
    });
}

#[test]
fn a_listener_within_this_machine_drains_too() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let name = unix_name("drains");
        let listener = UnixListener::bind(&stage.channel, &name).unwrap();
        let clients: Vec<_> = (0..3)
            .map(|_| stage.run(UnixStream::connect(&stage.channel, &name, Deadline::NEVER)))
            .map(Result::unwrap)
            .collect();
        listener.drain().unwrap();
        stage.run(async {
            for _ in 0..3 {
                listener.accept().await.unwrap();
            }
            assert_eq!(listener.accept().await.unwrap_err(), Error::Closed);
        });
        drop(clients);
    });
}
