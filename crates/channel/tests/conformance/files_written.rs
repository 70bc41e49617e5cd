//! Files that are written, synced, read past the page cache, and sent without passing through the program.

use std::io::{Read, Seek, SeekFrom, Write};
use std::os::fd::OwnedFd;

use levada_channel::{Access, ChannelConfig, Creation, Error, Event, Events, File, OpenHow, Wait};

use crate::stage::{Stage, pattern};

const NEW: OpenHow = OpenHow {
    access: Access::ReadWrite,
    creation: Creation::Always,
    beneath: true,
    directory: false,
    direct: false,
};

fn folder(stage: &Stage) -> (tempfile::TempDir, File) {
    let folder = tempfile::tempdir().expect("it works here");
    let root = OwnedFd::from(std::fs::File::open(folder.path()).expect("it works here"));
    let root = File::adopt(&stage.channel, root);
    (folder, root)
}

#[test]
fn what_is_written_is_read_again_and_synced() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let (folder, root) = folder(stage);
        stage.run(async {
            let file = root.open(b"new", NEW).await.unwrap();
            assert!(root.open(b"new", NEW).await.is_err()); // it is there now
            // Of many pieces, more than one operation carries.
            let mut data = stage.data(&pattern(1000));
            for part in 1..200 {
                data.append(stage.data(&pattern(200_000)[part * 1000..(part + 1) * 1000])).unwrap();
            }
            file.write_at(data, 5).await.unwrap();
            file.sync(true).await.unwrap();
            file.sync(false).await.unwrap();
            let buffer = stage.account.buf(300_000).unwrap();
            let filled = file.read_at(buffer, 5).await.unwrap();
            assert!(filled.buffer[..] == pattern(200_000)[..] && filled.ended);
        });
        let on_disk = std::fs::read(folder.path().join("new")).unwrap();
        assert!(on_disk[5..] == pattern(200_000)[..]);
    });
}

#[test]
fn a_write_that_is_dropped_is_written_all_the_same() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let (folder, root) = folder(stage);
        let file = stage.run(root.open(b"new", NEW)).unwrap();
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        let mut writing = Box::pin(file.write_at(stage.data(&pattern(100_000)), 0));
        assert!(writing.as_mut().poll(&mut cx).is_pending());
        stage.channel.flush().unwrap(); // it is under way
        drop(writing);
        stage.until(|| stage.channel.gauges().files_in_flight == 0);
        assert!(std::fs::read(folder.path().join("new")).unwrap() == pattern(100_000));
    });
}

#[test]
fn a_file_that_only_reads_gives_the_data_back() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let (folder, root) = folder(stage);
        std::fs::write(folder.path().join("page"), b"page").unwrap();
        let file = stage.run(root.open(b"page", OpenHow::default())).unwrap();
        let refused = stage.run(file.write_at(stage.data(b"more"), 0)).unwrap_err();
        assert!(matches!(refused.error, Error::Kernel(_)));
        assert_eq!(refused.value.unwrap().to_vec(), b"more");
    });
}

#[test]
fn a_file_is_read_past_the_page_cache_into_aligned_blocks_or_through_it_and_counted() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        // The build folder lies on a disk more often than the folder for temporary files does.
        for place in [env!("CARGO_TARGET_TMPDIR"), "/dev/shm"] {
            let folder = tempfile::tempdir_in(place).unwrap();
            std::fs::write(folder.path().join("page"), pattern(1 << 20)).unwrap();
            let root = OwnedFd::from(std::fs::File::open(folder.path()).unwrap());
            let root = File::adopt(&stage.channel, root);
            stage.run(async {
                let how = OpenHow { direct: true, ..OpenHow::default() };
                let file = root.open(b"page", how).await.unwrap();
                let buffer = stage.account.buf(1 << 20).unwrap();
                assert!(buffer.as_ptr().addr().is_multiple_of(4096));
                let filled = file.read_at(buffer, 0).await.unwrap();
                assert!(filled.buffer[..] == pattern(1 << 20)[..]);
            });
        }
        assert!(stage.channel.gauges().direct_refusals <= 2);
    });
}

#[test]
fn a_range_of_a_file_is_sent_between_data_and_no_byte_of_it_is_in_the_heap() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let (folder, root) = folder(stage);
        std::fs::write(folder.path().join("page"), pattern(6 << 20)).unwrap();
        let file = stage.run(root.open(b"page", OpenHow::default())).unwrap();
        let (stream, mut peer) = stage.pair();
        let used = stage.heap.gauges().used_bytes;
        drop(stream.send(stage.data(b"head ")).unwrap());
        drop(stream.send_file(&file, 1000..(6 << 20)).unwrap());
        assert!(stage.heap.gauges().used_bytes <= used + 4096);
        let reader = std::thread::spawn(move || {
            let mut all = Vec::new();
            peer.read_to_end(&mut all).map(|_| all)
        });
        stage.run(async {
            stream.room().await.unwrap();
            stream.send(stage.data(b" tail")).unwrap().await.unwrap();
            stream.close().await;
        });
        let all = reader.join().unwrap().unwrap();
        assert!(all == [b"head ", &pattern(6 << 20)[1000..], b" tail"].concat());
    });
}

#[test]
fn a_file_that_is_truncated_while_it_is_sent_ends_the_connection_and_no_foreign_byte_is_sent() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let (folder, root) = folder(stage);
        let path = folder.path().join("page");
        std::fs::write(&path, pattern(1 << 20)).unwrap();
        let file = stage.run(root.open(b"page", OpenHow::default())).unwrap();
        let (stream, mut peer) = stage.pair();
        let sending = stream.send_file(&file, 0..(8 << 20)).unwrap();
        let reader = std::thread::spawn(move || {
            let mut all = Vec::new();
            let ended = peer.read_to_end(&mut all);
            (ended.is_err(), all)
        });
        assert_eq!(stage.run(sending), Err(Error::Truncated));
        stage.until(|| stage.channel.gauges().streams_open == 0);
        let (is_reset, all) = reader.join().unwrap();
        assert!(is_reset && all == pattern(1 << 20)[..all.len()]);
        drop(stream);
    });
}

#[test]
fn in_the_event_form_each_operation_on_a_file_ends_in_one_event() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let (folder, root) = folder(stage);
        let mut events = Events::with_capacity(8);
        let mut next = || {
            loop {
                if let Some(event) = events.drain().find(|event| !matches!(event, Event::Woken)) {
                    return event;
                }
                stage.channel.dispatch(&mut events, Wait::ANY).unwrap();
            }
        };
        let channel = &stage.channel;
        channel.open_file(&root, b"new", NEW, 1).unwrap();
        let Event::Opened { cookie: 1, file, .. } = next() else { panic!("it opens") };
        let file = File::adopt(channel, file);
        channel.write_at(&file, stage.data(b"written"), 0, 2).unwrap();
        assert!(matches!(next(), Event::Written { cookie: 2, .. }));
        channel.sync_file(&file, true, 3).unwrap();
        assert!(matches!(next(), Event::Synced { cookie: 3, .. }));
        channel.stat_file(&file, 4).unwrap();
        assert!(matches!(next(), Event::Stated { cookie: 4, stat, .. } if stat.bytes == 7));
        channel.read_at(&file, stage.account.buf(64).unwrap(), 0, 5).unwrap();
        let event = next();
        assert!(
            matches!(&event, Event::Read { cookie: 5, buffer, ended: true, .. } if &buffer[..] == b"written")
        );
        channel.open_file(&root, b"absent", OpenHow::default(), 6).unwrap();
        assert!(matches!(next(), Event::Failed { cookie: 6, .. }));
        let mut text = String::new();
        let mut on_disk = std::fs::File::open(folder.path().join("new")).unwrap();
        on_disk.seek(SeekFrom::Start(0)).unwrap();
        on_disk.read_to_string(&mut text).unwrap();
        assert_eq!(text, "written");
        std::io::stdout().flush().unwrap();
    });
}
