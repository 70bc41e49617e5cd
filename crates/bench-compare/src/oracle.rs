//! Oracles: what a policy lets go, in a few plain lines that count keys and nothing else, to hold caches against.

pub(crate) mod lru;
pub(crate) mod policy;
pub(crate) mod s3_fifo;
pub(crate) mod sieve;
