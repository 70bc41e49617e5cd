//! Raw buffers: bytes for the kernel and for foreign code, which no collection looks at.

pub(crate) mod buf;
pub(crate) mod frees;
pub(crate) mod pages;
