//! Threads put from arenas of their own, read under epochs, and let what they delete wait in limbo.

pub(crate) mod arena;
pub(crate) mod counts;
pub(crate) mod epoch;
pub(crate) mod gets;
pub(crate) mod limbo;
pub(crate) mod pool;
