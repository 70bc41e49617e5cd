//! wrk, the client that others measure with: one thread on the client's core.

use std::net::SocketAddrV4;
use std::process::Command;

use crate::frame::fault::Fault;
use crate::machine::program::Places;

const CURE: &str = "the package `wrk` brings it";

/// What wrk counted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct WrkCount {
    pub(crate) request_count: u64,
}

/// Loads a server for some whole seconds.
/// # Errors
/// [`Fault::Absent`] if it is not installed; [`Fault::Wrong`] if it counted an error.
pub(crate) fn load(
    places: &Places,
    server: SocketAddrV4,
    path: &str,
    connection_count: u32,
    seconds: u64,
) -> Result<WrkCount, Fault> {
    let mut command = Command::new(places.rival("wrk", CURE)?);
    command.args(["-t1", &format!("-c{connection_count}"), &format!("-d{seconds}s")]);
    command.arg(format!("http://{server}{path}"));
    let done = command.output().map_err(|error| Fault::machine("cannot start wrk", error))?;
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    if !done.status.success() {
        return Err(Fault::Wrong(String::from_utf8_lossy(&done.stderr).trim().to_owned()));
    }
    read(&said)
}

/// Reads what wrk says at its end.
fn read(said: &str) -> Result<WrkCount, Fault> {
    let bad = ["Non-2xx", "Socket errors"];
    if let Some(line) = said.lines().find(|line| bad.iter().any(|word| line.contains(word))) {
        return Err(Fault::Wrong(line.trim().to_owned()));
    }
    let count = said.lines().find_map(|line| line.trim().split_once(" requests in "));
    let count = count.and_then(|(count, _)| count.parse().ok());
    let request_count =
        count.ok_or_else(|| Fault::Wrong("wrk does not say how many requests".to_owned()))?;
    Ok(WrkCount { request_count })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = "Running 1s test @ http://127.0.0.1:8080/a\n  1 threads and 64 connections\n  \
        Thread Stats   Avg      Stdev     Max   +/- Stdev\n    Latency   501.97us  110.10us   3.94ms\n  \
        140277 requests in 1.10s, 167.34MB read\nRequests/sec: 127533.78\n";

    #[test]
    fn requests_are_counted_and_errors_are_not_overlooked() {
        assert_eq!(read(SAID).unwrap(), WrkCount { request_count: 140_277 });
        let wrong = format!("{SAID}  Non-2xx or 3xx responses: 3\n");
        assert!(read(&wrong).is_err());
        assert!(read("unable to connect").is_err());
    }
}
