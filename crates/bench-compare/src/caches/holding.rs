//! Holding: a cache takes more entries than it has room for, and its OS process is looked at then.

use std::io;

use crate::caches::keyed_cache::{KeyedCache, Room};
use crate::machine::resident::own_resident_bytes;

/// What was resident after so many.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    pub(crate) entry_bytes: f64,
    pub(crate) entry_count: usize,
}

/// Fills a cache; where it lets go, with twice as many keys as it has room for: queues and ghosts are then what they become in time.
/// # Errors
/// If the kernel does not tell what is resident, or nothing is held.
pub(crate) fn hold<C: KeyedCache>(room: Room, lets_go: bool) -> io::Result<Held> {
    // The program's own pages become resident with the first use, of the cache's code and of looking.
    drop(filled::<C>(Room { entry_count: FEW, ..room }, lets_go));
    own_resident_bytes()?;
    let before_bytes = own_resident_bytes()?;
    let cache = filled::<C>(room, lets_go);
    let entry_count = cache.entry_count();
    let grown_bytes = own_resident_bytes()?.saturating_sub(before_bytes) as f64;
    if entry_count * 100 < room.entry_count * 99 {
        return Err(io::Error::other(format!("it holds {entry_count} of {}", room.entry_count)));
    }
    Ok(Held { entry_bytes: grown_bytes / entry_count as f64, entry_count })
}

/// So few that what they leave behind in an allocator is nothing beside what is measured.
const FEW: usize = 1_000;

fn filled<C: KeyedCache>(room: Room, lets_go: bool) -> C {
    let cache = C::with_room(room);
    let value = vec![7; room.value_bytes];
    let count = room.entry_count as u64;
    let put_count = if lets_go { count * 2 } else { count };
    for key in 0..put_count {
        cache.put(key, &value);
    }
    cache.settle();
    cache.tend();
    cache
}
