//! Receiving into a buffer of one's own: what came before first, the rest straight, and nothing lost.

use std::io::{Read, Write};
use std::time::Duration;

use levada_channel::{ChannelConfig, Error, Event, Events, Wait};

use crate::stage::{Stage, pattern, receive};

#[test]
fn a_body_of_known_length_comes_into_one_buffer_and_what_follows_comes_behind_it() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let (stream, mut peer) = stage.pair();
        let writer = std::thread::spawn(move || {
            peer.write_all(&pattern(700_000)).expect("it is read");
            peer.write_all(b"and the next request").expect("it is read");
        });
        stage.run(async {
            let first = stream.recv().await.unwrap().unwrap();
            let mut buffer = stage.account.buf(700_000 - first.len()).unwrap();
            let wanted = 700_000 - first.len();
            buffer = stream.recv_into(buffer, wanted).await.unwrap();
            assert!(buffer.len() >= wanted);
            let mut all = [&first[..], &buffer[..]].concat();
            all.extend(receive(&stream).await.unwrap());
            assert!(all == [&pattern(700_000)[..], b"and the next request"].concat());
        });
        writer.join().unwrap();
    });
}

#[test]
fn only_what_came_before_is_copied() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let (stream, mut peer) = stage.pair();
        let buffer = stage.account.buf(300_000).unwrap();
        let copied = stage.heap.gauges().bytes_copied;
        let writer = std::thread::spawn(move || {
            std::thread::park_timeout(Duration::from_millis(30));
            peer.write_all(&pattern(300_000)).expect("it is read");
            peer
        });
        let buffer = stage.run(stream.recv_into(buffer, 300_000)).unwrap();
        assert!(buffer[..] == pattern(300_000));
        let copied = stage.heap.gauges().bytes_copied - copied;
        // The receive that was armed before may bring a block.
        assert!(copied <= 64 << 10, "{copied} bytes were copied");
        drop(writer.join().unwrap());
    });
}

#[test]
fn an_end_before_its_time_gives_the_buffer_back_with_what_there_is() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let (stream, mut peer) = stage.pair();
        peer.write_all(b"short").unwrap();
        drop(peer);
        let mut buffer = stage.account.buf(100).unwrap();
        buffer.write(b"before ").unwrap();
        let buffer = stage.run(stream.recv_into(buffer, 50)).unwrap();
        assert_eq!(&buffer[..], b"before short");
        assert!(stage.run(stream.recv()).unwrap().is_none());
    });
}

#[test]
fn a_filling_that_is_dropped_leaves_what_came_to_the_next_receive() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        for passes in 0..6 {
            let (stream, mut peer) = stage.pair();
            let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
            let mut buffer = stage.account.buf(100_000).unwrap();
            buffer.write(b"mine").unwrap();
            let mut filling = Box::pin(stream.recv_into(buffer, 90_000));
            assert!(filling.as_mut().poll(&mut cx).is_pending());
            let (drop_now, dropped) = std::sync::mpsc::channel::<()>();
            let writer = std::thread::spawn(move || {
                for chunk in pattern(50_000).chunks(7_000) {
                    peer.write_all(chunk).expect("it is read");
                }
                dropped.recv().unwrap_err(); // it ends when the future is gone
            });
            (0..passes).for_each(|_| stage.rest(2));
            assert!(filling.as_mut().poll(&mut cx).is_pending());
            drop(filling);
            drop(drop_now);
            let all = stage.run(receive(&stream)).unwrap();
            let first_wrong =
                all.iter().zip(pattern(50_000)).position(|(one, other)| *one != other);
            assert_eq!((all.len(), first_wrong), (50_000, None), "after {passes} passes");
            writer.join().unwrap();
        }
    });
}

#[test]
fn two_fillings_at_a_time_are_refused_and_closing_ends_one() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let (stream, mut peer) = stage.pair();
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        let buffer = || stage.account.buf(1000).unwrap();
        let mut first = Box::pin(stream.recv_into(buffer(), 1000));
        assert!(first.as_mut().poll(&mut cx).is_pending());
        let refused = stage.run(stream.recv_into(buffer(), 1000)).unwrap_err();
        assert_eq!(refused.error, Error::Full);
        assert_eq!(refused.value.unwrap().capacity(), 1024);
        stage.rest(5);
        drop(first);
        stage.run(stream.close());
        assert_eq!(peer.read(&mut [0]).unwrap(), 0);
    });
}

#[test]
fn in_the_event_form_the_buffer_comes_back_and_then_credit_counts_again() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let (stream, mut peer) = stage.pair();
        let detached = stage.run(stream.into_fd()).unwrap();
        let socket = stage.channel.adopt(detached, 8).unwrap();
        let buffer = stage.account.buf(4096).unwrap();
        stage.channel.recv_into(socket, buffer, 4).unwrap();
        peer.write_all(b"head").unwrap();
        let mut events = Events::with_capacity(8);
        let mut next = || {
            loop {
                if let Some(event) = events.drain().find(|event| !matches!(event, Event::Woken)) {
                    return event;
                }
                stage.channel.dispatch(&mut events, Wait::ANY).unwrap();
            }
        };
        let event = next();
        assert!(
            matches!(&event, Event::ReceivedInto { cookie: 8, buffer, .. } if &buffer[..] == b"head"),
            "{event:?}"
        );
        stage.channel.recv(socket, 100).unwrap();
        peer.write_all(b"body").unwrap();
        let event = next();
        assert!(matches!(&event, Event::Received { bytes, .. } if &bytes[..] == b"body"));
        drop(peer);
        assert!(matches!(next(), Event::End { .. }));
        stage.channel.close(socket).unwrap();
        assert!(matches!(next(), Event::Closed { error: None, .. }));
    });
}
