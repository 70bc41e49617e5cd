//! Receives bring bytes into lent blocks, or into memory of the program.

use std::io::{Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;

use levada_ring::{BlockId, Errno, Op, Target, Wait, WriteSpan};

use crate::stage::{GROUP, Scene, token};

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
fn a_receive_into_the_programs_memory_takes_once_what_is_there_and_waits_for_it() {
    Scene::on_each(|scene| {
        let (mut near, far) = UnixStream::pair().unwrap();
        let socket = Target::Fd(far.as_raw_fd());
        let mut room = Box::<[u8]>::new_uninit_slice(8);
        let into = WriteSpan::of(&mut room);
        scene.push(1, &Op::RecvInto { socket, into });
        scene.driver.enter(Wait::No, &mut scene.done).unwrap();
        assert!(scene.done.is_empty());
        near.write_all(b"longer than that").unwrap();
        assert_eq!(scene.last(1), Ok(8));
        // SAFETY: the completion said that all eight bytes were written.
        assert_eq!(unsafe { room.assume_init_ref() }, b"longer t");
        scene.push(2, &Op::RecvInto { socket, into });
        assert_eq!(scene.last(2), Ok(8));
        scene.push(3, &Op::RecvInto { socket, into });
        scene.driver.enter(Wait::No, &mut scene.done).unwrap();
        scene.driver.cancel(token(3));
        assert_eq!(scene.last(3), Err(Errno::CANCELED));
        scene.push(4, &Op::RecvInto { socket, into });
        drop(near);
        assert_eq!(scene.last(4), Ok(0));
    });
}

#[test]
fn a_late_cancel_leaves_alone_who_has_the_descriptors_number_now() {
    Scene::on_each(|scene| {
        scene.lend(2, 16);
        let (_one, far) = UnixStream::pair().unwrap();
        let (mut other, next) = UnixStream::pair().unwrap();
        let recv = Op::Recv { socket: Target::Fd(far.as_raw_fd()), group: GROUP, once: false };
        scene.push(1, &recv);
        scene.driver.enter(Wait::No, &mut scene.done).unwrap();
        scene.driver.forget(far.as_raw_fd());
        let mut far = OwnedFd::from(far);
        rustix::io::dup2(&next, &mut far).unwrap(); // closes what had the number
        scene.push(2, &recv);
        scene.driver.enter(Wait::No, &mut scene.done).unwrap();
        scene.driver.cancel(token(1));
        assert_eq!(scene.last(1), Err(Errno::CANCELED));
        other.write_all(b"to the next").unwrap();
        let done = scene.next(2);
        assert_eq!(scene.received(done), b"to the next");
        scene.driver.cancel(token(2));
        assert_eq!(scene.last(2), Err(Errno::CANCELED));
    });
}
