//! Ears hear for a table what its pile says of records: that one is to move, has moved, or is to go.
//!
//! Asked about a record, they take the lock of its shard and look for the entry that leads to it: none means that somebody else
//! has unlinked it, and sees to the rest.

use std::sync::{Arc, OnceLock, Weak};

use levada_pile::{Keeper, KeptRecord, Verdict, Why};

use crate::index::bins::Spot;
use crate::index::entry::{Entry, Queue};
use crate::room::asking;
use crate::table::body::Body;
use crate::table::counts;
use crate::table::held::Held;

/// What hears for a table, once there is one.
#[derive(Debug, Default)]
pub(crate) struct Ears(OnceLock<Weak<Body>>);

impl Ears {
    /// Hears for this table from now on.
    pub(crate) fn hear_for(&self, body: &Arc<Body>) {
        let _first = self.0.set(Arc::downgrade(body));
    }

    /// Does something with the entry that leads to a record, under its shard's lock; `None` if there is none.
    fn with_entry<R>(
        &self,
        record: &KeptRecord<'_>,
        act: impl FnOnce(&mut Held<'_>, Spot, Entry) -> R,
    ) -> Option<R> {
        let body = self.0.get()?.upgrade()?;
        let (key, _) = body.keep.split(record, body.key_bytes)?;
        let at = body.whereabouts(key);
        let guard = body.pile.pin();
        let mut held = body.hold(at.shard, &guard);
        let found = held.find_place(at.address, record.place);
        let done = found.map(|(spot, entry)| act(&mut held, spot, entry));
        held.finish();
        done
    }
}

impl Keeper for Ears {
    fn verdict(&self, record: KeptRecord<'_>) -> Verdict {
        let verdict = self.with_entry(&record, |held, _, entry| {
            let body = held.body;
            if body.is_durable() {
                return Verdict::Move;
            }
            let is_pressed = body.ledger.effective_bytes() < body.ledger.limit_bytes();
            let is_worthless = (entry.frequency() == 0 && entry.queue() == Queue::Small)
                || (is_pressed && entry.frequency() < 2);
            let may_go = is_worthless && asking::may_drop(entry.level());
            if (may_go || !entry.is_of(held.era())) && body.may_lose(held.cost(record.place)) {
                Verdict::Drop
            } else {
                Verdict::Move
            }
        });
        // Nobody leads to it: it is about to be deleted, or not linked yet.
        verdict.unwrap_or(Verdict::Stay)
    }

    fn moved(&self, record: KeptRecord<'_>, copy: KeptRecord<'_>) -> bool {
        let swung = self.with_entry(&record, |held, spot, entry| {
            copy.take_over(&record);
            held.bins.set(spot, entry.moved_to(copy.place));
            held.counts().cleaned_moved += 1;
        });
        swung.is_some()
    }

    fn dropped(&self, record: KeptRecord<'_>, why: Why) -> bool {
        let unlinked = self.with_entry(&record, |held, spot, entry| {
            let body = held.body;
            if why == Why::Wanted {
                let may_go = !body.is_durable() && asking::may_drop(entry.level());
                if !may_go || !body.may_lose(held.cost(record.place)) {
                    return false;
                }
            }
            if why == Why::Expired {
                held.counts().swept += 1;
            } else {
                held.counts().evicted[counts::Why::Cleaning as usize] += 1;
            }
            held.remove_kept(spot, entry);
            true
        });
        unlinked.unwrap_or(false)
    }
}

impl Body {
    /// Whether the table may lose an entry that is charged so much without being asked: what is left is no less than its
    /// reserve.
    fn may_lose(&self, cost: u64) -> bool {
        self.sum.drawn() >= self.reserve_bytes() + cost
    }
}
