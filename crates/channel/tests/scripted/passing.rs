//! Passing: connections within this machine, and descriptors that travel on them.

use std::os::fd::OwnedFd;

use levada_sim::{Dice, Step};
use rustix::fs::{MemfdFlags, memfd_create};

use crate::stage::Scene;

fn some_descriptors(dice: &mut Dice) -> Vec<OwnedFd> {
    let made = |_| memfd_create("passed", MemfdFlags::CLOEXEC).expect("a descriptor");
    (0..dice.between(1, 16)).map(made).collect()
}

#[test]
fn descriptors_arrive_with_the_bytes_that_they_were_sent_with() {
    Scene::default().play(|stage, dice| {
        let (listener, name) = stage.listen_here();
        let mut script = Vec::new();
        let (mut expected, mut passed) = (Vec::new(), 0);
        for _ in 0..dice.between(1, 5) {
            let count = dice.length(1, 3000);
            let bytes = dice.bytes(count);
            expected.extend(&bytes);
            if dice.one_in(2) {
                let count = dice.length(1, 16);
                passed += count;
                script.push(Step::Pass(bytes, count));
            } else {
                script.push(Step::Write(bytes));
            }
        }
        script.extend([Step::ShutdownWrite, Step::ReadToEnd]);
        stage.peer_here(&name, script);
        let (stream, _) = stage.run(listener.accept()).expect("a connection");
        // Those that nobody takes are closed: the stage looks whether any is left.
        let takes = dice.one_in(2);
        let (mut come, mut taken) = (Vec::new(), 0);
        while let Some(block) = stage.run(stream.recv()).expect("no reset") {
            come.extend_from_slice(&block);
            loop {
                let mut some = 0;
                if takes {
                    stage.poll_taking(stream.recv_descriptors(), 1, |descriptors| {
                        some = descriptors.expect("no reset").len();
                    });
                }
                taken += some;
                if some == 0 {
                    break;
                }
            }
        }
        assert!(come == expected);
        assert!(!takes || taken == passed, "{taken} of {passed}");
        for _ in 0..dice.between(0, 4) {
            let count = dice.length(1, 3000);
            let (data, descriptors) = (stage.data(&dice.bytes(count)), some_descriptors(dice));
            drop(stream.send_descriptors(data, descriptors).expect("room"));
        }
        stage.run(stream.close());
    });
}
