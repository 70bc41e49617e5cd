//! A part is what one core accepts from: of a port that cores share, or of a socket within this machine.

use levada_channel::{ListenPart, UnixPart};

/// One core's end of a listener.
#[derive(Debug)]
pub enum Part {
    /// A listening socket of its own, in a group.
    Tcp(ListenPart),
    /// An end of the one socket.
    Unix(UnixPart),
}

impl Part {
    /// Where it listens, as it is told: `127.0.0.1:11211`, `unix:/run/levada.socket`.
    #[must_use]
    pub fn place(&self) -> String {
        match self {
            Self::Tcp(part) => part.address().to_string(),
            Self::Unix(part) => {
                let name = part.name().as_bytes();
                format!("unix:{}", String::from_utf8_lossy(name))
            }
        }
    }
}
