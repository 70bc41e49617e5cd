//! A pile that is kept lies in a folder, and is there again after its OS process has ended.

pub(crate) mod folder;
pub(crate) mod folder_error;
pub(crate) mod inherited;
pub(crate) mod look_through;
pub(crate) mod mount;
pub(crate) mod super_block;
