//! HTTP as far as asking for a file and knowing that it came.

pub(crate) mod content;
pub(crate) mod fetch;
pub(crate) mod proof;
pub(crate) mod reply_head;
