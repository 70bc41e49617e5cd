//! Pressing: more comes than is taken, or is sent than is read; blocks, places and room run out, and nothing is lost.

use std::time::Duration;

use levada_channel::{ChannelConfig, Error, Wait};
use levada_sim::Step;

use crate::stage::{Scene, Task, all, receive};

#[test]
fn an_upload_to_a_slow_taker_arrives_whole() {
    Scene::default().play(|stage, dice| {
        let port = stage.listen(false);
        // More than the credit of a connection, and than its long blocks, most times.
        let count = dice.length(1, 20_000) + dice.index(300_000);
        let bytes = dice.bytes(count);
        stage.peer(&port, vec![Step::Write(bytes.clone()), Step::Close]);
        let stream = stage.accept(&port);
        let mut come = Vec::new();
        while let Some(block) = stage.run(stream.recv()).expect("no reset") {
            come.extend_from_slice(&block);
            if dice.one_in(8) {
                let held = block;
                stage.pass_some(dice);
                drop(held);
            }
        }
        assert!(come == bytes, "{} of {count} bytes", come.len());
    });
}

#[test]
fn a_group_of_few_blocks_serves_several_uploads() {
    for receive_blocks in [1, 3] {
        let channel = ChannelConfig { receive_blocks, ..ChannelConfig::default() };
        Scene { channel, ..Scene::default() }.play(|stage, dice| {
            let port = stage.listen(dice.one_in(2));
            let mut streams = Vec::new();
            for _ in 0..dice.between(1, 4) {
                let count = dice.length(1, 30_000);
                let bytes = dice.bytes(count);
                stage.peer(&port, vec![Step::Write(bytes.clone()), Step::Close]);
                streams.push((stage.accept(&port), bytes));
            }
            stage.run(all(streams
                .iter()
                .map(|(stream, bytes)| -> Task<'_> {
                    Box::pin(async move {
                        assert!(receive(stream).await.expect("no reset") == *bytes);
                    })
                })
                .collect()));
        });
    }
}

#[test]
fn a_table_of_few_places_answers_each_of_many_clients() {
    let channel = ChannelConfig { sockets_max: 4, ..ChannelConfig::default() };
    Scene { channel, direct_places: 4, ..Scene::default() }.play(|stage, dice| {
        let port = stage.listen(dice.one_in(2));
        let count = dice.between(5, 24);
        for _ in 0..count {
            stage.peer(&port, vec![Step::ReadToEnd]);
        }
        let slow = dice.one_in(2);
        stage.run(async {
            for _ in 0..count {
                let (stream, _) = port.listener.accept().await.expect("a connection");
                drop(stream.send(stage.data(b"each is answered")).expect("room"));
                if slow {
                    stream.close().await;
                }
            }
        });
    });
}

#[test]
fn a_peer_that_reads_nothing_is_reset_and_the_others_are_served() {
    let channel =
        ChannelConfig { write_stall: Duration::from_millis(200), ..ChannelConfig::default() };
    Scene { channel, is_lossy: true, ..Scene::default() }.play(|stage, dice| {
        let port = stage.listen(false);
        let bytes = dice.bytes(256 << 10);
        stage.peer(&port, vec![Step::WaitForReset]);
        let stalled = stage.accept(&port);
        let served = dice.length(1, 100_000);
        stage.peer(&port, vec![Step::Read(served), Step::ReadToEnd]);
        let other = stage.accept(&port);
        drop(other.send(stage.data(&dice.bytes(served))).expect("room"));
        drop(other);
        let stalls = stage.channel.gauges().stalls_aborted;
        let error = stage.run(async {
            loop {
                if let Err(refused) = stalled.send(stage.data(&bytes)) {
                    break refused.error;
                }
                if let Err(error) = stalled.room().await {
                    break error;
                }
            }
        });
        assert_eq!(error, Error::Stalled);
        drop(stalled);
        stage.channel.pass(Wait::No).expect("the driver works");
        stage.channel.gauges().stalls_aborted - stalls
    });
}
