//! What goes: order, one operation a pass, a full queue, a peer that takes nothing.

use std::io::Read;
use std::time::Duration;

use levada_channel::{ChannelConfig, Error, now};

use crate::stage::{Stage, pattern};

#[test]
fn all_that_is_queued_in_a_pass_leaves_in_one_operation_and_in_order() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let (stream, mut peer) = stage.pair();
        let before = stage.channel.gauges().driver.operations;
        for index in 0..20_u8 {
            drop(stream.send(stage.data(&[index; 3])).unwrap());
        }
        stage.until(|| stage.channel.gauges().driver.operations > before);
        let mut room = [0; 60];
        peer.read_exact(&mut room).unwrap();
        assert!(room.iter().enumerate().all(|(index, byte)| usize::from(*byte) == index / 3));
        assert_eq!(stage.channel.gauges().driver.operations, before + 1);
    });
}

#[test]
fn a_peer_that_never_reads_is_reset_after_the_stall_and_its_memory_comes_back() {
    let config =
        ChannelConfig { write_stall: Duration::from_millis(200), ..ChannelConfig::default() };
    Stage::on_each(&config, |stage| {
        let (stream, mut peer) = stage.pair();
        let (brisk, mut brisk_peer) = stage.pair();
        drop(stream.send(stage.data(&vec![1; 16 << 20])).unwrap());
        let before = now();
        let error = stage.run(async { stream.recv().await.unwrap_err() });
        let waited = now() - before;
        assert_eq!(error, Error::Stalled);
        assert!(
            waited >= Duration::from_millis(200) && waited < Duration::from_secs(5),
            "{waited:?}"
        );
        stage.until(|| stage.channel.gauges().streams_open == 1);
        assert!(stage.account.charged_bytes() < 4 << 20, "the queue was given back");
        assert_eq!(stage.channel.gauges().stalls_aborted, 1);
        let mut all = Vec::new();
        assert!(peer.read_to_end(&mut all).is_err());
        stage.run(async { brisk.send(stage.data(b"served")).unwrap().await.unwrap() });
        brisk_peer.read_exact(&mut [0; 6]).unwrap();
    });
}

#[test]
fn a_full_queue_gives_the_data_back_and_says_when_there_is_room() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let (stream, mut peer) = stage.pair();
        drop(stream.send(stage.data(&pattern(12 << 20))).unwrap());
        let refused = stream.send(stage.data(b"tail")).unwrap_err();
        assert_eq!((refused.error, refused.value.to_vec()), (Error::Full, b"tail".to_vec()));
        let reader = std::thread::spawn(move || {
            let mut all = Vec::new();
            peer.read_to_end(&mut all).map(|_| all)
        });
        stage.run(async {
            stream.room().await.unwrap();
            stream.send(refused.value).unwrap().await.unwrap();
            stream.close().await;
        });
        let all = reader.join().unwrap().unwrap();
        assert!(all[..12 << 20] == pattern(12 << 20) && all[12 << 20..] == *b"tail");
    });
}
