//! One of those who want a missing key loads it; the others wait. Whatever becomes of the load, nobody waits for ever, and what
//! was charged for it is given back.

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Barrier;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use levada_cache::{
    Bytes, Cache, CacheOptions, Claim, How, LoadError, NotFilled, Pile, Refused, Table,
    TableOptions, Ticket, Waited, Waiting,
};

const CALLERS: u32 = 64;

fn table() -> (Cache, Table<str, Bytes>) {
    let pile = Pile::builder("loads").limit_bytes(8 << 20).build().expect("a pile");
    let cache = Cache::over(&pile, CacheOptions::limit(8 << 20)).expect("a cache");
    let table = cache.table("t", TableOptions::default()).expect("a table");
    (cache, table)
}

fn ticket(cache: &Cache, table: &Table<str, Bytes>, key: &str) -> Ticket<str, Bytes> {
    match table.claim(&cache.pin(), key, 100).expect("there is room") {
        Claim::Yours(ticket) => ticket,
        other => panic!("nobody else loads it: {other:?}"),
    }
}

fn waiting(cache: &Cache, table: &Table<str, Bytes>, key: &str) -> Waiting {
    match table.claim(&cache.pin(), key, 100).expect("there is room") {
        Claim::Theirs(waiting) => waiting,
        other => panic!("it is under way: {other:?}"),
    }
}

fn poll(waiting: &mut Waiting) -> Poll<Waited> {
    Pin::new(waiting).poll(&mut Context::from_waker(Waker::noop()))
}

fn nothing_is_charged_for_loads(cache: &Cache, table: &Table<str, Bytes>) {
    let gauges = table.gauges();
    assert_eq!((gauges.reserved_bytes, gauges.loads_pending), (0, 0));
    assert_eq!(cache.gauges().loading_bytes, 0);
    cache.validate();
}

/// What a call of the first, and of all further loads, is to do.
#[derive(Clone, Copy, Debug)]
enum First {
    Loads,
    Fails,
    Panics,
}

/// How many loads there were, and how many callers got the value, when all of them ask for one missing key at once.
fn all_ask(first: First) -> (u32, u32) {
    let (cache, table) = table();
    let (loads, values) = (AtomicU32::new(0), AtomicU32::new(0));
    let start = Barrier::new(CALLERS as usize);
    thread::scope(|scope| {
        for _ in 0..CALLERS {
            scope.spawn(|| {
                start.wait();
                let load = || match (loads.fetch_add(1, Ordering::SeqCst), first) {
                    (0, First::Fails) => Err("no"),
                    (0, First::Panics) => panic!("as it was to"),
                    (number, _) => Ok((format!("load {number}").into_bytes(), How::default())),
                };
                let asked = catch_unwind(AssertUnwindSafe(|| table.get_or_put("key", 100, load)));
                match asked {
                    Ok(Ok(loaded)) => {
                        let number = u32::from(!matches!(first, First::Loads));
                        assert_eq!(loaded.value, format!("load {number}").into_bytes());
                        values.fetch_add(1, Ordering::SeqCst);
                    }
                    Ok(Err(error)) => assert_eq!(error, LoadError::Load("no")),
                    Err(_) => assert!(matches!(first, First::Panics)),
                }
            });
        }
    });
    nothing_is_charged_for_loads(&cache, &table);
    assert_eq!(table.gauges().count, 1);
    (loads.into_inner(), values.into_inner())
}

#[test]
fn all_who_ask_for_a_missing_key_at_once_get_the_value_of_one_load() {
    assert_eq!(all_ask(First::Loads), (1, CALLERS));
}

#[test]
fn a_load_that_fails_is_its_callers_alone_and_exactly_one_other_loads() {
    assert_eq!(all_ask(First::Fails), (2, CALLERS - 1));
}

#[test]
fn a_load_that_panics_ends_with_its_caller_and_exactly_one_other_loads() {
    assert_eq!(all_ask(First::Panics), (2, CALLERS - 1));
}

#[test]
fn a_ticket_that_is_dropped_is_had_by_exactly_one_of_those_who_wait() {
    let (cache, table) = table();
    let first = ticket(&cache, &table, "key");
    let (loads, values) = (AtomicU32::new(0), AtomicU32::new(0));
    let waits = Barrier::new(CALLERS as usize + 1);
    thread::scope(|scope| {
        for _ in 0..CALLERS {
            scope.spawn(|| {
                let theirs = waiting(&cache, &table, "key");
                waits.wait();
                let mut ended = theirs.wait(Duration::from_secs(60));
                loop {
                    assert_ne!(ended, Waited::TimedOut);
                    match table.claim(&cache.pin(), "key", 100).unwrap() {
                        Claim::Hit(hit) => {
                            assert_eq!(hit.bytes(), b"value");
                            values.fetch_add(1, Ordering::SeqCst);
                            return;
                        }
                        Claim::Yours(ticket) => {
                            loads.fetch_add(1, Ordering::SeqCst);
                            ticket.fill(b"value", How::default()).unwrap();
                        }
                        Claim::Theirs(waiting) => ended = waiting.wait(Duration::from_secs(60)),
                    }
                }
            });
        }
        waits.wait();
        drop(first);
    });
    assert_eq!((loads.into_inner(), values.into_inner()), (1, CALLERS));
    assert_eq!(table.gauges().loads_given_up, 1);
    nothing_is_charged_for_loads(&cache, &table);
}

#[test]
fn a_load_is_charged_until_it_ends_in_whichever_way() {
    let (cache, table) = table();
    let room_bytes = table.charge_bytes("key", 100);
    for filled in [false, true] {
        let ticket = ticket(&cache, &table, "key");
        let gauges = table.gauges();
        assert_eq!((gauges.reserved_bytes, gauges.charged_bytes), (room_bytes, room_bytes));
        assert_eq!(cache.gauges().loading_bytes, room_bytes);
        assert!(!table.contains("key"), "until it is filled it is absent");
        if filled {
            ticket.fill(b"value", How::default()).unwrap();
        } else {
            drop(ticket);
        }
        nothing_is_charged_for_loads(&cache, &table);
        assert_eq!(table.contains("key"), filled);
    }
    assert_eq!(table.gauges().charged_bytes, table.charge_bytes("key", 5));
}

#[test]
fn a_loader_that_asks_for_its_own_key_is_told_so() {
    let (cache, table) = table();
    let outer = table.get_or_put("key", 10, || {
        let inner = table.get_or_put("key", 10, || -> Result<(Vec<u8>, How), ()> {
            panic!("it is not loaded twice")
        });
        assert_eq!(inner, Err(LoadError::Reentrant));
        let other = table.get_or_put("other", 10, || Ok::<_, ()>((vec![2], How::default())));
        assert!(other.is_ok_and(|other| other.is_loaded));
        Ok::<_, ()>((vec![1], How::default()))
    });
    assert_eq!(outer.map(|loaded| loaded.value), Ok(vec![1]));
    nothing_is_charged_for_loads(&cache, &table);
}

#[test]
fn who_waits_is_woken_by_the_value_or_gives_up_by_itself() {
    let (cache, table) = table();
    let loading = ticket(&cache, &table, "key");
    assert_eq!(waiting(&cache, &table, "key").wait(Duration::ZERO), Waited::TimedOut);
    let mut future = waiting(&cache, &table, "key");
    let forgotten = waiting(&cache, &table, "key");
    assert_eq!(poll(&mut future), Poll::Pending);
    drop(forgotten);
    let thread = waiting(&cache, &table, "key");
    thread::scope(|scope| {
        let waits = scope.spawn(|| thread.wait(Duration::from_secs(60)));
        loading.fill(b"value", How::default()).unwrap();
        assert_eq!(waits.join().unwrap(), Waited::Filled);
    });
    assert_eq!(poll(&mut future), Poll::Ready(Waited::Filled));
    table.remove("key");
    let loading = ticket(&cache, &table, "key");
    let mut future = waiting(&cache, &table, "key");
    drop(loading);
    assert_eq!(poll(&mut future), Poll::Ready(Waited::GivenUp));
    nothing_is_charged_for_loads(&cache, &table);
}

#[test]
fn a_put_that_comes_before_the_end_of_a_load_stays() {
    let (cache, table) = table();
    let loading = ticket(&cache, &table, "key");
    let mut future = waiting(&cache, &table, "key");
    table.put("key", b"newer", How::default()).unwrap();
    assert_eq!(poll(&mut future), Poll::Ready(Waited::Filled));
    assert_eq!(loading.fill(b"older", How::default()), Err(NotFilled::Overtaken));
    assert_eq!(table.get(&cache.pin(), "key").unwrap().bytes(), b"newer");
    assert_eq!(table.gauges().loads_overtaken, 1);
    nothing_is_charged_for_loads(&cache, &table);
}

#[test]
fn a_removal_that_comes_before_the_end_of_a_load_is_not_undone_by_it() {
    let (cache, table) = table();
    let loading = ticket(&cache, &table, "key");
    let mut future = waiting(&cache, &table, "key");
    assert!(!table.remove("key"));
    assert_eq!(poll(&mut future), Poll::Ready(Waited::GivenUp));
    let second = ticket(&cache, &table, "key");
    assert_eq!(loading.fill(b"older", How::default()), Err(NotFilled::Overtaken));
    assert!(!table.contains("key"));
    second.fill(b"newer", How::default()).unwrap();
    assert_eq!(table.get(&cache.pin(), "key").unwrap().bytes(), b"newer");
    nothing_is_charged_for_loads(&cache, &table);
}

#[test]
fn loads_under_way_take_no_more_than_their_part_of_the_limit() {
    let (cache, table) = table();
    let most_bytes = cache.limit_bytes() / 16;
    let mut tickets = Vec::new();
    let refused = loop {
        let key = format!("key {}", tickets.len());
        match table.claim(&cache.pin(), &key, 10_000) {
            Ok(Claim::Yours(ticket)) => tickets.push(ticket),
            Ok(other) => panic!("{other:?}"),
            Err(refused) => break refused,
        }
        assert!(cache.gauges().loading_bytes <= most_bytes);
    };
    assert_eq!(refused, Refused::Loads);
    assert!(cache.gauges().loading_bytes + 20_000 > most_bytes, "it was used up");
    tickets.pop();
    assert!(table.claim(&cache.pin(), "another", 10_000).is_ok());
    drop(tickets);
    nothing_is_charged_for_loads(&cache, &table);
}
