//! Exchanging: datagrams keep their bytes and their senders, one by one, cut to the room that there is.

use levada_channel::UdpSocket;
use levada_sim::Volley;

use crate::stage::{Scene, Task, all};

#[test]
fn datagrams_are_answered_to_who_sent_them() {
    Scene::default().play(|stage, dice| {
        let bytes_max = dice.length(1, 3000);
        let bound = UdpSocket::bind(&stage.channel, ([127, 0, 0, 1], 0).into(), bytes_max);
        let socket = bound.expect("a port");
        let mut expected_count = 0;
        let mut lengths = Vec::new();
        for _ in 0..dice.between(1, 4) {
            let mut script = Vec::new();
            for _ in 0..dice.between(1, 15) {
                let bytes = dice.length(0, 3000);
                script.extend([Volley::Send(dice.bytes(bytes)), Volley::Receive]);
                expected_count += 1;
            }
            stage.exchange(socket.address(), script);
        }
        stage.run(async {
            for _ in 0..expected_count {
                let datagram = socket.recv_from().await.expect("one that somebody sent");
                let from = datagram.from.expect("it has a sender");
                lengths.push((datagram.bytes.len(), datagram.is_cut));
                let answer = datagram.bytes;
                socket.send_to(answer, from).expect("room").await.expect("it goes");
            }
        });
        drop(socket);
        lengths.sort_unstable();
        lengths
    });
}

#[test]
fn several_datagrams_at_once_all_go() {
    Scene::default().play(|stage, dice| {
        let bound = UdpSocket::bind(&stage.channel, ([127, 0, 0, 1], 0).into(), 3000);
        let socket = bound.expect("a port");
        let count = dice.between(2, 8);
        let mut script = vec![Volley::Send(b"begin".to_vec())];
        script.resize(usize::try_from(count).expect("few") + 1, Volley::Receive);
        stage.exchange(socket.address(), script);
        let first = stage.run(socket.recv_from()).expect("one that somebody sent");
        let from = first.from.expect("it has a sender");
        let sending = (0..count).map(|_| -> Task<'_> {
            let bytes = dice.length(1, 3000);
            let sending = socket.send_to(stage.data(&dice.bytes(bytes)), from).expect("room");
            Box::pin(async move { sending.await.expect("it goes") })
        });
        stage.run(all(sending.collect()));
    });
}
