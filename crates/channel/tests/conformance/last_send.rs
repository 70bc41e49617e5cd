//! The last send of a connection, with its close behind it or together with it.

use std::io::{Read, Write};
use std::net::TcpStream as Peer;
use std::time::Duration;

use levada_channel::{ChannelConfig, ListenPart, TcpListener};
use rustix::net::{AddressFamily, SocketType};

use crate::stage::{Stage, pattern};

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").expect("a folder").count()
}

#[test]
fn a_last_send_to_a_peer_that_has_gone_closes_its_socket_all_the_same() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        // Others of these tests come and go meanwhile, a few at a time.
        let before = descriptors();
        for _ in 0..100 {
            let (stream, mut peer) = stage.pair();
            peer.write_all(b"request").unwrap();
            drop(stage.run(stream.recv()).unwrap().unwrap());
            rustix::net::sockopt::set_socket_linger(&peer, Some(Duration::ZERO)).unwrap();
            drop(peer);
            drop(stream.send(stage.data(b"reply")));
            stage.run(stream.close());
        }
        stage.until(|| stage.channel.gauges().streams_open == 0);
        assert!(descriptors() < before + 60, "{before} descriptors became {}", descriptors());
    });
}

#[test]
fn a_last_send_that_stalls_is_reset() {
    let config =
        ChannelConfig { write_stall: Duration::from_millis(300), ..ChannelConfig::default() };
    Stage::on_each(&config, |stage| {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        rustix::net::sockopt::set_socket_send_buffer_size(&listener, 4608).unwrap();
        rustix::net::sockopt::set_socket_recv_buffer_size(&listener, 4608).unwrap();
        let part = ListenPart::adopt(listener.into()).unwrap();
        let listener = TcpListener::open(&stage.channel, part, false).unwrap();
        let (family, kind) = (AddressFamily::INET, SocketType::STREAM);
        let peer = rustix::net::socket(family, kind, None).unwrap();
        rustix::net::sockopt::set_socket_recv_buffer_size(&peer, 2304).unwrap();
        rustix::net::connect(&peer, &listener.address()).unwrap();
        let mut peer = Peer::from(peer);
        peer.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let (stream, _) = stage.run(listener.accept()).unwrap();
        peer.write_all(b"request").unwrap();
        drop(stage.run(stream.recv()).unwrap().unwrap());
        drop(stream.send(stage.data(&pattern(60 << 10))));
        stage.run(stream.close());
        let mut all = Vec::new();
        let ended = peer.read_to_end(&mut all);
        assert!(ended.is_err() && all.len() < 60 << 10, "{} bytes and no reset", all.len());
        assert_eq!(stage.channel.gauges().stalls_aborted, 1);
    });
}

#[test]
fn a_reply_arrives_also_where_its_peer_has_sent_more_than_was_read() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let (stream, mut peer) = stage.pair();
        peer.write_all(&[1; 5000]).unwrap();
        drop(stage.run(stream.recv()).unwrap().unwrap());
        drop(stream.send(stage.data(b"the whole reply")));
        stage.run(stream.close());
        let mut come = [0; 15];
        peer.read_exact(&mut come).unwrap();
        assert_eq!(&come, b"the whole reply");
    });
}

#[test]
fn a_close_that_goes_together_with_the_last_bytes_loses_none_of_them() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        for bytes in [1, 1000, 60 << 10, 300 << 10] {
            let (stream, mut peer) = stage.pair();
            peer.write_all(b"request").unwrap();
            drop(stage.run(stream.recv()).unwrap().unwrap());
            let reader = std::thread::spawn(move || {
                let mut all = Vec::new();
                peer.read_to_end(&mut all).map(|_| all)
            });
            drop(stream.send(stage.data(&pattern(bytes))).unwrap());
            stage.run(stream.close_together());
            assert!(reader.join().unwrap().unwrap() == pattern(bytes), "{bytes}");
        }
    });
}
