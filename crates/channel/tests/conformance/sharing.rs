//! Listeners in a group: each core its own, one that gives way, and who is served first.

use std::io::{Read, Write};
use std::net::TcpStream as Peer;
use std::time::Duration;

use levada_channel::{ChannelConfig, Error, ListenGroup, Steering, TcpListener, Timer, now};

use crate::stage::Stage;

fn peers(address: std::net::SocketAddr, count: usize) -> Vec<Peer> {
    (0..count).map(|_| Peer::connect(address).expect("somebody listens")).collect()
}

#[test]
fn a_part_that_drains_loses_no_connection_of_its_full_queue() {
    for steering in [Steering::Hash, Steering::Cpu] {
        Stage::on_each(&ChannelConfig::default(), |stage| {
            let mut parts = ListenGroup::bind(([127, 0, 0, 1], 0).into(), 3, steering).unwrap();
            let address = parts[0].address();
            // Nobody accepts yet: they stand in the queues of all three.
            let before = peers(address, 60);
            let last = parts.pop().unwrap();
            let others: Vec<_> = parts
                .into_iter()
                .map(|part| TcpListener::open(&stage.channel, part, false).unwrap())
                .collect();
            let leaving = TcpListener::open(&stage.channel, last, false).unwrap();
            leaving.drain().unwrap();
            let after = peers(address, 60);
            let mut accepted = Vec::new();
            stage.run(async {
                loop {
                    match leaving.accept().await {
                        Ok((stream, _)) => accepted.push(stream),
                        Err(error) => break assert_eq!(error, Error::Closed),
                    }
                }
                let drained_count = accepted.len();
                while accepted.len() < 120 {
                    let index = accepted.len() % 2;
                    // Whichever has one.
                    let mut first = core::pin::pin!(others[index].accept());
                    let mut second = core::pin::pin!(others[1 - index].accept());
                    let stream = core::future::poll_fn(|cx| {
                        use core::future::Future;
                        match first.as_mut().poll(cx) {
                            core::task::Poll::Pending => second.as_mut().poll(cx),
                            ready => ready,
                        }
                    });
                    accepted.push(stream.await.unwrap().0);
                }
                if steering == Steering::Hash {
                    assert!(drained_count < 60, "new ones went elsewhere: {drained_count}");
                }
                for stream in &accepted {
                    drop(stream.send(stage.data(b"hello")).unwrap());
                }
            });
            stage.rest(20);
            for mut peer in before.into_iter().chain(after) {
                peer.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
                let mut hello = [0; 5];
                peer.read_exact(&mut hello).unwrap();
                assert_eq!(&hello, b"hello");
            }
            // The group that is left serves on.
            let _more = peers(address, 10);
            let mut count = 0;
            stage.run(async {
                while count < 10 {
                    let mut first = core::pin::pin!(others[0].accept());
                    let mut second = core::pin::pin!(others[1].accept());
                    let stream = core::future::poll_fn(|cx| {
                        use core::future::Future;
                        match first.as_mut().poll(cx) {
                            core::task::Poll::Pending => second.as_mut().poll(cx),
                            ready => ready,
                        }
                    });
                    accepted.push(stream.await.unwrap().0);
                    count += 1;
                }
            });
        });
    }
}

#[test]
fn steered_by_processor_all_that_come_from_one_go_to_its_part() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let parts = ListenGroup::bind(([127, 0, 0, 1], 0).into(), 2, Steering::Cpu).unwrap();
        let address = parts[0].address();
        let listeners: Vec<_> = parts
            .into_iter()
            .map(|part| TcpListener::open(&stage.channel, part, false).unwrap())
            .collect();
        // On loopback the peer's own processor handles its segments.
        let mut set = rustix::thread::CpuSet::new();
        set.set(1);
        let pinned = std::thread::spawn(move || {
            rustix::thread::sched_setaffinity(None, &set).map(|()| peers(address, 20))
        });
        let Ok(pinned) = pinned.join().unwrap() else { return }; // a machine with one processor
        let mut accepted = Vec::new();
        stage.run(async {
            while accepted.len() < 20 {
                accepted.push(listeners[1].accept().await.unwrap().0);
            }
        });
        drop(pinned);
    });
}

#[test]
fn urgent_connections_are_answered_while_others_hold_all_blocks() {
    let config = ChannelConfig { receive_blocks: 4, ..ChannelConfig::default() };
    Stage::on_each(&config, |stage| {
        let (urgent, busy) = (stage.listen(false), stage.listen(false));
        urgent.make_urgent();
        let mut hogs = peers(busy.address(), 8);
        let mut admin = Peer::connect(urgent.address()).unwrap();
        stage.run(async {
            let mut held = Vec::new();
            let mut streams = Vec::new();
            for _ in 0..8 {
                streams.push(busy.accept().await.unwrap().0);
            }
            for (hog, stream) in hogs.iter_mut().zip(&streams) {
                hog.write_all(b"x").unwrap();
                held.push(stream.recv().await.unwrap().unwrap());
            }
            let (stream, _) = urgent.accept().await.unwrap();
            admin.write_all(b"how are you?").unwrap();
            assert_eq!(&stream.recv().await.unwrap().unwrap()[..], b"how are you?");
        });
    });
}

#[test]
fn an_account_of_its_own_pays_for_what_a_connection_receives_and_stops_it_when_it_is_full() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let tenant = stage.heap.account("tenant", 16 << 10).unwrap();
        let (stream, mut peer) = stage.pair();
        stream.charge(&tenant);
        let writer = std::thread::spawn(move || {
            for chunk in crate::stage::pattern(200_000).chunks(1000) {
                peer.write_all(chunk).expect("it is read");
            }
        });
        stage.run(async {
            let mut held = Vec::new();
            let mut bytes = 0;
            while bytes < 200_000 {
                let block = stream.recv().await.unwrap().unwrap();
                bytes += block.len();
                assert!(tenant.charged_bytes() <= 16 << 10);
                held.push(block.freeze());
                if held.len() == 3 {
                    // What is kept fills the account: what comes waits until there is room.
                    let later =
                        Timer::at(&stage.channel, now() + Duration::from_millis(2)).unwrap();
                    later.await;
                    held.clear();
                }
            }
        });
        writer.join().unwrap();
        drop(stream);
        assert_eq!(tenant.charged_bytes(), 0);
    });
}
