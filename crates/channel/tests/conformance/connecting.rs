//! Connecting: within a time, refused in words, and given up without a trace.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener as Far};
use std::time::Duration;

use levada_channel::{ChannelConfig, Deadline, Error, Event, Events, TcpStream, Wait, now};

use crate::stage::{Stage, descriptors_open, pattern, receive};

/// A listener whose queue is full: whoever else connects to it waits.
fn full_listener() -> (socket::Queue, SocketAddr) {
    socket::Queue::full()
}

mod socket {
    use std::net::{SocketAddr, TcpStream};
    use std::time::Duration;

    use rustix::net::{AddressFamily, SocketType, bind, getsockname, listen, socket};

    pub(super) struct Queue {
        _listener: std::os::fd::OwnedFd,
        _waiting: Vec<TcpStream>,
    }

    impl Queue {
        pub(super) fn full() -> (Self, SocketAddr) {
            let listener =
                socket(AddressFamily::INET, SocketType::STREAM, None).expect("it works here");
            bind(&listener, &SocketAddr::from(([127, 0, 0, 1], 0))).expect("it works here");
            listen(&listener, 0).expect("it works here");
            let address = SocketAddr::try_from(getsockname(&listener).expect("it works here"))
                .expect("it works here");
            let mut waiting = Vec::new();
            while let Ok(peer) = TcpStream::connect_timeout(&address, Duration::from_millis(100)) {
                waiting.push(peer);
            }
            (Self { _listener: listener, _waiting: waiting }, address)
        }
    }
}

fn in_ms(ms: u64) -> Deadline {
    now() + Duration::from_millis(ms)
}

#[test]
fn a_connection_that_is_asked_for_carries_bytes_both_ways() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let far = Far::bind("127.0.0.1:0").unwrap();
        let address = far.local_addr().unwrap();
        let thread = std::thread::spawn(move || {
            let (mut peer, _) = far.accept().expect("somebody connects");
            let mut all = vec![0; 300_000];
            peer.read_exact(&mut all).expect("it is sent");
            peer.write_all(&all).expect("it is read");
        });
        stage.run(async {
            let stream = TcpStream::connect(&stage.channel, address, in_ms(10_000)).await.unwrap();
            let sending = stream.send(stage.data(&pattern(300_000))).unwrap();
            sending.await.unwrap();
            assert!(receive(&stream).await.unwrap() == pattern(300_000));
            stream.close().await;
        });
        thread.join().unwrap();
    });
}

#[test]
fn nobody_listening_and_a_time_that_is_over_are_told_apart() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let nobody = Far::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let (_queue, address) = full_listener();
        stage.run(async {
            let refused = TcpStream::connect(&stage.channel, nobody, Deadline::NEVER).await;
            assert_eq!(refused.unwrap_err(), Error::NobodyListens);
            let begin = now();
            let late = TcpStream::connect(&stage.channel, address, in_ms(60)).await;
            assert_eq!(late.unwrap_err(), Error::TimedOut);
            let took = now() - begin;
            assert!((60..5000).contains(&took.as_millis()), "{took:?}");
        });
    });
}

#[test]
fn giving_up_on_a_connection_leaves_no_descriptor_behind() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let (_queue, address) = full_listener();
        let far = Far::bind("127.0.0.1:0").unwrap();
        let before = descriptors_open();
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        for passes in 0..6 {
            for to in [address, far.local_addr().unwrap()] {
                let mut connecting =
                    Box::pin(TcpStream::connect(&stage.channel, to, Deadline::NEVER));
                let _polled = connecting.as_mut().poll(&mut cx);
                (0..passes).for_each(|_| assert!(stage.channel.pass(Wait::No).is_ok()));
                drop(connecting);
            }
        }
        stage.until(|| {
            let gauges = stage.channel.gauges();
            gauges.streams_open == 0 && descriptors_open() <= before
        });
    });
}

#[test]
fn in_the_event_form_a_connection_comes_with_its_cookie_or_a_reason() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let far = Far::bind("127.0.0.1:0").unwrap();
        let nobody = Far::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        stage.channel.connect(far.local_addr().unwrap(), 1, in_ms(10_000)).unwrap();
        stage.channel.connect(nobody, 2, in_ms(10_000)).unwrap();
        let (mut events, mut connected, mut failed) = (Events::with_capacity(8), None, None);
        while connected.is_none() || failed.is_none() {
            stage.channel.dispatch(&mut events, Wait::ANY).unwrap();
            for event in events.drain() {
                match event {
                    Event::Connected { cookie: 1, socket, .. } => connected = Some(socket),
                    Event::Failed { cookie: 2, error, .. } => failed = Some(error),
                    other => panic!("nobody asked for {other:?}"),
                }
            }
        }
        assert_eq!(failed, Some(Error::NobodyListens));
        let socket = connected.unwrap();
        stage.channel.send(socket, stage.data(b"hello")).unwrap();
        stage.channel.close(socket).unwrap();
        let mut text = String::new();
        stage.until(|| stage.channel.gauges().streams_open == 0);
        far.accept().unwrap().0.read_to_string(&mut text).unwrap();
        assert_eq!(text, "hello");
    });
}
