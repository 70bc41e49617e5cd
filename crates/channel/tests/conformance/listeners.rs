//! Listeners, places, names and tickets: who gets a connection, and who never does.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream as Peer};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use levada_channel::{Channel, ChannelConfig, Choice};
use levada_shared::{Options, SharedHeap};

use crate::stage::Stage;

#[test]
fn more_clients_than_places_are_all_answered_and_none_is_closed_unanswered() {
    let config = ChannelConfig { sockets_max: 12, ..ChannelConfig::default() };
    for with_peers in [false, true] {
        Stage::on_each(&config, |stage| {
            assert_eq!(stage.channel.connections_max(), 6);
            let listener = stage.listen(with_peers);
            let address = listener.address();
            let client = std::thread::spawn(move || {
                let peers: Vec<Peer> =
                    (0..200).map(|_| Peer::connect(address).expect("a backlog")).collect();
                for mut peer in peers {
                    let mut text = String::new();
                    peer.read_to_string(&mut text).expect("an answer");
                    assert_eq!(text, "hello");
                }
            });
            stage.run(async {
                for _ in 0..200 {
                    let (stream, peer) = listener.accept().await.unwrap();
                    assert_eq!(peer.is_some_and(|peer| peer.ip().is_loopback()), with_peers);
                    drop(stream.send(stage.data(b"hello")).unwrap());
                }
            });
            stage.until(|| stage.channel.gauges().streams_open == 0);
            client.join().unwrap();
        });
    }
}

#[test]
fn a_listener_that_goes_closes_what_nobody_took() {
    for with_peers in [false, true] {
        Stage::on_each(&ChannelConfig::default(), |stage| {
            let listener = stage.listen(with_peers);
            let mut peers = [(); 3].map(|()| Peer::connect(listener.address()).unwrap());
            stage.until(|| stage.channel.gauges().streams_open == 3);
            let address = listener.address();
            drop(listener);
            stage.until(|| stage.channel.gauges().streams_open == 0);
            for peer in &mut peers {
                assert_eq!(peer.read(&mut [0]).unwrap(), 0);
            }
            stage.until(|| Peer::connect(address).is_err());
        });
    }
}

#[test]
fn names_of_closed_sockets_never_reach_those_who_have_their_index_now() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let listener = Rc::new(stage.listen(false));
        let served = Arc::new(AtomicUsize::new(0));
        let address: SocketAddr = listener.address();
        let count = Arc::clone(&served);
        let client = std::thread::spawn(move || {
            for round in 0..300_u32 {
                let mut peer = Peer::connect(address).expect("somebody listens");
                peer.write_all(&round.to_le_bytes()).expect("it is read");
                let mut echo = [0; 4];
                peer.read_exact(&mut echo).expect("it is answered");
                assert_eq!(echo, round.to_le_bytes());
                count.fetch_add(1, Ordering::Relaxed);
            }
        });
        stage.run(async {
            for _ in 0..300 {
                let (stream, _) = listener.accept().await.unwrap();
                let block = stream.recv().await.unwrap().unwrap();
                stream.send(block.freeze()).unwrap().await.unwrap();
                stream.close().await;
            }
        });
        client.join().unwrap();
        assert_eq!(served.load(Ordering::Relaxed), 300);
    });
}

#[test]
fn a_ticket_becomes_its_stream_again_and_a_lost_one_closes_it() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let (stream, mut peer) = stage.pair();
        let (other, mut other_peer) = stage.pair();
        let ticket = std::thread::spawn({
            let ticket = stream.into_ticket();
            move || ticket
        });
        let stream = ticket.join().unwrap().into_stream(&stage.channel).unwrap();
        stage.run(async { stream.send(stage.data(b"still here")).unwrap().await.unwrap() });
        peer.read_exact(&mut [0; 10]).unwrap();
        let lost = other.into_ticket();
        let elsewhere =
            SharedHeap::new(Options::default()).unwrap().account("elsewhere", u64::MAX).unwrap();
        let config = ChannelConfig { driver: Choice::Epoll, ..ChannelConfig::default() };
        let lost = lost.into_stream(&Channel::open(&config, &elsewhere).unwrap()).unwrap_err();
        std::thread::spawn(move || drop(lost)).join().unwrap();
        stage.until(|| stage.channel.gauges().streams_open == 1);
        assert_eq!(other_peer.read(&mut [0]).unwrap(), 0);
    });
}

#[test]
fn a_table_of_few_places_is_enough_for_a_few_connections() {
    Stage::on_each(&ChannelConfig { sockets_max: 8, ..ChannelConfig::default() }, |stage| {
        assert!(stage.channel.connections_max() >= 4);
        for _ in 0..20 {
            let (stream, mut peer) = stage.pair();
            drop(stream.send(stage.data(b"served")).unwrap());
            stage.run(stream.close());
            peer.read_exact(&mut [0; 6]).unwrap();
        }
    });
}
