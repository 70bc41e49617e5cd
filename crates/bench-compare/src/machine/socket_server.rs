//! A server that listens at a path, started on its own core; when it is dropped, it has ended.

use std::fs::File;
use std::io;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::Pid;

use crate::frame::fault::Fault;
use crate::machine::clock::pause;
use crate::machine::cores::on_server_core;
use crate::machine::cpu_clock::cpu_ns;
use crate::machine::resident::resident_bytes;

/// A server that does not listen after so many looks has failed.
const LOOKS_MAX: u32 = 500;

const BETWEEN_LOOKS: Duration = Duration::from_millis(10);

/// A running server.
#[derive(Debug)]
pub(crate) struct SocketServer {
    child: Child,
    path: PathBuf,
}

impl SocketServer {
    /// Starts `command` and waits until it listens at `path`; what it says goes to a log beside that.
    /// # Errors
    /// If it cannot be started, or does not come to listen.
    pub(crate) fn start(mut command: Command, path: &Path) -> Result<Self, Fault> {
        let fault = |error: io::Error| Fault::machine("cannot start a server", error);
        let log = File::create(path.with_extension("log")).map_err(fault)?;
        command.stdin(Stdio::null()).stdout(log.try_clone().map_err(fault)?).stderr(log);
        command.process_group(0); // its own: Ctrl-C is for us
        let child = on_server_core(|| command.spawn().map_err(fault))?;
        // From here on dropping it ends it, also when it never listens.
        let server = Self { child, path: path.to_owned() };
        for _ in 0..LOOKS_MAX {
            if server.connect().is_ok() {
                return Ok(server);
            }
            pause(BETWEEN_LOOKS);
        }
        Err(Fault::Wrong("the server does not listen".to_owned()))
    }

    /// # Errors
    /// If it does not listen.
    pub(crate) fn connect(&self) -> Result<UnixStream, Fault> {
        UnixStream::connect(&self.path)
            .map_err(|error| Fault::machine("cannot connect to a server", error))
    }

    /// What it has used of the CPU so far.
    /// # Errors
    /// If it has ended.
    pub(crate) fn cpu_ns(&self) -> Result<u64, Fault> {
        cpu_ns(self.pid()).map_err(|error| Fault::machine("cannot read its CPU time", error))
    }

    /// What of its memory is resident.
    /// # Errors
    /// If it has ended.
    pub(crate) fn resident_bytes(&self) -> Result<u64, Fault> {
        resident_bytes(self.child.id())
            .map_err(|error| Fault::machine("cannot read what is resident", error))
    }

    fn pid(&self) -> Pid {
        let number = i32::try_from(self.child.id()).expect("process numbers are small");
        Pid::from_raw(number).expect("a child's number is not zero")
    }
}

impl Drop for SocketServer {
    fn drop(&mut self) {
        // It keeps nothing that would be lost.
        let _killed = self.child.kill();
        let _status = self.child.wait();
    }
}
