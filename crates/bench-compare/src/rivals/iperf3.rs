//! iperf3, with which others measure a network: its server, and its client as the load for it.

use std::net::SocketAddrV4;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::frame::fault::Fault;
use crate::machine::program::Places;
use crate::machine::server::{Listens, Server};

const CURE: &str = "the package `iperf3` brings it";

/// What one run of its client is to do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Iperf3Plan {
    pub(crate) server: SocketAddrV4,
    pub(crate) connection_count: usize,
    pub(crate) write_bytes: usize,
    /// In each direction, all connections together.
    pub(crate) rate_bytes_per_s: u64,
    pub(crate) seconds: u64,
    /// Its sends take their bytes from a file, by sendfile(2).
    pub(crate) zero_copy: bool,
}

/// What it found out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Iperf3Count {
    /// What its server received.
    pub(crate) sent_bytes: u64,
    /// What its client received.
    pub(crate) received_bytes: u64,
    pub(crate) elapsed_s: f64,
    /// CPU time of the client, as a share of the time.
    pub(crate) client_share: f64,
}

/// Where it is.
/// # Errors
/// [`Fault::Absent`] if it is not installed.
pub(crate) fn program(places: &Places) -> Result<std::path::PathBuf, Fault> {
    places.rival("iperf3", CURE)
}

/// Starts its server by `command`, which runs the program where the server shall be.
/// # Errors
/// If it does not come to listen.
pub(crate) fn start(
    mut command: Command,
    scratch: &Path,
    address: SocketAddrV4,
) -> Result<Server, Fault> {
    let (host, port) = (address.ip().to_string(), address.port().to_string());
    command.args(["-s", "-B", &host, "-p", &port]);
    Server::start(command, Listens::AtAddress(address), scratch)
}

/// Loads its server for some whole seconds, both ways at once.
/// # Errors
/// [`Fault::Wrong`] with what it complains about.
pub(crate) fn load(places: &Places, plan: Iperf3Plan) -> Result<Iperf3Count, Fault> {
    let mut command = Command::new(program(places)?);
    let bits_per_s = plan.rate_bytes_per_s * 8 / plan.connection_count as u64;
    command.args(["-c", &plan.server.ip().to_string(), "-p", &plan.server.port().to_string()]);
    command.args(["--bidir", "-P", &plan.connection_count.to_string()]);
    command.args(["-l", &plan.write_bytes.to_string(), "-b", &bits_per_s.to_string()]);
    command.args(["-t", &plan.seconds.to_string(), "-J"]);
    command.args(plan.zero_copy.then_some("-Z"));
    let done = command.output().map_err(|error| Fault::machine("cannot start iperf3", error))?;
    read(&String::from_utf8_lossy(&done.stdout))
}

/// Reads what its client says at its end.
fn read(said: &str) -> Result<Iperf3Count, Fault> {
    let said: Value = serde_json::from_str(said)
        .map_err(|_error| Fault::Wrong("iperf3 does not say what it did".to_owned()))?;
    if let Some(error) = said["error"].as_str() {
        return Err(Fault::Wrong(error.to_owned()));
    }
    let end = &said["end"];
    let count = || {
        Some(Iperf3Count {
            sent_bytes: end["sum_received"]["bytes"].as_u64()?,
            received_bytes: end["sum_received_bidir_reverse"]["bytes"].as_u64()?,
            elapsed_s: end["sum_received"]["seconds"].as_f64()?,
            client_share: end["cpu_utilization_percent"]["host_total"].as_f64()? / 100.0,
        })
    };
    count().ok_or_else(|| Fault::Wrong("iperf3 does not say how many bytes".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_both_ways_are_read_and_errors_are_not_overlooked() {
        let said = r#"{"end":{"sum_received":{"bytes":10,"seconds":1.5},
            "sum_received_bidir_reverse":{"bytes":20},"cpu_utilization_percent":{"host_total":50.0}}}"#;
        let count =
            Iperf3Count { sent_bytes: 10, received_bytes: 20, elapsed_s: 1.5, client_share: 0.5 };
        assert_eq!(read(said).unwrap(), count);
        assert!(read(r#"{"end":{},"error":"the server is busy"}"#).is_err());
        assert!(read(r#"{"end":{}}"#).is_err());
        assert!(read("iperf3: error").is_err());
    }
}
