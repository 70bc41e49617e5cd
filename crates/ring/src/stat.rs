//! What a file is: its kind, length and times, as the kernel writes it and as the program reads it.
#![expect(unsafe_code, reason = "a stat buffer is zeroed memory until the kernel fills it")]

use core::ffi::CStr;
use core::fmt;

/// Room for what the kernel says of a file. It must stay where it is until the operation has ended: keep it in a box.
#[repr(transparent)]
pub struct StatBuffer {
    raw: libc::statx,
}

/// What a name leads to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FileKind {
    /// Bytes.
    Regular,
    /// Names.
    Directory,
    /// Another name.
    Link,
    /// A device, a socket, a pipe.
    Other,
}

/// What the kernel said of a file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Stat {
    /// What it is.
    pub kind: FileKind,
    /// Its length.
    pub bytes: u64,
    /// Its last change, in seconds since 1970.
    pub modified_s: i64,
    /// And the nanoseconds behind.
    pub modified_ns: u32,
    /// Its number in its file system.
    pub inode: u64,
    /// The file system it is in, as the kernel numbers it.
    pub device: u64,
}

impl StatBuffer {
    /// Room, empty.
    #[must_use]
    pub fn new() -> Self {
        // SAFETY: all fields are integers, for which zero is a value.
        Self { raw: unsafe { core::mem::zeroed() } }
    }

    /// Where the kernel writes, for room at `buffer`.
    pub(crate) fn place(buffer: *mut Self) -> *mut libc::statx {
        buffer.cast()
    }

    /// The name and the flags that ask for a name in a directory, or for an open file itself.
    pub(crate) fn question(name: Option<&CStr>) -> (&CStr, i32) {
        match name {
            Some(name) => (name, libc::AT_SYMLINK_NOFOLLOW | libc::AT_NO_AUTOMOUNT),
            None => (c"", libc::AT_EMPTY_PATH),
        }
    }

    /// What the kernel wrote.
    #[must_use]
    pub fn get(&self) -> Stat {
        let kind = match u32::from(self.raw.stx_mode) & libc::S_IFMT {
            libc::S_IFREG => FileKind::Regular,
            libc::S_IFDIR => FileKind::Directory,
            libc::S_IFLNK => FileKind::Link,
            _ => FileKind::Other,
        };
        Stat {
            kind,
            bytes: self.raw.stx_size,
            modified_s: self.raw.stx_mtime.tv_sec,
            modified_ns: self.raw.stx_mtime.tv_nsec,
            inode: self.raw.stx_ino,
            device: u64::from(self.raw.stx_dev_major) << 32 | u64::from(self.raw.stx_dev_minor),
        }
    }
}

impl Default for StatBuffer {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for StatBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("StatBuffer").field(&self.get()).finish()
    }
}
