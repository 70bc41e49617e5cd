//! The house is what was decided about the crates: their floors, who may hold unsafe code, and who the rivals are.
//!
//! A manifest says a floor too, so that it is seen where imports are written; the two must agree.

/// Each crate's folder under `crates/`, with its floor: imports go to lower floors only.
pub(crate) const FLOORS: [(&str, u32); 18] = [
    ("pages", 1),
    ("plain", 1),
    ("queue", 1),
    ("derive", 1),
    ("shared", 2),
    ("local", 2),
    ("ring", 2),
    ("process", 3),
    ("channel", 3),
    ("pile", 3),
    ("http", 3),
    ("memcache", 3),
    ("domain", 4),
    ("cache", 4),
    ("web", 5),
    ("store", 5),
    ("server", 6),
    ("levada", 6),
];

/// Crates beside the house: they have no floor, may import any, and are imported by none.
pub(crate) const BESIDE: [&str; 4] = [SIMULATOR, "tidy", "bench", RIVALS_CRATE];

/// The one crate beside the house that tests of the house may import.
pub(crate) const SIMULATOR: &str = "sim";

/// The one crate that may depend on rivals, left out of the default members.
pub(crate) const RIVALS_CRATE: &str = "bench-compare";

/// Where unsafe code may stand; `sim` implements the trait by which the kernel is called, `bench-compare` the bare loops.
pub(crate) const UNSAFE_CRATES: [&str; 11] = [
    "pages",
    "plain",
    "queue",
    "shared",
    "local",
    "ring",
    "channel",
    "process",
    "pile",
    "sim",
    "bench-compare",
];

/// Every use of the escape by which a process sends what is no message: the file, and why it must.
pub(crate) const ESCAPES: [(&str, &str); 7] = [
    ("crates/server/src/reload.rs", CONFIGURATION),
    ("crates/server/src/steward.rs", CONFIGURATION),
    ("crates/store/src/desk_message.rs", CONFIGURATION),
    ("crates/store/src/service.rs", CONFIGURATION),
    ("crates/web/src/desk_message.rs", CONFIGURATION),
    ("crates/web/src/service.rs", CONFIGURATION),
    ("crates/web/src/storage_message.rs", CONFIGURATION),
];

const CONFIGURATION: &str = "a configuration is checked as a whole and replaced as a whole: all cores share one that never changes";

/// The name of that escape.
pub(crate) const ESCAPE: &str = "Isolated";

/// The crate that defines the escape, and so may name it.
pub(crate) const ESCAPE_CRATE: &str = "process";

/// What this project does instead of using: only the comparison depends on these.
pub(crate) const RIVALS: [&str; 32] = [
    "actix",
    "async-std",
    "compio",
    "crossbeam",
    "crossbeam-channel",
    "crossbeam-queue",
    "crossfire",
    "dashmap",
    "flume",
    "foyer",
    "gc-arena",
    "glommio",
    "hyper",
    "jemallocator",
    "kameo",
    "kanal",
    "mimalloc",
    "mini-moka",
    "mio",
    "moka",
    "monoio",
    "quick_cache",
    "ractor",
    "redis",
    "rtrb",
    "sharded-slab",
    "slotmap",
    "smol",
    "thingbuf",
    "tikv-jemallocator",
    "tokio",
    "tokio-uring",
];

/// The package that lies in a folder of `crates/`.
pub(crate) fn package_name(folder: &str) -> String {
    if folder == "levada" { folder.to_owned() } else { format!("levada-{folder}") }
}

/// The folder of one of our packages, or nothing if the package is not ours.
pub(crate) fn folder_of(package: &str) -> Option<&str> {
    if package == "levada" { Some(package) } else { package.strip_prefix("levada-") }
}

/// The floor that a crate was given.
pub(crate) fn floor_of(folder: &str) -> Option<u32> {
    FLOORS.iter().find(|(name, _)| *name == folder).map(|(_, floor)| *floor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_crate_is_both_in_the_house_and_beside_it() {
        assert!(BESIDE.iter().all(|name| floor_of(name).is_none()));
    }

    #[test]
    fn a_package_and_its_folder_name_each_other() {
        for (folder, _) in FLOORS {
            assert_eq!(folder_of(&package_name(folder)), Some(folder));
        }
        assert_eq!(folder_of("serde"), None);
    }
}
