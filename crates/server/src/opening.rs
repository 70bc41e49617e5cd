//! The opening lines say, once all is ready, where the service is and what it runs on; and what it does without, and why.

use std::net::SocketAddr;

use levada_channel::Caps;

use crate::settings::read::Settled;
use crate::sites::Shares;
use crate::units::ByteCount;

/// A line for each listener, in the form `listening http://ADDRESS` or `memcached ADDRESS`; then what we run on; then what is lacking.
pub(crate) fn opening_lines(
    settled: &Settled,
    shares: Shares,
    addresses: &[SocketAddr],
    admin: Option<SocketAddr>,
    memcached: &[String],
    caps: &Caps,
) -> Vec<String> {
    let mut lines: Vec<String> =
        addresses.iter().map(|address| format!("listening http://{address}")).collect();
    lines.extend(memcached.iter().map(|place| format!("memcached {place}")));
    lines.extend(admin.map(|address| format!("admin http://{address}")));
    let Shares { cores, memory, connections, .. } = shares;
    let plural = if cores == 1 { "" } else { "s" };
    let memory = rounded(memory.all_bytes);
    let mut state =
        format!("{}, {cores} core{plural}, {memory} memory, {connections} connections", caps.level);
    for lack in &caps.lacks {
        state.push_str(&format!("; {lack} ({})", lack.remedy()));
    }
    if connections < settled.settings.limits.connections {
        state.push_str("; fewer connections for want of descriptors (raise `ulimit -n`)");
    }
    lines.push(state);
    lines
}

/// To a whole number of a unit, so that it is short.
fn rounded(bytes: u64) -> ByteCount {
    if bytes >= 8 << 30 { ByteCount(bytes >> 30 << 30) } else { ByteCount(bytes >> 20 << 20) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::Said;
    use crate::memory::Memory;
    use crate::settings::read::read;
    use levada_channel::{Errno, Lack, Level};

    #[test]
    fn what_is_lacking_is_said_with_its_remedy() {
        let settled = read(&Said::default()).unwrap();
        let memory = Memory {
            all_bytes: (6 << 30) + 5,
            heap_bytes: 5 << 30,
            entries: 1000,
            front_entries: 500,
            items_bytes: 0,
        };
        let shares = Shares { cores: 2, memory, connections: 900, descriptors_beside: 8 };
        let denied = Lack::Denied { errno: Errno::PERM, disabled: None };
        let caps = Caps {
            level: Level::Epoll,
            direct_places: 0,
            lacks: vec![denied],
            descriptors_are_real: true,
        };
        let address = "127.0.0.1:80".parse().unwrap();
        let mut lines = opening_lines(
            &settled,
            shares,
            &[address],
            Some(address),
            &["unix:a".to_owned()],
            &caps,
        );
        assert_eq!(lines[0], "listening http://127.0.0.1:80");
        assert_eq!(lines.remove(1), "memcached unix:a");
        assert_eq!(lines[1], "admin http://127.0.0.1:80");
        let state = "epoll, 2 cores, 6GiB memory, 900 connections; io_uring is denied here (EPERM)";
        assert!(lines[2].starts_with(state), "{}", lines[2]);
        assert!(lines[2].contains("seccomp") && lines[2].contains("ulimit -n"), "{}", lines[2]);
    }
}
