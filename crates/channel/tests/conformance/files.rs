//! Files and folders, and how many operations on them there may be.

use std::os::fd::OwnedFd;

use levada_channel::{ChannelConfig, Error, File, FileKind, OpenHow};

use crate::stage::{Stage, pattern};

#[test]
fn a_file_is_read_to_its_end_and_a_folder_listed() {
    Stage::on_each(&ChannelConfig::default(), |stage| {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("page"), pattern(300_001)).unwrap();
        std::fs::create_dir(folder.path().join("sub")).unwrap();
        for index in 0..300 {
            std::fs::write(folder.path().join(format!("sub/file-{index}")), b"").unwrap();
        }
        let root =
            File::adopt(&stage.channel, OwnedFd::from(std::fs::File::open(folder.path()).unwrap()));
        stage.run(async {
            let file =
                root.open(b"page", OpenHow { beneath: true, ..OpenHow::default() }).await.unwrap();
            let stat = file.stat().await.unwrap();
            assert_eq!((stat.kind, stat.bytes), (FileKind::Regular, 300_001));
            assert_eq!(root.stat_name(b"sub").await.unwrap().kind, FileKind::Directory);
            let filled = file.read_at(stage.account.buf(1 << 20).unwrap(), 1).await.unwrap();
            assert!(filled.ended && filled.buffer[..] == pattern(300_001)[1..]);
            let mut buffer = stage.account.buf(4096).unwrap();
            buffer.write(b"head").unwrap();
            let filled = file.read_at(buffer, 7).await.unwrap();
            assert!(
                !filled.ended
                    && filled.buffer[..4] == *b"head"
                    && filled.buffer[4..] == pattern(4099)[7..]
            );
            let error = root
                .open(b"../x", OpenHow { beneath: true, ..OpenHow::default() })
                .await
                .unwrap_err();
            assert_eq!(error, Error::Kernel(levada_channel::Errno::XDEV));
            assert!(root.open(b"a\0b", OpenHow::default()).await.is_err());
            let sub =
                root.open(b"sub", OpenHow { directory: true, ..OpenHow::default() }).await.unwrap();
            let mut names = Vec::new();
            loop {
                let more = sub.list(stage.account.buf(4096).unwrap()).await.unwrap();
                if more.is_empty() {
                    break;
                }
                names.extend(more.into_iter().map(|name| name.name));
            }
            names.sort();
            names.dedup();
            assert_eq!(names.len(), 300);
        });
    });
}

#[test]
fn more_operations_on_files_than_may_be_in_flight_are_refused_with_the_buffer() {
    let config = ChannelConfig { files_max: 2, ..ChannelConfig::default() };
    Stage::on_each(&config, |stage| {
        let (near, _far) = std::os::unix::net::UnixStream::pair().unwrap();
        let silent = File::adopt(&stage.channel, OwnedFd::from(near));
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        let mut first = Box::pin(silent.readable());
        // Over epoll a descriptor has one who waits at a time, so each gets its own.
        assert!(first.as_mut().poll(&mut cx).is_pending());
        let (other, _far) = std::os::unix::net::UnixStream::pair().unwrap();
        let other = File::adopt(&stage.channel, OwnedFd::from(other));
        let mut wait = Box::pin(other.readable());
        assert!(wait.as_mut().poll(&mut cx).is_pending());
        let page = File::adopt(
            &stage.channel,
            OwnedFd::from(std::fs::File::open("/proc/self/exe").unwrap()),
        );
        let refused = stage.run(page.read_at(stage.account.buf(64).unwrap(), 0)).unwrap_err();
        assert!(refused.error == Error::Full && refused.value.is_some());
        drop((first, wait));
        stage.until(|| stage.channel.gauges().files_in_flight == 0);
        assert!(stage.run(page.read_at(stage.account.buf(64).unwrap(), 0)).is_ok());
    });
}

#[test]
fn who_waits_for_room_for_operations_on_files_is_let_in_in_order() {
    let config = ChannelConfig { files_max: 2, ..ChannelConfig::default() };
    Stage::on_each(&config, |stage| {
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(std::pin::pin!(stage.channel.file_room()).poll(&mut cx).is_ready());
        let page = File::adopt(
            &stage.channel,
            OwnedFd::from(std::fs::File::open("/proc/self/exe").unwrap()),
        );
        let order = std::cell::RefCell::new(Vec::new());
        let read = async |number: usize| {
            let mut buffer = stage.account.buf(64).unwrap();
            for _ in 0..3 {
                stage.channel.file_room().await;
                order.borrow_mut().push(number);
                buffer = page.read_at(buffer, 0).await.expect("there is room").buffer;
                buffer.truncate(0);
            }
        };
        let mut readers: Vec<_> = (0..20).map(|number| Some(Box::pin(read(number)))).collect();
        let mut forgetful = Box::pin(stage.channel.file_room());
        stage.run(std::future::poll_fn(|cx| {
            for (number, place) in readers.iter_mut().enumerate() {
                if place.as_mut().is_some_and(|reader| reader.as_mut().poll(cx).is_ready()) {
                    *place = None;
                }
                if number == 7 && !forgetful.as_mut().poll(cx).is_pending() {
                    forgetful = Box::pin(stage.channel.file_room());
                }
            }
            // Who leaves the line holds up nobody.
            forgetful = Box::pin(stage.channel.file_room());
            match readers.iter().all(Option::is_none) {
                true => std::task::Poll::Ready(()),
                false => std::task::Poll::Pending,
            }
        }));
        let first: Vec<usize> = order.borrow().iter().copied().take(20).collect();
        assert_eq!(first, (0..20).collect::<Vec<_>>(), "nobody comes twice before all came once");
        assert_eq!(order.borrow().len(), 60);
    });
}
