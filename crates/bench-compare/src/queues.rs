//! What `queues` measures: values between two pinned threads, through ours and the rivals' queues, each in its best manner.

pub(crate) mod crossbeam_roads;
pub(crate) mod crossfire_roads;
pub(crate) mod flume_road;
pub(crate) mod kanal_roads;
pub(crate) mod levada_roads;
pub(crate) mod ping;
pub(crate) mod road;
pub(crate) mod rtrb_roads;
pub(crate) mod stream;
pub(crate) mod timed;
