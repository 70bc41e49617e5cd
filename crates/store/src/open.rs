//! A connection counts as open while it lives, however it ends; all cores' together are no more than there may be.

use core::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

use levada_domain::PerCore;

use crate::front::Front;

/// The place of one connection among those that there may be.
#[derive(Debug)]
pub(crate) struct Open(Arc<AtomicU64>);

impl Open {
    /// A place, if there is one.
    pub(crate) fn count(front: &PerCore<Front>) -> Option<Self> {
        front.with(|front| {
            let counters = &mut front.counters;
            let open = Arc::clone(&front.hall.connections_open);
            let most = front.config.limits.connections_max;
            // Relaxed: it is a number and stands for nothing else.
            let took = open.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| {
                (count < most).then_some(count + 1)
            });
            if took.is_err() {
                counters.rejected_connections += 1;
                return None;
            }
            counters.total_connections += 1;
            Some(Self(open))
        })
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
