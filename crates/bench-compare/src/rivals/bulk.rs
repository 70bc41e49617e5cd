//! The bulk servers, each started as a program of its own: its CPU time is then counted as a server's is.

use std::path::Path;
use std::process::Command;

use crate::bulk::serve_bulk::BulkSetting;
use crate::frame::fault::Fault;
use crate::machine::server::{Listens, Server};

/// Starts one of them by `command`, which runs this program where the server shall be.
/// # Errors
/// If it does not come to listen.
pub(crate) fn start(
    mut command: Command,
    scratch: &Path,
    setting: BulkSetting,
) -> Result<Server, Fault> {
    command.args(setting.to_arguments());
    Server::start(command, Listens::AtAddress(setting.address), scratch)
}
