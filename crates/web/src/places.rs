//! Places are how many connections a core can have, whatever it is told it may: sockets of its channel, descriptors.

use levada_domain::Io;
use rustix::process::{Resource, getrlimit};

/// How many connections are told at a time that they are too many; beyond, they are closed without a word.
const TURNED_AWAY_MAX: u64 = 256;

/// The places of one core.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Places {
    /// For those that are served.
    pub(crate) connections_max: u64,
    /// For those that are told that they are too many.
    pub(crate) turned_away_max: u64,
}

impl Places {
    /// Those of this core. A socket in the ring's own table takes no descriptor, but for the few that its channel gives one
    /// beside; elsewhere a quarter of the descriptors is left to files.
    pub(crate) fn here(io: &Io) -> Self {
        let channel = io.channel();
        let sockets_max = u64::from(channel.connections_max());
        let descriptors_max = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        let is_direct = channel.caps().direct_places > 0;
        let for_sockets = descriptors_max / io.cores().len() as u64 / 4 * 3;
        Self::of(if is_direct { sockets_max } else { sockets_max.min(for_sockets) })
    }

    /// An eighth at most is for those that are turned away, and as much for those that are being closed.
    fn of(sockets_max: u64) -> Self {
        let turned_away_max = (sockets_max / 8).clamp(1, TURNED_AWAY_MAX);
        let connections_max = sockets_max.saturating_sub(2 * turned_away_max).max(1);
        Self { connections_max, turned_away_max }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_places_are_left_for_those_that_are_one_too_many() {
        for (sockets_max, connections_max, turned_away_max) in
            [(65_536, 65_024, 256), (1024, 768, 128), (64, 48, 8), (2, 1, 1), (0, 1, 1)]
        {
            let expected = Places { connections_max, turned_away_max };
            assert_eq!(Places::of(sockets_max), expected, "{sockets_max}");
        }
    }
}
