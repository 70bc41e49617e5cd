//! Connecting: to who accepts, who refuses, who says nothing; and giving up half-way.

use std::time::Duration;

use levada_channel::{Deadline, Errno, Error, TcpStream};
use levada_sim::{Answer, Step};

use crate::stage::{Scene, receive, send_all};

#[test]
fn a_program_talks_with_whom_it_connects_to() {
    Scene::default().play(|stage, dice| {
        for _ in 0..dice.between(1, 4) {
            let (asked, answered) = (dice.length(1, 20_000), dice.length(1, 20_000));
            let (asked, answered) = (dice.bytes(asked), dice.bytes(answered));
            let script = vec![Step::Read(asked.len()), Step::Write(answered.clone())];
            let address = stage.far(Answer::Accepts(script));
            stage.run(async {
                let stream = TcpStream::connect(&stage.channel, address, Deadline::NEVER).await;
                let stream = stream.expect("it accepts");
                send_all(stage, &stream, &asked).await.expect("it reads");
                assert!(receive(&stream).await.expect("no reset") == answered);
                stream.close().await;
            });
        }
    });
}

#[test]
fn who_refuses_and_who_says_nothing_are_told_apart() {
    Scene::default().play(|stage, dice| {
        let mut told = Vec::new();
        for _ in 0..dice.between(1, 3) {
            let answer = match dice.one_in(2) {
                true => Answer::Refuses(Errno::CONNREFUSED),
                false => Answer::Silence,
            };
            let address = stage.far(answer);
            stage.pass_some(dice);
            let by = stage.after(Duration::from_millis(100));
            let connected = stage.run(TcpStream::connect(&stage.channel, address, by));
            told.push(connected.map(drop).expect_err("nobody accepts"));
        }
        let refused = Error::NobodyListens;
        assert!(told.iter().all(|error| [refused, Error::TimedOut].contains(error)), "{told:?}");
        told
    });
}

#[test]
fn a_connection_that_is_given_up_leaves_nothing() {
    Scene { is_lossy: true, ..Scene::default() }.play(|stage, dice| {
        for _ in 0..dice.between(1, 4) {
            let address = match dice.below(3) {
                0 => stage.far(Answer::Refuses(Errno::CONNREFUSED)),
                1 => stage.far(Answer::Silence),
                // It is connected or not when it is given up; either way this one ends.
                _ => stage.far_or_never(vec![Step::ReadToEnd]),
            };
            let connecting = TcpStream::connect(&stage.channel, address, Deadline::NEVER);
            let polls = dice.below(3);
            stage.poll_and_drop(connecting, polls);
            stage.pass_some(dice);
        }
    });
}
