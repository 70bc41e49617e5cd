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

/// How many rings fit into so many KiB: a whole one takes 52, a small one 16. What is over is too little for another, with or
/// without the 12 that the probe's ring has held and the kernel gives back in its own time.
const FITTING: [(u64, usize); 3] = [(64, 1), (80, 2), (220, 4)];
const LEAST_KIB: u64 = 16;

#[test]
fn an_ordinary_users_rings_open_up_to_the_predicted_number_and_then_the_numbers_are_said() {
    let name = "lacking::an_ordinary_users_rings_open_up_to_the_predicted_number_and_then_the_numbers_are_said";
    for (index, (limit_kib, count)) in (0..).zip(FITTING) {
        if is_ordinary_user(name, index) {
            may_lock(limit_kib);
            return fill(limit_kib, count);
        }
    }
}

#[test]
fn a_refusal_for_want_of_locked_memory_is_forgotten_when_there_is_more() {
    let name = "lacking::a_refusal_for_want_of_locked_memory_is_forgotten_when_there_is_more";
    if is_ordinary_user(name, 9) {
        may_lock(4);
        match open(Choice::Uring).map(drop) {
            Err(OpenError::NoRing(Lack::Memlock { need_kib: LEAST_KIB, limit_kib: 4 })) => {}
            other => return skip(&format!("{other:?}")),
        }
        may_lock(64);
        assert!(open(Choice::Uring).is_ok());
    }
}

/// Whether this process is one of an ordinary user's; if not, runs the test in such a process, of a user for each `index`.
fn is_ordinary_user(test: &str, index: u32) -> bool {
    if is_apart() {
        return std::env::var(USER).is_ok_and(|user| user == index.to_string());
    }
    if !rustix::process::geteuid().is_root() {
        skip("only root can become an ordinary user");
        return false;
    }
    // Nobody else's number: what is locked is counted for each user.
    let user = 50_000 + std::process::id() % 1000 * 10 + index;
    let mut run = apart(test);
    match run.uid(user).gid(user).env(USER, index.to_string()).status() {
        Ok(status) => assert!(status.success(), "user {index}"),
        Err(error) => skip(&format!("no ordinary user can run this: {error}")),
    }
    false
}

const USER: &str = "LEVADA_TEST_USER";

fn may_lock(kib: u64) {
    let all = rustix::process::getrlimit(rustix::process::Resource::Memlock);
    let limit = rustix::process::Rlimit { current: Some(kib << 10), ..all };
    rustix::process::setrlimit(rustix::process::Resource::Memlock, limit).expect("a lower limit");
}

fn fill(limit_kib: u64, count: usize) {
    let mut rings = Vec::new();
    let lack = loop {
        match open(Choice::Uring) {
            Ok(driver) => rings.push(driver),
            Err(OpenError::NoRing(lack)) => break lack,
            Err(error) => panic!("{error}"),
        }
    };
    if matches!(lack, Lack::Denied { .. } | Lack::Absent { .. }) {
        return skip(&lack.to_string());
    }
    assert_eq!(lack, Lack::Memlock { need_kib: LEAST_KIB, limit_kib });
    assert_eq!(rings.len(), count, "in {limit_kib} KiB");
    let mut other = open(Choice::Auto).expect("another driver");
    assert_eq!((other.caps().level, &other.caps().lacks[..]), (Level::Epoll, &[lack][..]));
    drop(rings);
    let end = now() + Duration::from_secs(30);
    while open(Choice::Uring).is_err() {
        let soon = Wait::Until(now() + Duration::from_millis(20));
        assert!(other.enter(soon, &mut Vec::new()).expect("it waits").now < end, "given back");
    }
}
