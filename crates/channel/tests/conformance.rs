//! A channel does the same over every driver: each scene runs over a full ring, a plain one, and epoll.
//!
//! `LEVADA_IO=epoll` (or `uring`) leaves only that one; a driver that this machine does not have is named and left out.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream as Peer};
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use levada_channel::{
    Channel, ChannelConfig, Choice, Deadline, Error, File, FileKind, Level, ListenPart, OpenHow,
    TcpListener, TcpStream, Wait, local, now,
};
use levada_shared::{Account, Options, SharedData, SharedHeap};
use rustix::net::{AddressFamily, SocketType};

/// What a scene plays on.
struct Stage {
    heap: SharedHeap,
    account: Account,
    channel: Channel,
}

impl Stage {
    fn on_each(config: &ChannelConfig, play: impl Fn(&Self)) {
        for choice in choices() {
            let heap = SharedHeap::new(Options { bytes_max: 64 << 20, arenas: 1 })
                .expect("64 MiB of addresses");
            let account = heap.account("stage", u64::MAX).expect("one account");
            match Channel::open(&ChannelConfig { driver: choice, ..*config }, &account) {
                Ok(channel) => {
                    let stage = Self { heap, account, channel };
                    play(&stage);
                    stage.leave_clean(choice);
                }
                Err(error) => skip(choice, &error.to_string()),
            }
        }
    }

    /// After the scene nothing is out, nothing is lost, and the heap has everything back.
    fn leave_clean(self, choice: Choice) {
        let report = self.channel.end(now() + Duration::from_secs(5)).expect("the driver works");
        assert_eq!(report.quarantined, 0, "{choice:?}");
        let gauges = self.channel.gauges();
        assert_eq!(
            (gauges.streams_open, gauges.files_in_flight, gauges.stale_completions),
            (0, 0, 0),
            "{choice:?}"
        );
        drop(self.channel);
        assert_eq!(
            (self.heap.gauges().used_bytes, self.account.charged_bytes()),
            (0, 0),
            "{choice:?}"
        );
        self.heap.validate();
    }

    fn run<T>(&self, main: impl Future<Output = T>) -> T {
        local::run(&self.channel, main).expect("the driver works")
    }

    fn listen(&self, with_peers: bool) -> TcpListener {
        let part = ListenPart::bind(([127, 0, 0, 1], 0).into(), 1).expect("a port").remove(0);
        TcpListener::open(&self.channel, part, with_peers).expect("one listener")
    }

    /// A connection, and its peer's end.
    fn pair(&self) -> (TcpStream, Peer) {
        let listener = self.listen(false);
        let peer = Peer::connect(listener.address()).expect("somebody listens");
        peer.set_read_timeout(Some(Duration::from_secs(20))).expect("a socket");
        (self.run(listener.accept()).expect("a connection").0, peer)
    }

    fn data(&self, bytes: &[u8]) -> SharedData {
        self.account.copy_from(bytes).expect("no limit")
    }

    /// Passes until `is_so`, for ten seconds at most.
    fn until(&self, is_so: impl Fn() -> bool) {
        let end = now() + Duration::from_secs(10);
        while !is_so() {
            let until = now() + Duration::from_millis(10);
            let passed = self.channel.pass(Wait::Until(until)).expect("the driver works");
            assert!(passed.now < end, "it never was so");
        }
    }
}

fn choices() -> Vec<Choice> {
    match std::env::var("LEVADA_IO").as_deref() {
        Ok("epoll") => vec![Choice::Epoll],
        Ok("uring") => vec![Choice::Uring, Choice::Plain],
        _ => vec![Choice::Uring, Choice::Plain, Choice::Epoll],
    }
}

#[expect(clippy::print_stderr, reason = "a scene that cannot run here says so")]
fn skip(choice: Choice, why: &str) {
    eprintln!("not over {choice:?}: {why}");
}

fn pattern(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|index| (index * 7 + index / 253).to_le_bytes()[0]).collect()
}

/// Receives all that comes.
async fn receive(stream: &TcpStream) -> Result<Vec<u8>, Error> {
    let mut all = Vec::new();
    while let Some(block) = stream.recv().await? {
        all.extend_from_slice(&block);
    }
    Ok(all)
}

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
fn all_that_is_queued_in_a_pass_leaves_in_one_operation_and_in_order() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let (stream, mut peer) = stage.pair();
        let before = stage.channel.gauges().driver.operations;
        for index in 0..20_u8 {
            drop(stream.send(stage.data(&[index; 3])).unwrap());
        }
        stage.until(|| stage.channel.gauges().driver.operations > before);
        let mut room = [0; 60];
        peer.read_exact(&mut room).unwrap();
        assert!(room.iter().enumerate().all(|(index, byte)| usize::from(*byte) == index / 3));
        assert_eq!(stage.channel.gauges().driver.operations, before + 1);
    });
}

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

#[test]
fn a_peer_that_never_reads_is_reset_after_the_stall_and_its_memory_comes_back() {
    let config =
        ChannelConfig { write_stall: Duration::from_millis(200), ..ChannelConfig::default() };
    Stage::on_each(&config, |stage| {
        let (stream, mut peer) = stage.pair();
        let (brisk, mut brisk_peer) = stage.pair();
        drop(stream.send(stage.data(&vec![1; 16 << 20])).unwrap());
        let before = now();
        let error = stage.run(async { stream.recv().await.unwrap_err() });
        let waited = now() - before;
        assert_eq!(error, Error::Stalled);
        assert!(
            waited >= Duration::from_millis(200) && waited < Duration::from_secs(5),
            "{waited:?}"
        );
        stage.until(|| stage.channel.gauges().streams_open == 1);
        assert!(stage.account.charged_bytes() < 4 << 20, "the queue was given back");
        assert_eq!(stage.channel.gauges().stalls_aborted, 1);
        let mut all = Vec::new();
        assert!(peer.read_to_end(&mut all).is_err());
        stage.run(async { brisk.send(stage.data(b"served")).unwrap().await.unwrap() });
        brisk_peer.read_exact(&mut [0; 6]).unwrap();
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
        let heap = SharedHeap::new(Options { bytes_max: 64 << 20, arenas: 1 }).unwrap();
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
fn more_clients_than_places_are_all_answered_and_none_is_closed_unanswered() {
    let config = ChannelConfig { sockets_max: 12, ..ChannelConfig::default() };
    for with_peers in [false, true] {
        Stage::on_each(&config, |stage| {
            assert_eq!(stage.channel.connections_max(), 6);
            let listener = stage.listen(with_peers);
            let address = listener.address();
            let client = std::thread::spawn(move || {
                let peers: Vec<Peer> =
                    (0..200).map(|_| Peer::connect(address).expect("a backlog")).collect();
                for mut peer in peers {
                    let mut text = String::new();
                    peer.read_to_string(&mut text).expect("an answer");
                    assert_eq!(text, "hello");
                }
            });
            stage.run(async {
                for _ in 0..200 {
                    let (stream, peer) = listener.accept().await.unwrap();
                    assert_eq!(peer.is_some_and(|peer| peer.ip().is_loopback()), with_peers);
                    drop(stream.send(stage.data(b"hello")).unwrap());
                }
            });
            stage.until(|| stage.channel.gauges().streams_open == 0);
            client.join().unwrap();
        });
    }
}

#[test]
fn a_listener_that_goes_closes_what_nobody_took() {
    for with_peers in [false, true] {
        Stage::on_each(&ChannelConfig::default(), |stage| {
            let listener = stage.listen(with_peers);
            let mut peers = [(); 3].map(|()| Peer::connect(listener.address()).unwrap());
            stage.until(|| stage.channel.gauges().streams_open == 3);
            let address = listener.address();
            drop(listener);
            stage.until(|| stage.channel.gauges().streams_open == 0);
            for peer in &mut peers {
                assert_eq!(peer.read(&mut [0]).unwrap(), 0);
            }
            stage.until(|| Peer::connect(address).is_err());
        });
    }
}

#[test]
fn a_full_queue_gives_the_data_back_and_says_when_there_is_room() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let (stream, mut peer) = stage.pair();
        drop(stream.send(stage.data(&pattern(12 << 20))).unwrap());
        let refused = stream.send(stage.data(b"tail")).unwrap_err();
        assert_eq!((refused.error, refused.value.to_vec()), (Error::Full, b"tail".to_vec()));
        let reader = std::thread::spawn(move || {
            let mut all = Vec::new();
            peer.read_to_end(&mut all).map(|_| all)
        });
        stage.run(async {
            stream.room().await.unwrap();
            stream.send(refused.value).unwrap().await.unwrap();
            stream.close().await;
        });
        let all = reader.join().unwrap().unwrap();
        assert!(all[..12 << 20] == pattern(12 << 20) && all[12 << 20..] == *b"tail");
    });
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

#[test]
fn a_file_is_read_to_its_end_and_a_folder_listed() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("page"), pattern(300_001)).unwrap();
        std::fs::create_dir(folder.path().join("sub")).unwrap();
        for index in 0..300 {
            std::fs::write(folder.path().join(format!("sub/file-{index}")), b"").unwrap();
        }
        let root =
            File::adopt(&stage.channel, OwnedFd::from(std::fs::File::open(folder.path()).unwrap()));
        stage.run(async {
            let file =
                root.open(b"page", OpenHow { beneath: true, ..OpenHow::default() }).await.unwrap();
            let stat = file.stat().await.unwrap();
            assert_eq!((stat.kind, stat.bytes), (FileKind::Regular, 300_001));
            assert_eq!(root.stat_name(b"sub").await.unwrap().kind, FileKind::Directory);
            let filled = file.read_at(stage.account.buf(1 << 20).unwrap(), 1).await.unwrap();
            assert!(filled.ended && filled.buffer[..] == pattern(300_001)[1..]);
            let mut buffer = stage.account.buf(4096).unwrap();
            buffer.write(b"head").unwrap();
            let filled = file.read_at(buffer, 7).await.unwrap();
            assert!(
                !filled.ended
                    && filled.buffer[..4] == *b"head"
                    && filled.buffer[4..] == pattern(4099)[7..]
            );
            let error = root
                .open(b"../x", OpenHow { beneath: true, ..OpenHow::default() })
                .await
                .unwrap_err();
            assert_eq!(error, Error::Kernel(levada_channel::Errno::XDEV));
            assert!(root.open(b"a\0b", OpenHow::default()).await.is_err());
            let sub =
                root.open(b"sub", OpenHow { directory: true, ..OpenHow::default() }).await.unwrap();
            let mut names = Vec::new();
            loop {
                let more = sub.list(stage.account.buf(4096).unwrap()).await.unwrap();
                if more.is_empty() {
                    break;
                }
                names.extend(more.into_iter().map(|name| name.name));
            }
            names.sort();
            names.dedup();
            assert_eq!(names.len(), 300);
        });
    });
}

#[test]
fn more_operations_on_files_than_may_be_in_flight_are_refused_with_the_buffer() {
    let config = ChannelConfig { files_max: 2, ..ChannelConfig::default() };
    Stage::on_each(&config, |stage| {
        let (near, _far) = std::os::unix::net::UnixStream::pair().unwrap();
        let silent = File::adopt(&stage.channel, OwnedFd::from(near));
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        let mut waits = [(); 2].map(|()| Box::pin(silent.readable()));
        // Over epoll a descriptor has one who waits at a time, so each gets its own.
        assert!(waits[0].as_mut().poll(&mut cx).is_pending());
        let (other, _far) = std::os::unix::net::UnixStream::pair().unwrap();
        let other = File::adopt(&stage.channel, OwnedFd::from(other));
        let mut wait = Box::pin(other.readable());
        assert!(wait.as_mut().poll(&mut cx).is_pending());
        let page = File::adopt(
            &stage.channel,
            OwnedFd::from(std::fs::File::open("/proc/self/exe").unwrap()),
        );
        let refused = stage.run(page.read_at(stage.account.buf(64).unwrap(), 0)).unwrap_err();
        assert!(refused.error == Error::Full && refused.value.is_some());
        drop((waits, wait));
        stage.until(|| stage.channel.gauges().files_in_flight == 0);
        assert!(stage.run(page.read_at(stage.account.buf(64).unwrap(), 0)).is_ok());
    });
}

#[test]
fn who_waits_for_room_for_operations_on_files_is_let_in_in_order() {
    let config = ChannelConfig { files_max: 2, ..ChannelConfig::default() };
    Stage::on_each(&config, |stage| {
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(std::pin::pin!(stage.channel.file_room()).poll(&mut cx).is_ready());
        let page = File::adopt(
            &stage.channel,
            OwnedFd::from(std::fs::File::open("/proc/self/exe").unwrap()),
        );
        let order = std::cell::RefCell::new(Vec::new());
        let read = async |number: usize| {
            let mut buffer = stage.account.buf(64).unwrap();
            for _ in 0..3 {
                stage.channel.file_room().await;
                order.borrow_mut().push(number);
                buffer = page.read_at(buffer, 0).await.expect("there is room").buffer;
                buffer.truncate(0);
            }
        };
        let mut readers: Vec<_> = (0..20).map(|number| Some(Box::pin(read(number)))).collect();
        let mut forgetful = Box::pin(stage.channel.file_room());
        stage.run(std::future::poll_fn(|cx| {
            for (number, place) in readers.iter_mut().enumerate() {
                if place.as_mut().is_some_and(|reader| reader.as_mut().poll(cx).is_ready()) {
                    *place = None;
                }
                if number == 7 && !forgetful.as_mut().poll(cx).is_pending() {
                    forgetful = Box::pin(stage.channel.file_room());
                }
            }
            // Who leaves the line holds up nobody.
            forgetful = Box::pin(stage.channel.file_room());
            match readers.iter().all(Option::is_none) {
                true => std::task::Poll::Ready(()),
                false => std::task::Poll::Pending,
            }
        }));
        let first: Vec<usize> = order.borrow().iter().copied().take(20).collect();
        assert_eq!(first, (0..20).collect::<Vec<_>>(), "nobody comes twice before all came once");
        assert_eq!(order.borrow().len(), 60);
    });
}

#[test]
fn names_of_closed_sockets_never_reach_those_who_have_their_index_now() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let listener = Rc::new(stage.listen(false));
        let served = Arc::new(AtomicUsize::new(0));
        let address: SocketAddr = listener.address();
        let count = Arc::clone(&served);
        let client = std::thread::spawn(move || {
            for round in 0..300_u32 {
                let mut peer = Peer::connect(address).expect("somebody listens");
                peer.write_all(&round.to_le_bytes()).expect("it is read");
                let mut echo = [0; 4];
                peer.read_exact(&mut echo).expect("it is answered");
                assert_eq!(echo, round.to_le_bytes());
                count.fetch_add(1, Ordering::Relaxed);
            }
        });
        stage.run(async {
            for _ in 0..300 {
                let (stream, _) = listener.accept().await.unwrap();
                let block = stream.recv().await.unwrap().unwrap();
                stream.send(block.freeze()).unwrap().await.unwrap();
                stream.close().await;
            }
        });
        client.join().unwrap();
        assert_eq!(served.load(Ordering::Relaxed), 300);
    });
}

#[test]
fn a_ticket_becomes_its_stream_again_and_a_lost_one_closes_it() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let (stream, mut peer) = stage.pair();
        let (other, mut other_peer) = stage.pair();
        let ticket = std::thread::spawn({
            let ticket = stream.into_ticket();
            move || ticket
        });
        let stream = ticket.join().unwrap().into_stream(&stage.channel).unwrap();
        stage.run(async { stream.send(stage.data(b"still here")).unwrap().await.unwrap() });
        peer.read_exact(&mut [0; 10]).unwrap();
        let lost = other.into_ticket();
        let elsewhere =
            SharedHeap::new(Options::default()).unwrap().account("elsewhere", u64::MAX).unwrap();
        let config = ChannelConfig { driver: Choice::Epoll, ..ChannelConfig::default() };
        let lost = lost.into_stream(&Channel::open(&config, &elsewhere).unwrap()).unwrap_err();
        std::thread::spawn(move || drop(lost)).join().unwrap();
        stage.until(|| stage.channel.gauges().streams_open == 1);
        assert_eq!(other_peer.read(&mut [0]).unwrap(), 0);
    });
}

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

/// Long data that is kept, as a cache has it.
fn kept(stage: &Stage, bytes: &[u8]) -> SharedData {
    let mut buffer = stage.account.kept_buf(bytes.len()).expect("room");
    buffer.write(bytes).expect("it has room");
    buffer.freeze()
}

fn lies_in_a_file(data: &SharedData) -> bool {
    data.parts().all(|part| part.file.is_some())
}

#[test]
fn long_data_that_is_kept_goes_by_reference_between_lines_that_are_copied() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let (stream, mut peer) = stage.pair();
        let body = kept(stage, &pattern(3 << 20));
        let mut expected = Vec::new();
        let ranges = [0..3 << 20, 5..100_000, 4096..70_000, 9..12, (3 << 20) - 33_000..3 << 20];
        let mut replies = Vec::new();
        for range in ranges {
            let mut reply = stage.data(b"lines ");
            reply.append(stage.data(b"tail ")).unwrap();
            reply.append(body.slice(range.clone()).unwrap()).unwrap();
            expected.extend(reply.to_vec());
            replies.push(reply);
        }
        let reader = std::thread::spawn(move || {
            let (mut all, mut some) = (Vec::new(), [0; 50_000]);
            loop {
                match peer.read(&mut some).unwrap() {
                    0 => return all,
                    count => all.extend_from_slice(&some[..count]),
                }
            }
        });
        stage.run(async {
            for reply in replies {
                stream.room().await.unwrap();
                drop(stream.send(reply).unwrap());
            }
            stream.close().await;
        });
        assert!(reader.join().unwrap() == expected);
        let by_reference = stage.channel.gauges().bytes_by_reference;
        assert_eq!(by_reference >= 3 << 20, lies_in_a_file(&body), "{by_reference} bytes");
    });
}

#[test]
fn what_a_socket_still_holds_by_reference_stays_when_its_block_has_a_new_owner() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let (stream, mut peer) = stage.pair();
        let old = pattern(256 << 10);
        let body = kept(stage, &old);
        let is_in_a_file = lies_in_a_file(&body);
        // All of it goes into the sockets' buffers: nobody reads yet.
        stage.run(async { stream.send(body).unwrap().await.unwrap() });
        assert_eq!(stage.channel.gauges().bytes_by_reference > 0, is_in_a_file);
        for _ in 0..4 {
            drop(kept(stage, &vec![0xAA; 256 << 10]));
        }
        let mut come = vec![0; old.len()];
        peer.read_exact(&mut come).unwrap();
        assert!(come == old, "the peer got another's bytes");
    });
}

#[test]
fn sends_by_reference_end_with_their_streams_and_stalled_ones_are_reset() {
    let config =
        ChannelConfig { write_stall: Duration::from_millis(300), ..ChannelConfig::default() };
    Stage::on_each(&config, |stage| {
        let body = kept(stage, &pattern(16 << 20));
        let (stalled, mut stalled_peer) = stage.pair();
        let (aborted, mut aborted_peer) = stage.pair();
        let (left, left_peer) = stage.pair();
        for stream in [&stalled, &aborted, &left] {
            drop(stream.send(body.clone()).unwrap());
        }
        let end = now() + Duration::from_millis(50);
        while stage.channel.pass(Wait::Until(end)).unwrap().now < end {}
        aborted_peer.read_exact(&mut [0; 1000]).unwrap();
        aborted.abort();
        drop(left_peer);
        let error = stage.run(async { stalled.recv().await.unwrap_err() });
        assert_eq!(error, Error::Stalled);
        stage.until(|| stage.channel.gauges().streams_open <= 1);
        drop(left);
        stage.until(|| stage.channel.gauges().streams_open == 0);
        assert_eq!(stage.channel.gauges().stalls_aborted, 1);
        let mut all = Vec::new();
        assert!(stalled_peer.read_to_end(&mut all).is_err() && all.len() < 16 << 20);
        assert!(aborted_peer.read_to_end(&mut all).is_err());
    });
}

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

#[test]
fn a_table_of_few_places_is_enough_for_a_few_connections() {
    Stage::on_each(&ChannelConfig { sockets_max: 8, ..ChannelConfig::default() }, |stage| {
        assert!(stage.channel.connections_max() >= 4);
        for _ in 0..20 {
            let (stream, mut peer) = stage.pair();
            drop(stream.send(stage.data(b"served")).unwrap());
            stage.run(stream.close());
            peer.read_exact(&mut [0; 6]).unwrap();
        }
    });
}
