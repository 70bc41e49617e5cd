//! Sends leave in order, whole or as far as they said, by copy or by reference.

use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsRawFd, IntoRawFd};
use std::os::unix::net::UnixStream;

use levada_ring::{Errno, Level, Notice, Op, ReadSpan, Shutdown, Target, Vectored, Wait};

use crate::stage::{Scene, token};

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
fn a_send_by_reference_is_told_of_twice_and_one_that_was_copied_once() {
    Scene::on_each(|scene| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut far, _) = listener.accept().unwrap();
        let bytes = vec![7; 16 << 20]; // more than the network takes before it is read
        let mut spans = Box::new(Vectored::new());
        let (head, body) = bytes.split_at(100);
        spans.fill([ReadSpan::of(head), ReadSpan::of(body)].into_iter(), u32::MAX);
        let socket = Target::Fd(near.as_raw_fd());
        near.set_nonblocking(true).unwrap();
        scene.push(1, &Op::SendZeroCopy { socket, spans: &raw const *spans });
        let first = scene.next(1);
        let sent = first.result.unwrap() as usize;
        assert!(sent > 0 && sent < bytes.len() && first.notice.is_none());
        scene.driver.enter(Wait::No, &mut scene.done).unwrap();
        assert_eq!(scene.done, [], "nothing more is told while the peer does not read");
        assert_eq!(scene.driver.gauges().in_kernel, u64::from(first.more));
        scene.driver.cancel(token(1)); // of no use: what was sent is sent
        scene.driver.enter(Wait::No, &mut scene.done).unwrap();
        assert_eq!(scene.done, []);
        far.read_exact(&mut vec![0; sent]).unwrap();
        if first.more {
            let second = scene.next(1);
            assert_eq!((second.result, second.more), (Ok(0), false));
            assert_eq!(second.notice, Some(Notice::Copied), "within one machine it is");
        }
        let is_plain = scene.driver.caps().level == Level::Epoll || scene.lacks("by reference");
        assert_eq!(first.more, !is_plain);
    });
}

#[test]
fn a_send_by_reference_where_the_socket_knows_none_is_refused_or_copied() {
    Scene::on_each(|scene| {
        let (near, mut far) = UnixStream::pair().unwrap();
        let mut spans = Box::new(Vectored::new());
        spans.fill([ReadSpan::of(b"text")].into_iter(), u32::MAX);
        let socket = Target::Fd(near.as_raw_fd());
        scene.push(1, &Op::SendZeroCopy { socket, spans: &raw const *spans });
        let first = scene.next(1);
        assert!(matches!(first.result, Ok(4) | Err(Errno::OPNOTSUPP)), "{first:?}");
        if first.more {
            assert!(scene.next(1).notice.is_some());
        }
        drop(near);
        let mut come = Vec::new();
        far.read_to_end(&mut come).unwrap();
        assert_eq!(come.is_empty(), first.result.is_err());
    });
}

#[test]
fn a_queue_of_completions_over_its_brim_loses_none_and_is_counted() {
    const COUNT: u32 = 5000;
    Scene::on_each(|scene| {
        for index in 0..COUNT {
            // A ring answers this at once; numbers are given from the lowest on, so nobody has this one.
            scene.push(index, &Op::Close { target: Target::Fd(15_000) });
        }
        while scene.driver.gauges().in_kernel > 0 {
            scene.driver.enter(Wait::ANY, &mut scene.done).unwrap();
        }
        let mut ended: Vec<_> = scene.done.iter().map(|done| done.token.index()).collect();
        ended.sort_unstable();
        assert!(ended.into_iter().eq(0..COUNT), "each ends once");
        assert!(scene.done.iter().all(|done| done.result == Err(Errno::BADF) && !done.more));
        let is_ring = scene.driver.caps().level != Level::Epoll;
        assert_eq!(scene.driver.gauges().cq_overflows > 0, is_ring);
    });
}
