//! Files are opened, read, written, waited for and sent.

use std::ffi::CString;
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;

use levada_ring::{
    Access, Creation, Errno, FileKind, Op, OpenHow, ReadSpan, StatBuffer, Vectored, WriteSpan,
};

use crate::stage::{Scene, apart, fd, is_apart};

#[test]
fn files_are_opened_below_a_folder_and_nowhere_else() {
    let folder = tempfile::tempdir().unwrap();
    let outside = tempfile::NamedTempFile::new().unwrap();
    std::fs::create_dir(folder.path().join("sub")).unwrap();
    std::fs::write(folder.path().join("sub/page"), b"some text").unwrap();
    std::os::unix::fs::symlink(outside.path(), folder.path().join("leak")).unwrap();
    std::os::unix::fs::symlink("sub/page", folder.path().join("link")).unwrap();
    let root = std::fs::File::open(folder.path()).unwrap();
    Scene::on_each(|scene| {
        let open = |scene: &mut Scene, path: &str, directory: bool| {
            let path = CString::new(path).unwrap();
            let how = OpenHow { beneath: true, directory, ..OpenHow::default() };
            scene.push(1, &Op::Open { directory: root.as_raw_fd(), path: path.as_ref(), how });
            scene.last(1)
        };
        assert_eq!(open(scene, "../anything", false), Err(Errno::XDEV));
        assert_eq!(open(scene, "leak", false), Err(Errno::XDEV));
        assert_eq!(open(scene, "nothing", false), Err(Errno::NOENT));
        assert_eq!(open(scene, "sub/page", true), Err(Errno::NOTDIR));
        let file = fd(open(scene, "link", false));
        let path = c"sub";
        let how = OpenHow { beneath: true, access: Access::Name, ..OpenHow::default() };
        scene.push(7, &Op::Open { directory: root.as_raw_fd(), path, how });
        drop(fd(scene.last(7)));
        let mut stat = Box::new(StatBuffer::new());
        scene.push(2, &Op::Stat { file: file.as_raw_fd(), name: None, into: &raw mut *stat });
        assert_eq!(scene.last(2), Ok(0));
        assert_eq!((stat.get().kind, stat.get().bytes), (FileKind::Regular, 9));
        for (name, kind) in [(c"sub", FileKind::Directory), (c"link", FileKind::Link)] {
            let op = Op::Stat { file: root.as_raw_fd(), name: Some(name), into: &raw mut *stat };
            scene.push(6, &op);
            assert_eq!((scene.last(6), stat.get().kind), (Ok(0), kind));
        }
        let mut room = Box::<[u8]>::new_uninit_slice(64);
        scene.push(
            3,
            &Op::Read { file: file.as_raw_fd(), into: WriteSpan::of(&mut room), offset: 5 },
        );
        assert_eq!(scene.last(3), Ok(4));
        // SAFETY: the completion said that four bytes were written.
        assert_eq!(unsafe { room[..4].assume_init_ref() }, b"text");
        let directory = fd(open(scene, "sub", true));
        scene.push(
            4,
            &Op::List { directory: directory.as_raw_fd(), into: WriteSpan::of(&mut room[..8]) },
        );
        assert_eq!(scene.last(4), Err(Errno::INVAL)); // too little room for a name
        let mut wide = Box::<[u8]>::new_uninit_slice(1024);
        scene.push(
            5,
            &Op::List { directory: directory.as_raw_fd(), into: WriteSpan::of(&mut wide) },
        );
        let listed = scene.last(5).unwrap() as usize;
        // SAFETY: the completion said how much was written.
        let names = unsafe { wide[..listed].assume_init_ref() };
        assert!(names.windows(5).any(|window| window == b"page\0"));
    });
}

#[test]
fn a_file_is_made_written_in_pieces_waited_for_and_read_past_the_cache() {
    let folder = tempfile::tempdir().unwrap();
    let root = std::fs::File::open(folder.path()).unwrap();
    Scene::on_each(|scene| {
        let open = |scene: &mut Scene, access: Access, creation: Creation, direct: bool| {
            let how = OpenHow { access, creation, direct, beneath: true, ..OpenHow::default() };
            let path = c"made";
            scene.push(1, &Op::Open { directory: root.as_raw_fd(), path, how });
            scene.last(1)
        };
        let _none = std::fs::remove_file(folder.path().join("made"));
        assert_eq!(open(scene, Access::Write, Creation::Never, false), Err(Errno::NOENT));
        let file = fd(open(scene, Access::ReadWrite, Creation::Always, false));
        assert_eq!(open(scene, Access::Write, Creation::Always, false), Err(Errno::EXIST));
        let mode = std::fs::metadata(folder.path().join("made")).unwrap().permissions().mode();
        assert_eq!(mode & 0o600, 0o600);
        let mut spans = Box::new(Vectored::new());
        spans.fill([ReadSpan::of(b"text "), ReadSpan::of(b"in two")].into_iter(), u32::MAX);
        let file = file.as_raw_fd();
        scene.push(2, &Op::Write { file, spans: &raw const *spans, offset: 4096 });
        assert_eq!(scene.last(2), Ok(11));
        for data_only in [true, false] {
            scene.push(3, &Op::Sync { file, data_only });
            assert_eq!(scene.last(3), Ok(0));
        }
        let content = std::fs::read(folder.path().join("made")).unwrap();
        assert_eq!((content.len(), &content[4096..]), (4107, &b"text in two"[..]));
        let past = match open(scene, Access::Read, Creation::Never, true) {
            Err(errno) => return assert_eq!(errno, Errno::INVAL), // not this file system
            past => fd(past),
        };
        let mut room = Box::<[u8]>::new_uninit_slice(3 * 4096);
        let start = room.as_ptr().align_offset(4096);
        let into = WriteSpan::of(&mut room[start..start + 4096]);
        scene.push(4, &Op::Read { file: past.as_raw_fd(), into, offset: 4096 });
        assert_eq!(scene.last(4), Ok(11));
        // SAFETY: the completion said that eleven bytes were written.
        assert_eq!(unsafe { room[start..start + 11].assume_init_ref() }, b"text in two");
        drop(fd(open(scene, Access::Write, Creation::Emptied, false)));
        assert_eq!(std::fs::metadata(folder.path().join("made")).unwrap().len(), 0);
        drop(fd(open(scene, Access::Write, Creation::IfMissing, false)));
        let pipe = Op::Sync { file: -1, data_only: true };
        scene.push(5, &pipe);
        assert_eq!(scene.last(5), Err(Errno::BADF));
    });
}

#[test]
fn a_file_goes_to_a_socket_as_far_as_that_takes_it() {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&[b'x'; 4 << 20]).unwrap();
    Scene::on_each(|scene| {
        let (near, mut far) = UnixStream::pair().unwrap();
        near.set_nonblocking(true).unwrap();
        far.set_nonblocking(true).unwrap();
        let send = |scene: &mut Scene, offset, bytes| {
            let (socket, file) = (near.as_raw_fd(), file.as_raw_fd());
            scene.push(1, &Op::SendFile { socket, file, offset, bytes });
            scene.last(1)
        };
        assert_eq!(send(scene, (4 << 20) - 5, 100), Ok(5));
        assert_eq!(send(scene, 4 << 20, 100), Ok(0));
        let mut offset = 0;
        let ended = loop {
            match send(scene, offset, 4 << 20) {
                Ok(bytes) => offset += u64::from(bytes),
                Err(errno) => break errno,
            }
        };
        assert_eq!(ended, Errno::AGAIN);
        let mut come = Vec::new();
        assert!(far.read_to_end(&mut come).is_err(), "there is no end yet");
        assert_eq!(come.len() as u64, offset + 5);
        drop(far);
        assert_eq!(send(scene, 0, 10), Err(Errno::PIPE));
    });
}

#[test]
fn a_file_sent_to_who_is_gone_is_an_error_also_where_the_signal_would_end_the_program() {
    if !is_apart() {
        let name = "files::a_file_sent_to_who_is_gone_is_an_error_also_where_the_signal_would_end_the_program";
        return assert!(apart(name).status().unwrap().success());
    }
    // SAFETY: no other thread of this process has anything to do with the signal.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(b"text").unwrap();
    Scene::on_each(|scene| {
        let (near, _) = UnixStream::pair().unwrap();
        let (socket, file) = (near.as_raw_fd(), file.as_raw_fd());
        scene.push(1, &Op::SendFile { socket, file, offset: 0, bytes: 4 });
        assert_eq!(scene.last(1), Err(Errno::PIPE));
    });
}
