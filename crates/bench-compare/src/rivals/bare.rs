//! The floor, started as a program of its own: its CPU time is then counted as a server's is.

use std::path::Path;
use std::process::Command;

use crate::floor::serve_bare::{BareIo, BareSetting};
use crate::frame::fault::Fault;
use crate::http::content::Content;
use crate::machine::program::Places;
use crate::machine::server::{Listens, Server, free_port};

/// Starts the floor with one fixed reply.
/// # Errors
/// If it does not come to listen.
pub(crate) fn start(
    places: &Places,
    scratch: &Path,
    io: BareIo,
    content: &Content,
    close: bool,
) -> Result<Server, Fault> {
    let setting = BareSetting {
        io,
        port: free_port()?,
        path: None,
        request_bytes: None,
        content_seed: content.seed,
        body_bytes: content.length_bytes,
        close,
    };
    let mut command = Command::new(&places.own_program);
    let listens = Listens::At(setting.port);
    command.args(setting.to_arguments());
    Server::start(command, listens, scratch)
}
