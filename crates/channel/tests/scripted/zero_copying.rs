//! Zero copying: sends whose bytes stay the network's until its notice, which comes late, or not before the connection ends.

use levada_channel::Error;
use levada_sim::Step;

use crate::stage::Scene;

#[test]
fn bytes_that_go_by_reference_arrive_as_they_were() {
    Scene::default().play(|stage, dice| {
        let port = stage.listen(false);
        for _ in 0..dice.between(1, 3) {
            stage.peer(&port, vec![Step::ReadToEnd]);
            let stream = stage.accept(&port);
            stream.allow_zero_copy(true);
            for _ in 0..dice.between(1, 5) {
                let bytes = dice.length(1, 100_000);
                let mut data = stage.data(&dice.bytes(bytes));
                loop {
                    match stream.send(data) {
                        Ok(_) => break,
                        Err(refused) => data = refused.value,
                    }
                    stage.run(stream.room()).expect("it is read");
                }
                if dice.one_in(3) {
                    stage.pass_some(dice);
                }
            }
            if dice.one_in(2) { stage.run(stream.close()) } else { drop(stream) }
        }
    });
}

#[test]
fn an_abort_ends_also_what_the_network_holds() {
    Scene { is_lossy: true, ..Scene::default() }.play(|stage, dice| {
        let port = stage.listen(false);
        for _ in 0..dice.between(1, 3) {
            let count = dice.length(20_000, 300_000);
            let bytes = dice.bytes(count);
            stage.peer_of_bytes(&port, vec![Step::WaitForReset], &bytes);
            let stream = stage.accept(&port);
            stream.allow_zero_copy(true);
            drop(stream.send(stage.data(&bytes)).expect("room"));
            stage.pass_some(dice);
            stream.abort();
        }
    });
}

#[test]
fn a_peer_that_resets_ends_what_goes_by_reference() {
    Scene { is_lossy: true, ..Scene::default() }.play(|stage, dice| {
        let port = stage.listen(false);
        for _ in 0..dice.between(1, 3) {
            let count = dice.length(20_000, 300_000);
            let bytes = dice.bytes(count);
            let read = dice.length(0, count);
            stage.peer_of_bytes(&port, vec![Step::Read(read), Step::Reset], &bytes);
            let stream = stage.accept(&port);
            stream.allow_zero_copy(true);
            let sending = stream.send(stage.data(&bytes)).expect("room");
            // All of it, or some: the peer may go when the kernel has taken the rest.
            let taken_or_reset = stage.run(sending);
            assert!(matches!(taken_or_reset, Ok(()) | Err(Error::Reset)), "{taken_or_reset:?}");
            drop(stream);
        }
    });
}
