//! Long data that is kept goes by reference: the pages themselves, which stay as they were.

use std::io::Read;
use std::time::Duration;

use levada_channel::{ChannelConfig, Error, Wait, now};
use levada_shared::SharedData;

use crate::stage::{Stage, pattern};

/// Long data that is kept, as a cache has it.
fn kept(stage: &Stage, bytes: &[u8]) -> SharedData {
    let mut buffer = stage.account.kept_buf(bytes.len()).expect("room");
    buffer.write(bytes).expect("it has room");
    buffer.freeze()
}

fn lies_in_a_file(data: &SharedData) -> bool {
    data.parts().all(|part| part.file.is_some())
}

#[test]
fn long_data_that_is_kept_goes_by_reference_between_lines_that_are_copied() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let (stream, mut peer) = stage.pair();
        let body = kept(stage, &pattern(3 << 20));
        let mut expected = Vec::new();
        let ranges = [0..3 << 20, 5..100_000, 4096..70_000, 9..12, (3 << 20) - 33_000..3 << 20];
        let mut replies = Vec::new();
        for range in ranges {
            let mut reply = stage.data(b"lines ");
            reply.append(stage.data(b"tail ")).unwrap();
            reply.append(body.slice(range.clone()).unwrap()).unwrap();
            expected.extend(reply.to_vec());
            replies.push(reply);
        }
        let reader = std::thread::spawn(move || {
            let (mut all, mut some) = (Vec::new(), [0; 50_000]);
            loop {
                match peer.read(&mut some).unwrap() {
                    0 => return all,
                    count => all.extend_from_slice(&some[..count]),
                }
            }
        });
        stage.run(async {
            for reply in replies {
                stream.room().await.unwrap();
                drop(stream.send(reply).unwrap());
            }
            stream.close().await;
        });
        assert!(reader.join().unwrap() == expected);
        let by_reference = stage.channel.gauges().bytes_by_reference;
        assert_eq!(by_reference >= 3 << 20, lies_in_a_file(&body), "{by_reference} bytes");
    });
}

#[test]
fn what_a_socket_still_holds_by_reference_stays_when_its_block_has_a_new_owner() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let (stream, mut peer) = stage.pair();
        let old = pattern(256 << 10);
        let body = kept(stage, &old);
        let is_in_a_file = lies_in_a_file(&body);
        // All of it goes into the sockets' buffers: nobody reads yet.
        stage.run(async { stream.send(body).unwrap().await.unwrap() });
        assert_eq!(stage.channel.gauges().bytes_by_reference > 0, is_in_a_file);
        for _ in 0..4 {
            drop(kept(stage, &vec![0xAA; 256 << 10]));
        }
        let mut come = vec![0; old.len()];
        peer.read_exact(&mut come).unwrap();
        assert!(come == old, "the peer got another's bytes");
    });
}

#[test]
fn sends_by_reference_end_with_their_streams_and_stalled_ones_are_reset() {
    let config =
        ChannelConfig { write_stall: Duration::from_millis(300), ..ChannelConfig::default() };
    Stage::on_each(&config, |stage| {
        let body = kept(stage, &pattern(16 << 20));
        let (stalled, mut stalled_peer) = stage.pair();
        let (aborted, mut aborted_peer) = stage.pair();
        let (left, left_peer) = stage.pair();
        for stream in [&stalled, &aborted, &left] {
            drop(stream.send(body.clone()).unwrap());
        }
        let end = now() + Duration::from_millis(50);
        while stage.channel.pass(Wait::Until(end)).unwrap().now < end {}
        aborted_peer.read_exact(&mut [0; 1000]).unwrap();
        aborted.abort();
        drop(left_peer);
        let error = stage.run(async { stalled.recv().await.unwrap_err() });
        assert_eq!(error, Error::Stalled);
        stage.until(|| stage.channel.gauges().streams_open <= 1);
        drop(left);
        stage.until(|| stage.channel.gauges().streams_open == 0);
        assert_eq!(stage.channel.gauges().stalls_aborted, 1);
        let mut all = Vec::new();
        assert!(stalled_peer.read_to_end(&mut all).is_err() && all.len() < 16 << 20);
        assert!(aborted_peer.read_to_end(&mut all).is_err());
    });
}
