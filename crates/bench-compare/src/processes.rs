//! What `processes` measures: light processes that are made, talk, fail and idle, by ours and by the rivals, each in an OS
//! process of its own.

pub(crate) mod kameo_world;
pub(crate) mod left;
pub(crate) mod levada_across;
pub(crate) mod levada_driven;
pub(crate) mod levada_world;
pub(crate) mod process_work;
pub(crate) mod ractor_world;
pub(crate) mod tokio_across;
pub(crate) mod tokio_world;
pub(crate) mod waking;
pub(crate) mod world;
