//! The channel as a whole: winding down, ending, waking, and what it says that it can.

use std::io::{Read, Write};
use std::time::Duration;

use levada_channel::{ChannelConfig, Deadline, Error, Level, Wait, now};

use crate::stage::Stage;

#[test]
fn winding_down_ends_what_comes_and_sends_what_is_queued() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let listener = stage.listen(false);
        let (stream, mut peer) = stage.pair();
        peer.write_all(b"before").unwrap();
        assert_eq!(&stage.run(stream.recv()).unwrap().unwrap()[..], b"before");
        let channel = stage.channel.clone();
        stage.run(async {
            let mut waiting = Box::pin(stream.recv());
            let mut context = std::task::Context::from_waker(std::task::Waker::noop());
            assert!(waiting.as_mut().poll(&mut context).is_pending());
            channel.wind_down();
            assert!(waiting.await.unwrap().is_none());
            assert_eq!(listener.accept().await.unwrap_err(), Error::Closed);
            stream.send(stage.data(b"after")).unwrap().await.unwrap();
            stream.close().await;
        });
        let mut text = String::new();
        peer.read_to_string(&mut text).unwrap();
        assert_eq!(text, "after");
    });
}

#[test]
fn a_channel_ends_by_its_deadline_also_with_a_peer_that_reads_nothing() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let (stream, peer) = stage.pair();
        drop(stream.send(stage.data(&vec![1; 16 << 20])).unwrap());
        drop(stream);
        let begin = now();
        let report = stage.channel.end(begin + Duration::from_millis(400)).unwrap();
        assert_eq!(report.quarantined, 0);
        let took = now() - begin;
        assert!(took < Duration::from_secs(2), "{took:?}");
        drop(peer);
    });
}

#[test]
fn a_deadline_far_away_does_not_keep_an_idle_channel_from_its_wake() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let waker = stage.channel.waker();
        let thread = std::thread::spawn(move || waker.wake());
        // A pass may end before its time, interrupted; it does not go on after a wake.
        while !stage.channel.pass(Wait::Until(Deadline::NEVER)).unwrap().woken {}
        thread.join().unwrap();
    });
}

#[test]
fn the_level_is_told_and_what_is_lacking_too() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let caps = stage.channel.caps();
        assert!(
            caps.level == Level::Epoll
                || caps.lacks.iter().all(|lack| lack.to_string().starts_with("without"))
        );
    });
}
