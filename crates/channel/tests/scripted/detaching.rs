//! Detaching: a connection becomes a descriptor and comes back, at any byte, and none is lost or doubled.

use levada_channel::TcpStream;
use levada_sim::{Dice, Mischief, Step, Trick};

use crate::stage::{Scene, Stage, receive, send_all};

#[test]
fn a_connection_that_leaves_and_comes_back_keeps_its_bytes() {
    Scene::default().play(|stage, dice| {
        let port = stage.listen(dice.one_in(2));
        let (asked, answered) = (dice.length(1, 50_000), dice.length(1, 20_000));
        let (asked, answered) = (dice.bytes(asked), dice.bytes(answered));
        let script = vec![
            Step::Write(asked.clone()),
            Step::ShutdownWrite,
            Step::Read(answered.len()),
            Step::ReadToEnd,
        ];
        stage.peer(&port, script);
        let mut stream = stage.accept(&port);
        let mut come = Vec::new();
        for _ in 0..dice.between(1, 6) {
            if dice.one_in(2)
                && let Some(block) = stage.run(stream.recv()).expect("no reset")
            {
                come.extend_from_slice(&block);
            }
            if dice.one_in(3) {
                stage.poll_taking(stream.recv(), 1, |block| {
                    if let Some(block) = block.expect("no reset") {
                        come.extend_from_slice(&block);
                    }
                });
            }
            stage.pass_some(dice);
            stream = match stage.run(stream.into_fd()) {
                Ok(detached) => {
                    TcpStream::adopt(&stage.channel, detached).expect("it is connected")
                }
                // There was no descriptor for it: it stays.
                Err(refused) => refused.value.expect("it is still connected"),
            };
        }
        stage.run(async {
            come.extend(receive(&stream).await.expect("no reset"));
            send_all(stage, &stream, &answered).await.expect("it is read");
            stream.close().await;
        });
        assert!(come == asked, "{} of {} bytes", come.len(), asked.len());
    });
}

#[test]
fn who_does_not_wait_for_a_connection_to_leave_closes_it() {
    Scene::default().play(|stage, dice| give_up_leaving(stage, dice, 1));
}

#[test]
fn who_gives_up_waiting_for_a_connection_to_leave_closes_it() {
    // What is late decides at which step it is given up.
    let bearable = Mischief::only(Trick::Late);
    Scene { bearable, ..Scene::default() }.play(|stage, dice| give_up_leaving(stage, dice, 8));
}

fn give_up_leaving(stage: &Stage, dice: &mut Dice, polls_max: u64) {
    let port = stage.listen(false);
    for _ in 0..dice.between(1, 4) {
        stage.peer(&port, vec![Step::ReadToEnd]);
        let stream = stage.accept(&port);
        let count = dice.length(1, 10_000);
        drop(stream.send(stage.data(&dice.bytes(count))).expect("room"));
        let polls = dice.between(0, polls_max);
        stage.poll_and_drop(stream.into_fd(), polls);
        stage.pass_some(dice);
    }
}
