//! Messages come with who sent them, or with descriptors, each in a block that says so.

use std::io::{Read, Write};
use std::net::UdpSocket;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;

use levada_ring::{
    Address, BlockId, Done, Errno, Message, MessageForm, Op, ReadSpan, Target, Vectored,
};

use crate::stage::{GROUP, Scene, fd, token};

/// What a message says, by the form that it was asked for in.
fn read(scene: &Scene, done: Done, form: MessageForm) -> (Message, &'static [u8]) {
    let block = scene.received(done);
    let message = Message::read(block, form).expect("a message");
    let payload = &block[message.payload.clone()];
    (message, payload)
}

fn recv(socket: &impl AsRawFd, form: MessageForm) -> Op {
    Op::RecvMessage { socket: Target::Fd(socket.as_raw_fd()), group: GROUP, form }
}

#[test]
fn datagrams_keep_their_senders_and_one_without_bytes_is_the_last_of_its_receive() {
    let form = MessageForm::From;
    for address in ["127.0.0.1:0", "[::1]:0"] {
        Scene::on_each(|scene| {
            let Ok(socket) = UdpSocket::bind(address) else { return };
            scene.lend(8, form.payload_start() + 16);
            scene.push(1, &recv(&socket, form));
            let senders = [(); 2].map(|()| UdpSocket::bind(address).unwrap());
            for (sender, text) in senders.iter().zip([&b"one"[..], b"another"]) {
                sender.send_to(text, socket.local_addr().unwrap()).unwrap();
                let done = scene.next(1);
                let (message, payload) = read(scene, done, form);
                assert_eq!(payload, text);
                assert!(done.more && !message.is_cut && message.descriptors.is_empty());
                let from = message.from.unwrap().get().unwrap();
                assert_eq!(from, sender.local_addr().unwrap());
            }
            senders[0].send_to(b"", socket.local_addr().unwrap()).unwrap();
            let done = scene.next(1);
            let (message, payload) = read(scene, done, form);
            assert!(!done.more && payload.is_empty() && message.from.is_some());
            scene.push(2, &recv(&socket, form));
            senders[0].send_to(b"and on", socket.local_addr().unwrap()).unwrap();
            let done = scene.next(2);
            assert_eq!(read(scene, done, form).1, b"and on");
            scene.driver.cancel(token(2));
            assert_eq!(scene.last(2), Err(Errno::CANCELED));
        });
    }
}

#[test]
fn a_datagram_that_is_too_long_says_how_long_it_was_and_one_of_just_the_length_is_whole() {
    let form = MessageForm::From;
    Scene::on_each(|scene| {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        scene.lend(4, form.payload_start() + 16);
        scene.push(1, &recv(&socket, form));
        sender.send_to(&[b'x'; 17], socket.local_addr().unwrap()).unwrap();
        let done = scene.next(1);
        let (message, payload) = read(scene, done, form);
        assert_eq!((done.more, message.is_cut, payload), (true, true, &[b'x'; 16][..]));
        assert_eq!(scene.received(done)[8..12], 17_u32.to_le_bytes());
        sender.send_to(&[b'y'; 16], socket.local_addr().unwrap()).unwrap();
        let done = scene.next(1);
        let (message, payload) = read(scene, done, form);
        assert_eq!((done.more, message.is_cut, payload), (true, false, &[b'y'; 16][..]));
        scene.driver.cancel(token(1));
        assert_eq!(scene.last(1), Err(Errno::CANCELED));
    });
}

#[test]
fn a_dry_group_ends_the_receive_of_messages_and_too_short_a_block_is_a_fault() {
    let form = MessageForm::From;
    Scene::on_each(|scene| {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        scene.lend(1, form.payload_start() + 16);
        scene.push(1, &recv(&socket, form));
        for text in [b"one", b"two"] {
            sender.send_to(text, socket.local_addr().unwrap()).unwrap();
        }
        let done = scene.next(1);
        assert_eq!((done.more, read(scene, done, form).1), (true, &b"one"[..]));
        assert_eq!(scene.last(1), Err(Errno::NOBUFS));
        let short = Box::leak(Box::<[u8]>::new_uninit_slice(form.payload_start() - 1));
        scene.provide(BlockId(1), short);
        scene.push(2, &recv(&socket, form));
        assert_eq!(scene.last(2), Err(Errno::FAULT));
    });
}

#[test]
fn bad_news_about_what_was_sent_ends_a_receive_with_an_error_and_it_can_be_armed_again() {
    let form = MessageForm::From;
    Scene::on_each(|scene| {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let gone = UdpSocket::bind("127.0.0.1:0").unwrap();
        let to = gone.local_addr().unwrap();
        socket.connect(to).unwrap();
        drop(gone);
        scene.lend(2, form.payload_start() + 16);
        scene.push(1, &recv(&socket, form));
        scene.push(
            2,
            &Op::Send { socket: Target::Fd(socket.as_raw_fd()), span: ReadSpan::of(b"hello") },
        );
        assert_eq!(scene.last(2), Ok(5));
        assert_eq!(scene.last(1), Err(Errno::CONNREFUSED));
        let Ok(there) = UdpSocket::bind(to) else { return }; // another's already
        scene.push(3, &recv(&socket, form));
        there.send_to(b"back", socket.local_addr().unwrap()).unwrap();
        let done = scene.next(3);
        assert_eq!((done.more, read(scene, done, form).1), (true, &b"back"[..]));
        scene.driver.cancel(token(3));
        assert_eq!(scene.last(3), Err(Errno::CANCELED));
    });
}

#[test]
fn a_message_leaves_nothing_in_its_block_that_was_there_before() {
    Scene::on_each(|scene| {
        let form = MessageForm::From;
        let mut room = Box::<[u8]>::new_uninit_slice(form.payload_start() + 4);
        for byte in &mut room {
            byte.write(0xAA);
        }
        scene.driver.open_group(GROUP, 2).unwrap();
        scene.provide(BlockId(0), Box::leak(room));
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        sender.send_to(b"text", socket.local_addr().unwrap()).unwrap();
        scene.push(1, &recv(&socket, form));
        let done = scene.next(1);
        assert!(scene.received(done)[16 + 16..form.payload_start()].iter().all(|byte| *byte == 0));
        scene.driver.cancel(token(1));
        assert!(scene.last(1).is_err());

        let form = MessageForm::Descriptors;
        let mut room = Box::<[u8]>::new_uninit_slice(form.payload_start() + 4);
        for byte in &mut room {
            byte.write(0xAA);
        }
        scene.provide(BlockId(1), Box::leak(room));
        let (near, far) = UnixStream::pair().unwrap();
        let mut spans = Box::new(Vectored::new());
        spans.fill([ReadSpan::of(b"text")].into_iter(), u32::MAX);
        spans.set_descriptors(&[near.as_raw_fd()]);
        let socket = Target::Fd(near.as_raw_fd());
        scene.push(2, &Op::SendMany { socket, spans: &raw const *spans });
        assert_eq!(scene.last(2), Ok(4));
        scene.push(3, &recv(&far, form));
        let done = scene.next(3);
        let (message, _) = read(scene, done, form);
        let one = fd(Ok(message.descriptors[0].cast_unsigned()));
        assert_eq!(message.descriptors, [one.as_raw_fd()]);
        assert!(scene.received(done)[16 + 20..form.payload_start()].iter().all(|byte| *byte == 0));
        scene.driver.cancel(token(3));
        assert!(scene.last(3).is_err());
    });
}

#[test]
fn descriptors_come_with_the_first_byte_closed_on_exec_and_the_end_takes_no_block() {
    let form = MessageForm::Descriptors;
    Scene::on_each(|scene| {
        scene.lend(2, form.payload_start() + 64);
        let (mut near, far) = UnixStream::pair().unwrap();
        let pairs: Vec<_> = (0..8).map(|_| UnixStream::pair().unwrap()).collect();
        let given: Vec<RawFd> =
            pairs.iter().flat_map(|(a, b)| [a.as_raw_fd(), b.as_raw_fd()]).collect();
        let mut spans = Box::new(Vectored::new());
        spans.fill([ReadSpan::of(b"six"), ReadSpan::of(b"teen")].into_iter(), u32::MAX);
        spans.set_descriptors(&given);
        let socket = Target::Fd(near.as_raw_fd());
        scene.push(1, &Op::SendMany { socket, spans: &raw const *spans });
        assert_eq!(scene.last(1), Ok(7));
        scene.push(2, &recv(&far, form));
        let done = scene.next(2);
        let (message, payload) = read(scene, done, form);
        assert!(done.more && payload == b"sixteen" && !message.lacks_descriptors);
        let taken: Vec<_> =
            message.descriptors.iter().map(|taken| fd(Ok(taken.cast_unsigned()))).collect();
        assert_eq!(taken.len(), 16);
        for taken in &taken {
            assert_eq!(rustix::io::fcntl_getfd(taken).unwrap(), rustix::io::FdFlags::CLOEXEC);
        }
        drop(pairs);
        let mut ends: Vec<_> = taken.into_iter().map(UnixStream::from).collect();
        let mut other = ends.pop().unwrap();
        ends.pop().unwrap().write_all(b"through").unwrap();
        let mut come = String::new();
        other.read_to_string(&mut come).unwrap();
        assert_eq!(come, "through");

        near.write_all(b"none").unwrap();
        let done = scene.next(2);
        let (message, payload) = read(scene, done, form);
        assert!(done.more && payload == b"none" && message.descriptors.is_empty());
        drop(near);
        // Both blocks were filled: no end can be seen before there is one to look with.
        assert_eq!(scene.last(2), Err(Errno::NOBUFS));
        let room = Box::leak(Box::<[u8]>::new_uninit_slice(form.payload_start() + 64));
        scene.provide(BlockId(2), room);
        for index in [3, 4] {
            scene.push(index, &recv(&far, form));
            let done = scene.next(index);
            assert_eq!((done.result, done.more, done.block), (Ok(0), false, None));
        }
    });
}

#[test]
fn descriptors_above_sixteen_are_closed_and_it_is_said() {
    use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
    let form = MessageForm::Descriptors;
    Scene::on_each(|scene| {
        scene.lend(2, form.payload_start() + 64);
        let (near, far) = UnixStream::pair().unwrap();
        let (given, mut end) = UnixStream::pair().unwrap();
        let many = [rustix::fd::AsFd::as_fd(&given); 20];
        let mut space = [core::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(20))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        assert!(control.push(SendAncillaryMessage::ScmRights(&many)));
        let text = [std::io::IoSlice::new(b"many")];
        sendmsg(&near, &text, &mut control, SendFlags::empty()).unwrap();
        scene.push(1, &recv(&far, form));
        let done = scene.next(1);
        let (message, payload) = read(scene, done, form);
        assert!(message.lacks_descriptors && payload == b"many");
        assert_eq!(message.descriptors.len(), 16);
        message.descriptors.iter().for_each(|taken| drop(fd(Ok(taken.cast_unsigned()))));
        drop(given);
        assert_eq!(end.read(&mut [0]).unwrap(), 0, "none was left open");
        drop(near);
        assert_eq!(scene.last(1), Ok(0));
    });
}

#[test]
fn a_datagram_goes_where_it_says_and_a_long_one_is_cut_into_many() {
    Scene::on_each(|scene| {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let other = UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut spans = Box::new(Vectored::new());
        spans.fill([ReadSpan::of(b"to "), ReadSpan::of(b"you")].into_iter(), u32::MAX);
        spans.set_address(&Address::of(other.local_addr().unwrap()));
        let target = Target::Fd(socket.as_raw_fd());
        scene.push(1, &Op::SendMany { socket: target, spans: &raw const *spans });
        assert_eq!(scene.last(1), Ok(6));
        let mut room = [0; 64];
        let (bytes, from) = other.recv_from(&mut room).unwrap();
        assert_eq!((&room[..bytes], from), (&b"to you"[..], socket.local_addr().unwrap()));

        spans.fill([ReadSpan::of(b"aabbc")].into_iter(), u32::MAX);
        spans.set_datagram_bytes(2);
        scene.push(2, &Op::SendMany { socket: target, spans: &raw const *spans });
        match scene.last(2) {
            Ok(bytes) => {
                assert_eq!(bytes, 5);
                for part in [&b"aa"[..], b"bb", b"c"] {
                    let bytes = other.recv(&mut room).unwrap();
                    assert_eq!(&room[..bytes], part);
                }
            }
            Err(errno) => assert!(matches!(errno, Errno::INVAL | Errno::OPNOTSUPP), "{errno}"),
        }
    });
}
