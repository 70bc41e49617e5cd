//! Filling: receives into the program's own memory, between receives into blocks, and given up half-way.

use levada_channel::Error;
use levada_sim::Step;

use crate::stage::Scene;

#[test]
fn what_is_received_into_buffers_and_into_blocks_is_one_stream_of_bytes() {
    Scene::default().play(|stage, dice| {
        let port = stage.listen(dice.one_in(2));
        let count = dice.length(1, 60_000);
        let bytes = dice.bytes(count);
        stage.peer(&port, vec![Step::Write(bytes.clone()), Step::ShutdownWrite, Step::ReadToEnd]);
        let stream = stage.accept(&port);
        let mut come = Vec::new();
        while come.len() < count {
            match dice.below(3) {
                0 => {
                    let block = stage.run(stream.recv()).expect("no reset").expect("not the end");
                    come.extend_from_slice(&block);
                }
                1 => {
                    let room = dice.length(1, 20_000).min(count - come.len());
                    let at_least = dice.length(1, room);
                    let buffer = stage.account.buf(room).expect("no limit");
                    let filled = match stage.run(stream.recv_into(buffer, at_least)) {
                        Ok(filled) => filled,
                        Err(refused) => {
                            // The one that was given up is still on its way back.
                            assert_eq!(refused.error, Error::Full);
                            stage.pass_some(dice);
                            continue;
                        }
                    };
                    assert!(filled.len() >= at_least.min(count - come.len()));
                    come.extend_from_slice(&filled);
                }
                _ => {
                    let buffer = stage.account.buf(dice.length(1, 20_000)).expect("no limit");
                    let polls = dice.below(3);
                    stage.poll_taking(stream.recv_into(buffer, 1), polls, |filled| match filled {
                        Ok(filled) => come.extend_from_slice(&filled),
                        Err(refused) => assert_eq!(refused.error, Error::Full),
                    });
                }
            }
        }
        assert!(come == bytes, "{} of {count} bytes", come.len());
        assert!(stage.run(stream.recv()).expect("no reset").is_none());
        stage.run(stream.close());
    });
}

#[test]
fn a_buffer_comes_back_also_where_the_peer_ends_before_it_is_full() {
    Scene { is_lossy: true, ..Scene::default() }.play(|stage, dice| {
        let port = stage.listen(dice.one_in(2));
        let mut came = Vec::new();
        for _ in 0..dice.between(1, 4) {
            let count = dice.length(0, 5000);
            let is_reset = dice.one_in(2);
            let end = if is_reset { Step::Reset } else { Step::Close };
            stage.peer(&port, vec![Step::Write(dice.bytes(count)), end]);
            let stream = stage.accept(&port);
            let buffer = stage.account.buf(count + 1000).expect("no limit");
            came.push(match stage.run(stream.recv_into(buffer, count + 1000)) {
                Ok(buffer) => Ok(buffer.len()),
                Err(refused) => {
                    assert!(refused.value.is_some_and(|buffer| buffer.len() <= count));
                    Err(refused.error)
                }
            });
        }
        came
    });
}

#[test]
fn closing_and_aborting_take_back_a_buffer_that_is_being_filled() {
    Scene { is_lossy: true, ..Scene::default() }.play(|stage, dice| {
        let port = stage.listen(false);
        for _ in 0..dice.between(1, 4) {
            let count = dice.length(0, 3000);
            let aborts = dice.one_in(2);
            let last = if aborts { Step::WaitForReset } else { Step::ReadToEnd };
            // Nothing that the program leaves unread where it closes: that would be a reset.
            let bytes = if aborts { dice.bytes(count) } else { Vec::new() };
            stage.peer(&port, vec![Step::Write(bytes), last]);
            let stream = stage.accept(&port);
            let buffer = stage.account.buf(10_000).expect("no limit");
            let polls = dice.below(3);
            stage.poll_and_drop(stream.recv_into(buffer, 10_000), polls);
            stage.pass_some(dice);
            match (aborts, dice.one_in(2)) {
                (true, _) => stream.abort(),
                (false, true) => drop(stream),
                (false, false) => stage.run(stream.close()),
            }
        }
    });
}
