//! Connections within this machine, and the descriptors that travel on them.

use std::io::{Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream as Peer;
use std::time::Duration;

use levada_channel::{ChannelConfig, Deadline, Error, UnixListener, UnixName, UnixStream, now};

use crate::stage::{Stage, descriptors_open, pattern, receive};

#[test]
fn a_path_and_an_abstract_name_serve_alike_and_a_taken_one_is_refused() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let folder = tempfile::tempdir().unwrap();
        let path = UnixName::path(&folder.path().join("socket")).unwrap();
        let unique = format!("levada-test-{}-{}", std::process::id(), now().ns);
        let name = UnixName::abstract_name(unique.as_bytes()).unwrap();
        for name in [path, name] {
            let listener = UnixListener::bind(&stage.channel, &name).unwrap();
            let again = UnixListener::bind(&stage.channel, &name).unwrap_err();
            assert_eq!(again, Error::Kernel(levada_channel::Errno::ADDRINUSE));
            stage.run(async {
                let client = UnixStream::connect(&stage.channel, &name, Deadline::NEVER);
                let client = client.await.unwrap();
                let (server, _) = listener.accept().await.unwrap();
                let sending = client.send(stage.data(&pattern(200_000))).unwrap();
                drop(sending);
                client.shutdown();
                assert!(receive(&server).await.unwrap() == pattern(200_000));
                let credentials = server.peer_credentials().await.unwrap();
                assert_eq!(u32::try_from(credentials.process), Ok(std::process::id()));
                server.close().await;
                client.close().await;
            });
        }
    });
}

#[test]
fn nobody_listening_on_a_name_is_told_so() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let name = UnixName::abstract_name(b"levada-nobody-has-this").unwrap();
        let by = now() + Duration::from_secs(5);
        let refused = stage.run(UnixStream::connect(&stage.channel, &name, by)).unwrap_err();
        assert_eq!(refused, Error::NobodyListens);
    });
}

#[test]
fn descriptors_arrive_with_the_bytes_they_were_sent_with_and_those_not_taken_are_closed() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let before = descriptors_open();
        let (near, far) = Peer::pair().unwrap();
        let sender = UnixStream::adopt(&stage.channel, OwnedFd::from(near)).unwrap();
        let receiver = UnixStream::adopt(&stage.channel, OwnedFd::from(far)).unwrap();
        let pipe = || std::io::pipe().unwrap();
        stage.run(async {
            let (mut out, input) = pipe();
            let sent = vec![OwnedFd::from(input)];
            let numbers: Vec<i32> = sent.iter().map(AsRawFd::as_raw_fd).collect();
            drop(sender.send_descriptors(stage.data(b"take this"), sent).unwrap());
            let bytes = receiver.recv().await.unwrap().unwrap();
            assert_eq!(&bytes[..], b"take this");
            let taken = receiver.recv_descriptors().await.unwrap();
            assert_eq!(taken.len(), 1);
            assert_ne!(taken[0].as_raw_fd(), numbers[0]);
            let mut input = std::fs::File::from(taken.into_iter().next().unwrap());
            input.write_all(b"through a pipe that travelled").unwrap();
            drop(input);
            let mut text = String::new();
            out.read_to_string(&mut text).unwrap();
            assert_eq!(text, "through a pipe that travelled");
            // These are never taken.
            let many: Vec<OwnedFd> = (0..16).map(|_| OwnedFd::from(pipe().0)).collect();
            sender.send_descriptors(stage.data(b"x"), many).unwrap().await.unwrap();
            assert_eq!(receiver.recv().await.unwrap().unwrap().len(), 1);
            let too_many: Vec<OwnedFd> = (0..17).map(|_| OwnedFd::from(pipe().0)).collect();
            assert!(sender.send_descriptors(stage.data(b"x"), too_many).is_err());
            sender.send(stage.data(&pattern(50_000))).unwrap().await.unwrap();
            sender.close().await;
            assert!(receive(&receiver).await.unwrap() == pattern(50_000));
            assert!(receiver.recv_descriptors().await.unwrap().len() == 16);
            assert!(receiver.recv_descriptors().await.unwrap().is_empty());
            receiver.close().await;
        });
        stage.until(|| stage.channel.gauges().streams_open == 0 && descriptors_open() <= before);
    });
}
