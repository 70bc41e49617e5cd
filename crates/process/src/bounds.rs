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
pub enum Full {
    /// Who sends waits its turn.
    #[default]
    Wait,
    /// The message comes back.
    Reject,
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
