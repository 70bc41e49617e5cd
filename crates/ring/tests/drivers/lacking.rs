//! What is lacking is done without, and said.

use std::os::unix::process::CommandExt;
use std::time::Duration;

use levada_ring::{
    Choice, Family, Feature, Lack, Level, Op, OpenError, Wait, now, open, open_lacking,
};

use crate::stage::{apart, fd, is_apart, skip, token};

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

#[test]
fn without_a_feature_the_level_is_that_of_a_kernel_without_it_and_the_lack_is_said() {
    let Ok(whole) = open(Choice::Uring) else { return skip("there are no rings here") };
    if whole.caps().level != Level::Full {
        return skip("this kernel's rings lack something themselves");
    }
    for feature in Feature::ALL {
        let level = match feature {
            Feature::MultishotReceive | Feature::MultishotMessage => Level::Epoll,
            Feature::RingTable
            | Feature::Install
            | Feature::SocketOptions
            | Feature::SocketCommand => Level::Plain,
            _ => Level::Full,
        };
        let driver = open_lacking(Choice::Auto, &[feature]).unwrap();
        let caps = driver.caps();
        assert_eq!((caps.level, caps.direct_places > 0), (level, level == Level::Full));
        assert!(caps.descriptors_are_real);
        let lack = match level {
            Level::Epoll => Lack::Needs(feature.words()),
            Level::Plain | Level::Full => Lack::Without(feature.words()),
        };
        assert!(caps.lacks.contains(&lack), "{feature:?}: {:?}", caps.lacks);
        let more = caps.lacks.iter().filter(|lack| !whole.caps().lacks.contains(lack));
        assert_eq!(more.count(), 1, "{feature:?}");
        if level == Level::Epoll {
            let demanded = open_lacking(Choice::Uring, &[feature]).map(drop);
            assert_eq!(demanded, Err(OpenError::NoRing(lack)));
        }
        assert_eq!(
            open(Choice::Uring).unwrap().caps(),
            whole.caps(),
            "the kernel lacks nothing more"
        );
    }
}

#[test]
fn a_socket_that_a_ring_does_not_make_is_made_by_a_call() {
    for (lacking, calls) in [(&[][..], 0), (&[Feature::SocketCommand], 1)] {
        let Ok(mut driver) = open_lacking(Choice::Plain, lacking) else { return };
        let before = driver.gauges().syscalls;
        // SAFETY: the operation points to nothing.
        unsafe { driver.push(token(1), &Op::Socket { family: Family::V4, direct: false }) };
        assert_eq!(driver.gauges().syscalls - before, calls);
        let mut done = Vec::new();
        driver.enter(Wait::ANY, &mut done).unwrap();
        drop(fd(done[0].result));
    }
}

/// What a ring locks: one that is whole, and one that is small for want of memory.
const RING_KIB: [u64; 2] = [52, 16];

#[test]
fn an_ordinary_users_rings_open_up_to_the_predicted_number_and_then_the_numbers_are_said() {
    if is_apart() {
        return fill_what_may_be_locked();
    }
    if !rustix::process::geteuid().is_root() {
        return skip("only root can become an ordinary user");
    }
    for limit_kib in ["64", "256"] {
        let name = "lacking::an_ordinary_users_rings_open_up_to_the_predicted_number_and_then_the_numbers_are_said";
        // Nobody's number: what is locked is counted for each user.
        let user = 50_000 + std::process::id() % 10_000;
        let mut run = apart(name);
        match run.uid(user).gid(user).env(LIMIT_KIB, limit_kib).status() {
            Ok(status) => assert!(status.success(), "{limit_kib} KiB"),
            Err(error) => return skip(&format!("no ordinary user can run this: {error}")),
        }
    }
}

const LIMIT_KIB: &str = "LEVADA_TEST_LIMIT_KIB";

fn may_lock(kib: u64, kib_max: u64) {
    let (current, maximum) = (Some(kib << 10), Some(kib_max << 10));
    let limit = rustix::process::Rlimit { current, maximum };
    rustix::process::setrlimit(rustix::process::Resource::Memlock, limit).expect("a lower limit");
}

fn fill_what_may_be_locked() {
    let limit_kib: u64 =
        std::env::var(LIMIT_KIB).ok().and_then(|limit| limit.parse().ok()).expect("a limit");
    may_lock(4, limit_kib);
    if let Err(OpenError::NoRing(lack @ Lack::Memlock { .. })) = open(Choice::Uring) {
        assert_eq!(lack, Lack::Memlock { need_kib: RING_KIB[1], limit_kib: 4 });
    }
    may_lock(limit_kib, limit_kib); // and what was found before does not count
    let mut left_kib = limit_kib;
    let predicted = RING_KIB.iter().map(|each| {
        let count = left_kib / each;
        left_kib %= each;
        count
    });
    let predicted: u64 = predicted.sum();
    let mut fallback = open(Choice::Epoll).expect("a poll set");
    let end = now() + Duration::from_secs(10);
    // The kernel gives back what a closed ring held in its own time: at first the probe's is still counted.
    loop {
        let mut open_drivers = Vec::new();
        let lack = loop {
            match open(Choice::Uring) {
                Ok(driver) => open_drivers.push(driver),
                Err(OpenError::NoRing(lack @ (Lack::Denied { .. } | Lack::Absent { .. }))) => {
                    return skip(&lack.to_string());
                }
                Err(OpenError::NoRing(lack)) => break lack,
                Err(error) => panic!("{error}"),
            }
        };
        assert_eq!(lack, Lack::Memlock { need_kib: RING_KIB[1], limit_kib });
        let auto = open(Choice::Auto).expect("a driver");
        assert_eq!((auto.caps().level, &auto.caps().lacks[..]), (Level::Epoll, &[lack][..]));
        let count = open_drivers.len() as u64;
        assert!(count <= predicted, "{count} of {predicted}");
        if count == predicted {
            return;
        }
        assert!(now() < end, "{count} of {predicted}");
        drop(open_drivers);
        let short = Wait::Until(now() + Duration::from_millis(20));
        fallback.enter(short, &mut Vec::new()).expect("it waits");
    }
}
