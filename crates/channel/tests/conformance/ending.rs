//! How a connection ends: half closed, closed behind what is queued, reset.

use std::io::{Read, Write};
use std::net::Shutdown;

use levada_channel::{ChannelConfig, Error, Wait};

use crate::stage::{Stage, pattern, receive};

#[test]
fn the_end_comes_once_and_sending_stays_possible_after_it() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let (stream, mut peer) = stage.pair();
        peer.write_all(b"last").unwrap();
        peer.shutdown(Shutdown::Write).unwrap();
        stage.run(async {
            assert_eq!(receive(&stream).await, Ok(b"last".to_vec()));
            assert!(stream.recv().await.unwrap().is_none());
            stream.send(stage.data(b"answer")).unwrap().await.unwrap();
            stream.shutdown();
            assert_eq!(stream.send(stage.data(b"more")).unwrap_err().error, Error::Closed);
        });
        let mut text = String::new();
        drop(stream);
        stage.until(|| stage.channel.gauges().streams_open == 0);
        peer.read_to_string(&mut text).unwrap();
        assert_eq!(text, "answer");
    });
}

#[test]
fn half_closing_waits_for_what_is_queued_and_receiving_goes_on() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let (stream, mut peer) = stage.pair();
        drop(stream.send(stage.data(&pattern(700_000))).unwrap());
        stream.shutdown();
        let thread = std::thread::spawn(move || {
            let mut all = Vec::new();
            peer.read_to_end(&mut all).expect("it is sent");
            peer.write_all(b"thanks").expect("it is read");
            all
        });
        assert_eq!(stage.run(receive(&stream)), Ok(b"thanks".to_vec()));
        assert!(thread.join().unwrap() == pattern(700_000));
    });
}

#[test]
fn closing_with_a_receive_armed_sends_what_is_queued_first() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let (stream, mut peer) = stage.pair();
        drop(stream.send(stage.data(&pattern(900_000))).unwrap());
        let thread = std::thread::spawn(move || {
            let mut all = Vec::new();
            peer.read_to_end(&mut all).map(|_| all)
        });
        stage.run(stream.close());
        assert!(thread.join().unwrap().unwrap() == pattern(900_000));
    });
}

#[test]
fn aborting_resets_the_peer_and_forgets_what_is_queued() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let (stream, mut peer) = stage.pair();
        // More than the kernel takes while nobody reads.
        let sending = stream.send(stage.data(&vec![1; 12 << 20])).unwrap();
        drop(sending);
        (0..3).for_each(|_| assert!(stage.channel.pass(Wait::No).is_ok()));
        stream.abort();
        stage.until(|| stage.channel.gauges().streams_open == 0);
        let mut all = Vec::new();
        assert_eq!(
            peer.read_to_end(&mut all).unwrap_err().kind(),
            std::io::ErrorKind::ConnectionReset
        );
        assert!(all.len() < 12 << 20);
    });
}

#[test]
fn a_peer_that_resets_ends_both_directions_with_an_error_and_nothing_else() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let (stream, peer) = stage.pair();
        let (other, mut other_peer) = stage.pair();
        drop(stream.send(stage.data(b"unread")).unwrap());
        peer.set_nonblocking(true).unwrap();
        stage.until(|| {
            let mut byte = [0];
            peer.peek(&mut byte).is_ok_and(|count| count == 1)
        });
        drop(peer); // with bytes unread: the kernel sends a reset
        stage.run(async {
            assert_eq!(stream.recv().await.unwrap_err(), Error::Reset);
            assert_eq!(stream.send(stage.data(b"late")).unwrap_err().error, Error::Reset);
            other.send(stage.data(b"well")).unwrap().await.unwrap();
        });
        other_peer.read_exact(&mut [0; 4]).unwrap();
    });
}
