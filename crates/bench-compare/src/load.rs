//! The load: one thread that asks and listens over many connections, the same way whoever answers.

pub(crate) mod dialogue;
pub(crate) mod plan;
pub(crate) mod run;
pub(crate) mod tally;
