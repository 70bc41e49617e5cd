//! The regression list: what went wrong in other libraries of this kind, stated as behaviour here.

use std::io::{Read, Write};
use std::net::TcpStream as Peer;
use std::os::fd::OwnedFd;
use std::time::Duration;

use levada_channel::{
    ChannelConfig, Deadline, Error, Event, Events, File, ListenGroup, OpenHow, Steering,
    TcpListener, Timer, Wait, now,
};

use crate::stage::{Stage, descriptors_open, pattern, receive};

fn poll_once<F: Future>(future: core::pin::Pin<&mut F>) -> bool {
    future.poll(&mut std::task::Context::from_waker(std::task::Waker::noop())).is_ready()
}

#[test]
fn a_future_dropped_right_after_submit_frees_nothing_the_kernel_may_touch() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("page"), pattern(300_000)).unwrap();
        let root = OwnedFd::from(std::fs::File::open(folder.path()).unwrap());
        let root = File::adopt(&stage.channel, root);
        let file = stage.run(root.open(b"page", OpenHow::default())).unwrap();
        let before = descriptors_open();
        for passes in 0..3 {
            let (stream, mut peer) = stage.pair();
            // Each is handed to the kernel, and nobody waits for it any more; what it held is then someone else's soon.
            let reading = Box::pin(file.read_at(stage.account.buf(300_000).unwrap(), 0));
            let opening = Box::pin(root.open(b"page", OpenHow::default()));
            let receiving = Box::pin(stream.recv());
            let sending = Box::pin(stream.send(stage.data(&pattern(100_000))).unwrap());
            let (mut reading, mut opening) = (reading, opening);
            let (mut receiving, mut sending) = (receiving, sending);
            let _polled = (
                poll_once(reading.as_mut()),
                poll_once(opening.as_mut()),
                poll_once(receiving.as_mut()),
                poll_once(sending.as_mut()),
            );
            (0..passes).for_each(|_| assert!(stage.channel.pass(Wait::No).is_ok()));
            drop((reading, opening, receiving, sending));
            let poison: Vec<_> = (0..64).map(|_| stage.data(&[0xDD; 4096])).collect();
            let reader = std::thread::spawn(move || {
                let mut all = vec![0; 100_000];
                peer.read_exact(&mut all).expect("it is sent all the same");
                assert!(all == pattern(100_000));
            });
            stage.run(stream.close());
            reader.join().unwrap();
            assert!(poison.iter().all(|data| data.to_vec() == [0xDD; 4096]));
        }
        stage.until(|| stage.channel.gauges().files_in_flight == 0 && descriptors_open() <= before);
    });
}

#[test]
fn a_close_with_a_pending_receive_reaps_it_before_the_descriptor_is_anothers() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let listener = stage.listen(false);
        for round in 0..50 {
            let mut peer = Peer::connect(listener.address()).unwrap();
            stage.run(async {
                let (stream, _) = listener.accept().await.unwrap();
                let mut receiving = Box::pin(stream.recv());
                assert!(!poll_once(receiving.as_mut()));
                drop(receiving);
                let closing = stream.close();
                // The next has the number of the one before, as soon as that is free.
                let mut next = Peer::connect(listener.address()).unwrap();
                let _late = peer.write_all(b"to the one that is closing");
                let (other, _) = listener.accept().await.unwrap();
                next.write_all(&pattern(round + 1)).unwrap();
                let block = other.recv().await.unwrap().unwrap();
                assert!(block[..] == pattern(round + 1)[..block.len()]);
                closing.await;
                other.close().await;
            });
        }
    });
}

#[test]
fn with_a_full_table_of_sockets_clients_wait_and_none_is_closed_unanswered() {
    let config = ChannelConfig { sockets_max: 4, ..ChannelConfig::default() };
    Stage::on_each(&config, |stage| {
        let listener = stage.listen(false);
        let address = listener.address();
        let clients = std::thread::spawn(move || {
            let mut waiting: Vec<_> = (0..100).map(|_| Peer::connect(address).unwrap()).collect();
            for _ in 0..10 {
                for peer in waiting.drain(..) {
                    let mut answer = String::new();
                    (&peer).read_to_string(&mut answer).expect("it is answered");
                    assert_eq!(answer, "your turn");
                }
                waiting.extend((0..20).map(|_| Peer::connect(address).unwrap()));
            }
            drop(waiting);
        });
        stage.run(async {
            for _ in 0..100 + 9 * 20 {
                let (stream, _) = listener.accept().await.unwrap();
                drop(stream.send(stage.data(b"your turn")).unwrap());
                stream.close().await;
            }
        });
        clients.join().unwrap();
    });
}

#[test]
fn an_empty_pool_is_a_pause_and_never_an_error() {
    let config = ChannelConfig { receive_blocks: 2, ..ChannelConfig::default() };
    Stage::on_each(&config, |stage| {
        let pairs: Vec<_> = (0..6).map(|_| stage.pair()).collect();
        for (_, peer) in &pairs {
            (&*peer).write_all(&pattern(3000)).unwrap();
        }
        stage.rest(20);
        let pauses = stage.channel.gauges().receive_pauses;
        assert!(pauses > 0, "six connections, two blocks");
        stage.run(async {
            for (stream, _) in &pairs {
                assert!(stream.recv().await.unwrap().unwrap()[..] == pattern(3000));
            }
        });
    });
}

#[test]
fn completions_beyond_the_queue_lose_nothing_and_receives_go_on() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        // More completions between two passes than the queue holds: 2,048 timers of the kernel's own kind, files.
        let pairs: Vec<_> = (0..700).map(|_| stage.pair()).collect();
        for round in 0..5 {
            for (_, peer) in &pairs {
                (&*peer).write_all(&[round]).unwrap();
            }
            stage.run(async {
                for (stream, _) in &pairs {
                    assert_eq!(stream.recv().await.unwrap().unwrap()[0], round);
                    let sent = stream.send(stage.data(&[round; 4])).unwrap();
                    drop(sent);
                }
            });
        }
        stage.rest(10);
        for (_, peer) in &pairs {
            let mut all = [0; 20];
            (&*peer).read_exact(&mut all).unwrap();
            assert_eq!(all[16..], [4; 4]);
        }
    });
}

#[test]
fn a_listener_that_closes_with_a_full_queue_has_taken_all_of_it_first() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let part = ListenGroup::bind(([127, 0, 0, 1], 0).into(), 1, Steering::Hash).unwrap();
        let listener = TcpListener::open(&stage.channel, part.into_iter().next().unwrap(), false);
        let listener = listener.unwrap();
        // More than are accepted ahead of whoever takes them.
        let peers: Vec<_> = (0..200).map(|_| Peer::connect(listener.address()).unwrap()).collect();
        listener.drain().unwrap();
        stage.run(async {
            let mut count = 0;
            while let Ok((stream, _)) = listener.accept().await {
                drop(stream.send(stage.data(b"taken")).unwrap());
                count += 1;
            }
            assert_eq!(count, 200);
        });
        stage.rest(20);
        for mut peer in peers {
            let mut all = String::new();
            peer.read_to_string(&mut all).unwrap();
            assert_eq!(all, "taken");
        }
    });
}

#[test]
fn memory_of_a_zero_copy_send_is_held_until_the_notice_and_copies_send_it_back_to_copying() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let (stream, mut peer) = stage.pair();
        stream.allow_zero_copy(true);
        let used = stage.heap.gauges().used_bytes;
        let reader = std::thread::spawn(move || {
            let mut all = vec![0; 20 * 100_000];
            std::thread::park_timeout(Duration::from_millis(50)); // notices are late
            peer.read_exact(&mut all).expect("it is sent");
            (peer, all)
        });
        stage.run(async {
            for _ in 0..20 {
                stream.send(stage.data(&pattern(100_000))).unwrap().await.unwrap();
                assert!(stage.channel.gauges().zero_copy_unnoticed_bytes <= 1 << 20);
            }
        });
        let (peer, all) = reader.join().unwrap();
        assert!(all.chunks(100_000).all(|part| part == pattern(100_000)));
        stage.until(|| stage.channel.gauges().zero_copy_unnoticed_bytes == 0);
        assert!(stage.heap.gauges().used_bytes <= used);
        // Within one machine the kernel copies all the same: four such notices in a row are enough.
        assert!(stage.channel.gauges().zero_copy_copied <= 16);
        drop(peer);
    });
}

#[test]
fn a_zero_copy_send_whose_peer_does_not_read_is_ended_by_an_abort() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let (stream, peer) = stage.pair();
        stream.allow_zero_copy(true);
        drop(stream.send(stage.data(&pattern(12 << 20))).unwrap());
        stage.rest(50);
        stream.abort();
        stage.until(|| {
            let gauges = stage.channel.gauges();
            gauges.streams_open == 0 && gauges.zero_copy_unnoticed_bytes == 0
        });
        drop(peer);
    });
}

#[test]
fn a_peer_that_never_reads_is_reset_after_the_stall_time_and_the_others_are_served() {
    let write_stall = Duration::from_millis(300);
    let config = ChannelConfig { write_stall, ..ChannelConfig::default() };
    Stage::on_each(&config, |stage| {
        let (stream, silent) = stage.pair();
        let others: Vec<_> = (0..20).map(|_| stage.pair()).collect();
        let sending = stream.send(stage.data(&pattern(12 << 20))).unwrap();
        let held = stage.heap.gauges().used_bytes;
        let begin = now();
        stage.run(async {
            for (other, peer) in &others {
                (&*peer).write_all(b"ping").unwrap();
                assert_eq!(&other.recv().await.unwrap().unwrap()[..], b"ping");
                other.send(stage.data(b"pong")).unwrap().await.unwrap();
            }
            assert!(now() - begin < write_stall, "the others did not wait");
            assert_eq!(sending.await, Err(Error::Stalled));
        });
        stage.until(|| stage.channel.gauges().streams_open == 20);
        assert!(stage.heap.gauges().used_bytes + (11 << 20) < held);
        assert_eq!(stage.channel.gauges().stalls_aborted, 1);
        drop((silent, stream));
    });
}

#[test]
fn a_cancel_that_races_with_its_completion_gives_one_answer_and_loses_no_byte() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let (stream, mut peer) = stage.pair();
        let detached = stage.run(stream.into_fd()).unwrap();
        let socket = stage.channel.adopt(detached, 1).unwrap();
        const BYTES: usize = 1 << 20;
        let writer = std::thread::spawn(move || {
            for chunk in pattern(BYTES).chunks(3001) {
                peer.write_all(chunk).expect("it is read");
            }
        });
        let (mut events, mut all, mut has_ended) = (Events::with_capacity(64), Vec::new(), false);
        let mut cycles = 0;
        while !has_ended {
            // Credit comes and goes: each time the receive is cancelled while bytes arrive.
            stage.channel.recv(socket, 5000).unwrap();
            stage.channel.dispatch(&mut events, Wait::No).unwrap();
            stage.channel.pause(socket).unwrap();
            stage.channel.dispatch(&mut events, Wait::No).unwrap();
            cycles += 1;
            for event in events.drain() {
                match event {
                    Event::Received { bytes, .. } => all.extend_from_slice(&bytes),
                    Event::End { .. } => has_ended = true,
                    Event::Woken => {}
                    other => panic!("nobody asked for {other:?}"),
                }
            }
        }
        writer.join().unwrap();
        assert!(cycles > 50, "{cycles} cycles");
        assert!(all == pattern(BYTES), "{} bytes", all.len());
        stage.channel.close(socket).unwrap();
        // A timer and its cancel: fired, or never.
        for _ in 0..1000 {
            let token = stage.channel.timer(stage.channel.now(), 7).unwrap();
            stage.channel.dispatch(&mut events, Wait::No).unwrap();
            let fired = events.drain().filter(|event| matches!(event, Event::Fired { .. })).count();
            stage.channel.cancel(token);
            stage.channel.dispatch(&mut events, Wait::No).unwrap();
            let late = events.drain().filter(|event| matches!(event, Event::Fired { .. })).count();
            assert_eq!((fired, late), (1, 0));
        }
    });
}

#[test]
fn a_recycled_token_never_reaches_who_had_its_index_before() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut tokens = Vec::new();
        let mut events = Events::with_capacity(64);
        for round in 0..200 {
            let token = stage.channel.connect(nobody, round, Deadline::NEVER).unwrap();
            assert!(!tokens.contains(&token), "an index comes back, its generation does not");
            tokens.push(token);
            let failed = loop {
                stage.channel.dispatch(&mut events, Wait::ANY).unwrap();
                if let Some(event) = events.drain().next() {
                    break event;
                }
            };
            let Event::Failed { token: whose, cookie, .. } = failed else { panic!("{failed:?}") };
            assert_eq!((whose, cookie), (token, round));
            // What is over cannot be cancelled, and neither can its index's next owner by the old name.
            tokens.iter().for_each(|token| stage.channel.cancel(*token));
        }
    });
}

#[test]
fn a_timer_that_is_dropped_leaves_nothing_and_those_that_stay_are_never_early() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        stage.run(async {
            for ms in [0, 1, 3, 10] {
                let at = now() + Duration::from_millis(ms);
                let other = Timer::at(&stage.channel, now()).unwrap();
                Timer::at(&stage.channel, at).unwrap().await;
                assert!(now() >= at);
                drop(other);
            }
        });
    });
}

#[test]
fn a_storm_of_resets_ends_every_connection_once_and_leaves_the_table_empty() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let listener = stage.listen(false);
        let address = listener.address();
        let before = descriptors_open();
        let storm = std::thread::spawn(move || {
            for round in 0..1000_usize {
                let mut peer = Peer::connect(address).expect("somebody listens");
                let _any = peer.write_all(&pattern(round % 97));
                socket_reset(peer);
            }
        });
        stage.run(async {
            for _ in 0..1000 {
                let (stream, _) = listener.accept().await.unwrap();
                levada_channel::local::spawn(async move {
                    let _ended = receive::<levada_channel::Tcp>(&stream).await;
                });
            }
        });
        storm.join().unwrap();
        stage.until(|| stage.channel.gauges().streams_open == 0);
        drop(listener);
        // Other tests of this OS process have descriptors too: theirs go when they end.
        stage.until(|| descriptors_open() <= before);
    });
}

/// Closes with a reset.
fn socket_reset(peer: Peer) {
    rustix::net::sockopt::set_socket_linger(&peer, Some(Duration::ZERO)).expect("an open socket");
    drop(peer);
}
