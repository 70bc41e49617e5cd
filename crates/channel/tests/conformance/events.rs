//! The event form: a loop of the program's own, names that go stale, and one last event for each socket.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream as Peer};
use std::time::Duration;

use levada_channel::{
    ChannelConfig, Error, Event, Events, ListenPart, Refused, Socket, Stale, UnixName, Wait, now,
};

use crate::stage::{Stage, pattern};

/// A loop of events: what happened, until it is asked to stop.
struct Looked {
    events: Events,
    all: Vec<Event>,
}

impl Looked {
    fn new() -> Self {
        Self { events: Events::with_capacity(64), all: Vec::new() }
    }

    /// The next event that `wanted` takes; others stay for later.
    fn next<T>(
        &mut self,
        stage: &Stage,
        wanted: impl Fn(&Event) -> bool,
        take: impl Fn(Event) -> T,
    ) -> T {
        let end = now() + Duration::from_secs(10);
        loop {
            if let Some(at) = self.all.iter().position(&wanted) {
                return take(self.all.remove(at));
            }
            let until = now() + Duration::from_millis(50);
            let passed = stage
                .channel
                .dispatch(&mut self.events, Wait::Until(until))
                .expect("it works here");
            assert!(passed.now < end, "it never came; there is {:?}", self.all);
            self.all.extend(self.events.drain());
        }
    }

    fn accepted(&mut self, stage: &Stage) -> Socket {
        self.next(
            stage,
            |event| matches!(event, Event::Accepted { .. }),
            |event| match event {
                Event::Accepted { socket, .. } => socket,
                _ => unreachable!("looked at above"),
            },
        )
    }

    fn closed(&mut self, stage: &Stage, whose: Socket) -> (Option<Error>, u64) {
        self.next(
            stage,
            |event| matches!(event, Event::Closed { socket, .. } if *socket == whose),
            |event| match event {
                Event::Closed { error, unsent, .. } => {
                    (error, unsent.iter().map(levada_shared::SharedData::len).sum())
                }
                _ => unreachable!("looked at above"),
            },
        )
    }
}

fn listen(stage: &Stage, credits: u32) -> (Socket, std::net::SocketAddr) {
    let part = ListenPart::bind(([127, 0, 0, 1], 0).into(), 1).expect("it works here").remove(0);
    let address = part.address();
    let listener = stage.channel.listen(part, false, 77).expect("it works here");
    stage.channel.accept(listener, credits).expect("it works here");
    (listener, address)
}

#[test]
fn an_echo_loop_gives_back_all_that_comes_and_each_socket_ends_once() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let (listener, address) = listen(stage, 1000);
        let peers: Vec<_> = (0..8)
            .map(|number| {
                std::thread::spawn(move || {
                    let mut peer = Peer::connect(address).expect("somebody listens");
                    let mut reading = peer.try_clone().expect("a socket");
                    let sent = pattern(200_000 + number);
                    let bytes = sent.clone();
                    let writer = std::thread::spawn(move || {
                        peer.write_all(&bytes).expect("it is read");
                        peer.shutdown(Shutdown::Write).expect("connected");
                    });
                    let mut back = Vec::new();
                    reading.read_to_end(&mut back).expect("it is sent");
                    writer.join().expect("it ended");
                    assert!(back == sent);
                })
            })
            .collect();
        let copied = stage.heap.gauges().bytes_copied;
        let mut events = Events::with_capacity(16);
        let mut ends: HashMap<u64, u32> = HashMap::new();
        let mut cookies = 0;
        while ends.len() < 8 {
            stage.channel.dispatch(&mut events, Wait::ANY).unwrap();
            for event in events.drain() {
                match event {
                    Event::Accepted { socket, cookie, .. } => {
                        assert_eq!(cookie, 77);
                        cookies += 1;
                        stage.channel.register(socket, cookies, None).unwrap();
                        stage.channel.recv(socket, 20_000).unwrap();
                    }
                    Event::Received { socket, bytes, .. } => {
                        stage.channel.send(socket, bytes.freeze()).unwrap();
                    }
                    Event::Sent { socket, bytes, .. } => {
                        stage.channel.recv(socket, u32::try_from(bytes).unwrap()).unwrap();
                    }
                    Event::End { socket, .. } => stage.channel.close(socket).unwrap(),
                    Event::Closed { cookie, error, unsent, .. } => {
                        assert!(error.is_none() && unsent.is_empty());
                        *ends.entry(cookie).or_default() += 1;
                    }
                    other => panic!("nobody asked for {other:?}"),
                }
            }
        }
        assert!(ends.values().all(|count| *count == 1));
        peers.into_iter().for_each(|peer| peer.join().unwrap());
        assert_eq!(stage.heap.gauges().bytes_copied, copied);
        stage.channel.close(listener).unwrap();
        assert_eq!(Looked::new().closed(stage, listener), (None, 0));
        assert_eq!(stage.channel.accept(listener, 1), Err(Stale));
    });
}

#[test]
fn nothing_is_accepted_or_received_without_credit() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let (listener, address) = listen(stage, 1);
        let mut looked = Looked::new();
        let mut first = Peer::connect(address).unwrap();
        let second = Peer::connect(address).unwrap();
        let socket = looked.accepted(stage);
        first.write_all(&pattern(300_000)).unwrap();
        let end = now() + Duration::from_millis(200);
        while stage.channel.dispatch(&mut looked.events, Wait::Until(end)).unwrap().now < end {}
        assert!(looked.events.is_empty(), "{:?}", looked.events);
        stage.channel.recv(socket, 10_000).unwrap();
        let mut received = 0;
        while received < 10_000 {
            received += looked.next(
                stage,
                |event| matches!(event, Event::Received { .. }),
                |event| match event {
                    Event::Received { bytes, .. } => bytes.len(),
                    _ => 0,
                },
            );
        }
        let end = now() + Duration::from_millis(200);
        while stage.channel.dispatch(&mut looked.events, Wait::Until(end)).unwrap().now < end {}
        let late: usize = looked
            .events
            .drain()
            .map(|event| match event {
                Event::Received { bytes, .. } => bytes.len(),
                other => panic!("nobody asked for {other:?}"),
            })
            .sum();
        // What the kernel had ready: a few blocks, or as much as one pass of a multishot brings.
        assert!(received + late < 280_000, "{received} and {late} bytes for a credit of 10,000");
        stage.channel.accept(listener, 1).unwrap();
        let other = looked.accepted(stage);
        for socket in [socket, other] {
            stage.channel.abort(socket).unwrap();
            assert_eq!(looked.closed(stage, socket).0, None);
        }
        drop(second);
    });
}

#[test]
fn a_name_is_stale_for_ever_while_others_have_its_place() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let (_, address) = listen(stage, 10_000);
        let mut looked = Looked::new();
        let peer = Peer::connect(address).unwrap();
        let old = looked.accepted(stage);
        stage.channel.close(old).unwrap();
        looked.closed(stage, old);
        drop(peer);
        for _ in 0..100 {
            let _peer = Peer::connect(address).unwrap();
            let socket = looked.accepted(stage);
            assert_ne!(socket, old);
            assert_eq!(stage.channel.recv(old, 1), Err(Stale));
            assert_eq!(stage.channel.close(old), Err(Stale));
            assert_eq!(stage.channel.into_fd(old), Err(Stale));
            let refused = stage.channel.send(old, stage.data(b"x")).unwrap_err();
            assert_eq!(refused.error, Error::Stale);
            stage.channel.close(socket).unwrap();
            looked.closed(stage, socket);
        }
    });
}

#[test]
fn a_full_queue_gives_the_data_back_and_says_when_there_is_room() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let (_, address) = listen(stage, 10);
        let mut looked = Looked::new();
        let mut peer = Peer::connect(address).unwrap();
        let socket = looked.accepted(stage);
        let block = stage.data(&pattern(512 << 10));
        let mut sent = 0_u64;
        let refused = loop {
            match stage.channel.send(socket, block.clone()) {
                Ok(()) => sent += 1,
                Err(refused) => break refused,
            }
            stage.channel.dispatch(&mut looked.events, Wait::No).unwrap();
            looked.all.extend(looked.events.drain());
        };
        assert_eq!(refused.error, Error::Full);
        assert_eq!(refused.value.len(), 512 << 10);
        let reader = std::thread::spawn(move || {
            let mut all = vec![0; usize::try_from(sent).unwrap() * (512 << 10)];
            peer.read_exact(&mut all).expect("it is sent");
            peer
        });
        looked.next(stage, |event| matches!(event, Event::Writable { .. }), drop);
        for _ in 0..sent {
            let bytes = looked.next(
                stage,
                |event| matches!(event, Event::Sent { .. }),
                |event| match event {
                    Event::Sent { bytes, .. } => bytes,
                    _ => 0,
                },
            );
            assert_eq!(bytes, 512 << 10); // each send's own length, however short the kernel's pieces were
        }
        drop(reader.join().unwrap());
    });
}

#[test]
fn what_was_not_sent_comes_back_with_the_last_event() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let (_, address) = listen(stage, 10);
        let mut looked = Looked::new();
        let peer = Peer::connect(address).unwrap();
        let socket = looked.accepted(stage);
        let data = stage.data(&pattern(12 << 20));
        stage.channel.send(socket, data).unwrap();
        (0..3).for_each(|_| assert!(stage.channel.flush().is_ok()));
        stage.channel.abort(socket).unwrap();
        let (error, unsent_bytes) = looked.closed(stage, socket);
        assert_eq!(error, None);
        assert!(unsent_bytes > 1 << 20 && unsent_bytes < 12 << 20, "{unsent_bytes}");
        drop(peer);
    });
}

#[test]
fn a_reset_is_the_reason_of_the_last_event_after_the_bytes_that_came_before() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let (_, address) = listen(stage, 10);
        let mut looked = Looked::new();
        let mut peer = Peer::connect(address).unwrap();
        let socket = looked.accepted(stage);
        stage.channel.recv(socket, 1000).unwrap();
        stage.channel.send(socket, stage.data(b"never read")).unwrap();
        peer.write_all(b"last words").unwrap();
        let bytes = looked.next(
            stage,
            |event| matches!(event, Event::Received { .. }),
            |event| match event {
                Event::Received { bytes, .. } => bytes.to_vec(),
                _ => Vec::new(),
            },
        );
        assert_eq!(bytes, b"last words");
        while peer.peek(&mut [0]).unwrap() == 0 {}
        drop(peer); // with bytes unread
        assert_eq!(looked.closed(stage, socket), (Some(Error::Reset), 0));
    });
}

#[test]
fn timers_fire_in_order_and_never_early_and_cancelled_ones_never() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let begin = now();
        let at = |ms| begin + Duration::from_millis(ms);
        for (ms, cookie) in [(30, 3), (10, 1), (20, 2)] {
            stage.channel.timer(at(ms), cookie).unwrap();
        }
        let cancelled = stage.channel.timer(at(15), 9).unwrap();
        stage.channel.cancel(cancelled);
        let mut events = Events::with_capacity(8);
        let mut fired = Vec::new();
        while fired.len() < 3 {
            let passed = stage.channel.dispatch(&mut events, Wait::ANY).unwrap();
            for event in events.drain() {
                let Event::Fired { cookie, .. } = event else { panic!("{event:?}") };
                assert!(passed.now >= at(cookie * 10));
                fired.push(cookie);
            }
        }
        assert_eq!(fired, [1, 2, 3]);
        for _ in 0..100_000 {
            let token = stage.channel.timer(at(1_000_000), 0).unwrap();
            stage.channel.cancel(token);
        }
    });
}

#[test]
fn events_beyond_the_room_come_with_the_next_dispatch_in_order() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let begin = now();
        (0..10).for_each(|cookie| assert!(stage.channel.timer(begin, cookie).is_ok()));
        let mut events = Events::with_capacity(4);
        let mut fired = Vec::new();
        for count in [4, 4, 2] {
            stage.channel.dispatch(&mut events, Wait::ANY).unwrap();
            assert_eq!(events.len(), count);
            fired.extend(events.drain().map(|event| match event {
                Event::Fired { cookie, .. } => cookie,
                other => panic!("nobody asked for {other:?}"),
            }));
        }
        fired.sort_unstable(); // they were due at the same moment
        assert_eq!(fired, (0..10).collect::<Vec<_>>());
    });
}

#[test]
fn a_send_to_a_closing_socket_gives_the_data_back() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let (_, address) = listen(stage, 10);
        let mut looked = Looked::new();
        let _peer = Peer::connect(address).unwrap();
        let socket = looked.accepted(stage);
        stage.channel.close(socket).unwrap();
        let refused = stage.channel.send(socket, stage.data(b"late"));
        assert!(
            matches!(refused, Err(Refused { error: Error::Closed, value }) if value.len() == 4)
        );
        looked.closed(stage, socket);
    });
}

#[test]
fn names_of_this_machine_bring_connections_in_the_event_form_too() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let unique = format!("levada-events-{}-{}", std::process::id(), now().ns);
        let name = UnixName::abstract_name(unique.as_bytes()).unwrap();
        let listener = stage.channel.listen_unix(&name, 1).unwrap();
        stage.channel.accept(listener, 1).unwrap();
        stage.channel.connect_unix(&name, 2, now() + Duration::from_secs(5)).unwrap();
        let mut looked = Looked::new();
        let accepted = looked.accepted(stage);
        let connected = looked.next(
            stage,
            |event| matches!(event, Event::Connected { cookie: 2, .. }),
            |event| match event {
                Event::Connected { socket, .. } => socket,
                _ => unreachable!("looked at above"),
            },
        );
        stage.channel.recv(accepted, 1000).unwrap();
        stage.channel.send(connected, stage.data(b"by name")).unwrap();
        let bytes = looked.next(
            stage,
            |event| matches!(event, Event::Received { .. }),
            |event| match event {
                Event::Received { bytes, .. } => bytes.to_vec(),
                _ => Vec::new(),
            },
        );
        assert_eq!(bytes, b"by name");
        for socket in [accepted, connected] {
            stage.channel.close(socket).unwrap();
            assert_eq!(looked.closed(stage, socket), (None, 0));
        }
    });
}
