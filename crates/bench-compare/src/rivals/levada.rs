//! Ours: `levada serve`, as anybody would start it, on the server's core and without a log.

use std::path::Path;
use std::process::Command;

use crate::frame::fault::Fault;
use crate::machine::program::Places;
use crate::machine::server::{Listens, Server};

/// How `levada` talks to the kernel.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum LevadaIo {
    /// What it chooses by itself.
    Auto,
    Epoll,
}

/// Starts `levada serve` on `root`.
/// # Errors
/// [`Fault::Absent`] if it is not built.
pub(crate) fn start(
    places: &Places,
    root: &Path,
    scratch: &Path,
    io: LevadaIo,
) -> Result<Server, Fault> {
    let mut command = Command::new(places.ours("levada")?);
    command.arg("serve").arg(root);
    let io = match io {
        LevadaIo::Auto => "auto",
        LevadaIo::Epoll => "epoll",
    };
    // One core: the one that it may use, since it is started there.
    command.args(["--listen", "127.0.0.1:0", "--io", io, "--cores", "1", "--log", "off"]);
    command.current_dir(scratch); // where it finds no configuration of somebody else's
    Server::start(command, Listens::WhereItSays, scratch)
}
