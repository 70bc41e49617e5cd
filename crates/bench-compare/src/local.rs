//! What `local-heap` and `local-heap-memory` measure: the same turns by our collected heap and by others, each kind in a file.

pub(crate) mod arena_world;
pub(crate) mod box_world;
pub(crate) mod calls;
pub(crate) mod copying;
pub(crate) mod levada_world;
pub(crate) mod local_work;
pub(crate) mod owned;
pub(crate) mod turning;
pub(crate) mod world;
pub(crate) mod writing;
