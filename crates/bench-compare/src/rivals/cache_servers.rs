//! Who takes part in `memcache`: ours, memcached, Redis and the bare loops, each keeping everything in memory, nothing on disk.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::floor::serve_bare::{BareIo, BareSetting};
use crate::frame::fault::Fault;
use crate::machine::program::Places;
use crate::machine::server::{Listens, Room, Server, free_port};
use crate::memcache::script::{FLAT_SEED, Script};
use crate::memcache::tongue::Tongue;
use crate::rivals::levada::LevadaIo;

/// What a server is reached by.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Over {
    Tcp,
    Unix,
}

/// Who keeps the values.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum CacheBy {
    Levada(LevadaIo),
    Memcached,
    Redis,
    /// Nobody: the same bytes are the answer to everything.
    Bare(BareIo),
}

impl CacheBy {
    /// In which words he is asked; the bare loops are sent as many bytes as memcached.
    pub(crate) fn tongue(self) -> Tongue {
        match self {
            Self::Redis => Tongue::Redis,
            Self::Levada(_) | Self::Memcached | Self::Bare(_) => Tongue::Memcached,
        }
    }
}

/// How a server is started.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CacheSetting {
    pub(crate) by: CacheBy,
    pub(crate) over: Over,
    pub(crate) room: Room,
}

/// What each may keep: more than it is given.
const MEMORY_MIB: u32 = 1024;

/// More connections than any case has.
const CONNECTIONS_MAX: u32 = 4096;

/// Starts one of them; `flat` is what the bare loops are asked.
/// # Errors
/// [`Fault::Absent`] if it is not installed or built.
pub(crate) fn start(
    places: &Places,
    scratch: &Path,
    setting: CacheSetting,
    flat: &Script,
) -> Result<Server, Fault> {
    let place = match setting.over {
        Over::Tcp => Place::Port(free_port()?),
        Over::Unix => Place::Path(scratch.join("socket")),
    };
    let core_count = match setting.room {
        Room::ServerCore => 1,
        Room::BothCores => 2,
    };
    let command = match setting.by {
        CacheBy::Levada(io) => levada(places, scratch, io, &place, core_count)?,
        CacheBy::Memcached => memcached(places, &place, core_count)?,
        CacheBy::Redis => redis(places, scratch, &place)?,
        CacheBy::Bare(io) => bare(places, io, &place, flat),
    };
    let listens = match place {
        Place::Port(port) => Listens::At(port),
        Place::Path(path) => Listens::AtPath(path),
    };
    Server::start_in(setting.room, command, listens, scratch)
}

enum Place {
    Port(u16),
    Path(PathBuf),
}

fn levada(
    places: &Places,
    scratch: &Path,
    io: LevadaIo,
    place: &Place,
    core_count: usize,
) -> Result<Command, Fault> {
    let mut command = Command::new(places.ours("levada")?);
    command.args(["serve", "--memcache"]);
    match place {
        Place::Port(port) => command.arg(format!("127.0.0.1:{port}")),
        Place::Path(path) => command.arg(format!("unix:{}", path.display())),
    };
    let io = match io {
        LevadaIo::Auto => "auto",
        LevadaIo::Epoll => "epoll",
    };
    command.args(["--memory", &format!("{MEMORY_MIB}MiB"), "--io", io, "--log", "off"]);
    command.args(["--cores", &core_count.to_string()]);
    command.current_dir(scratch); // where it finds no configuration of somebody else's
    Ok(command)
}

/// With as many workers as it has cores; what it does beside them sleeps.
fn memcached(places: &Places, place: &Place, core_count: usize) -> Result<Command, Fault> {
    let cure = "the package `memcached` brings it";
    let mut command = Command::new(places.rival("memcached", cure)?);
    command.args(["-t", &core_count.to_string(), "-m", &MEMORY_MIB.to_string()]);
    command.args(["-c", &CONNECTIONS_MAX.to_string(), "-b", &CONNECTIONS_MAX.to_string()]);
    match place {
        Place::Port(port) => command.args(["-l", "127.0.0.1", "-U", "0", "-p", &port.to_string()]),
        Place::Path(path) => command.arg("-s").arg(path),
    };
    if rustix::process::geteuid().is_root() {
        command.args(["-u", "root"]); // another user may not use the folder
    }
    Ok(command)
}

fn redis(places: &Places, scratch: &Path, place: &Place) -> Result<Command, Fault> {
    let cure = "the package `redis-server` brings it";
    let mut command = Command::new(places.rival("redis-server", cure)?);
    command.args(["--save", "", "--appendonly", "no", "--maxclients"]);
    command.args([&CONNECTIONS_MAX.to_string(), "--tcp-backlog", &CONNECTIONS_MAX.to_string()]);
    command.arg("--dir").arg(scratch);
    match place {
        Place::Port(port) => command.args(["--bind", "127.0.0.1", "--port", &port.to_string()]),
        Place::Path(path) => command.args(["--port", "0", "--unixsocket"]).arg(path),
    };
    Ok(command)
}

fn bare(places: &Places, io: BareIo, place: &Place, flat: &Script) -> Command {
    let (port, path) = match place {
        Place::Port(port) => (*port, None),
        Place::Path(path) => (0, Some(path.clone())),
    };
    let setting = BareSetting {
        io,
        port,
        path,
        request_bytes: Some(flat.messages[0].len() as u64),
        content_seed: FLAT_SEED,
        body_bytes: flat.answers[0].len() as u64,
        close: false,
    };
    let mut command = Command::new(&places.own_program);
    command.args(setting.to_arguments());
    command
}
