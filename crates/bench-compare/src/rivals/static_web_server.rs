//! static-web-server, the best known of the Rust programs for the same purpose: one thread, no log, no compression.

use std::path::Path;
use std::process::Command;

use crate::frame::fault::Fault;
use crate::machine::program::Places;
use crate::machine::server::{Listens, Server, free_port};

const CURE: &str = "cargo install static-web-server --root target/compare/tools";

/// Starts it on `root`.
/// # Errors
/// [`Fault::Absent`] if it is not installed.
pub(crate) fn start(places: &Places, root: &Path, scratch: &Path) -> Result<Server, Fault> {
    let program = places.rival("static-web-server", CURE)?;
    let port = free_port()?;
    let mut command = Command::new(program);
    command.args(["--host", "127.0.0.1", "--port", &port.to_string(), "--root"]).arg(root);
    // It takes as many threads as it may use cores, and may use one.
    command.args(["--threads-multiplier", "1", "--log-level", "error"]);
    command.args(["--compression", "false", "--cache-control-headers", "false"]);
    command.current_dir(scratch); // where it finds no configuration of somebody else's
    Server::start(command, Listens::At(port), scratch)
}
