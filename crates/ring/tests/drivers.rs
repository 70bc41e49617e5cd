//! Every driver does the same with the same operations: each scene runs over a full ring, a plain one, and epoll.
//!
//! Where rings are denied the scenes run over epoll alone, and say so.
#![expect(unsafe_code, reason = "pushes operations on memory that the scenes keep alive, or leak")]

use std::ffi::CString;
use std::io::{Read, Write};
use std::mem::MaybeUninit;
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use levada_ring::{
    Access, Address, BlockId, Choice, Done, Driver, Errno, FileKind, Generation, Group, Level, Op,
    OpenHow, ReadSpan, Shutdown, StatBuffer, Target, Token, Vectored, Wait, WriteSpan, now, open,
};

const GROUP: Group = Group(0);

/// A driver, and what its completions brought that nobody has asked for yet.
struct Scene {
    driver: Box<dyn Driver>,
    done: Vec<Done>,
    blocks: Vec<&'static [u8]>,
}

impl Scene {
    /// Runs `play` over each driver that this machine has.
    fn on_each(play: impl Fn(&mut Self)) {
        for choice in [Choice::Uring, Choice::Plain, Choice::Epoll] {
            match open(choice) {
                Ok(driver) => {
                    let mut scene = Self { driver, done: Vec::new(), blocks: Vec::new() };
                    play(&mut scene);
                    assert_eq!(
                        scene.driver.gauges().in_kernel,
                        0,
                        "{choice:?}: an operation never ended"
                    );
                }
                Err(error) => eprintln_skip(choice, &error.to_string()),
            }
        }
    }

    fn push(&mut self, index: u32, op: &Op) {
        // SAFETY: all memory in these scenes is leaked or outlives the scene's last completion.
        unsafe { self.driver.push(token(index), op) };
    }

    /// The next completion of the operation, within ten seconds.
    fn next(&mut self, index: u32) -> Done {
        let end = now() + Duration::from_secs(10);
        loop {
            if let Some(place) = self.done.iter().position(|done| done.token == token(index)) {
                return self.done.remove(place);
            }
            let entered =
                self.driver.enter(Wait::Until(end), &mut self.done).expect("the driver works");
            assert!(entered.now < end, "operation {index} did not answer");
        }
    }

    fn last(&mut self, index: u32) -> Result<u32, Errno> {
        let done = self.next(index);
        assert!(!done.more, "one completion was expected");
        done.result
    }

    fn lend(&mut self, count: u16, bytes: usize) {
        self.driver.open_group(GROUP, count).expect("a group");
        for index in 0..count {
            let room = Box::leak(Box::<[u8]>::new_uninit_slice(bytes));
            self.provide(BlockId(index), room);
        }
    }

    fn provide(&mut self, block: BlockId, room: &'static mut [MaybeUninit<u8>]) {
        let (start, length) = (room.as_ptr().cast::<u8>(), room.len());
        // SAFETY: leaked, and nobody else touches it while it is lent.
        unsafe { self.driver.provide(GROUP, block, WriteSpan::of(room)) };
        // SAFETY: as above; the tests read only what a completion says was written.
        self.blocks.push(unsafe { std::slice::from_raw_parts(start, length) });
    }

    /// The bytes that a receive brought.
    fn received(&self, done: Done) -> &'static [u8] {
        let bytes = done.result.expect("received") as usize;
        &self.blocks[usize::from(done.block.expect("into a block").0)][..bytes]
    }

    fn direct(&self) -> bool {
        self.driver.caps().direct_places > 0
    }

    fn target(&self, result: Result<u32, Errno>) -> Target {
        let number = result.expect("accepted");
        if self.direct() { Target::Direct(number) } else { Target::Fd(number.cast_signed()) }
    }
}

#[expect(clippy::print_stderr, reason = "a scene that cannot run here says so")]
fn eprintln_skip(choice: Choice, why: &str) {
    eprintln!("not over {choice:?}: {why}");
}

fn token(index: u32) -> Token {
    Token::new(7, Generation::FIRST, index)
}

fn fd(result: Result<u32, Errno>) -> OwnedFd {
    let fd = RawFd::try_from(result.expect("a descriptor")).expect("a descriptor");
    // SAFETY: the completion gave it to us.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

#[test]
fn a_receive_goes_on_until_the_end_and_each_time_names_its_block() {
    Scene::on_each(|scene| {
        scene.lend(4, 16);
        let (mut near, far) = UnixStream::pair().unwrap();
        scene.push(1, &Op::Recv { socket: Target::Fd(far.as_raw_fd()), group: GROUP, once: false });
        for text in [&b"one"[..], b"and two"] {
            near.write_all(text).unwrap();
            let done = scene.next(1);
            assert!(done.more);
            assert_eq!(scene.received(done), text);
        }
        drop(near);
        assert_eq!(scene.last(1), Ok(0));
    });
}

#[test]
fn a_receive_of_one_time_ends_with_its_block_and_leaves_the_rest() {
    Scene::on_each(|scene| {
        scene.lend(4, 16);
        let (mut near, far) = UnixStream::pair().unwrap();
        let recv = Op::Recv { socket: Target::Fd(far.as_raw_fd()), group: GROUP, once: true };
        for (number, text) in (1..).zip([&b"one"[..], b"and two"]) {
            scene.push(number, &recv);
            near.write_all(text).unwrap();
            let done = scene.next(number);
            assert!(!done.more);
            assert_eq!(scene.received(done), text);
        }
        drop(near);
        scene.push(3, &recv);
        assert_eq!(scene.last(3), Ok(0));
    });
}

#[test]
fn a_last_send_closes_behind_all_of_it_and_not_behind_a_part() {
    Scene::on_each(|scene| {
        let (mut near, far) = UnixStream::pair().unwrap();
        far.set_nonblocking(scene.driver.caps().level == Level::Epoll).unwrap();
        let text = [b'x'; 1 << 20];
        let mut spans = Vectored::new();
        let bytes =
            spans.fill([ReadSpan::of(&text[..5]), ReadSpan::of(&text[5..9])].into_iter(), 9);
        assert_eq!(bytes, 9);
        let socket = Target::Fd(far.into_raw_fd());
        scene.push(1, &Op::SendLast { socket, spans: &raw const spans, together: true });
        assert_eq!(scene.last(1), Ok(9));
        let mut come = Vec::new();
        near.read_to_end(&mut come).unwrap();
        assert_eq!(come, &text[..9]);

        let (near, far) = UnixStream::pair().unwrap();
        far.set_nonblocking(scene.driver.caps().level == Level::Epoll).unwrap();
        let socket = Target::Fd(far.as_raw_fd());
        let bytes = spans.fill([ReadSpan::of(&text)].into_iter(), u32::MAX);
        scene.push(2, &Op::SendLast { socket, spans: &raw const spans, together: false });
        scene.driver.enter(Wait::No, &mut scene.done).expect("the driver works");
        drop(near);
        let ended = scene.last(2);
        assert!(ended.is_err() || ended.is_ok_and(|sent| sent < bytes), "{ended:?}");
        // Still ours: closing it a second time would close another's.
        assert!(rustix::io::fcntl_getfd(&far).is_ok());
    });
}

#[test]
fn a_dry_group_ends_a_receive_with_nothing_lost_and_it_can_be_armed_again() {
    Scene::on_each(|scene| {
        scene.lend(2, 4);
        let (mut near, far) = UnixStream::pair().unwrap();
        let recv = Op::Recv { socket: Target::Fd(far.as_raw_fd()), group: GROUP, once: false };
        near.write_all(b"aaaabbbbcccc").unwrap();
        scene.push(1, &recv);
        let mut bytes = Vec::new();
        let ended = loop {
            let done = scene.next(1);
            if done.block.is_some() {
                bytes.extend_from_slice(scene.received(done));
            }
            if !done.more {
                break done.result;
            }
        };
        assert!(ended == Err(Errno::NOBUFS) || ended == Ok(4), "{ended:?}");
        assert_eq!(bytes, b"aaaabbbb");
        scene.provide(BlockId(2), Box::leak(Box::<[u8]>::new_uninit_slice(4)));
        scene.push(2, &recv);
        let done = scene.next(2);
        assert_eq!(scene.received(done), b"cccc");
        if done.more {
            scene.driver.cancel(token(2));
            assert!(matches!(scene.last(2), Err(Errno::CANCELED | Errno::NOBUFS)));
        }
    });
}

#[test]
fn sends_of_one_span_and_of_many_arrive_in_order() {
    Scene::on_each(|scene| {
        let (mut near, far) = UnixStream::pair().unwrap();
        let socket = Target::Fd(far.as_raw_fd());
        scene.push(1, &Op::Send { socket, span: ReadSpan::of(b"head ") });
        assert_eq!(scene.last(1), Ok(5));
        let mut list = Box::new(Vectored::new());
        list.fill([ReadSpan::of(b"and "), ReadSpan::of(b"body")].into_iter(), u32::MAX);
        scene.push(2, &Op::SendMany { socket, spans: &raw const *list });
        assert_eq!(scene.last(2), Ok(8));
        scene.push(3, &Op::Shutdown { socket, how: Shutdown::Write });
        assert_eq!(scene.last(3), Ok(0));
        let mut text = String::new();
        near.read_to_string(&mut text).unwrap();
        assert_eq!(text, "head and body");
    });
}

#[test]
fn a_send_that_finds_no_room_waits_for_the_peer_and_says_what_it_sent() {
    Scene::on_each(|scene| {
        let (mut near, far) = UnixStream::pair().unwrap();
        let socket = Target::Fd(far.as_raw_fd());
        let bytes: &'static [u8] = vec![7; 4 << 20].leak();
        let reader = std::thread::spawn(move || {
            let mut all = Vec::new();
            near.read_to_end(&mut all).map(|_| all.len())
        });
        let mut sent = 0;
        while sent < bytes.len() {
            scene.push(1, &Op::Send { socket, span: ReadSpan::of(&bytes[sent..]) });
            sent += scene.last(1).expect("sent") as usize;
        }
        drop(far);
        assert_eq!(reader.join().unwrap().unwrap(), bytes.len());
    });
}

#[test]
fn accepting_brings_one_connection_after_another_until_it_is_cancelled() {
    Scene::on_each(|scene| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let accept =
            Op::Accept { listener: listener.as_raw_fd(), direct: scene.direct(), peer: None };
        scene.push(1, &accept);
        for round in 0..3 {
            let mut peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let done = scene.next(1);
            assert!(done.more);
            let socket = scene.target(done.result);
            scene.push(2, &Op::Send { socket, span: ReadSpan::of(b"hello") });
            assert_eq!(scene.last(2), Ok(5));
            scene.push(3, &Op::Close { target: socket });
            assert_eq!(scene.last(3), Ok(0));
            let mut text = String::new();
            peer.read_to_string(&mut text).unwrap();
            assert_eq!(text, "hello", "round {round}");
        }
        scene.driver.cancel(token(1));
        assert_eq!(scene.last(1), Err(Errno::CANCELED));
    });
}

#[test]
fn an_accept_with_room_for_it_brings_the_peers_address() {
    Scene::on_each(|scene| {
        for listener in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(listener) = TcpListener::bind(listener) else { continue };
            listener.set_nonblocking(true).unwrap();
            let mut rooms = [Box::new(Address::new()), Box::new(Address::new())];
            for (index, room) in (1..).zip(&mut rooms) {
                let peer = Some(&raw mut **room);
                scene.push(
                    index,
                    &Op::Accept { listener: listener.as_raw_fd(), direct: scene.direct(), peer },
                );
            }
            let peers =
                [(); 2].map(|()| TcpStream::connect(listener.local_addr().unwrap()).unwrap());
            for (index, room) in (1..).zip(&rooms) {
                let accepted = scene.last(index);
                let target = scene.target(accepted);
                scene.push(9, &Op::Reset { socket: target });
                assert!(scene.last(9).is_ok());
                let from = room.get().unwrap();
                assert!(peers.iter().any(|peer| peer.local_addr().unwrap() == from), "{from}");
            }
            for mut peer in peers {
                assert_eq!(
                    peer.read(&mut [0]).unwrap_err().kind(),
                    std::io::ErrorKind::ConnectionReset
                );
            }
        }
    });
}

#[test]
fn a_cancelled_receive_ends_once_and_data_that_came_stays_at_the_socket() {
    Scene::on_each(|scene| {
        scene.lend(2, 16);
        let (mut near, mut far) = UnixStream::pair().unwrap();
        scene.push(1, &Op::Recv { socket: Target::Fd(far.as_raw_fd()), group: GROUP, once: false });
        scene.driver.enter(Wait::No, &mut scene.done).unwrap();
        scene.driver.cancel(token(1));
        assert_eq!(scene.last(1), Err(Errno::CANCELED));
        scene.driver.cancel(token(1)); // a second wish is no second answer
        near.write_all(b"late").unwrap();
        let mut room = [0; 4];
        far.read_exact(&mut room).unwrap();
        assert_eq!(&room, b"late");
        scene.driver.enter(Wait::No, &mut scene.done).unwrap();
        assert!(scene.done.is_empty());
    });
}

#[test]
fn files_are_opened_below_a_folder_and_nowhere_else() {
    let folder = tempfile::tempdir().unwrap();
    let outside = tempfile::NamedTempFile::new().unwrap();
    std::fs::create_dir(folder.path().join("sub")).unwrap();
    std::fs::write(folder.path().join("sub/page"), b"some text").unwrap();
    std::os::unix::fs::symlink(outside.path(), folder.path().join("leak")).unwrap();
    std::os::unix::fs::symlink("sub/page", folder.path().join("link")).unwrap();
    let root = std::fs::File::open(folder.path()).unwrap();
    Scene::on_each(|scene| {
        let open = |scene: &mut Scene, path: &str, directory: bool| {
            let path = CString::new(path).unwrap();
            let how = OpenHow { beneath: true, directory, ..OpenHow::default() };
            scene.push(1, &Op::Open { directory: root.as_raw_fd(), path: path.as_ref(), how });
            scene.last(1)
        };
        assert_eq!(open(scene, "../anything", false), Err(Errno::XDEV));
        assert_eq!(open(scene, "leak", false), Err(Errno::XDEV));
        assert_eq!(open(scene, "nothing", false), Err(Errno::NOENT));
        assert_eq!(open(scene, "sub/page", true), Err(Errno::NOTDIR));
        let file = fd(open(scene, "link", false));
        let path = c"sub";
        let how = OpenHow { beneath: true, access: Access::Name, ..OpenHow::default() };
        scene.push(7, &Op::Open { directory: root.as_raw_fd(), path, how });
        drop(fd(scene.last(7)));
        let mut stat = Box::new(StatBuffer::new());
        scene.push(2, &Op::Stat { file: file.as_raw_fd(), name: None, into: &raw mut *stat });
        assert_eq!(scene.last(2), Ok(0));
        assert_eq!((stat.get().kind, stat.get().bytes), (FileKind::Regular, 9));
        for (name, kind) in [(c"sub", FileKind::Directory), (c"link", FileKind::Link)] {
            let op = Op::Stat { file: root.as_raw_fd(), name: Some(name), into: &raw mut *stat };
            scene.push(6, &op);
            assert_eq!((scene.last(6), stat.get().kind), (Ok(0), kind));
        }
        let mut room = Box::<[u8]>::new_uninit_slice(64);
        scene.push(
            3,
            &Op::Read { file: file.as_raw_fd(), into: WriteSpan::of(&mut room), offset: 5 },
        );
        assert_eq!(scene.last(3), Ok(4));
        // SAFETY: the completion said that four bytes were written.
        assert_eq!(unsafe { room[..4].assume_init_ref() }, b"text");
        let directory = fd(open(scene, "sub", true));
        scene.push(
            4,
            &Op::List { directory: directory.as_raw_fd(), into: WriteSpan::of(&mut room[..8]) },
        );
        assert_eq!(scene.last(4), Err(Errno::INVAL)); // too little room for a name
        let mut wide = Box::<[u8]>::new_uninit_slice(1024);
        scene.push(
            5,
            &Op::List { directory: directory.as_raw_fd(), into: WriteSpan::of(&mut wide) },
        );
        let listed = scene.last(5).unwrap() as usize;
        // SAFETY: the completion said how much was written.
        let names = unsafe { wide[..listed].assume_init_ref() };
        assert!(names.windows(5).any(|window| window == b"page\0"));
    });
}

#[test]
fn a_wait_ends_at_its_deadline_and_not_before() {
    Scene::on_each(|scene| {
        let begin = now();
        let deadline = begin + Duration::from_millis(20);
        while scene.driver.enter(Wait::Until(deadline), &mut scene.done).unwrap().now < deadline {
            assert!(scene.done.is_empty());
        }
        assert!(scene.driver.gauges().enters <= 3, "one wait, not a spin");
    });
}

#[test]
fn a_wake_from_another_thread_ends_a_wait_each_time() {
    Scene::on_each(|scene| {
        let waker = scene.driver.waker();
        let (sender, receiver) = std::sync::mpsc::sync_channel(0);
        let thread = std::thread::spawn(move || {
            for () in receiver {
                waker.wake();
            }
        });
        let end = now() + Duration::from_secs(10);
        for round in 0..200 {
            sender.send(()).unwrap();
            let entered = scene.driver.enter(Wait::Until(end), &mut scene.done).unwrap();
            assert!(entered.woken && entered.now < end, "round {round}");
        }
        drop(sender);
        thread.join().unwrap();
    });
}

#[test]
fn a_descriptor_of_any_kind_says_when_it_can_be_read() {
    Scene::on_each(|scene| {
        let (mut near, far) = UnixStream::pair().unwrap();
        let op = Op::Readable { fd: far.as_raw_fd() };
        for _ in 0..2 {
            // There before it is asked for, the second time: an edge that nobody saw must not be lost.
            near.write_all(b"x").unwrap();
            scene.push(1, &op);
            assert!(scene.last(1).is_ok());
        }
        let (_quiet, silent) = UnixStream::pair().unwrap();
        scene.push(2, &Op::Readable { fd: silent.as_raw_fd() });
        scene.driver.enter(Wait::No, &mut scene.done).unwrap();
        scene.driver.cancel(token(2));
        assert_eq!(scene.last(2), Err(Errno::CANCELED));
    });
}

#[test]
fn a_socket_that_was_full_says_when_it_takes_something_again() {
    Scene::on_each(|scene| {
        let (mut near, mut far) = UnixStream::pair().unwrap();
        far.set_nonblocking(true).unwrap();
        near.set_nonblocking(true).unwrap();
        let op = Op::Writable { fd: far.as_raw_fd() };
        scene.push(1, &op);
        assert!(scene.last(1).is_ok(), "it is empty");
        while far.write(&[0; 4096]).is_ok() {}
        scene.push(2, &op);
        scene.driver.enter(Wait::No, &mut scene.done).unwrap();
        assert!(scene.done.is_empty(), "it is full");
        while near.read(&mut [0; 4096]).is_ok() {}
        assert!(scene.last(2).is_ok());
        while far.write(&[0; 4096]).is_ok() {}
        scene.push(3, &op);
        scene.driver.enter(Wait::No, &mut scene.done).unwrap();
        scene.driver.cancel(token(3));
        assert_eq!(scene.last(3), Err(Errno::CANCELED));
    });
}

#[test]
fn a_connection_in_the_table_gets_a_descriptor_that_means_it_too() {
    Scene::on_each(|scene| {
        if scene.driver.caps().direct_places == 0 {
            return; // its connections have descriptors anyway
        }
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let accept = Op::Accept { listener: listener.as_raw_fd(), direct: true, peer: None };
        scene.push(1, &accept);
        let mut peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let place = scene.next(1).result.unwrap();
        scene.push(2, &Op::Install { place });
        let mut beside = TcpStream::from(fd(scene.last(2)));
        beside.write_all(b"by hand").unwrap();
        let mut come = [0; 7];
        peer.read_exact(&mut come).unwrap();
        assert_eq!(&come, b"by hand");
        scene.push(3, &Op::Close { target: Target::Direct(place) });
        assert!(scene.last(3).is_ok());
        drop(beside);
        assert_eq!(peer.read(&mut come).unwrap(), 0);
        scene.driver.cancel(token(1));
        assert_eq!(scene.last(1), Err(Errno::CANCELED));
    });
}

#[test]
fn more_operations_than_the_queue_holds_all_end_in_one_pass_or_a_few() {
    Scene::on_each(|scene| {
        let pairs: Vec<_> = (0..400).map(|_| UnixStream::pair().unwrap()).collect();
        for (index, (_, far)) in (0..).zip(&pairs) {
            let socket = Target::Fd(far.as_raw_fd());
            scene.push(index, &Op::Send { socket, span: ReadSpan::of(b"x") });
        }
        (0..400).for_each(|index| assert_eq!(scene.last(index), Ok(1)));
        assert!(scene.driver.gauges().enters < 20, "{:?}", scene.driver.gauges());
        for (near, _) in &pairs {
            assert_eq!((&*near).read(&mut [0; 2]).unwrap(), 1);
        }
    });
}

#[test]
fn a_ring_that_is_demanded_where_there_is_none_is_an_error_with_a_remedy() {
    if let Err(error) = open(Choice::Uring) {
        let sentence = error.to_string();
        assert!(
            sentence.contains("io_uring") && sentence.contains("choose another I/O driver"),
            "{sentence}"
        );
    }
    assert_eq!(open(Choice::Epoll).unwrap().caps().level, Level::Epoll);
}
