//! Ending: half closed from either side, closed behind what is queued, aborted, reset at any byte.

use levada_channel::{Error, TcpStream};
use levada_sim::Step;

use crate::stage::{Scene, receive, send_all};

/// As the peer's end of an ending connection is told: which errors come first depends on the day.
fn is_broken(result: Result<Vec<u8>, Error>) -> bool {
    match result {
        Ok(_) => false,
        Err(Error::Reset) => true,
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn a_peer_that_has_sent_its_last_still_reads_all_that_is_sent() {
    Scene::default().play(|stage, dice| {
        let port = stage.listen(dice.one_in(2));
        let (asked, answered) = (dice.length(0, 20_000), dice.length(1, 50_000));
        let (asked, answered) = (dice.bytes(asked), dice.bytes(answered));
        let script = vec![Step::Write(asked.clone()), Step::ShutdownWrite, Step::ReadToEnd];
        stage.peer(&port, script);
        let stream = stage.accept(&port);
        stage.run(async {
            assert!(receive(&stream).await.expect("all of it") == asked);
            assert!(stream.recv().await.expect("still the end").is_none());
            send_all(stage, &stream, &answered).await.expect("it is read");
            stream.close().await;
        });
    });
}

#[test]
fn who_has_sent_its_last_still_reads_all_that_the_peer_sends() {
    Scene::default().play(|stage, dice| {
        let port = stage.listen(dice.one_in(2));
        let (said, answered) = (dice.length(0, 50_000), dice.length(1, 20_000));
        let (said, answered) = (dice.bytes(said), dice.bytes(answered));
        let script = vec![Step::ReadToEnd, Step::Write(answered.clone()), Step::Close];
        stage.peer(&port, script);
        let stream = stage.accept(&port);
        let waits = dice.one_in(2);
        stage.run(async {
            let sending = stream.send(stage.data(&said)).expect("room");
            if waits {
                sending.await.expect("it is read");
            }
            stream.shutdown();
            let refused = stream.send(stage.data(b"more")).expect_err("it has ended");
            assert_eq!(refused.error, Error::Closed);
            assert!(receive(&stream).await.expect("all of it") == answered);
            stream.close().await;
        });
    });
}

#[test]
fn closing_sends_what_is_queued_with_or_without_a_receive_armed() {
    Scene::default().play(|stage, dice| {
        let port = stage.listen(false);
        for _ in 0..dice.between(1, 3) {
            stage.peer(&port, vec![Step::ReadToEnd]);
            let stream = stage.accept(&port);
            for _ in 0..dice.between(1, 4) {
                let bytes = dice.length(1, 60_000);
                let sending = stream.send(stage.data(&dice.bytes(bytes))).expect("room");
                if dice.one_in(2) {
                    stage.run(sending).expect("it is read");
                }
            }
            if dice.one_in(2) {
                stage.poll_once(stream.recv());
            }
            match dice.below(4) {
                0 => drop(stream),
                1 => stage.run(stream.close()),
                2 => drop(stream.close()),
                _ => stage.run(stream.close_together()),
            }
        }
    });
}

#[test]
fn a_request_is_answered_and_closed_behind() {
    Scene::default().play(|stage, dice| {
        let port = stage.listen(dice.one_in(2));
        for _ in 0..dice.between(1, 5) {
            let bytes = dice.length(1, 3000);
            let (asked, answered) = (dice.bytes(bytes), dice.length(1, 80_000));
            let answered = dice.bytes(answered);
            stage.peer(&port, vec![Step::Write(asked.clone()), Step::ReadToEnd]);
            let stream = stage.accept(&port);
            let together = dice.one_in(2);
            stage.run(async {
                let mut come = Vec::new();
                while come.len() < asked.len() {
                    let block = stream.recv().await.expect("more").expect("not the end");
                    come.extend_from_slice(&block);
                }
                assert!(come == asked);
                drop(stream.send(stage.data(&answered)).expect("room"));
                if together { stream.close_together().await } else { stream.close().await }
            });
        }
    });
}

#[test]
fn aborting_resets_the_peer_which_has_read_a_beginning() {
    Scene { is_lossy: true, ..Scene::default() }.play(|stage, dice| {
        let port = stage.listen(false);
        for _ in 0..dice.between(1, 3) {
            let count = dice.length(1, 900_000);
            let bytes = dice.bytes(count);
            stage.peer_of_bytes(&port, vec![Step::WaitForReset], &bytes);
            let stream = stage.accept(&port);
            drop(stream.send(stage.data(&bytes)).expect("room"));
            if dice.one_in(2) {
                stage.poll_once(stream.recv());
            }
            stage.pass_some(dice);
            stream.abort();
            stage.pass_some(dice);
        }
    });
}

/// Echoes until the connection breaks, or the peer ends it.
async fn echo_until_broken(stream: TcpStream) -> Result<Vec<u8>, Error> {
    let mut all = Vec::new();
    while let Some(block) = stream.recv().await? {
        all.extend_from_slice(&block);
        drop(stream.send(block.freeze()).map_err(|refused| refused.error)?);
        stream.room().await?;
    }
    Ok(all)
}

#[test]
fn a_peer_that_resets_at_any_byte_ends_what_is_received_in_an_error() {
    Scene { is_lossy: true, ..Scene::default() }.play(|stage, dice| {
        let port = stage.listen(dice.one_in(2));
        for _ in 0..dice.between(1, 4) {
            let count = dice.length(0, 20_000);
            stage.peer(&port, vec![Step::Write(dice.bytes(count)), Step::Reset]);
            let stream = stage.accept(&port);
            assert!(is_broken(stage.run(receive(&stream))));
            assert!(is_broken(stage.run(receive(&stream))), "and goes on to do so");
        }
    });
}

#[test]
fn a_peer_that_resets_a_conversation_at_any_byte_ends_it() {
    Scene { is_lossy: true, ..Scene::default() }.play(|stage, dice| {
        let port = stage.listen(dice.one_in(2));
        for _ in 0..dice.between(1, 4) {
            let (count, read) = (dice.length(0, 20_000), dice.length(0, 20_000));
            let bytes = dice.bytes(count);
            let script = vec![Step::Write(bytes.clone()), Step::Read(read.min(count)), Step::Reset];
            stage.peer_of_bytes(&port, script, &bytes);
            let stream = stage.accept(&port);
            // A kernel tells a reset once. Where a send is told, the receive is only told the end.
            is_broken(stage.run(echo_until_broken(stream)));
        }
    });
}
