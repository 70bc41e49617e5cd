//! Bounds say how much a mailbox holds, and what becomes of a message that finds it full.

/// How much a mailbox holds: neither of the two is ever passed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Bounds {
    /// How many messages.
    pub messages: u16,
    /// How many bytes, messages with all that they own.
    pub bytes: u32,
}

impl Default for Bounds {
    /// 256 messages, 4 MiB.
    fn default() -> Self {
        Self { messages: 256, bytes: 4 << 20 }
    }
}

/// What a message meets that finds its mailbox full.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
#[repr(u8)]
pub enum Full {
    /// Who sends waits its turn.
    #[default]
    Wait,
    /// The message comes back.
    Reject,
    /// The oldest message is dropped to make room. A reply that it carried ends its call as dropped.
    DropOldest,
    /// The message is dropped: [`Sent::Dropped`](crate::Sent::Dropped).
    DropNewest,
    /// The process ends, [`Exit::Overflow`](crate::Exit::Overflow), and the message comes back.
    Stop,
}

impl Full {
    const ALL: [Self; 5] =
        [Self::Wait, Self::Reject, Self::DropOldest, Self::DropNewest, Self::Stop];

    /// As a number that fits three bits.
    pub(crate) fn to_bits(self) -> u64 {
        self as u64
    }

    /// The policy that a number stands for; a number that stands for none is a defect of ours.
    pub(crate) fn from_bits(bits: u64) -> Self {
        Self::ALL
            .into_iter()
            .find(|full| full.to_bits() == bits)
            .expect("a word holds what `to_bits` made")
    }

    /// Whether the mailbox itself deals with what does not fit, so that nobody has to hold room in it before he sends.
    pub(crate) fn is_dealt_with_on_arrival(self) -> bool {
        matches!(self, Self::DropOldest | Self::DropNewest | Self::Stop)
    }

    /// Whether what finds no room may be dropped wherever it is.
    pub(crate) fn drops(self) -> bool {
        matches!(self, Self::DropOldest | Self::DropNewest)
    }
}

/// How urgent a process is. Fixed when it is spawned.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Class {
    /// Runs as soon as it can.
    #[default]
    Interactive,
    /// Runs when nothing interactive is ready, and every 16th turn.
    Background,
}
