//! A feature is a part of the rings that not every kernel has: used where a trial found it, done without elsewhere.

/// Such a part.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Feature {
    /// Receives that stay armed, each time into a lent block. Without it there is no ring.
    MultishotReceive,
    /// The same for messages. Without it there is no ring.
    MultishotMessage,
    /// A table of the ring's own, for sockets that are accepted. Without it sockets are descriptors.
    RingTable,
    /// A descriptor for a place in that table. Without it sockets are descriptors.
    Install,
    /// Options of a socket set by the ring. Without it sockets are descriptors, and a reset sets its option by a call.
    SocketOptions,
    /// Sockets made by the ring. Without it sockets are descriptors, and made by a call.
    SocketCommand,
    /// Sends that read the bytes where they are, and say whether they did. Without it they are copied.
    ZeroCopy,
    /// Work that waits until the core enters. Without it work is done at the next system call.
    DeferredWork,
    /// Work that waits for a system call. Without it work interrupts.
    CooperativeWork,
    /// A queue of operations without a second one of their numbers.
    NoSubmissionArray,
    /// Waits that are not counted as waits for a disk.
    NoIowait,
    /// A bound for the kernel's own threads.
    BoundedWorkers,
}

impl Feature {
    /// All of them, the most important first.
    pub const ALL: [Self; 12] = [
        Self::MultishotReceive,
        Self::MultishotMessage,
        Self::RingTable,
        Self::Install,
        Self::SocketOptions,
        Self::SocketCommand,
        Self::ZeroCopy,
        Self::DeferredWork,
        Self::CooperativeWork,
        Self::NoSubmissionArray,
        Self::NoIowait,
        Self::BoundedWorkers,
    ];

    /// What it is, behind "without".
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::MultishotReceive => "multishot receives into lent blocks",
            Self::MultishotMessage => "multishot receives of messages",
            Self::RingTable => "sockets in the ring's own table",
            Self::Install => "descriptors for sockets in the ring's own table",
            Self::SocketOptions => "socket options by the ring",
            Self::SocketCommand => "sockets made by the ring",
            Self::ZeroCopy => "sends by reference",
            Self::DeferredWork => "work that waits until the core enters",
            Self::CooperativeWork => "work that waits for a system call",
            Self::NoSubmissionArray => "a queue without a list of its entries",
            Self::NoIowait => "waits that do not count as waits for a disk",
            Self::BoundedWorkers => "a bound for the kernel's own threads",
        }
    }
}

/// Some of the features.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Features(u16);

impl Features {
    pub(crate) const ALL: Self = Self((1 << Feature::ALL.len()) - 1);

    pub(crate) const fn has(self, feature: Feature) -> bool {
        self.0 & 1 << feature as u16 != 0
    }

    pub(crate) const fn without(self, feature: Feature) -> Self {
        Self(self.0 & !(1 << feature as u16))
    }

    pub(crate) fn without_all(self, lacking: &[Feature]) -> Self {
        lacking.iter().fold(self, |features, lacking| features.without(*lacking))
    }

    /// Takes a feature out unless `is_there`.
    pub(crate) fn keep_if(&mut self, is_there: bool, feature: Feature) {
        if !is_there {
            *self = self.without(feature);
        }
    }

    /// Those that are not among them.
    pub(crate) fn lacking(self) -> impl Iterator<Item = Feature> {
        Feature::ALL.into_iter().filter(move |feature| !self.has(*feature))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_feature_can_be_lacking_by_itself() {
        assert_eq!(Features::ALL.lacking().count(), 0);
        for feature in Feature::ALL {
            let others = Features::ALL.without_all(&[feature]);
            assert_eq!(others.lacking().collect::<Vec<_>>(), [feature]);
        }
    }
}
