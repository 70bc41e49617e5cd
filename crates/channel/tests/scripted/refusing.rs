//! Refusing: the kernel has no descriptor, no memory, or lost a connection; a listener never falls silent for that.

use std::time::Duration;

use levada_channel::local;
use levada_sim::{Mischief, Step, Trick};

use crate::seeds::hidden;
use crate::stage::Scene;

#[test]
fn a_listener_goes_on_whatever_its_accepts_end_with() {
    let refusals = [Trick::NoDescriptor, Trick::NoMemory, Trick::Aborted, Trick::Ending];
    let bearable = refusals.into_iter().fold(Mischief::none(), Mischief::with);
    for bearable in [bearable, hidden()] {
        Scene { bearable, ..Scene::default() }.play(|stage, dice| {
            let with_peers = dice.one_in(2);
            let port = stage.listen(with_peers);
            let count = dice.between(1, 20);
            for _ in 0..count {
                stage.peer(
                    &port,
                    vec![Step::Wait(Duration::from_micros(dice.below(2000))), Step::ReadToEnd],
                );
            }
            stage.run(async {
                for _ in 0..count {
                    let (stream, peer) = port.listener.accept().await.expect("a connection");
                    assert_eq!(peer.is_some(), with_peers);
                    assert!(peer.is_none_or(|peer| peer.ip().is_loopback()));
                    drop(stream.send(stage.data(b"welcome")).expect("room"));
                    local::spawn(async move { stream.close().await });
                }
            });
        });
    }
}

#[test]
fn connections_that_nobody_took_are_closed_with_their_listener() {
    Scene::default().play(|stage, dice| {
        let port = stage.listen(dice.one_in(2));
        let count = dice.between(1, 5);
        for _ in 0..count {
            stage.peer(&port, vec![Step::ReadToEnd]);
        }
        stage.until(|| stage.channel.gauges().streams_open == count);
        drop(port);
    });
}
