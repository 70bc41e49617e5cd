//! The folder that is served: every kind of file that a request may meet.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, SystemTime};

use rustix::fs::{CWD, FileType, Mode, mknodat};

pub(crate) const LETTERS: &str = "abcdefghijklmnopqrstuvwxyz";

/// When all files were last written, as `Last-Modified` spells it, and a second to both sides.
pub(crate) const MODIFIED: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
pub(crate) const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
pub(crate) const AFTER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";
const MODIFIED_UNIX_S: u64 = 784_111_777;

/// How long `large.bin` is: too long to be kept. Nearly all of it is a hole.
pub(crate) const LARGE_BYTES: u64 = 9 << 20;

const FILES: [(&str, &str); 24] = [
    ("index.html", "<!doctype html><p>home</p>\n"),
    ("a.txt", LETTERS),
    ("empty.txt", ""),
    ("style.css", "p { color: red }\n"),
    ("script.js", "void 0\n"),
    ("data.json", "{}\n"),
    ("image.png", "no png\n"),
    ("drawing.svg", "<svg/>\n"),
    ("noending", "bytes\n"),
    ("page.html", "plain page, the longest of all its forms\n"),
    ("page.html.br", "brotli page\n"),
    ("page.html.zst", "zstd page form\n"),
    ("page.html.gz", "gzip page, longer\n"),
    ("gzonly.txt", "plain text, the longest of all its forms\n"),
    ("gzonly.txt.gz", "gzip text\n"),
    ("newer.txt", "newer than its neighbour\n"),
    ("newer.txt.gz", "of a state before\n"),
    ("with space.txt", "space\n"),
    ("sub/index.html", "<p>sub</p>\n"),
    ("bare/one.txt", "1\n"),
    ("bare/deep/two.txt", "2\n"),
    (".hidden", "hidden\n"),
    (".well-known/acme", "acme\n"),
    ("404.html", "<p>lost</p>\n"),
];

/// Puts the known files into an empty folder.
pub(crate) fn fill(folder: &Path) {
    for (name, text) in FILES {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        set_modified(&path, MODIFIED_UNIX_S);
    }
    set_modified(&folder.join("newer.txt"), MODIFIED_UNIX_S + 60);
    sparse(&folder.join("large.bin"), LARGE_BYTES);
    fs::write(folder.join("bare/<b>&.txt"), "markup\n").unwrap();
    fs::create_dir(folder.join(".git")).unwrap();
    fs::write(folder.join(".git/config"), "hidden\n").unwrap();
    symlink("a.txt", folder.join("inside")).unwrap();
    symlink("../../../../etc/passwd", folder.join("outside")).unwrap();
    symlink("/etc/passwd", folder.join("absolute")).unwrap();
    symlink("/", folder.join("rootlink")).unwrap();
    symlink("..", folder.join("uplink")).unwrap();
    symlink("loop", folder.join("loop")).unwrap();
    symlink("nowhere", folder.join("dangling")).unwrap();
    mknodat(CWD, folder.join("pipe"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
}

/// A file of that length that takes next to nothing on the disk. Each 64 KiB of it begin with their number.
pub(crate) fn sparse(path: &Path, bytes: u64) {
    use std::os::unix::fs::FileExt;
    let file = fs::File::create(path).unwrap();
    file.set_len(bytes).unwrap();
    for start in (0..bytes).step_by(1 << 20) {
        file.write_all_at(&start.to_le_bytes(), start).unwrap();
    }
    drop(file);
    set_modified(path, MODIFIED_UNIX_S);
}

/// Whether these are the bytes that [`sparse`] put at `from`, which lies on a border of 8 bytes.
pub(crate) fn is_of_sparse(bytes: &[u8], from: u64) -> bool {
    let (mut place, mut rest) = (from, bytes);
    while !rest.is_empty() {
        let to_mark = usize::try_from(place.next_multiple_of(1 << 20) - place).unwrap();
        let (zeros, behind) = rest.split_at(to_mark.min(rest.len()));
        let (mark, behind) = behind.split_at(8.min(behind.len()));
        let next = place + to_mark as u64;
        if zeros.iter().any(|byte| *byte != 0) || mark != &next.to_le_bytes()[..mark.len()] {
            return false;
        }
        (place, rest) = (next + 8, behind);
    }
    true
}

pub(crate) fn set_modified(path: &Path, unix_s: u64) {
    let at = SystemTime::UNIX_EPOCH + Duration::from_secs(unix_s);
    fs::File::options().write(true).open(path).unwrap().set_modified(at).unwrap();
}
