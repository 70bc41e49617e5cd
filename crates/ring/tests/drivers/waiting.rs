//! A pass waits for completions, wakes, deadlines, and for descriptors that no other operation knows.

use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use levada_ring::{Errno, Op, Wait, now, timespec_bytes};

use crate::stage::{Scene, token};

#[test]
fn a_wait_ends_at_its_deadline_and_not_before() {
    Scene::on_each(|scene| {
        let begin = now();
        let deadline = begin + Duration::from_millis(20);
        while scene.driver.enter(Wait::Until(deadline), &mut scene.done).unwrap().now < deadline {
            assert!(scene.done.is_empty());
        }
        assert!(scene.driver.gauges().enters <= 5, "one wait, not a spin");
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
            // A ring that this thread had before may end a wait too, when the kernel has taken it down.
            loop {
                let entered = scene.driver.enter(Wait::Until(end), &mut scene.done).unwrap();
                assert!(entered.now < end, "round {round}");
                if entered.woken {
                    break;
                }
            }
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
fn a_timeout_ends_when_its_time_is_over_or_it_is_cancelled() {
    Scene::on_each(|scene| {
        let begin = now();
        let [long, short] =
            [Duration::from_secs(1_000), Duration::from_millis(20)].map(timespec_bytes);
        scene.push(1, &Op::Timeout { after: &raw const long });
        scene.push(2, &Op::Timeout { after: &raw const short });
        assert_eq!(scene.last(2), Err(Errno::TIME));
        assert!(now() - begin >= Duration::from_millis(20));
        assert!(scene.done.is_empty(), "the other runs on");
        scene.driver.cancel(token(1));
        assert_eq!(scene.last(1), Err(Errno::CANCELED));
        let negative = [u8::MAX; 16];
        scene.push(3, &Op::Timeout { after: &raw const negative });
        assert_eq!(scene.last(3), Err(Errno::INVAL));
        let none = [0; 16];
        scene.push(4, &Op::Timeout { after: &raw const none });
        scene.push(5, &Op::Timeout { after: &raw const long });
        assert_eq!(scene.last(4), Err(Errno::TIME));
        scene.driver.cancel(token(5));
        assert_eq!(scene.last(5), Err(Errno::CANCELED));
    });
}
