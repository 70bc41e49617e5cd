//! The memcached service is made of its settings: its listeners are taken, and what it is told is put together.

use std::path::Path;

use levada_cache::{Cache, CacheOptions, OptionError, Pile, TableOptions, Watermarks};
use levada_channel::{Errno, Error, UnixName, UnixPart};
use levada_store::{Part, StoreConfig};

use crate::fault::Fault;
use crate::listeners::take;
use crate::settings::file::Key;
use crate::settings::memcached::ModeChoice;
use crate::settings::read::Settled;
use crate::sites::Shares;
use crate::units::{Address, ByteCount, Place};

/// What is received at a time is this part of the items' memory, where nothing is said.
const RECEIVING_PART: u64 = 16;

/// What each core accepts from, and where it all is.
#[derive(Debug, Default)]
pub(crate) struct StoreListeners {
    pub(crate) parts: Vec<Vec<Part>>,
    pub(crate) places: Vec<String>,
    /// Paths that are ours, and go with us.
    pub(crate) paths: Vec<std::path::PathBuf>,
}

/// Takes the listeners for `cores` cores.
///
/// # Errors
/// A port or a path that cannot be taken, with why.
pub(crate) fn store_listeners(settled: &Settled, cores: usize) -> Result<StoreListeners, Fault> {
    let mut listeners = StoreListeners::default();
    listeners.parts.resize_with(cores, Vec::new);
    for (number, place) in settled.settings.memcached.listen.iter().enumerate() {
        let keys = [Key::Name("memcached"), Key::Name("listen"), Key::Index(number)];
        let group: Vec<Part> = match place {
            Place::Tcp(address) => {
                let group = take(settled, &keys, "--memcache", Address(*address), cores)?;
                group.into_iter().map(Part::Tcp).collect()
            }
            Place::Unix(path) => {
                let group = take_path(path, cores).map_err(|what| {
                    // Not the configuration's fault: the same will do at another time.
                    Fault::failed(settled.source.fault(&keys, "--memcache", what).to_string())
                })?;
                listeners.paths.push(path.clone());
                group.into_iter().map(Part::Unix).collect()
            }
        };
        listeners.places.extend(group.first().map(Part::place));
        listeners.parts.iter_mut().zip(group).for_each(|(of_core, part)| of_core.push(part));
    }
    Ok(listeners)
}

/// Takes a path. A socket that lies there and that nobody listens on, since who did was killed, is replaced.
fn take_path(path: &Path, cores: usize) -> Result<Vec<UnixPart>, String> {
    let shown = path.display();
    let name = UnixName::path(path).ok_or_else(|| {
        format!("`{shown}` is too long for a socket: name one of at most 107 bytes")
    })?;
    let bind = || UnixPart::bind(&name, cores);
    let bound = match bind() {
        Err(Error::Kernel(Errno::ADDRINUSE)) if is_left_behind(path) => {
            // Whoever removes it first has done it for us too.
            let _is_gone: bool = std::fs::remove_file(path).is_ok();
            bind()
        }
        bound => bound,
    };
    bound.map_err(|error| match error {
        Error::Kernel(Errno::ADDRINUSE) => {
            format!(
                "cannot listen on `{shown}`: it is there already, and in use; choose another path"
            )
        }
        Error::Kernel(Errno::NOENT) => {
            format!("cannot listen on `{shown}`: there is no such folder; make it or name another")
        }
        error => format!("cannot listen on `{shown}`: {error}"),
    })
}

/// Whether a path is a socket that nobody answers on.
fn is_left_behind(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt;
    let is_socket = std::fs::symlink_metadata(path).is_ok_and(|is| is.file_type().is_socket());
    let connected = std::os::unix::net::UnixStream::connect(path);
    is_socket && connected.is_err_and(|error| error.kind() == std::io::ErrorKind::ConnectionRefused)
}

/// Makes the cache that the items stand in.
///
/// # Errors
/// Limits and marks that cannot be, and addresses that the OS does not give.
pub(crate) fn items_cache(settled: &Settled, shares: Shares) -> Result<Cache, Fault> {
    let pile_bytes = shares.memory.items_bytes;
    let pile = Pile::builder("items").limit_bytes(pile_bytes).build();
    let pile = pile.map_err(|error| Fault::failed(format!("no memory for items: {error}")))?;
    let said = &settled.settings.cache;
    let mut options = CacheOptions::limit(said.limit.map_or(pile_bytes, |limit| limit.0));
    options.watermarks = Watermarks { low: said.low, high: said.high, max: said.max };
    options.keep_min = said.keep_min;
    options.gives_back = said.give_back;
    Cache::over(&pile, options).map_err(|error| cache_fault(settled, &error))
}

/// What the table of the items is made with.
///
/// # Errors
/// Loads that cannot be.
pub(crate) fn items_table(settled: &Settled) -> Result<TableOptions, Fault> {
    let said = &settled.settings.cache.table.memcached;
    if !(0.5..=0.92).contains(&said.load_high) || !(0.0..said.load_high).contains(&said.load_low) {
        let what = "the loads cannot be: choose `load_high` from 0.5 to 0.92, and `load_low` below";
        let keys = ["cache", "table", "memcached", "load_high"].map(Key::Name);
        return Err(settled.source.fault(&keys, "cache.table.memcached.load_high", what));
    }
    let options = TableOptions {
        load_high: said.load_high,
        load_low: said.load_low,
        ..TableOptions::default()
    };
    Ok(if said.mode == ModeChoice::Durable { options.durable() } else { options })
}

fn cache_fault(settled: &Settled, error: &OptionError) -> Fault {
    let name = match error {
        OptionError::Limit { .. } => "limit",
        OptionError::Watermarks(_) => "low",
        OptionError::Part(name) => name,
        _ => return Fault::failed(format!("no cache for items: {error}")),
    };
    let keys = [Key::Name("cache"), Key::Name(name)];
    settled.source.fault(&keys, name, format!("{error}; choose others"))
}

/// What the service is told.
pub(crate) fn store_config(settled: &Settled, shares: Shares) -> StoreConfig {
    let settings = &settled.settings.memcached;
    let mut config = StoreConfig::default();
    config.hold_from_bytes = to_usize(settings.hold_from.0);
    config.receive_from_bytes = to_usize(settings.receive_from.0);
    config.may_flush = settings.flush_all;
    let limits = &mut config.limits;
    limits.connections_max = settings.connections;
    limits.idle = settings.idle.map(|idle| idle.0);
    limits.value_within = settings.value_timeout.0;
    limits.line_bytes_max = to_usize(settings.line_max.0);
    limits.item_bytes_max = to_usize(settings.item_max.0);
    let part = shares.memory.items_bytes / RECEIVING_PART;
    limits.receiving_bytes_max = settings.receiving_max.map_or(part, |ByteCount(bytes)| bytes);
    config
}

fn to_usize(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_of_nobody_is_replaced_and_all_else_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        drop(take_path(&path, 1).unwrap());
        assert!(path.exists(), "a socket stays behind who listened");
        let living = take_path(&path, 2).unwrap();
        let refused = take_path(&path, 1).unwrap_err();
        assert!(refused.contains("in use; choose another path"), "{refused}");
        drop(living);
        let file = folder.path().join("file");
        std::fs::write(&file, "of value").unwrap();
        assert!(take_path(&file, 1).is_err() && std::fs::read(&file).unwrap() == b"of value");
        let nowhere = take_path(&folder.path().join("no/socket"), 1).unwrap_err();
        assert!(nowhere.contains("there is no such folder"), "{nowhere}");
    }
}
