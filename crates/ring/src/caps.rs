//! What a driver can do here, and why it can do no more: found by trying, never by the kernel's version.

use core::fmt;

use rustix::io::Errno;

/// How much of the kernel's rings a driver uses.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Level {
    /// No ring: readiness by epoll, files by threads.
    Epoll,
    /// A ring with multishot receives; sockets are ordinary descriptors.
    Plain,
    /// A ring with a table of its own, so that sockets use no descriptor.
    Full,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Epoll => "epoll",
            Self::Plain => "io_uring (plain)",
            Self::Full => "io_uring",
        })
    }
}

/// What is lacking, in a sentence that names what is used instead.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Lack {
    /// The kernel refuses rings to this OS process.
    Denied {
        /// With this number.
        errno: Errno,
        /// What `kernel.io_uring_disabled` says, if it can be read and is not zero.
        disabled: Option<u8>,
    },
    /// The kernel has no rings.
    Absent {
        /// With this number.
        errno: Errno,
    },
    /// The kernel's rings lack something that the driver needs.
    Needs(&'static str),
    /// The ring does not fit into what this user may lock.
    Memlock {
        /// What the smallest ring needs.
        need_kib: u64,
        /// What may be locked.
        limit_kib: u64,
    },
    /// Something is missing that the driver works without.
    Without(&'static str),
}

impl Lack {
    /// What the person who runs the program can do about it.
    #[must_use]
    pub fn remedy(&self) -> String {
        match self {
            Self::Denied { disabled: Some(value), .. } => {
                format!("kernel.io_uring_disabled is {value}; set it to 0 to allow io_uring")
            }
            Self::Denied { .. } => {
                "a container's seccomp profile usually denies it; allow the io_uring_* calls there"
                    .to_owned()
            }
            Self::Absent { .. } => "the kernel was built without CONFIG_IO_URING".to_owned(),
            Self::Needs(what) | Self::Without(what) => format!("a kernel with {what}"),
            Self::Memlock { need_kib, limit_kib } if need_kib <= limit_kib => {
                format!(
                    "raise `ulimit -l`, or LimitMEMLOCK= in the unit file, by at least {need_kib} KiB"
                )
            }
            Self::Memlock { need_kib, .. } => {
                format!(
                    "raise `ulimit -l`, or LimitMEMLOCK= in the unit file, to at least {need_kib} KiB"
                )
            }
        }
    }
}

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Denied { errno, .. } => {
                write!(f, "io_uring is denied here ({}): using epoll", name(*errno))
            }
            Self::Absent { errno } => {
                write!(f, "io_uring is absent here ({}): using epoll", name(*errno))
            }
            Self::Needs(what) => write!(f, "io_uring lacks {what}: using epoll"),
            Self::Memlock { need_kib, limit_kib } if need_kib <= limit_kib => {
                write!(
                    f,
                    "io_uring needs {need_kib} KiB of locked memory beside what this user holds of {limit_kib} KiB: using epoll"
                )
            }
            Self::Memlock { need_kib, limit_kib } => {
                write!(
                    f,
                    "io_uring needs {need_kib} KiB of locked memory, limit {limit_kib} KiB: using epoll"
                )
            }
            Self::Without(what) => write!(f, "without {what}"),
        }
    }
}

fn name(errno: Errno) -> String {
    match errno {
        Errno::PERM => "EPERM".to_owned(),
        Errno::ACCESS => "EACCES".to_owned(),
        Errno::NOSYS => "ENOSYS".to_owned(),
        Errno::INVAL => "EINVAL".to_owned(),
        Errno::NOMEM => "ENOMEM".to_owned(),
        other => format!("errno {}", other.raw_os_error()),
    }
}

/// What a driver can do.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Caps {
    /// How much of the kernel's rings it uses.
    pub level: Level,
    /// How many places its own table has; zero where sockets are descriptors.
    pub direct_places: u32,
    /// Whether descriptors that it gives, or is given, mean the same in system calls of the program's own: a simulated
    /// kernel's do not.
    pub descriptors_are_real: bool,
    /// What it lacks, most important first.
    pub lacks: Vec<Lack>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lack_is_told_in_one_sentence_with_its_remedy() {
        let denied = Lack::Denied { errno: Errno::PERM, disabled: None };
        assert_eq!(denied.to_string(), "io_uring is denied here (EPERM): using epoll");
        assert!(denied.remedy().contains("seccomp"));
        let sysctl = Lack::Denied { errno: Errno::PERM, disabled: Some(2) };
        assert!(sysctl.remedy().contains("io_uring_disabled is 2"));
        let memlock = Lack::Memlock { need_kib: 48, limit_kib: 16 };
        assert_eq!(
            memlock.to_string(),
            "io_uring needs 48 KiB of locked memory, limit 16 KiB: using epoll"
        );
        // The kernel counts what all programs of a user hold.
        let shared = Lack::Memlock { need_kib: 12, limit_kib: 64 };
        assert!(shared.to_string().contains("beside what this user holds of 64 KiB"));
        assert!(shared.remedy().ends_with("by at least 12 KiB"));
    }
}
