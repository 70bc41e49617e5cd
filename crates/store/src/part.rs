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
