//! Paying is how a table gives way to what is put, here or in another table of its cache.

use crate::options::LEVELS;
use crate::room::ledger::{Freed, Pays};
use crate::sync::Ordering;
use crate::table::body::Body;
use crate::table::counts::Why;

impl Pays for Body {
    fn is_durable(&self) -> bool {
        Self::is_durable(self)
    }

    fn drawn_bytes(&self) -> u64 {
        self.sum.drawn()
    }

    fn reserve_bytes(&self) -> u64 {
        Self::reserve_bytes(self)
    }

    fn limit_bytes(&self) -> u64 {
        Self::limit_bytes(self)
    }

    fn weight(&self) -> u32 {
        Self::weight(self)
    }

    fn level_bytes(&self) -> [u64; LEVELS] {
        let mut bytes = [0; LEVELS];
        for shard in &self.shards {
            let state = shard.state.lock();
            for (sum, level) in bytes.iter_mut().zip(&state.levels) {
                *sum += level.bytes();
            }
        }
        bytes
    }

    fn evict(&self, bytes: u64, level_max: u8, why: Why) -> Freed {
        self.evict_own(bytes, level_max, why)
    }
}

impl Body {
    /// Lets entries of at most that level go, of one shard after another, until so many bytes are free.
    pub(crate) fn evict_own(&self, bytes: u64, level_max: u8, why: Why) -> Freed {
        let mut freed = Freed::default();
        let shards = self.shard_count();
        let share_bytes = self.sum.drawn() / u64::from(shards);
        for turn in 0..2 * shards {
            let shard = self.hand.fetch_add(1, Ordering::Relaxed) % shards;
            let guard = self.pile.pin();
            let mut held = self.hold(shard, &guard);
            // First of those that have more than their share.
            if turn < shards && held.charged_bytes() + held.charged_bytes() / 8 < share_bytes {
                continue;
            }
            let got = held.evict(bytes - freed.bytes, level_max, why);
            held.give_back_credit();
            held.finish();
            freed.bytes += got.bytes;
            freed.entries += got.entries;
            if freed.bytes >= bytes {
                break;
            }
        }
        freed
    }
}
