//! Collections, from the shallowest to what drives them all, and the walk that checks what they left.

pub(crate) mod collect;
pub(crate) mod mark;
pub(crate) mod minor;
pub(crate) mod sweep;
pub(crate) mod undoing;
pub(crate) mod validate;
