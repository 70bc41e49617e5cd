//! Loops: one thing done over and over by a thread on a core of its own, timed.

pub(crate) mod looping;
pub(crate) mod pass;
pub(crate) mod strokes;
pub(crate) mod turns;
