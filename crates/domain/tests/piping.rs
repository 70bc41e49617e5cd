//! Bytes of files and sockets go through streams as they are, with real sockets and both drivers.

use std::io::{Read, Write};
use std::net::TcpStream as Peer;
use std::time::Duration;

use levada_channel::{ChannelConfig, Choice, ListenPart, OpenHow, TcpListener};
use levada_domain::{Config, Domain, Folder, PipeError};
use levada_process::{Context, Failure, Mailbox, StreamError, Window};
use levada_shared::{Options, SharedHeap};

fn config(cores: usize) -> Config {
    let heap =
        SharedHeap::new(Options { bytes_max: 256 << 20, arenas: cores, ..Options::default() })
            .expect("addresses");
    let driver = match std::env::var("LEVADA_IO").as_deref() {
        Ok("epoll") => Choice::Epoll,
        Ok("uring") => Choice::Uring,
        _ => Choice::Auto,
    };
    let mut config = Config::new(heap);
    config.cores = vec![None; cores];
    config.channel = ChannelConfig { driver, ..ChannelConfig::default() };
    config
}

fn no_room<E>(_: E) -> Failure {
    Failure::new("no room for a process")
}

/// Bytes that are nowhere the same as 4 KiB before.
fn text(bytes: usize) -> Vec<u8> {
    (0..=250).cycle().take(bytes).collect()
}

#[test]
fn a_file_poured_into_a_stream_on_one_core_reaches_the_peer_of_another_without_a_copy() {
    const BYTES: usize = 3_000_001;
    let place = tempfile::tempdir().unwrap();
    std::fs::write(place.path().join("long"), text(BYTES)).unwrap();
    let folder = Folder::open(place.path()).unwrap();
    let config = config(2);
    let heap = config.heap.clone();
    let part = ListenPart::bind("127.0.0.1:0".parse().unwrap(), 1).unwrap().remove(0);
    let address = part.address();
    let domain = Domain::start(&config, move |cx, io| async move {
        let listener = TcpListener::open(&io.channel(), part, false)?;
        let (socket, _) = listener.accept().await?;
        let (mut writer, mut reader) = cx.stream(Window { bytes: 100_000, pieces: 4 });
        let there = io.clone();
        let read = move |cx: Context, _: Mailbox<()>| async move {
            let file = folder.open_file(b"long", OpenHow::default()).await?;
            let account = cx.account();
            assert_eq!(there.pour(&file, 1000..2000, &account, &mut writer).await?, 1000);
            let poured = there.pour(&file, 5000..u64::MAX, &account, &mut writer).await?;
            assert_eq!(poured, BYTES as u64 - 5000);
            writer.finish();
            Ok(())
        };
        cx.options().on(io.cores()[1]).spawn("reads", read).await.map_err(no_room)?;
        assert_eq!(io.send(&mut reader, &socket).await?, BYTES as u64 - 4000);
        socket.close().await;
        assert_eq!(cx.account().heap().gauges().copied.sum(), 0);
        Ok(())
    })
    .unwrap();
    let mut received = Vec::new();
    Peer::connect(address).unwrap().read_to_end(&mut received).unwrap();
    let all = text(BYTES);
    assert!(received == [&all[1000..2000], &all[5000..]].concat());
    assert_eq!(domain.wait(), Ok(()));
    let report = domain.stop(Duration::from_secs(5));
    assert!(report.is_clean && report.quarantined == 0, "{report:?}");
    heap.validate();
}

#[test]
fn what_a_peer_sends_comes_out_of_a_stream_in_lines() {
    let config = config(1);
    let heap = config.heap.clone();
    let part = ListenPart::bind("127.0.0.1:0".parse().unwrap(), 1).unwrap().remove(0);
    let address = part.address();
    let domain = Domain::start(&config, move |cx, io| async move {
        let listener = TcpListener::open(&io.channel(), part, false)?;
        let (socket, _) = listener.accept().await?;
        let (mut writer, mut reader) = cx.stream(Window { bytes: 64 << 10, pieces: 4 });
        let receiving = cx.task(async move {
            let received_bytes = io.receive(&socket, &mut writer).await?;
            writer.finish();
            Ok::<_, PipeError>(received_bytes)
        });
        let mut expected = 0..10_000_u32;
        while let Some(line) = reader.until(b'\n').await? {
            assert_eq!(line.to_vec(), format!("{}\n", expected.next().unwrap()).into_bytes());
        }
        assert!(expected.is_empty());
        assert_eq!(receiving.await?, 48_890);
        Ok(())
    })
    .unwrap();
    let mut peer = Peer::connect(address).unwrap();
    let lines: String = (0..10_000).map(|number| format!("{number}\n")).collect();
    for part in lines.as_bytes().chunks(777) {
        peer.write_all(part).unwrap();
    }
    drop(peer);
    assert_eq!(domain.wait(), Ok(()));
    let report = domain.stop(Duration::from_secs(5));
    assert!(report.is_clean && report.quarantined == 0, "{report:?}");
    heap.validate();
}

#[test]
fn a_stream_whose_writer_went_is_sent_as_far_as_it_was_written_and_ends_with_an_error() {
    let config = config(1);
    let part = ListenPart::bind("127.0.0.1:0".parse().unwrap(), 1).unwrap().remove(0);
    let address = part.address();
    let domain = Domain::start(&config, move |cx, io| async move {
        let listener = TcpListener::open(&io.channel(), part, false)?;
        let (socket, _) = listener.accept().await?;
        let (mut writer, mut reader) = cx.stream(Window::default());
        writer.write(cx.account().copy_from(b"as far as this")?).await?;
        drop(writer);
        let error = io.send(&mut reader, &socket).await.unwrap_err();
        assert!(matches!(error, PipeError::Unread(StreamError::Aborted(_))), "{error}");
        socket.close().await;
        Ok(())
    })
    .unwrap();
    let mut received = String::new();
    Peer::connect(address).unwrap().read_to_string(&mut received).unwrap();
    assert_eq!(received, "as far as this");
    assert_eq!(domain.wait(), Ok(()));
}
