//! Who finds no memory waits for some: all that was kept softly has given way by then, so others have to end.
//!
//! One thing can be done besides. What is hot is held, and lies anywhere: where the heap has as much unused as is wanted, and
//! yet no place for it, the hot cool, and may be taken as well.

use core::time::Duration;

use levada_process::{Context, Tick};
use levada_shared::Account;

use crate::keepers::Keepers;

/// How soon who waits looks again: less and less often.
const FIRST_LOOK: Duration = Duration::from_millis(20);
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// The heap has no room for a block, or the account has none.
#[derive(Debug)]
pub(crate) struct NoRoom {
    /// The heap has so much, in places that are too short.
    is_scattered: bool,
}

/// Somebody who waits for room, for so long at most.
#[derive(Debug)]
pub(crate) struct Waiting {
    by: Option<Tick>,
    within: Duration,
    pause: Duration,
}

impl NoRoom {
    /// `account` was refused so many bytes.
    pub(crate) fn of(account: &Account, wanted_bytes: usize) -> Self {
        let heap = account.heap().gauges();
        let held_bytes = heap.used_bytes.saturating_sub(heap.soft_bytes);
        let unused_bytes = heap.reserved_bytes.saturating_sub(held_bytes);
        Self { is_scattered: unused_bytes >= wanted_bytes as u64 }
    }
}

impl Waiting {
    pub(crate) fn within(within: Duration) -> Self {
        Self { by: None, within, pause: FIRST_LOOK }
    }

    /// Returns when it is worth looking again; false if it has been too long, or the process is to end.
    pub(crate) async fn wait(
        &mut self,
        context: &Context,
        keepers: &Keepers,
        no_room: &NoRoom,
    ) -> bool {
        let now = context.now();
        let by = *self.by.get_or_insert_with(|| now.after(self.within));
        if now >= by {
            return false;
        }
        if no_room.is_scattered && keepers.cool().await {
            return true;
        }
        let now = context.now();
        let has_slept = context.sleep_until(by.min(now.after(self.pause))).await.is_ok();
        self.pause = (self.pause * 2).min(LOOK_EVERY);
        has_slept
    }
}
