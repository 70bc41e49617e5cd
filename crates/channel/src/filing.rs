//! Operations on files as their channel keeps them.

pub(crate) mod file_op;
pub(crate) mod files;
pub(crate) mod line;
pub(crate) mod names;
pub(crate) mod path;
