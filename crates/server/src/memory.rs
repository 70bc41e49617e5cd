//! Memory is how much the program may have for data, and which part of that is the heap's.
//!
//! ```text
//! memory = the pile of the items                         where there is a memcached service
//!        + slabs of the shared heap                     what is kept, what comes and what is being sent
//!        + 1 KiB for each entry of a cache              its place, its names, 128 bytes of lines for each of its blocks
//!        + 1 MiB a core                                 lines of what only comes and goes
//! ```
//! Not in it: the program itself, and some 800 bytes for each connection that is open.

use levada_pages::memory_limit;

use crate::fault::Fault;
use crate::settings::file::Key;
use crate::settings::read::Settled;
use crate::units::{ByteCount, EntryCount};

/// The least for a core: its receive blocks, and room to serve from.
const CORE_BYTES_MIN: u64 = 16 << 20;

/// The heap's part of the least.
const CORE_HEAP_BYTES_MIN: u64 = 12 << 20;

/// What comes beside the heap.
const BYTES_BESIDE_PER_ENTRY: u64 = 1 << 10;
const BYTES_BESIDE_PER_CORE: u64 = 1 << 20;

/// An eighth of the memory is for entries where nothing is said: half of them in the storage, half in front of it.
const BYTES_PER_ENTRY: u64 = 16 << 10;

/// Beside folders, items get half of the memory where nothing is said; without, what the heap leaves that replies need.
const ITEMS_PART: u64 = 2;
const REPLIES_PART: u64 = 8;

/// The least for items.
const ITEMS_BYTES_MIN: u64 = 2 << 20;

/// A heap grows by so much at a time.
const SLAB_BYTES: u64 = 2 << 20;

/// What is hot is held whatever is needed: at most a quarter of the heap, an eighth where nothing is said.
const HOT_PART_MAX: u64 = 4;
const HOT_PART: u64 = 8;

/// How memory is shared out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Memory {
    pub(crate) all_bytes: u64,
    pub(crate) heap_bytes: u64,
    /// What the items of the memcached service may take; nothing where there is none.
    pub(crate) items_bytes: u64,
    /// How many files the storage keeps, all cores together.
    pub(crate) entries: usize,
    /// How many files each core knows.
    pub(crate) front_entries: usize,
}

impl Memory {
    /// What was said, or three quarters of what there is.
    ///
    /// # Errors
    /// Memory that is too little, or more than there is; entries that leave too little of it.
    pub(crate) fn of(settled: &Settled, cores: usize) -> Result<Self, Fault> {
        Self::among(settled, cores, memory_limit().bytes)
    }

    fn among(settled: &Settled, cores: usize, there_bytes: u64) -> Result<Self, Fault> {
        let cores_count = cores as u64;
        let fault = |what| settled.source.fault(&[Key::Name("memory")], "--memory", what);
        let least = CORE_BYTES_MIN * cores_count;
        let all_bytes = match settled.settings.memory.map(|memory| memory.0) {
            Some(bytes) if bytes < least => {
                return Err(fault(format!(
                    "{} MiB are too little for {cores} cores: choose at least {} MiB, or fewer cores",
                    bytes >> 20,
                    least >> 20
                )));
            }
            Some(bytes) if bytes > there_bytes => {
                return Err(fault(format!(
                    "{} is more than the {} MiB that there are: choose less, or leave it out to have three quarters of them",
                    ByteCount(bytes),
                    there_bytes >> 20
                )));
            }
            Some(bytes) => bytes,
            None => ((there_bytes / 4 * 3) >> 20 << 20).max(least),
        };
        let items_bytes = Self::items_bytes(settled, cores_count, all_bytes)?;
        let rest_bytes = all_bytes - items_bytes;
        let cache = &settled.settings.cache;
        let is_web = !settled.settings.site.is_empty();
        let fitting = if is_web { to_usize(rest_bytes / BYTES_PER_ENTRY) } else { 0 };
        let entries = cache.entries.filter(|_| is_web).unwrap_or(fitting);
        let front_entries =
            cache.front.map_or_else(|| entries.div_ceil(cores), |EntryCount(count)| count);
        let entry_bytes = (entries + front_entries * cores) as u64 * BYTES_BESIDE_PER_ENTRY;
        let beside_bytes = entry_bytes + BYTES_BESIDE_PER_CORE * cores_count;
        let heap_bytes = rest_bytes.saturating_sub(beside_bytes) / SLAB_BYTES * SLAB_BYTES;
        if heap_bytes < CORE_HEAP_BYTES_MIN * cores_count {
            let what = format!(
                "{entries} entries, and {front_entries} in front on each core, take {} MiB of {} MiB: have fewer, or raise \
                 `memory`",
                beside_bytes >> 20,
                rest_bytes >> 20
            );
            return Err(settled.source.fault(
                &[Key::Name("cache"), Key::Name("entries")],
                "cache.entries",
                what,
            ));
        }
        Ok(Self { all_bytes, heap_bytes, items_bytes, entries, front_entries })
    }

    /// What is for items, so that there is enough for the rest.
    fn items_bytes(settled: &Settled, cores: u64, all_bytes: u64) -> Result<u64, Fault> {
        let settings = &settled.settings;
        if !settings.memcached.is_on() {
            return Ok(0);
        }
        let least = (CORE_HEAP_BYTES_MIN + BYTES_BESIDE_PER_CORE) * cores + SLAB_BYTES;
        let most = all_bytes.saturating_sub(least);
        let bytes = match settings.memcached.memory {
            Some(ByteCount(bytes)) if bytes > most || bytes < ITEMS_BYTES_MIN => {
                let what = format!(
                    "{} cannot be: choose a size from {} to {}, or raise `memory`",
                    ByteCount(bytes),
                    ByteCount(ITEMS_BYTES_MIN),
                    ByteCount(most >> 20 << 20)
                );
                let keys = [Key::Name("memcached"), Key::Name("memory")];
                return Err(settled.source.fault(&keys, "memcached.memory", what));
            }
            Some(ByteCount(bytes)) => bytes,
            None if settings.site.is_empty() => most.min(all_bytes - all_bytes / REPLIES_PART),
            None => most.min(all_bytes / ITEMS_PART),
        };
        Ok(bytes >> 20 << 20)
    }

    /// How many bytes of files are held whatever is needed.
    ///
    /// # Errors
    /// More than is good for the rest.
    pub(crate) fn hot_bytes(&self, settled: &Settled) -> Result<u64, Fault> {
        let most = self.heap_bytes / HOT_PART_MAX;
        match settled.settings.cache.hot {
            Some(ByteCount(bytes)) if bytes > most => {
                let what = format!(
                    "{} would leave too little that can be given up: choose at most {} MiB",
                    ByteCount(bytes),
                    most >> 20
                );
                Err(settled.source.fault(
                    &[Key::Name("cache"), Key::Name("hot")],
                    "cache.hot",
                    what,
                ))
            }
            Some(ByteCount(bytes)) => Ok(bytes),
            None => Ok(self.heap_bytes / HOT_PART),
        }
    }
}

fn to_usize(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;

    fn settled(text: &str) -> Settled {
        let mut settings: Settings = toml::from_str(text).unwrap();
        if !settings.memcached.is_on() || text.contains("site") {
            settings.site.push(Default::default());
        }
        Settled { settings, source: Default::default() }
    }

    #[test]
    fn what_comes_beside_the_heap_is_part_of_the_memory() {
        let there = 4 << 30;
        for (text, cores) in [
            ("", 1),
            ("", 64),
            ("memory = '16MiB'", 1),
            ("memory = '64MiB'", 2),
            ("memory = '1GiB'\ncache.entries = 200000\ncache.front = 50000", 4),
            ("memory = '4GiB'\ncache.front = 0", 2),
        ] {
            let memory = Memory::among(&settled(text), cores, there).unwrap();
            let Memory { all_bytes, heap_bytes, entries, front_entries, items_bytes } = memory;
            assert_eq!(items_bytes, 0);
            let entry_count = (entries + front_entries * cores) as u64;
            assert!(
                heap_bytes + entry_count * 1024 + ((cores as u64) << 20) <= all_bytes,
                "{memory:?}"
            );
            assert!(all_bytes <= there && heap_bytes >= all_bytes / 2, "{memory:?}");
            assert_eq!(memory.hot_bytes(&settled(text)).unwrap(), heap_bytes / 8);
        }
        let memory = Memory::among(&settled(""), 1, there).unwrap();
        assert_eq!(memory.all_bytes, 3 << 30);
    }

    #[test]
    fn items_have_most_of_the_memory_alone_and_half_of_it_beside_folders() {
        let of = |text: &str, cores| Memory::among(&settled(text), cores, 4 << 30);
        let listen = "memcached.listen = ['unix:a']\n";
        let alone = of(&format!("{listen}memory = '256MiB'"), 1).unwrap();
        assert_eq!((alone.items_bytes, alone.entries), (224 << 20, 0));
        assert!(alone.items_bytes + alone.heap_bytes <= alone.all_bytes);
        let small = of(&format!("{listen}memory = '64MiB'"), 2).unwrap();
        assert!(small.heap_bytes >= 24 << 20 && small.items_bytes == 36 << 20, "{small:?}");
        let beside = of(&format!("{listen}memory = '1GiB'\nlimits.uri = '8KiB' # a site"), 2);
        assert_eq!(beside.unwrap().items_bytes, 512 << 20);
        let told = of(&format!("{listen}memory = '64MiB'\nmemcached.memory = '60MiB'"), 1);
        let told = told.unwrap_err().to_string();
        assert!(told.contains("choose a size from 2MiB to 49MiB"), "{told}");
    }

    #[test]
    fn memory_that_cannot_be_is_refused_with_the_remedy() {
        let there = 4 << 30;
        let told = |text: &str| {
            let (settled, cores) = (settled(text), 2);
            let shared = Memory::among(&settled, cores, there);
            shared.and_then(|memory| memory.hot_bytes(&settled)).unwrap_err().to_string()
        };
        for (text, part) in [
            ("memory = '31MiB'", "31 MiB are too little for 2 cores: choose at least 32 MiB"),
            ("memory = '5GiB'", "5GiB is more than the 4096 MiB that there are: choose less"),
            (
                "memory = '64MiB'\ncache.entries = 30000",
                "take 60 MiB of 64 MiB: have fewer, or raise",
            ),
            ("memory = '64MiB'\ncache.hot = '32MiB'", "choose at most 13 MiB"),
        ] {
            let told = told(text);
            assert!(told.contains(part), "{text}: {told}");
        }
    }
}
