//! The echo servers, each started as a program of its own: its CPU time is then counted as a server's is.

use std::path::Path;
use std::process::Command;

use crate::echo::serve_echo::{EchoBy, EchoSetting};
use crate::frame::fault::Fault;
use crate::machine::program::Places;
use crate::machine::server::{Listens, Room, Server, free_low_port};

/// Starts one of them.
/// # Errors
/// If it does not come to listen.
pub(crate) fn start(
    places: &Places,
    scratch: &Path,
    by: EchoBy,
    room: Room,
    message_bytes: usize,
) -> Result<Server, Fault> {
    let core_count = match room {
        Room::ServerCore => 1,
        Room::BothCores => 2,
    };
    let setting = EchoSetting { by, port: free_low_port()?, message_bytes, core_count };
    let mut command = Command::new(&places.own_program);
    command.args(setting.to_arguments());
    Server::start_in(room, command, Listens::At(setting.port), scratch)
}
