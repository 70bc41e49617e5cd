//! Naming says which record is meant, and what it is: pointer, generation, header, type, life.

pub(crate) mod birth;
pub(crate) mod change;
pub(crate) mod generation;
pub(crate) mod header;
pub(crate) mod life;
pub(crate) mod pointer;
pub(crate) mod stamp;
pub(crate) mod version;
