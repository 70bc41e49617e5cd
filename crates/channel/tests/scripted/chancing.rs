//! Chancing: a program that does anything at any time, over kernels that do the same; nothing is promised but a clean end.

use std::collections::VecDeque;
use std::time::Duration;

use levada_channel::{Deadline, File, OpenHow, TcpStream, Timer};
use levada_sim::{Answer, Dice, Mischief, Step, Trick};

use crate::stage::{Port, Scene, Stage};

/// A peer's script that ends whatever the program does.
fn script(dice: &mut Dice) -> Vec<Step> {
    let mut script = Vec::new();
    for _ in 0..dice.below(4) {
        let count = dice.length(1, 20_000);
        script.push(match dice.below(4) {
            0 => Step::Read(count),
            1 => Step::Wait(Duration::from_micros(dice.below(3000))),
            _ => Step::Write(dice.bytes(count)),
        });
    }
    match dice.below(4) {
        0 => script.push(Step::Reset),
        1 => script.extend([Step::ShutdownWrite, Step::ReadToEnd]),
        2 => script.push(Step::ReadToEnd),
        _ => script.push(Step::Close),
    }
    script
}

/// Does one thing with one of the connections.
fn use_stream(stage: &Stage, dice: &mut Dice, streams: &mut VecDeque<TcpStream>) {
    let Some(stream) = streams.pop_front() else { return };
    let polls = dice.below(3);
    match dice.below(13) {
        0..=2 => stage.poll_and_drop(stream.recv(), polls),
        3 | 4 => {
            stream.allow_zero_copy(dice.one_in(2));
            let count = dice.length(1, 60_000);
            if let Ok(sending) = stream.send(stage.data(&dice.bytes(count))) {
                stage.poll_and_drop(sending, polls);
            }
        }
        5 => {
            let buffer = stage.account.buf(dice.length(1, 10_000)).expect("no limit");
            stage.poll_and_drop(stream.recv_into(buffer, 1), polls);
        }
        6 => stage.poll_and_drop(stream.room(), polls),
        7 => stream.shutdown(),
        8 => {
            // Not given up half-way: `detaching` says why.
            if polls == 0 {
                return drop(stream.into_fd());
            }
            return streams.extend(match stage.run(stream.into_fd()) {
                Ok(detached) => TcpStream::adopt(&stage.channel, detached).ok(),
                Err(refused) => refused.value,
            });
        }
        9 => return stream.abort(),
        10 => return stage.poll_and_drop(stream.close(), polls),
        11 => return drop(stream.close_together()),
        _ => return drop(stream),
    }
    streams.push_back(stream);
}

fn play(stage: &Stage, dice: &mut Dice) {
    let mut ports: Vec<Port> = vec![stage.listen(false), stage.listen(true)];
    let mut streams = VecDeque::new();
    let root = stage.world.as_ref().map(|world| {
        world.put_file("page", &dice.bytes(5000), true);
        File::adopt(&stage.channel, world.root())
    });
    for _ in 0..dice.between(10, 80) {
        let polls = dice.below(3);
        match dice.below(10) {
            0 => {
                if let Some(port) = ports.get(dice.index(ports.len())) {
                    stage.peer(port, script(dice));
                }
            }
            1 | 2 => {
                if let Some(port) = ports.get(dice.index(ports.len())) {
                    stage.poll_taking(port.listener.accept(), polls, |accepted| {
                        streams.extend(accepted.ok().map(|(stream, _)| stream));
                    });
                }
            }
            3 => {
                let address = match dice.below(3) {
                    0 => stage.far(Answer::Refuses(levada_channel::Errno::CONNREFUSED)),
                    1 => stage.far(Answer::Silence),
                    _ => stage.far_or_never(script(dice)),
                };
                let by = stage.after(Duration::from_millis(dice.below(20)));
                let by = if dice.one_in(2) { by } else { Deadline::NEVER };
                let connecting = TcpStream::connect(&stage.channel, address, by);
                stage.poll_taking(connecting, polls, |connected| streams.extend(connected.ok()));
            }
            4 => {
                let at = stage.after(Duration::from_micros(dice.below(5000)));
                stage.poll_and_drop(Timer::at(&stage.channel, at).expect("room"), polls);
            }
            5 if dice.one_in(8) => drop(ports.pop()),
            5 => {
                if let Some(root) = &root {
                    let mut file = None;
                    stage.poll_taking(root.open(b"page", OpenHow::default()), 9, |opened| {
                        file = opened.ok();
                    });
                    if let Some(file) = &file {
                        let buffer = stage.account.buf(4000).expect("no limit");
                        stage.poll_and_drop(file.read_at(buffer, dice.below(5000)), polls);
                        if let Some(stream) = streams.front() {
                            drop(stream.send_file(file, 0..dice.below(9000)));
                        }
                    }
                }
            }
            6 => stage.pass_some(dice),
            _ => use_stream(stage, dice, &mut streams),
        }
    }
}

#[test]
fn whatever_a_program_does_and_a_kernel_too_nothing_is_left_behind() {
    let bearable = Mischief::all().without(Trick::NoGroup);
    Scene { bearable, is_compared: false, ..Scene::default() }.play(play);
}
