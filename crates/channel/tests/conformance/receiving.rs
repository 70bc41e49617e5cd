//! What comes: blocks that are lent, credit, and who waits for them.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::time::Duration;

use levada_channel::{Channel, ChannelConfig, File, OpenHow, Wait, now};
use levada_shared::{Options, SharedData, SharedHeap};

use crate::stage::{Stage, choices, pattern, receive};

#[test]
fn what_is_received_and_sent_back_arrives_whole_and_is_never_copied() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let (stream, mut peer) = stage.pair();
        let mut reading = peer.try_clone().unwrap();
        let writer = std::thread::spawn(move || {
            for chunk in pattern(3 << 20).chunks(10_000) {
                peer.write_all(chunk).expect("it is read");
            }
            peer.shutdown(Shutdown::Write).expect("connected");
        });
        let reader = std::thread::spawn(move || {
            let mut all = Vec::new();
            reading.read_to_end(&mut all).expect("it is sent");
            all
        });
        let copied = stage.heap.gauges().bytes_copied;
        stage.run(async {
            while let Some(block) = stream.recv().await.unwrap() {
                let mut data = block.freeze();
                loop {
                    match stream.send(data) {
                        Ok(_) => break,
                        Err(refused) => data = refused.value,
                    }
                    stream.room().await.unwrap();
                }
            }
            stream.close().await;
        });
        writer.join().unwrap();
        assert!(reader.join().unwrap() == pattern(3 << 20));
        assert_eq!(stage.heap.gauges().bytes_copied, copied);
    });
}

#[test]
fn a_socket_that_is_not_read_holds_its_credit_and_no_more_and_loses_nothing() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let (stream, mut peer) = stage.pair();
        let lent_bytes = stage.heap.gauges().used_bytes;
        let writer = std::thread::spawn(move || {
            peer.write_all(&pattern(8 << 20)).expect("it is read in the end");
        });
        let end = now() + Duration::from_millis(300);
        while stage.channel.pass(Wait::Until(end)).unwrap().now < end {}
        let held_bytes = stage.heap.gauges().used_bytes - lent_bytes;
        // Each block may hold little, so the bound is in blocks: as many as a pass brings before the pause takes hold.
        assert!(held_bytes <= 4 << 20, "{held_bytes} bytes wait");
        assert!(stage.run(receive(&stream)).unwrap() == pattern(8 << 20));
        writer.join().unwrap();
    });
}

#[test]
fn a_group_of_one_block_is_a_pause_and_not_an_error() {
    let config = ChannelConfig { receive_blocks: 1, ..ChannelConfig::default() };
    Stage::on_each(&config, |stage| {
        let (stream, mut peer) = stage.pair();
        let (other, mut other_peer) = stage.pair();
        let writer = std::thread::spawn(move || {
            peer.write_all(&pattern(2 << 20)).expect("it is read");
            other_peer.write_all(b"I wait too").expect("it is read");
        });
        assert!(
            stage.run(async {
                let mut all = Vec::new();
                while all.len() < 2 << 20 {
                    all.extend_from_slice(&stream.recv().await.unwrap().expect("more is to come"));
                }
                all
            }) == pattern(2 << 20)
        );
        writer.join().unwrap();
        assert_eq!(stage.run(receive(&other)), Ok(b"I wait too".to_vec()));
    });
}

#[test]
fn a_full_account_pauses_receiving_until_there_is_room() {
    for choice in choices() {
        let heap =
            SharedHeap::new(Options { bytes_max: 64 << 20, arenas: 1, ..Options::default() })
                .unwrap();
        let account = heap.account("small", 8 * 4096).unwrap();
        let config =
            ChannelConfig { driver: choice, receive_blocks: 4, ..ChannelConfig::default() };
        let Ok(channel) = Channel::open(&config, &account) else { continue };
        let stage = Stage { heap, account, channel };
        let (stream, mut peer) = stage.pair();
        let writer =
            std::thread::spawn(move || peer.write_all(&pattern(400_000)).expect("it is read"));
        let mut kept = Vec::new();
        stage.run(async {
            // Four blocks are lent; what is kept takes the rest of the account's room, then lent ones run out.
            while kept.iter().map(|block: &SharedData| block.len()).sum::<u64>() < 20_000 {
                kept.push(stream.recv().await.unwrap().unwrap().freeze());
            }
        });
        let mut all: Vec<u8> = kept.drain(..).flat_map(|data| data.to_vec()).collect();
        all.extend(stage.run(receive(&stream)).unwrap());
        writer.join().unwrap();
        assert!(all == pattern(400_000));
        drop(stream);
        stage.leave_clean(choice);
    }
}

#[test]
fn idle_connections_hold_no_block_and_sixty_four_ready_ones_cost_few_kernel_entries() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let lent_bytes = stage.heap.gauges().used_bytes;
        let pairs: Vec<_> = (0..64).map(|_| stage.pair()).collect();
        assert_eq!(stage.heap.gauges().used_bytes, lent_bytes);
        let reply = stage.data(b"pong");
        let round = || {
            for (_, peer) in &pairs {
                (&*peer).write_all(b"ping").unwrap();
            }
            let before = stage.channel.gauges().driver;
            stage.run(async {
                let mut sending = Vec::new();
                for (stream, _) in &pairs {
                    assert_eq!(&stream.recv().await.unwrap().unwrap()[..], b"ping");
                    sending.push(stream.send(reply.clone()).unwrap());
                }
                for sending in sending {
                    sending.await.unwrap();
                }
            });
            for (_, peer) in &pairs {
                (&*peer).read_exact(&mut [0; 4]).unwrap();
            }
            stage.channel.gauges().driver.enters - before.enters
        };
        // The first brings each connection's first bytes, with the second its receive goes on.
        round();
        round();
        let enters = round();
        // One for what came, one that hands the replies over, and what a ring says of them; a busy machine adds a few.
        assert!(enters <= 8, "{enters} kernel entries for 64 requests");
    });
}

#[test]
fn a_future_that_is_dropped_leaves_what_it_waited_for_to_the_next() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let (stream, mut peer) = stage.pair();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("page"), pattern(100_000)).unwrap();
        let root = std::fs::File::open(folder.path()).unwrap();
        let root = File::adopt(&stage.channel, OwnedFd::from(root));
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        for passes in 0..4 {
            // Each is polled once and dropped, after no pass or some.
            let mut recv = Box::pin(stream.recv());
            assert!(recv.as_mut().poll(&mut cx).is_pending());
            let mut open = Box::pin(root.open(b"page", OpenHow::default()));
            assert!(open.as_mut().poll(&mut cx).is_pending());
            let file = stage.run(root.open(b"page", OpenHow::default())).unwrap();
            let buffer = stage.account.buf(200_000).unwrap();
            let mut read = Box::pin(file.read_at(buffer, 0));
            assert!(read.as_mut().poll(&mut cx).is_pending());
            let mut stat = Box::pin(file.stat());
            assert!(stat.as_mut().poll(&mut cx).is_pending());
            (0..passes).for_each(|_| assert!(stage.channel.pass(Wait::No).is_ok()));
        }
        peer.write_all(b"not lost").unwrap();
        assert_eq!(&stage.run(stream.recv()).unwrap().unwrap()[..], b"not lost");
        stage.until(|| stage.channel.gauges().files_in_flight == 0);
        let open_files = || {
            let links = std::fs::read_dir("/proc/self/fd").unwrap();
            let page = folder.path().join("page");
            links
                .filter(|link| {
                    link.as_ref().is_ok_and(|link| {
                        std::fs::read_link(link.path()).is_ok_and(|to| to == page)
                    })
                })
                .count()
        };
        assert_eq!(open_files(), 0);
    });
}
