//! A script is a written case: what happens is what stands there, at the moments that stand there.
#![expect(unsafe_code, reason = "pushes operations on memory that is never freed")]

use std::net::TcpListener;
use std::os::fd::AsRawFd;
use std::time::Duration;

use levada_ring::{BlockId, Done, Driver, Errno, Generation, Group, Op, Target, Token, Wait, now};
use levada_sim::{Cue, Mischief, Sim, SimConfig, Step, Trick};

use crate::memory::{room, write_span};

/// What receives of a connection come to, whose peer writes ten bytes and ends.
fn received(cues: &[Cue]) -> Vec<Result<u32, Errno>> {
    let config = SimConfig { mischief: Mischief::none(), ..SimConfig::default() };
    let (mut sim, world) = Sim::scripted(cues, &config);
    let bound = TcpListener::bind("127.0.0.1:0").expect("a port");
    let script = [Step::Write(b"0123456789".to_vec()), Step::ShutdownWrite, Step::ReadToEnd];
    let _peer = world.connect(bound.as_raw_fd(), &script);
    sim.open_group(Group(0), 16).expect("a group");
    for index in 0..16 {
        let span = write_span(room(64));
        // SAFETY: the memory is never freed, and not looked at.
        unsafe { sim.provide(Group(0), BlockId(index), span) };
    }
    let until = now() + Duration::from_secs(3600);
    let (mut done, mut came) = (Vec::<Done>::new(), Vec::new());
    let accept = Op::Accept { listener: bound.as_raw_fd(), direct: true, peer: None };
    // SAFETY: it points to nothing.
    unsafe { sim.push(Token::new(1, Generation::FIRST, 0), &accept) };
    while done.is_empty() {
        sim.enter(Wait::Until(until), &mut done).expect("it goes on");
    }
    // All has arrived before anything is received.
    done.iter().for_each(|done| came.push(done.result.map(|_| 0)));
    sim.enter(Wait::Until(now() + Duration::from_secs(900)), &mut Vec::new()).expect("it goes on");
    let Ok(place) = done[0].result else { return came };
    came.clear();
    let socket = Target::Direct(place);
    while came.last() != Some(&Ok(0)) {
        let recv = Op::Recv { socket, group: Group(0), once: true };
        // SAFETY: it points to nothing.
        unsafe { sim.push(Token::new(2, Generation::FIRST, 0), &recv) };
        done.clear();
        while done.is_empty() {
            sim.enter(Wait::Until(until), &mut done).expect("it goes on");
        }
        came.push(done[0].result);
    }
    came
}

#[test]
fn what_is_not_written_does_not_happen() {
    assert_eq!(received(&[]), [Ok(10), Ok(0)]);
}

#[test]
fn a_cue_happens_at_its_turn_as_far_as_it_says_and_no_further() {
    let short = |nth, amount| Cue { trick: Trick::ShortReceive, nth, amount: Some(amount) };
    assert_eq!(received(&[short(0, 3), short(2, 1)]), [Ok(3), Ok(7), Ok(0)]);
    assert_eq!(received(&[short(0, 3), short(1, 1)]), [Ok(3), Ok(1), Ok(6), Ok(0)]);
    let dry = received(&[Cue::at(Trick::Dry, 0)]);
    assert_eq!(dry, [Err(Errno::NOBUFS), Ok(10), Ok(0)]);
    assert_eq!(received(&[Cue::at(Trick::NoMemory, 0)]), [Err(Errno::NOMEM)]);
}
