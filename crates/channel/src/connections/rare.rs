//! What few connections have stands in a box of its own, so that the many others stay short.

use core::task::Waker;
use std::collections::VecDeque;
use std::os::fd::OwnedFd;

use levada_shared::{Account, ExclusiveBuf, SharedData};

use crate::connections::detached::Detached;
use crate::connections::filling::Filling;
use crate::error::Error;

/// What few connections have.
#[derive(Debug, Default)]
pub(crate) struct Rare {
    /// Who pays for what is received, from its delivery on; otherwise the channel's own account does.
    pub(crate) charge: Option<Account>,
    /// What came and that account has no room for, in order.
    pub(crate) unpaid: VecDeque<ExclusiveBuf>,
    /// A receive into memory of the program's own.
    pub(crate) filling: Option<Filling>,
    /// What was queued when the connection broke, for the last event.
    pub(crate) unsent: Vec<SharedData>,
    pub(crate) zero_copy: ZeroCopy,
    /// It has left the channel, and nobody has taken it; or why it could not.
    pub(crate) detached: Option<Detached>,
    pub(crate) detach_error: Option<Error>,
    /// Somebody asks for its descriptor, not to leave with.
    pub(crate) asks_descriptor: bool,
    /// Descriptors that came, and who waits for them.
    pub(crate) descriptors: VecDeque<OwnedFd>,
    pub(crate) descriptor_waker: Option<Waker>,
}

/// How a connection's zero-copy sends have gone.
#[derive(Debug, Default)]
pub(crate) struct ZeroCopy {
    pub(crate) is_allowed: bool,
    /// With the network, without its notice.
    pub(crate) unnoticed_bytes: u64,
    /// Notices in a row that said that it was copied after all.
    pub(crate) copied_in_a_row: u8,
}

/// After so many copies in a row the connection sends as others do.
pub(crate) const COPIES_MAX: u8 = 4;

/// What is shorter is cheaper to copy.
pub(crate) const ZERO_COPY_BYTES_MIN: u32 = 16 << 10;

/// How many bytes of a connection may wait for their notice.
pub(crate) const UNNOTICED_BYTES_MAX: u64 = 1 << 20;

impl ZeroCopy {
    /// Whether an operation of so many bytes goes without a copy.
    pub(crate) fn takes(&self, bytes: u32) -> bool {
        self.is_allowed
            && bytes >= ZERO_COPY_BYTES_MIN
            && self.unnoticed_bytes + u64::from(bytes) <= UNNOTICED_BYTES_MAX
    }

    /// The network is done with so many bytes.
    pub(crate) fn noticed(&mut self, bytes: u64, was_copied: bool) {
        self.unnoticed_bytes -= bytes;
        self.copied_in_a_row = if was_copied { self.copied_in_a_row + 1 } else { 0 };
        if self.copied_in_a_row >= COPIES_MAX {
            (self.is_allowed, self.copied_in_a_row) = (false, 0);
        }
    }
}
