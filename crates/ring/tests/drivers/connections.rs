//! Connections are accepted, made, turned into descriptors and reset.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::time::Duration;

use levada_ring::{Address, Choice, Errno, Family, Level, Op, ReadSpan, Target, Wait, now, open};

use crate::stage::{GROUP, Scene, fd, token};

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
        let beside = fd(scene.last(2));
        assert!(rustix::fs::fcntl_getfl(&beside).unwrap().contains(rustix::fs::OFlags::NONBLOCK));
        assert_eq!(rustix::io::fcntl_getfd(&beside).unwrap(), rustix::io::FdFlags::CLOEXEC);
        let mut beside = TcpStream::from(beside);
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

/// A socket of this family, in the table where there is one.
fn socket(scene: &mut Scene, family: Family) -> Target {
    scene.push(90, &Op::Socket { family, direct: scene.direct() });
    let made = scene.last(90);
    scene.target(made)
}

fn close(scene: &mut Scene, target: Target) {
    scene.push(91, &Op::Close { target });
    assert_eq!(scene.last(91), Ok(0));
}

fn connect(scene: &mut Scene, socket: Target, to: &Address) -> Result<u32, Errno> {
    scene.push(92, &Op::Connect { socket, to: ReadSpan::of(to.as_bytes()) });
    scene.last(92)
}

#[test]
fn a_socket_is_made_and_connects_and_carries_bytes_both_ways() {
    Scene::on_each(|scene| {
        scene.lend(2, 16);
        let name = format!("\0levada-ring-{}", now().ns);
        let local = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name[1..]).unwrap());
        let v4 = TcpListener::bind("127.0.0.1:0").unwrap();
        let (local, v6) = (local.unwrap(), TcpListener::bind("[::1]:0"));
        let mut to = vec![
            (Family::V4, Address::of(v4.local_addr().unwrap())),
            (Family::Unix, Address::unix(name.as_bytes()).unwrap()),
        ];
        to.extend(v6.iter().map(|v6| (Family::V6, Address::of(v6.local_addr().unwrap()))));
        for (family, to) in to {
            assert_eq!(to.family(), Some(family));
            let socket = socket(scene, family);
            assert_eq!(connect(scene, socket, &to), Ok(0));
            let mut peer: Box<dyn ReadWrite> = match family {
                Family::V4 => Box::new(v4.accept().unwrap().0),
                Family::V6 => Box::new(v6.as_ref().unwrap().accept().unwrap().0),
                Family::Unix => Box::new(local.accept().unwrap().0),
            };
            scene.push(1, &Op::Send { socket, span: ReadSpan::of(b"hello") });
            assert_eq!(scene.last(1), Ok(5));
            let mut come = [0; 5];
            peer.read_exact(&mut come).unwrap();
            assert_eq!(&come, b"hello");
            peer.write_all(b"and back").unwrap();
            scene.push(2, &Op::Recv { socket, group: GROUP, once: true });
            let done = scene.next(2);
            assert_eq!(scene.received(done), b"and back");
            let block = done.block.unwrap();
            scene.provide(block, Box::leak(Box::<[u8]>::new_uninit_slice(16)));
            close(scene, socket);
            assert_eq!(peer.read(&mut come).unwrap(), 0);
        }
    });
}

trait ReadWrite: Read + Write {}
impl<T: Read + Write> ReadWrite for T {}

#[test]
fn a_connection_that_nobody_takes_is_refused_and_the_socket_can_try_again() {
    Scene::on_each(|scene| {
        let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let there = TcpListener::bind("127.0.0.1:0").unwrap();
        let socket = socket(scene, Family::V4);
        let to_gone = Address::of(gone);
        assert_eq!(connect(scene, socket, &to_gone), Err(Errno::CONNREFUSED));
        let to_there = Address::of(there.local_addr().unwrap());
        assert_eq!(connect(scene, socket, &to_there), Ok(0));
        assert_eq!(connect(scene, socket, &to_there), Err(Errno::ISCONN));
        close(scene, socket);
        let other = self::socket(scene, Family::Unix);
        let nowhere = Address::unix(b"/nonexistent/levada").unwrap();
        assert_eq!(connect(scene, other, &nowhere), Err(Errno::NOENT));
        close(scene, other);
    });
}

/// A listener that lets no one in until somebody is taken out.
fn full_listener() -> (TcpListener, Vec<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    rustix::net::listen(&listener, 0).expect("it listens already");
    let to = listener.local_addr().expect("it has one");
    let wait = Duration::from_millis(100);
    let waiting = (0..8).map_while(|_| TcpStream::connect_timeout(&to, wait).ok()).collect();
    (listener, waiting)
}

#[test]
fn a_connection_that_must_wait_comes_about_later() {
    Scene::on_each_level(|scene| {
        let (listener, waiting) = full_listener();
        let to = Address::of(listener.local_addr().unwrap());
        let socket = socket(scene, Family::V4);
        scene.push(1, &Op::Connect { socket, to: ReadSpan::of(to.as_bytes()) });
        scene.driver.enter(Wait::No, &mut scene.done).unwrap();
        assert!(scene.done.is_empty(), "{:?}", scene.done);
        waiting.iter().for_each(|_| drop(listener.accept().unwrap()));
        assert_eq!(scene.last(1), Ok(0)); // at the next try of the network's, after a second
        close(scene, socket);
    });
}

#[test]
fn a_connection_that_must_wait_is_cancelled_before_and_after_it_was_begun() {
    let (listener, _waiting) = full_listener();
    let to = Address::of(listener.local_addr().unwrap());
    Scene::on_each(|scene| {
        for is_begun in [false, true] {
            let socket = socket(scene, Family::V4);
            scene.push(1, &Op::Connect { socket, to: ReadSpan::of(to.as_bytes()) });
            if is_begun {
                scene.driver.enter(Wait::No, &mut scene.done).unwrap();
                assert!(scene.done.is_empty(), "{:?}", scene.done);
            }
            scene.driver.cancel(token(1));
            assert_eq!(scene.last(1), Err(Errno::CANCELED));
            close(scene, socket);
        }
    });
}

#[test]
fn what_a_cancel_interrupts_was_cancelled() {
    Scene::on_each(|scene| {
        if scene.driver.caps().level == Level::Epoll {
            return; // it never waits inside an operation
        }
        let name = format!("\0levada-ring-held-{}", now().ns);
        let listener =
            UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name[1..]).unwrap()).unwrap();
        rustix::net::listen(&listener, 0).unwrap();
        let to = Address::unix(name.as_bytes()).unwrap();
        // One that blocks, so that a worker of the kernel's waits in it.
        let blocking = || {
            use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};
            let flags = SocketFlags::CLOEXEC;
            socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None).unwrap()
        };
        let sockets = [blocking(), blocking()];
        let [first, second] = sockets.each_ref().map(|socket| Target::Fd(socket.as_raw_fd()));
        assert_eq!(connect(scene, first, &to), Ok(0));
        scene.push(1, &Op::Connect { socket: second, to: ReadSpan::of(to.as_bytes()) });
        let soon = now() + Duration::from_millis(20);
        while scene.driver.enter(Wait::Until(soon), &mut scene.done).unwrap().now < soon {}
        assert!(scene.done.is_empty(), "{:?}", scene.done);
        scene.driver.cancel(token(1));
        assert_eq!(scene.last(1), Err(Errno::CANCELED));
    });
}

#[test]
fn a_name_whose_listener_takes_no_more_is_said_at_once() {
    Scene::on_each(|scene| {
        let name = format!("\0levada-ring-full-{}", now().ns);
        let listener =
            UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name[1..]).unwrap()).unwrap();
        rustix::net::listen(&listener, 0).unwrap();
        let to = Address::unix(name.as_bytes()).unwrap();
        let first = socket(scene, Family::Unix);
        assert_eq!(connect(scene, first, &to), Ok(0));
        let second = socket(scene, Family::Unix);
        assert_eq!(connect(scene, second, &to), Err(Errno::AGAIN));
        drop(listener.accept().unwrap());
        assert_eq!(connect(scene, second, &to), Ok(0));
        close(scene, first);
        close(scene, second);
    });
}

#[test]
fn a_ring_that_is_closed_lets_the_connections_in_its_table_go() {
    let mut driver = open(Choice::Auto).unwrap();
    if driver.caps().direct_places == 0 {
        return; // its connections are the program's
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let accept = Op::Accept { listener: listener.as_raw_fd(), direct: true, peer: None };
    // SAFETY: the operation points to nothing.
    unsafe { driver.push(token(1), &accept) };
    let mut peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let mut done = Vec::new();
    while done.is_empty() {
        driver.enter(Wait::ANY, &mut done).unwrap();
    }
    drop(driver);
    peer.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    assert_eq!(peer.read_to_end(&mut Vec::new()).unwrap(), 0);
}
