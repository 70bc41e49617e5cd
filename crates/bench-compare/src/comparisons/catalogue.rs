//! The list of comparisons, in the order in which `all` runs them.

use crate::comparisons::{
    cache, cache_hits, cache_memory, handles, heap, heap_memory, http_client, http_large,
    http_short, http_small, local_heap, local_heap_memory, megapipe, memcache, memcache_large,
    memcache_memory, pile, pile_memory, processes, processes_memory, queues, social, wire,
};
use crate::frame::comparison::Comparison;

pub(crate) const ALL: [Comparison; 23] = [
    http_small::COMPARISON,
    http_short::COMPARISON,
    http_large::COMPARISON,
    http_client::COMPARISON,
    megapipe::COMPARISON,
    wire::COMPARISON,
    memcache::COMPARISON,
    memcache_large::COMPARISON,
    memcache_memory::COMPARISON,
    handles::COMPARISON,
    heap::COMPARISON,
    heap_memory::COMPARISON,
    local_heap::COMPARISON,
    local_heap_memory::COMPARISON,
    queues::COMPARISON,
    processes::COMPARISON,
    processes_memory::COMPARISON,
    pile::COMPARISON,
    pile_memory::COMPARISON,
    social::COMPARISON,
    cache::COMPARISON,
    cache_hits::COMPARISON,
    cache_memory::COMPARISON,
];

/// The word that means all of them.
pub(crate) const ALL_WORD: &str = "all";

/// The comparisons that a word means; none if nobody knows the word.
pub(crate) fn named(word: &str) -> Vec<Comparison> {
    ALL.into_iter().filter(|one| word == ALL_WORD || one.name == word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_a_name_of_its_own() {
        for one in ALL {
            assert_eq!(named(one.name).len(), 1, "{}", one.name);
        }
        assert_eq!(named(ALL_WORD).len(), ALL.len());
        assert!(named("none").is_empty());
    }
}
