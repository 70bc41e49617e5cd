//! What a program must not do ends its run, and says what and when.
#![expect(unsafe_code, reason = "breaks the rules that the kernel must notice")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use levada_ring::{
    BlockId, Driver, Generation, Group, Op, ReadSpan, Target, Token, Vectored, Wait, now,
};
use levada_sim::{Dice, Mischief, Sim, SimConfig, Step, Trick, World};

use crate::memory::{room, write_span};

fn token(index: u32) -> Token {
    Token::new(1, Generation::FIRST, index)
}

/// What a run says that ends in a failure.
fn fault(wrong: impl FnOnce(&mut Sim, &World)) -> String {
    let config = SimConfig { mischief: Mischief::only(Trick::Scribble), ..SimConfig::default() };
    let (mut sim, world) = Sim::seeded(4711, &config);
    let came = catch_unwind(AssertUnwindSafe(|| wrong(&mut sim, &world)));
    let fault = came.expect_err("it is noticed");
    let fault = fault.downcast_ref::<String>().expect("a message").clone();
    assert!(fault.contains("sim seed 4711"), "{fault}");
    fault
}

fn enter(sim: &mut Sim) -> Vec<levada_ring::Done> {
    let mut done = Vec::new();
    while done.is_empty() {
        let until = now() + Duration::from_secs(1000);
        sim.enter(Wait::Until(until), &mut done).expect("it goes on");
    }
    done
}

/// A connection in the table, of a peer that writes a word.
fn connected(sim: &mut Sim, world: &World) -> (Target, std::net::TcpListener) {
    let bound = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let listener = std::os::fd::AsRawFd::as_raw_fd(&bound);
    let script = [Step::Write(b"word".to_vec()), Step::ReadToEnd];
    let _peer = world.connect(listener, &script);
    let accept = Op::Accept { listener, direct: true, peer: None };
    // SAFETY: it points to nothing.
    unsafe { sim.push(token(0), &accept) };
    let place = enter(sim)[0].result.expect("a connection");
    (Target::Direct(place), bound)
}

#[test]
fn a_span_that_changes_while_it_is_lent_is_noticed() {
    let fault = fault(|sim, world| {
        let (socket, _bound) = connected(sim, world);
        let bytes = room(100);
        let span = ReadSpan { start: bytes.as_ptr(), bytes: 100 };
        // SAFETY: the memory is never freed; that it changes is the fault.
        unsafe { sim.push(token(1), &Op::Send { socket, span }) };
        let inside = span.start.cast_mut().wrapping_add(50);
        // SAFETY: it is leaked memory of this test.
        unsafe { inside.write(9) };
        enter(sim);
    });
    assert!(fault.contains("changed while it was lent for reading"), "{fault}");
}

#[test]
fn a_block_that_is_written_while_it_is_lent_is_noticed() {
    let fault = fault(|sim, world| {
        sim.open_group(Group(0), 1).expect("a group");
        let span = write_span(room(100));
        // SAFETY: the memory is never freed; that it is written is the fault.
        unsafe { sim.provide(Group(0), BlockId(0), span) };
        // SAFETY: it is leaked memory of this test.
        unsafe { span.start.write(9) };
        let (socket, _bound) = connected(sim, world);
        // SAFETY: it points to nothing.
        unsafe { sim.push(token(1), &Op::Recv { socket, group: Group(0), once: true }) };
        enter(sim);
    });
    assert!(fault.contains("written while it was lent for writing"), "{fault}");
}

#[test]
fn a_span_that_overlaps_a_lent_one_is_noticed() {
    let fault = fault(|sim, _| {
        let span = write_span(room(100));
        let socket = Target::Direct(0);
        // SAFETY: the memory is never freed; that it is lent twice is the fault.
        unsafe { sim.push(token(1), &Op::RecvInto { socket, into: span }) };
        let span = ReadSpan { start: span.start.wrapping_add(10), bytes: 10 };
        // SAFETY: as above.
        unsafe { sim.push(token(2), &Op::Send { socket, span }) };
    });
    assert!(fault.contains("overlaps"), "{fault}");
}

#[test]
fn a_token_that_is_in_flight_is_not_to_be_used_again() {
    let fault = fault(|sim, _| {
        let close = Op::Close { target: Target::Direct(0) };
        // SAFETY: it points to nothing.
        unsafe { sim.push(token(1), &close) };
        // SAFETY: as above.
        unsafe { sim.push(token(1), &close) };
    });
    assert!(fault.contains("pushed again"), "{fault}");
}

#[test]
fn a_list_that_is_filled_again_while_it_is_lent_is_noticed() {
    let fault = fault(|sim, world| {
        let (socket, _bound) = connected(sim, world);
        let list = Box::leak(Box::<Vectored>::default());
        list.fill([ReadSpan::of(b"down"), ReadSpan::of(b"hill")].into_iter(), 99);
        let spans = &raw mut *list;
        // SAFETY: the list is never freed; that it changes is the fault.
        unsafe { sim.push(token(1), &Op::SendMany { socket, spans }) };
        // SAFETY: it is leaked memory of this test.
        unsafe { &mut *spans }.fill([ReadSpan::of(b"up")].into_iter(), 99);
        enter(sim);
    });
    assert!(fault.contains("changed while it was lent"), "{fault}");
}

#[test]
fn what_is_left_behind_is_told() {
    let fault = fault(|sim, world| {
        let (_socket, _bound) = connected(sim, world);
        world.validate_left();
    });
    assert!(fault.contains("1 operations, 1 sockets, 0 descriptors, 1 places"), "{fault}");
}

#[test]
fn a_core_that_nothing_will_ever_wake_is_told() {
    let fault = fault(|sim, _| {
        let mut done = Vec::new();
        sim.enter(Wait::ANY, &mut done).expect("it ends before");
    });
    assert!(fault.contains("nothing will ever happen"), "{fault}");
}

#[test]
fn a_broken_run_says_so_to_who_goes_on() {
    let (mut sim, _) = Sim::seeded(1, &SimConfig::default());
    let close = Op::Close { target: Target::Direct(0) };
    let twice = catch_unwind(AssertUnwindSafe(|| {
        for _ in 0..2 {
            // SAFETY: it points to nothing.
            unsafe { sim.push(token(1), &close) };
        }
    }));
    assert!(twice.is_err() && sim.enter(Wait::No, &mut Vec::new()).is_err());
    assert_eq!(Dice::of(1).below(1), 0);
}
