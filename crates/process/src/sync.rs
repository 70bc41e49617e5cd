//! What threads meet in here: atomics and locks of the standard library, or loom's, which try every order.
#![cfg_attr(
    not(loom),
    expect(
        clippy::disallowed_types,
        reason = "named here for handovers, which say what they hold"
    )
)]

#[cfg(loom)]
pub(crate) use loom::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicU64, Ordering, fence},
};
#[cfg(not(loom))]
pub(crate) use std::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicU64, Ordering, fence},
};
