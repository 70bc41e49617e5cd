//! Filing: files are opened, asked and read as they are, and a future that is dropped leaves nothing open.

use std::os::fd::OwnedFd;

use levada_channel::{Access, Errno, Error, File, OpenHow};
use levada_sim::{Dice, Mischief, Step, Trick};

use crate::seeds::hidden;
use crate::stage::{Scene, Stage};

/// The names of the files that each scene has, and their bytes.
fn files(dice: &mut Dice) -> Vec<(String, Vec<u8>)> {
    (0..dice.between(1, 12))
        .map(|index| {
            let count = dice.length(0, 60_000);
            (format!("page-{index}-{}", "x".repeat(dice.index(40))), dice.bytes(count))
        })
        .collect()
}

/// The folder of the scene, real or simulated.
struct Folder {
    root: File,
    /// Goes away with it.
    _real: Option<tempfile::TempDir>,
}

impl Folder {
    fn with(stage: &Stage, files: &[(String, Vec<u8>)]) -> Self {
        let Some(world) = &stage.world else {
            let folder = tempfile::tempdir().expect("a folder");
            std::fs::create_dir(folder.path().join("site")).expect("a folder");
            for (name, bytes) in files {
                std::fs::write(folder.path().join("site").join(name), bytes).expect("a file");
            }
            let root = OwnedFd::from(std::fs::File::open(folder.path()).expect("a folder"));
            return Self { root: File::adopt(&stage.channel, root), _real: Some(folder) };
        };
        for (name, bytes) in files {
            world.put_file(&format!("site/{name}"), bytes, false);
        }
        Self { root: File::adopt(&stage.channel, world.root()), _real: None }
    }
}

#[test]
fn a_file_is_read_whole_from_wherever() {
    Scene::default().play(|stage, dice| {
        let files = files(dice);
        let folder = Folder::with(stage, &files);
        let mut sums = Vec::new();
        for (name, bytes) in &files {
            let offset = dice.index(bytes.len() + 2);
            let room = dice.length(1, 70_000);
            let read = stage.run(async {
                let path = format!("site/{name}");
                let beneath = OpenHow { beneath: true, ..OpenHow::default() };
                let file = folder.root.open(path.as_bytes(), beneath).await.expect("it is there");
                assert_eq!(file.stat().await.expect("it is open").bytes, bytes.len() as u64);
                let buffer = stage.account.buf(room).expect("no limit");
                file.read_at(buffer, offset as u64).await.expect("it is open")
            });
            let there = &bytes[offset.min(bytes.len())..];
            let there = &there[..there.len().min(read.buffer.capacity())];
            assert!(&read.buffer[..] == there, "{name} from {offset}");
            sums.push((name.clone(), read.buffer.len(), read.ended));
        }
        sums
    });
}

/// A connection in the table that gets no descriptor sends no file.
fn with_descriptors() -> Mischief {
    hidden().without(Trick::NoInstall)
}

#[test]
fn a_range_of_a_file_is_sent_between_other_bytes() {
    Scene { bearable: with_descriptors(), ..Scene::default() }.play(|stage, dice| {
        let files = files(dice);
        let folder = Folder::with(stage, &files);
        let port = stage.listen(false);
        for _ in 0..dice.between(1, 3) {
            stage.peer(&port, vec![Step::ReadToEnd]);
            let stream = stage.accept(&port);
            for _ in 0..dice.between(1, 4) {
                let (name, bytes) = &files[dice.index(files.len())];
                let path = format!("site/{name}");
                let opened = folder.root.open(path.as_bytes(), OpenHow::default());
                let file = stage.run(opened).expect("it is there");
                let start = dice.index(bytes.len() + 1) as u64;
                let end = start + dice.below(bytes.len() as u64 - start + 1);
                if dice.one_in(2) {
                    drop(stream.send(stage.data(b"between")).expect("room"));
                }
                let sending = stream.send_file(&file, start..end).expect("room");
                if dice.one_in(2) {
                    stage.run(sending).expect("it is read");
                }
            }
            if dice.one_in(2) { stage.run(stream.close()) } else { drop(stream) }
        }
    });
}

#[test]
fn a_file_that_is_shorter_than_promised_ends_the_connection() {
    Scene { is_lossy: true, bearable: with_descriptors(), ..Scene::default() }.play(
        |stage, dice| {
            let files = files(dice);
            let folder = Folder::with(stage, &files);
            let port = stage.listen(false);
            let (name, bytes) = &files[0];
            stage.peer_of_bytes(&port, vec![Step::ReadToEnd], bytes);
            let stream = stage.accept(&port);
            let path = format!("site/{name}");
            let opened = folder.root.open(path.as_bytes(), OpenHow::default());
            let file = stage.run(opened).expect("it is there");
            let promised = bytes.len() as u64 + dice.between(1, 5000);
            let sent = stage.run(stream.send_file(&file, 0..promised).expect("room"));
            assert_eq!(sent, Err(Error::Truncated));
        },
    );
}

#[test]
fn a_file_that_shrinks_or_grows_while_it_is_read_and_sent_is_never_more_than_it_was() {
    let bearable = with_descriptors().with(Trick::Restless);
    let scene = Scene { bearable, is_lossy: true, is_compared: false, ..Scene::default() };
    scene.play(|stage, dice| {
        let files = files(dice);
        let folder = Folder::with(stage, &files);
        if let Some(world) = &stage.world {
            world.put_file("restless", &files[0].1, true);
        }
        let path = if stage.world.is_some() { "restless" } else { &format!("site/{}", files[0].0) };
        let file = stage.run(folder.root.open(path.as_bytes(), OpenHow::default()));
        let (file, bytes) = (file.expect("it is there"), &files[0].1);
        let port = stage.listen(false);
        stage.peer(&port, vec![Step::ReadToEnd]);
        let stream = stage.accept(&port);
        for _ in 0..dice.between(1, 5) {
            let offset = dice.index(bytes.len() + 1);
            let buffer = stage.account.buf(dice.length(1, 70_000)).expect("no limit");
            let read = stage.run(file.read_at(buffer, offset as u64)).expect("it is open");
            // What was cut off and added again is zero.
            let is_its =
                |(index, byte): (usize, &u8)| *byte == 0 || bytes.get(offset + index) == Some(byte);
            assert!(read.buffer.iter().enumerate().all(is_its));
        }
        let sent = stage.run(stream.send_file(&file, 0..bytes.len() as u64).expect("room"));
        assert!(matches!(sent, Ok(()) | Err(Error::Truncated)), "{sent:?}");
    });
}

#[test]
fn what_is_written_is_read_back_also_where_nobody_waited_for_it() {
    Scene::default().play(|stage, dice| {
        let mut files = files(dice);
        let folder = Folder::with(stage, &files);
        let (name, bytes) = &mut files[0];
        let path = format!("site/{name}");
        let both = OpenHow { access: Access::ReadWrite, ..OpenHow::default() };
        let file = stage.run(folder.root.open(path.as_bytes(), both)).expect("it is there");
        for _ in 0..dice.between(1, 6) {
            let (offset, count) = (dice.index(bytes.len() + 1), dice.length(1, 20_000));
            let written = dice.bytes(count);
            let writing = file.write_at(stage.data(&written), offset as u64);
            if dice.one_in(2) {
                stage.run(writing).expect("it is open");
            } else {
                let polls = dice.between(1, 3);
                stage.poll_and_drop(writing, polls);
                stage.until(|| stage.channel.gauges().files_in_flight == 0);
            }
            bytes.resize(bytes.len().max(offset + count), 0);
            bytes[offset..offset + count].copy_from_slice(&written);
            if dice.one_in(3) {
                let data_only = dice.one_in(2);
                stage.run(file.sync(data_only)).expect("it is open");
            }
        }
        let buffer = stage.account.buf(bytes.len() + 1).expect("no limit");
        let read = stage.run(file.read_at(buffer, 0)).expect("it is open");
        assert!(read.buffer[..] == bytes[..] && read.ended);
        read.buffer.to_vec()
    });
}

#[test]
fn a_folder_lists_its_names_and_says_what_is_not_there() {
    Scene::default().play(|stage, dice| {
        let files = files(dice);
        let folder = Folder::with(stage, &files);
        let room = dice.length(300, 3000);
        let mut names = Vec::new();
        let (missing, outside) = stage.run(async {
            let site = folder.root.open(b"site", OpenHow::default()).await.expect("a folder");
            loop {
                let buffer = stage.account.buf(room).expect("no limit");
                let some = site.list(buffer).await.expect("a folder");
                // A real one lists itself and its parent too, perhaps alone in a round; the end is an empty round after.
                if some.is_empty() && names.len() == files.len() {
                    break;
                }
                names.extend(some.into_iter().map(|entry| entry.name));
            }
            let beneath = OpenHow { beneath: true, ..OpenHow::default() };
            let missing = site.open(b"nothing", beneath).await.map(drop);
            (missing, site.open(b"../site", beneath).await.map(drop))
        });
        assert_eq!(missing, Err(Error::Kernel(Errno::NOENT)));
        assert_eq!(outside, Err(Error::Kernel(Errno::XDEV)));
        names.sort();
        names
    });
}

#[test]
fn a_future_that_is_dropped_after_any_poll_leaves_nothing_open() {
    Scene::default().play(|stage, dice| {
        let files = files(dice);
        let folder = Folder::with(stage, &files);
        let path = format!("site/{}", files[0].0);
        let file = stage.run(folder.root.open(path.as_bytes(), OpenHow::default()));
        let file = file.expect("it is there");
        for _ in 0..dice.between(1, 8) {
            let polls = dice.below(4);
            let buffer = stage.account.buf(dice.length(1, 50_000)).expect("no limit");
            match dice.below(4) {
                0 => stage
                    .poll_and_drop(folder.root.open(path.as_bytes(), OpenHow::default()), polls),
                1 => stage.poll_and_drop(file.stat(), polls),
                2 => stage.poll_and_drop(file.read_at(buffer, 0), polls),
                _ => stage.poll_and_drop(folder.root.list(buffer), polls),
            }
            if dice.one_in(2) {
                stage.pass_some(dice);
            }
        }
        let buffer = stage.account.buf(60_000).expect("no limit");
        let read = stage.run(file.read_at(buffer, 0)).expect("it is open");
        assert!(read.buffer[..] == files[0].1[..]);
    });
}
