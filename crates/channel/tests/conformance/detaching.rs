//! A connection leaves its channel as a descriptor, and comes into another as one.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream as Peer};
use std::sync::mpsc::channel;

use levada_channel::{
    Channel, ChannelConfig, Detached, Error, Event, Events, TcpStream, Wait, local,
};

use crate::stage::{Stage, choices, pattern, receive};

#[test]
fn a_connection_that_leaves_takes_what_nobody_has_read_with_it_and_loses_nothing() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let (stream, mut peer) = stage.pair();
        peer.write_all(b"read here, ").unwrap();
        let first = stage.run(stream.recv()).unwrap().unwrap();
        assert_eq!(&first[..], b"read here, ");
        // It is armed again, and this comes into the channel and is not taken.
        peer.write_all(b"came here, ").unwrap();
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        let mut waiting = Box::pin(stream.recv());
        assert!(waiting.as_mut().poll(&mut context).is_pending());
        drop(waiting);
        stage.rest(50);
        let sending = stream.send(stage.data(&pattern(400_000))).unwrap();
        drop(sending);
        let reader = std::thread::spawn(move || {
            let mut all = vec![0; 400_000];
            peer.read_exact(&mut all).expect("it is sent before it leaves");
            assert!(all == pattern(400_000));
            peer.write_all(b"came after").expect("somebody reads");
            let mut last = String::new();
            peer.read_to_string(&mut last).expect("it is sent");
            last
        });
        let Detached { fd, unread } = stage.run(stream.into_fd()).unwrap();
        let mut all: Vec<u8> = unread.iter().flat_map(|block| block.to_vec()).collect();
        assert_eq!(all, b"came here, ");
        let mut ordinary = Peer::from(fd);
        ordinary.set_nonblocking(false).unwrap();
        let mut rest = [0; 10];
        ordinary.read_exact(&mut rest).unwrap();
        all.extend(rest);
        assert_eq!(all, b"came here, came after");
        ordinary.write_all(b"farewell").unwrap();
        drop(ordinary);
        assert_eq!(reader.join().unwrap(), "farewell");
    });
}

#[test]
fn out_and_in_again_at_random_bytes_a_connection_keeps_all_of_them() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        const BYTES: usize = 2 << 20;
        let (mut stream, mut peer) = stage.pair();
        let mut reading = peer.try_clone().unwrap();
        let writer = std::thread::spawn(move || {
            for chunk in pattern(BYTES).chunks(1777) {
                peer.write_all(chunk).expect("it is read");
            }
            peer.shutdown(Shutdown::Write).expect("connected");
        });
        let reader = std::thread::spawn(move || {
            let mut all = Vec::new();
            reading.read_to_end(&mut all).map(|_| all)
        });
        let (mut received, mut turns) = (0, 0);
        stage.run(async {
            while let Some(block) = stream.recv().await.unwrap() {
                received += block.len();
                turns += 1;
                let mut data = block.freeze();
                while let Err(refused) = stream.send(data) {
                    data = refused.value;
                    stream.room().await.unwrap();
                }
                if turns % 3 == 0 {
                    let detached = stream.into_fd().await.unwrap();
                    stream = TcpStream::adopt(&stage.channel, detached).unwrap();
                }
            }
            stream.close().await;
        });
        writer.join().unwrap();
        assert_eq!(received, BYTES);
        assert!(turns > 30, "{turns} blocks");
        assert!(reader.join().unwrap().unwrap() == pattern(BYTES));
    });
}

#[test]
fn a_connection_goes_on_on_another_core_with_what_it_had_received() {
    for choice in choices() {
        Stage::on_each(&ChannelConfig { driver: choice, ..ChannelConfig::default() }, |stage| {
            let (stream, mut peer) = stage.pair();
            peer.write_all(b"before ").unwrap();
            stage.rest(50); // it comes into the channel, and is not taken
            let detached = stage.run(stream.into_fd()).unwrap();
            let (sender, parcels) = channel::<Detached>();
            let account = stage.account.clone();
            let config = ChannelConfig { driver: choice, ..ChannelConfig::default() };
            let core = std::thread::spawn(move || {
                let channel = Channel::open(&config, &account).expect("as on the first core");
                let stream = TcpStream::adopt(&channel, parcels.recv().expect("it is on its way"));
                let stream = stream.expect("there is room");
                local::run(&channel, async {
                    let all = receive(&stream).await.expect("it ends");
                    let sending = stream.send(account.copy_from(&all).expect("no limit"));
                    sending.expect("it is open").await.expect("it is read");
                    stream.close().await;
                })
                .expect("the driver works");
            });
            sender.send(detached).unwrap();
            peer.write_all(b"and after").unwrap();
            peer.shutdown(Shutdown::Write).unwrap();
            let mut back = String::new();
            peer.read_to_string(&mut back).unwrap();
            assert_eq!(back, "before and after");
            core.join().unwrap();
        });
    }
}

#[test]
fn dropping_the_future_of_a_leaving_connection_closes_it() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        for passes in 0..5 {
            let (stream, mut peer) = stage.pair();
            let leaving = stream.into_fd();
            (0..passes).for_each(|_| assert!(stage.channel.pass(Wait::No).is_ok()));
            drop(leaving);
            stage.until(|| stage.channel.gauges().streams_open == 0);
            assert_eq!(peer.read(&mut [0]).unwrap(), 0);
        }
    });
}

#[test]
fn what_is_no_connected_socket_is_given_back() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let file = std::os::fd::OwnedFd::from(std::fs::File::open("/dev/null").unwrap());
        let refused = TcpStream::adopt(&stage.channel, file).unwrap_err();
        assert!(matches!(refused.error, Error::Kernel(_)), "{refused}");
        drop(refused.value);
    });
}

#[test]
fn in_the_event_form_it_leaves_with_an_event_and_comes_in_with_what_it_had() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let (stream, mut peer) = stage.pair();
        peer.write_all(b"unread").unwrap();
        stage.rest(50);
        let detached = stage.run(stream.into_fd()).unwrap();
        let socket = stage.channel.adopt(detached, 5).unwrap();
        let mut events = Events::with_capacity(8);
        stage.channel.dispatch(&mut events, Wait::No).unwrap();
        let first: Vec<Event> = events.drain().collect();
        assert!(
            matches!(&first[..], [Event::Received { cookie: 5, bytes, .. }, ..] if &bytes[..] == b"unread"),
            "{first:?}"
        );
        stage.channel.into_fd(socket).unwrap();
        let mut left = Vec::new();
        while left.is_empty() {
            stage.channel.dispatch(&mut events, Wait::ANY).unwrap();
            left.extend(events.drain());
        }
        assert!(matches!(&left[..], [Event::Detached { cookie: 5, .. }]), "{left:?}");
        assert!(stage.channel.close(socket).is_err());
    });
}
