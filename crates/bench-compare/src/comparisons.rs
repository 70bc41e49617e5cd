//! The comparisons, one file each, and the list of them.

pub(crate) mod catalogue;
pub(crate) mod echo_case;
pub(crate) mod fixed;
pub(crate) mod handles;
pub(crate) mod heap;
pub(crate) mod heap_memory;
pub(crate) mod http_client;
pub(crate) mod http_large;
pub(crate) mod http_short;
pub(crate) mod http_small;
pub(crate) mod megapipe;
pub(crate) mod memcache;
pub(crate) mod memcache_case;
pub(crate) mod memcache_large;
pub(crate) mod memcache_memory;
pub(crate) mod pile;
pub(crate) mod pile_memory;
pub(crate) mod process_case;
pub(crate) mod processes;
pub(crate) mod processes_memory;
pub(crate) mod queues;
pub(crate) mod served_case;
pub(crate) mod social;
pub(crate) mod store_case;
pub(crate) mod web_case;
pub(crate) mod wire;
