//! Retention is who keeps how much, and for how long: for the operator who wonders where the memory is.

use core::time::Duration;
use std::collections::HashMap;

use super::{Heap, SharedHeap};
use crate::counts::around::Around;
use crate::counts::grant::{AccountNumber, Grant};
use crate::sync::Ordering;

/// What one account holds under one tag.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Retainer {
    /// The account's name.
    pub account: String,
    /// What it was allocated for ([`crate::Account::with_tag`]); empty if nothing was said.
    pub tag: &'static str,
    /// How many blocks.
    pub blocks: u64,
    /// Their whole capacity, however little of them is in view.
    pub pinned_bytes: u64,
    /// How long ago the oldest was allocated, as far as the heap was told the time ([`SharedHeap::poll_pressure`]).
    pub oldest: Duration,
}

#[derive(Debug, Default)]
struct Held {
    blocks: u64,
    bytes: u64,
    born_s: u32,
}

impl SharedHeap {
    /// Who keeps how much, by account and tag, the largest first, `count` of them. Bytes that several hold are in each row.
    ///
    /// It reads every line of the heap while others go on: exact at quiet moments. Cost: some nanoseconds a block.
    #[must_use]
    pub fn top_retainers(&self, count: usize) -> Vec<Retainer> {
        let mut all = self.heap().retainers(|_| true);
        all.truncate(count);
        all
    }

    /// What accounts still hold that were closed; the largest first.
    #[must_use]
    pub fn quarantine(&self) -> Vec<Retainer> {
        self.heap().retainers(|number| self.heap().account(number).is_closed())
    }
}

impl Heap {
    fn retainers(&self, is_asked: impl Fn(AccountNumber) -> bool) -> Vec<Retainer> {
        let mut held: HashMap<(u32, u32), Held, foldhash::fast::RandomState> = HashMap::default();
        let homes = self.pairs.all().map(|pair| &pair.home);
        for (number, address) in homes.chain(self.grants.all()).filter_map(Grant::strong) {
            if is_asked(number)
                && let Some(pair) = self.pairs.line_at(address)
            {
                let block = &pair.block;
                let (tag, born_s) = block.tag_and_birth();
                let held = held.entry((number.0, tag)).or_default();
                held.born_s = if held.blocks == 0 { born_s } else { held.born_s.min(born_s) };
                held.blocks += 1;
                held.bytes += u64::from(block.capacity_bytes());
            }
        }
        let now_s = self.clock_s.load(Ordering::Relaxed);
        let retainer = |((number, tag), held): ((u32, u32), Held)| Retainer {
            account: self.account(AccountNumber(number)).name(),
            tag: self.tags.name(tag),
            blocks: held.blocks,
            pinned_bytes: held.bytes,
            oldest: Duration::from_secs(u64::from(now_s.saturating_sub(held.born_s))),
        };
        let mut retainers: Vec<Retainer> = held.into_iter().map(retainer).collect();
        retainers.sort_by(|one, other| {
            let by_bytes = other.pinned_bytes.cmp(&one.pinned_bytes);
            by_bytes.then_with(|| (&one.account, one.tag).cmp(&(&other.account, other.tag)))
        });
        retainers
    }
}
