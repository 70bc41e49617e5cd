//! Dropping: a future that goes away after any poll takes nothing with it, and leaves what it waited for to the next.

use levada_channel::Wait;
use levada_sim::Step;

use crate::stage::{Scene, receive, send_all};

#[test]
fn what_a_dropped_receive_waited_for_comes_to_the_next() {
    Scene::default().play(|stage, dice| {
        let port = stage.listen(dice.one_in(2));
        let count = dice.length(1, 20_000);
        let bytes = dice.bytes(count);
        stage.peer(&port, vec![Step::Write(bytes.clone()), Step::ShutdownWrite, Step::ReadToEnd]);
        stage.poll_and_drop(async { drop(port.listener.accept().await) }, 0);
        let stream = stage.accept(&port);
        let mut come = Vec::new();
        loop {
            for _ in 0..dice.below(3) {
                // Only what is not there yet is waited for; the other would be taken, and dropped.
                stage.poll_taking(stream.recv(), 1, |block| {
                    if let Ok(Some(block)) = block {
                        come.extend_from_slice(&block);
                    }
                });
                stage.pass_some(dice);
            }
            match stage.run(stream.recv()).expect("no reset") {
                Some(block) => come.extend_from_slice(&block),
                None => break,
            }
        }
        assert!(come == bytes, "{} of {count} bytes", come.len());
        stage.run(stream.close());
    });
}

#[test]
fn what_a_dropped_send_was_to_send_is_sent() {
    Scene::default().play(|stage, dice| {
        let port = stage.listen(false);
        stage.peer(&port, vec![Step::ReadToEnd]);
        let stream = stage.accept(&port);
        for _ in 0..dice.between(1, 6) {
            let count = dice.length(1, 20_000);
            let sending = stream.send(stage.data(&dice.bytes(count))).expect("room");
            let polls = dice.below(3);
            stage.poll_and_drop(sending, polls);
            if dice.one_in(2) {
                stage.pass_some(dice);
            }
        }
        drop(stream);
    });
}

#[test]
fn closing_and_aborting_race_with_what_comes_and_leave_nothing() {
    Scene { is_lossy: true, ..Scene::default() }.play(|stage, dice| {
        let port = stage.listen(dice.one_in(2));
        for _ in 0..dice.between(1, 5) {
            // The peer goes on sending: what has come when the connection is closed, only the day knows.
            let count = dice.length(1, 100_000);
            let script = vec![Step::Write(dice.bytes(count)), Step::WaitForReset];
            stage.peer(&port, script);
            let stream = stage.accept(&port);
            for _ in 0..dice.below(4) {
                stage.poll_and_drop(stream.recv(), 1);
                stage.channel.pass(Wait::No).expect("the driver works");
            }
            if dice.one_in(2) {
                drop(stream.send(stage.data(&dice.bytes(1000))));
            }
            stage.pass_some(dice);
            stream.abort();
        }
    });
}

#[test]
fn a_channel_that_ends_answers_what_is_queued_and_resets_nobody_who_reads() {
    Scene::default().play(|stage, dice| {
        let port = stage.listen(dice.one_in(2));
        let count = dice.between(1, 4);
        let mut streams = Vec::new();
        for _ in 0..count {
            let (asked, answered) = (dice.length(1, 500), dice.length(1, 30_000));
            let (asked, answered) = (dice.bytes(asked), dice.bytes(answered));
            let script = vec![Step::Write(asked.clone()), Step::ShutdownWrite, Step::ReadToEnd];
            stage.peer(&port, script);
            streams.push((stage.accept(&port), asked, answered));
        }
        for (stream, asked, answered) in &streams {
            stage.run(async {
                assert!(receive(stream).await.expect("no reset") == *asked);
                send_all(stage, stream, answered).await.expect("it is read");
            });
        }
        stage.channel.wind_down();
        stage.pass_some(dice);
    });
}
