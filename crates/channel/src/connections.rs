//! Connections as their channel keeps them: what comes, what goes, how they come about, end and leave.

pub(crate) mod by_reference;
pub(crate) mod closing;
pub(crate) mod connects;
pub(crate) mod descriptor;
pub(crate) mod detached;
pub(crate) mod detaching;
pub(crate) mod filling;
pub(crate) mod inbox;
pub(crate) mod lost;
pub(crate) mod outbox;
pub(crate) mod queued;
pub(crate) mod rare;
pub(crate) mod receiving;
pub(crate) mod receiving_into;
pub(crate) mod sending;
pub(crate) mod stream;
pub(crate) mod streams;
pub(crate) mod zero_copy;
