//! The rivals that are built into this program, and their versions as they were locked.

const LOCK: &str = include_str!("../../../../Cargo.lock");

/// A rival as it is called in rows, and its crate where that is called otherwise.
const NAMES: [(&str, &str); 22] = [
    ("tokio", "tokio"),
    ("monoio", "monoio"),
    ("compio", "compio"),
    ("Bytes", "bytes"),
    ("mimalloc", "mimalloc"),
    ("jemalloc", "tikv-jemallocator"),
    ("rtrb", "rtrb"),
    ("crossbeam-channel", "crossbeam-channel"),
    ("crossfire", "crossfire"),
    ("kanal", "kanal"),
    ("flume", "flume"),
    ("ractor", "ractor"),
    ("kameo", "kameo"),
    ("foldhash", "foldhash"),
    ("slotmap", "slotmap"),
    ("sharded-slab", "sharded-slab"),
    ("rkyv", "rkyv"),
    ("postcard", "postcard"),
    ("quick_cache", "quick_cache"),
    ("foyer", "foyer-memory"),
    ("moka", "moka"),
    ("gc-arena", "gc-arena"),
];

/// Names and versions of those crates that are part of some row's name.
pub(crate) fn versions(row_names: &[&str]) -> Vec<String> {
    let takes_part =
        |(name, _): &(&str, &str)| row_names.iter().any(|row_name| row_name.contains(name));
    let told = |(_, name)| Some(format!("{name} {}", version_in(LOCK, name)?));
    NAMES.into_iter().filter(takes_part).filter_map(told).collect()
}

/// The version that stands behind a crate's name.
fn version_in<'a>(lock: &'a str, name: &str) -> Option<&'a str> {
    let (_, behind_name) = lock.split_once(&format!("\nname = \"{name}\"\nversion = \""))?;
    behind_name.split('"').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rival_that_is_built_in_has_its_version_told() {
        let row_names =
            ["tokio, multi-thread", "monoio", "compio", "epoll loop", "BytesMut, fresh"];
        let allocators = ["Bytes, mimalloc", "Bytes, jemalloc"];
        let queues = ["rtrb, chunks", "crossbeam-channel", "crossfire", "kanal", "flume"];
        let worlds = ["ractor", "kameo"];
        let stores = ["HashMap of foldhash", "slotmap", "sharded-slab", "rkyv", "postcard"];
        let caches = ["quick_cache", "foyer, LRU", "moka"];
        let heaps = ["gc-arena, a cycle a turn"];
        let all = [&row_names[..], &allocators, &queues, &worlds, &stores, &caches, &heaps];
        let told = versions(&all.concat());
        let names: Vec<_> = told.iter().filter_map(|one| one.split(' ').next()).collect();
        assert_eq!(names, NAMES.map(|(_, name)| name));
        assert!(told.iter().all(|one| one.contains('.')), "{told:?}");
        assert!(versions(&["nginx"]).is_empty());
    }
}
