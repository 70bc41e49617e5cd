//! Datagrams: whole, with their sender, or cut and said to be.

use std::net::UdpSocket as Peer;
use std::time::Duration;

use levada_channel::{ChannelConfig, Event, Events, UdpSocket, UnixDatagram, UnixName, Wait, now};

use crate::stage::{Stage, pattern};

fn peer() -> Peer {
    let peer = Peer::bind("127.0.0.1:0").expect("it works here");
    peer.set_read_timeout(Some(Duration::from_secs(10))).expect("it works here");
    peer
}

#[test]
fn datagrams_keep_their_senders_and_their_edges() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let socket = UdpSocket::bind(&stage.channel, ([127, 0, 0, 1], 0).into(), 3952).unwrap();
        let peers = [peer(), peer()];
        for round in 0..40 {
            for (number, peer) in peers.iter().enumerate() {
                let bytes = pattern(round * 50 + number);
                peer.send_to(&bytes, socket.address()).unwrap();
                let datagram = stage.run(socket.recv_from()).unwrap();
                assert_eq!(datagram.from, Some(peer.local_addr().unwrap()));
                assert_eq!((datagram.bytes.to_vec(), datagram.is_cut), (bytes, false));
                let back = socket.send_to(datagram.bytes, datagram.from.unwrap()).unwrap();
                stage.run(back).unwrap();
                let mut room = vec![0; 4096];
                let (count, from) = peer.recv_from(&mut room).unwrap();
                assert_eq!((count, from), (round * 50 + number, socket.address()));
            }
        }
    });
}

#[test]
fn a_datagram_that_is_too_long_is_cut_and_counted_and_a_long_block_takes_it_whole() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let short = UdpSocket::bind(&stage.channel, ([127, 0, 0, 1], 0).into(), 1500).unwrap();
        let long = UdpSocket::bind(&stage.channel, ([127, 0, 0, 1], 0).into(), 65_000).unwrap();
        let peer = peer();
        for (socket, room) in [(&short, 3952), (&long, 60_000)] {
            peer.send_to(&pattern(60_000), socket.address()).unwrap();
            let datagram = stage.run(socket.recv_from()).unwrap();
            assert_eq!(datagram.is_cut, room < 60_000);
            assert!(datagram.bytes.to_vec() == pattern(60_000)[..room]);
            peer.send_to(b"next", socket.address()).unwrap();
            assert_eq!(stage.run(socket.recv_from()).unwrap().bytes.to_vec(), b"next");
        }
        assert_eq!(stage.channel.gauges().datagrams_cut, 1);
    });
}

#[test]
fn a_datagram_to_nobody_ends_nothing() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let socket = UdpSocket::bind(&stage.channel, ([127, 0, 0, 1], 0).into(), 1500).unwrap();
        let nobody = peer().local_addr().unwrap();
        let peer = peer();
        for _ in 0..30 {
            let _told_or_not = stage.run(socket.send_to(stage.data(b"anybody?"), nobody).unwrap());
        }
        peer.send_to(b"still here", socket.address()).unwrap();
        assert_eq!(stage.run(socket.recv_from()).unwrap().bytes.to_vec(), b"still here");
    });
}

#[test]
fn one_send_is_cut_into_datagrams_by_the_kernel() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let socket = UdpSocket::bind(&stage.channel, ([127, 0, 0, 1], 0).into(), 1500).unwrap();
        let peer = peer();
        let operations = stage.channel.gauges().driver.operations;
        let data = stage.data(&pattern(10_500));
        stage.run(socket.send_cut_to(data, 1000, peer.local_addr().unwrap()).unwrap()).unwrap();
        assert!(stage.channel.gauges().driver.operations <= operations + 2);
        let mut all = Vec::new();
        let mut room = [0; 2000];
        for count in [1000; 10].into_iter().chain([500]) {
            assert_eq!(peer.recv(&mut room).unwrap(), count);
            all.extend_from_slice(&room[..count]);
        }
        assert!(all == pattern(10_500));
    });
}

#[test]
fn a_socket_that_is_not_read_holds_its_credit_and_no_more() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let socket = UdpSocket::bind(&stage.channel, ([127, 0, 0, 1], 0).into(), 1500).unwrap();
        let lent_bytes = stage.heap.gauges().used_bytes;
        let peer = peer();
        for _ in 0..500 {
            peer.send_to(&pattern(1000), socket.address()).unwrap();
            stage.channel.pass(Wait::No).unwrap();
        }
        let end = now() + Duration::from_millis(50);
        while stage.channel.pass(Wait::Until(end)).unwrap().now < end {}
        let held_bytes = stage.heap.gauges().used_bytes - lent_bytes;
        assert!(held_bytes <= 512 << 10, "{held_bytes} bytes wait");
        assert_eq!(stage.run(socket.recv_from()).unwrap().bytes.len(), 1000);
    });
}

#[test]
fn names_of_this_machine_send_datagrams_too() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let name = |which: &str| {
            let unique = format!("levada-{which}-{}-{}", std::process::id(), now().ns);
            UnixName::abstract_name(unique.as_bytes()).unwrap()
        };
        let one = UnixDatagram::bind(&stage.channel, &name("one"), 2000).unwrap();
        let two = UnixDatagram::bind(&stage.channel, &name("two"), 2000).unwrap();
        stage.run(async {
            one.send_to(stage.data(b"from one"), &two.address()).unwrap().await.unwrap();
            let datagram = two.recv_from().await.unwrap();
            assert_eq!(datagram.from_name.as_deref(), Some(one.address().as_bytes()));
            assert_eq!(datagram.bytes.to_vec(), b"from one");
        });
    });
}

#[test]
fn in_the_event_form_datagrams_come_as_far_as_there_is_credit() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let socket = stage.channel.bind_datagrams(([127, 0, 0, 1], 0).into(), 1500, 3).unwrap();
        let peer = peer();
        // Its address is told by its first answer.
        stage.channel.send_to(socket, stage.data(b"hello"), peer.local_addr().unwrap()).unwrap();
        let mut events = Events::with_capacity(64);
        let mut sent = false;
        while !sent {
            stage.channel.dispatch(&mut events, Wait::ANY).unwrap();
            sent = events
                .drain()
                .any(|event| matches!(event, Event::Sent { cookie: 3, bytes: 5, .. }));
        }
        let (_, address) = peer.recv_from(&mut [0; 16]).unwrap();
        (0..10).for_each(|_| assert_eq!(peer.send_to(b"x", address).unwrap(), 1));
        let end = now() + Duration::from_millis(50);
        while stage.channel.dispatch(&mut events, Wait::Until(end)).unwrap().now < end {}
        assert!(events.is_empty());
        stage.channel.recv(socket, 3 * 4096).unwrap();
        let mut came = 0;
        while came < 3 {
            stage.channel.dispatch(&mut events, Wait::ANY).unwrap();
            came += events.drain().filter(|event| matches!(event, Event::Datagram { .. })).count();
        }
        stage.channel.close(socket).unwrap();
        let mut last = Vec::new();
        while !matches!(last.last(), Some(Event::Closed { cookie: 3, error: None, .. })) {
            stage.channel.dispatch(&mut events, Wait::ANY).unwrap();
            last.extend(events.drain());
        }
        assert!(stage.channel.recv(socket, 1).is_err());
    });
}
