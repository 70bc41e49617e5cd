//! A server is started by us, on its own core, in a process group of its own; when it is dropped, that group has ended.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rustix::process::{Pid, Signal};

use crate::frame::fault::Fault;
use crate::machine::clock::pause;
use crate::machine::cores::{on_both_cores, on_server_core};
use crate::machine::process_group::{ProcessGroup, sum_cpu_ns};
use crate::machine::resident::resident_bytes;
use crate::machine::road::Road;

/// A server that does not listen after so many looks has failed.
const LOOKS_MAX: u32 = 500;

const BETWEEN_LOOKS: Duration = Duration::from_millis(10);

/// After so many looks a server that is still busy is left to the count of what it uses at rest.
const QUIET_LOOKS_MAX: u32 = 100;

/// A server that used less than this between two looks has nothing left to do.
const QUIET_NS: u64 = 100_000;

/// Where the kernel begins to give ports to clients, unless it was told otherwise.
const LOW_PORTS_END: u16 = 32_768;

const LOW_PORTS_BEGIN: u16 = 20_000;

/// How many of them this program has looked at.
static LOW_PORT_TURN: AtomicU32 = AtomicU32::new(0);

/// How ours says where it listens, when it was asked to choose a port itself.
const SAYS: &str = "listening http://";

/// Where a server will listen.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Listens {
    /// At a port that it was told.
    At(u16),
    /// At an address that it was told.
    AtAddress(SocketAddrV4),
    /// At a path that it was told.
    AtPath(PathBuf),
    /// At an address that it says itself, in a line of its own.
    WhereItSays,
}

/// Which cores a server has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Room {
    ServerCore,
    /// The client then shares one of them.
    BothCores,
}

/// A running server.
#[derive(Debug)]
pub(crate) struct Server {
    /// Of no meaning if it listens at a path.
    pub(crate) address: SocketAddrV4,
    path: Option<PathBuf>,
    first: Child,
    group: ProcessGroup,
    members: Vec<Pid>,
}

impl Server {
    /// Starts `command` and waits until it listens. What it says goes to a log in `folder`.
    /// # Errors
    /// [`Fault::Wrong`] with the last that it said, if it does not come to listen.
    pub(crate) fn start(command: Command, listens: Listens, folder: &Path) -> Result<Self, Fault> {
        Self::start_in(Room::ServerCore, command, listens, folder)
    }

    /// As [`Self::start`], on the cores that it is given.
    /// # Errors
    /// As there.
    pub(crate) fn start_in(
        room: Room,
        mut command: Command,
        listens: Listens,
        folder: &Path,
    ) -> Result<Self, Fault> {
        let log_path = folder.join("server.log");
        let fault = |error: io::Error| Fault::machine("cannot start a server", error);
        let log = File::create(&log_path).map_err(fault)?;
        command.stdin(Stdio::null()).stdout(log.try_clone().map_err(fault)?).stderr(log);
        command.process_group(0); // its own: Ctrl-C is for us, and ending it ends its workers
        let spawn = || command.spawn().map_err(fault);
        let first = match room {
            Room::ServerCore => on_server_core(spawn)?,
            Room::BothCores => on_both_cores(spawn)?,
        };
        let number = i32::try_from(first.id()).expect("process numbers are small");
        let group = ProcessGroup(Pid::from_raw(number).expect("a child's number is not zero"));
        let told = match &listens {
            Listens::At(port) => Some(SocketAddrV4::new(Ipv4Addr::LOCALHOST, *port)),
            Listens::AtAddress(address) => Some(*address),
            Listens::WhereItSays | Listens::AtPath(_) => None,
        };
        let address = told.unwrap_or(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0));
        // From here on dropping it ends it, also when it never listens.
        let path = if let Listens::AtPath(path) = listens { Some(path) } else { None };
        let mut server = Self { address, path, first, group, members: Vec::new() };
        server.wait_until_it_listens(told, &log_path)?;
        Ok(server)
    }

    /// Looks which OS processes it consists of now: a server goes on starting workers after it listens.
    /// # Errors
    /// If the kernel's list cannot be read.
    pub(crate) fn note_members(&mut self) -> Result<(), Fault> {
        let members = self.group.members();
        self.members =
            members.map_err(|error| Fault::machine("cannot see a server's processes", error))?;
        Ok(())
    }

    /// What all its OS processes, as they were last noted, have used so far.
    /// # Errors
    /// If one of them has ended.
    pub(crate) fn cpu_ns(&self) -> Result<u64, Fault> {
        let sum = sum_cpu_ns(&self.members);
        sum.map_err(|error| Fault::Wrong(format!("the server's CPU time cannot be read: {error}")))
    }

    /// Waits until it has seen that its client is gone: its closing must not fall into another's window.
    /// # Errors
    /// If one of its OS processes has ended.
    pub(crate) fn settle(&self) -> Result<(), Fault> {
        let mut before_ns = self.cpu_ns()?;
        for _ in 0..QUIET_LOOKS_MAX {
            pause(BETWEEN_LOOKS);
            let now_ns = self.cpu_ns()?;
            if now_ns - before_ns < QUIET_NS {
                break;
            }
            before_ns = now_ns;
        }
        Ok(())
    }

    /// How it is reached.
    pub(crate) fn road(&self) -> Road {
        self.path.as_ref().map_or(Road::Tcp(self.address), |path| Road::Unix(path.clone()))
    }

    /// What of the memory of its first OS process is resident.
    /// # Errors
    /// If it has ended.
    pub(crate) fn resident_bytes(&self) -> Result<u64, Fault> {
        resident_bytes(self.first.id())
            .map_err(|error| Fault::machine("cannot read what is resident", error))
    }

    /// Its OS processes, as they were last noted.
    pub(crate) fn members(&self) -> &[Pid] {
        &self.members
    }

    fn wait_until_it_listens(
        &mut self,
        told: Option<SocketAddrV4>,
        log_path: &Path,
    ) -> Result<(), Fault> {
        for _ in 0..LOOKS_MAX {
            let ended = self.first.try_wait();
            if ended.is_ok_and(|status| status.is_some()) {
                break;
            }
            if let Some(path) = &self.path {
                if UnixStream::connect(path).is_ok() {
                    return Ok(());
                }
                pause(BETWEEN_LOOKS);
                continue;
            }
            let address = told.or_else(|| said_address(&fs::read_to_string(log_path).ok()?));
            let Some(address) = address else {
                pause(BETWEEN_LOOKS);
                continue;
            };
            match TcpStream::connect(address) {
                Ok(_closed_at_once) => {
                    self.address = address;
                    return Ok(());
                }
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => pause(BETWEEN_LOOKS),
                Err(error) => return Err(Fault::machine("cannot connect to a server", error)),
            }
        }
        let said = fs::read_to_string(log_path).unwrap_or_default();
        let last = said.trim().lines().last().unwrap_or("it said nothing").to_owned();
        Err(Fault::Wrong(format!("the server does not listen: {last}")))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.group.signal(Signal::TERM);
        for _ in 0..LOOKS_MAX {
            let is_over = self.first.try_wait().is_ok_and(|status| status.is_some());
            if is_over && self.group.members().is_ok_and(|members| members.is_empty()) {
                return;
            }
            pause(BETWEEN_LOOKS);
        }
        self.group.signal(Signal::KILL);
        // Waited for so that its number stays ours until the group has gone.
        let _status = self.first.wait();
    }
}

/// The address in the first whole line that names one.
fn said_address(log: &str) -> Option<SocketAddrV4> {
    let whole_lines = log.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'));
    let mut said = whole_lines.filter_map(|line| line.trim().strip_prefix(SAYS));
    said.find_map(|address| address.trim_end_matches('/').parse().ok())
}

/// A port that was free a moment ago.
/// # Errors
/// If the kernel has none.
pub(crate) fn free_port() -> Result<u16, Fault> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let address = listener.and_then(|listener| listener.local_addr());
    Ok(address.map_err(|error| Fault::machine("no port is free", error))?.port())
}

/// A port that was free a moment ago, below those that the kernel gives to clients: none of them ever takes it.
/// # Errors
/// If there is none.
pub(crate) fn free_low_port() -> Result<u16, Fault> {
    // Another place to begin for each program of ours that runs at the same time; and no port twice: it may look free from
    // here and be taken in another network.
    let offset = std::process::id() % 4_000;
    let is_free = |port: &u16| TcpListener::bind((Ipv4Addr::UNSPECIFIED, *port)).is_ok();
    let span = u32::from(LOW_PORTS_END - LOW_PORTS_BEGIN);
    let mut ports = (0..span).filter_map(|_| {
        // Relaxed: a number that nobody else gets, and nothing more.
        let turn = LOW_PORT_TURN.fetch_add(1, Ordering::Relaxed);
        u16::try_from(u32::from(LOW_PORTS_BEGIN) + offset.wrapping_add(turn) % span).ok()
    });
    ports.find(is_free).ok_or_else(|| Fault::Wrong("no port below the clients' is free".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_before_it_listens_is_told_with_its_last_words() {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "echo first; echo no such setting >&2; exit 3"]);
        let error = Server::start(command, Listens::WhereItSays, folder.path()).unwrap_err();
        assert!(error.to_string().ends_with("no such setting"), "{error}");
    }

    #[test]
    fn an_address_is_taken_from_a_whole_line_only() {
        assert_eq!(said_address("listening http://127.0.0.1:80"), None);
        let said = "config: none\nlistening http://127.0.0.1:8080\nio_uring, 1 core\n";
        assert_eq!(said_address(said).unwrap().to_string(), "127.0.0.1:8080");
        assert_eq!(said_address("listening http://somewhere\n"), None);
    }
}
