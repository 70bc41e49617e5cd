//! Looks say what a pile holds, has done and refused, and whether all of it agrees.

pub(crate) mod gauges;
pub(crate) mod latency;
pub(crate) mod refusals;
pub(crate) mod validate;
