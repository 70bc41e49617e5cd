//! What `cache` asks of everybody: the same requests in the same order, recorded somewhere or made from published figures.

pub(crate) mod catalogue;
pub(crate) mod made;
pub(crate) mod recorded;
pub(crate) mod trace;
pub(crate) mod zipf;
