//! What `handles` measures: the same acts on shared bytes by ours and by others, each kind in a file.

pub(crate) mod arc_handles;
pub(crate) mod bare_count;
pub(crate) mod bytes_handles;
pub(crate) mod levada_handles;
pub(crate) mod message;
