//! Gauges say what a cache and each of its tables hold and have done; what threads count for themselves is summed here.

use levada_pile::Gauges as PileGauges;

use crate::cache::Cache;
use crate::index::bins::BIN_WORDS;
use crate::keys::key::Key;
use crate::options::LEVELS;
use crate::order::marks::PAGE_BYTES;
use crate::sync::Ordering;
use crate::table::body::Body;
use crate::table::counts::{Counts, Why};
use crate::table::typed::Table;
use crate::values::Values;

/// What a table holds and has done since it was made.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct TableGauges {
    /// Its name.
    pub name: String,
    /// Entries that there are, those whose lives are over and that were not swept yet included.
    pub count: u64,
    /// Entries that there is room for without a further bin.
    pub capacity: u64,
    /// What part of that is in use.
    pub load: f64,
    /// What entries, reservations and loads are charged.
    pub charged_bytes: u64,
    /// What of that is reserved or being loaded.
    pub reserved_bytes: u64,
    /// What shards have drawn from the limits, beyond what they charge.
    pub credit_bytes: u64,
    /// The most that it may be charged; `None` if only the cache's limit holds.
    pub limit_bytes: Option<u64>,
    /// Memory of bins, marks and ghosts.
    pub index_bytes: u64,
    /// Puts that were done, and what of them were new entries and new values.
    pub puts: u64,
    /// New entries.
    pub inserts: u64,
    /// New values of entries that were there.
    pub replaces: u64,
    /// Puts for which others went.
    pub overwrites: u64,
    /// Removals, of what was there and of what was not.
    pub removes_hit: u64,
    /// Removals of what was not there.
    pub removes_miss: u64,
    /// New lives for what was there.
    pub rejuvenates_hit: u64,
    /// New lives for what was not there.
    pub rejuvenates_miss: u64,
    /// Reads of what was there.
    pub gets_hit: u64,
    /// Reads of what was not there.
    pub gets_miss: u64,
    /// Entries that went since the cache was full.
    pub evicted_capacity: u64,
    /// Since the table was full.
    pub evicted_quota: u64,
    /// Since the cache was above its low watermark when it was tended.
    pub evicted_watermark: u64,
    /// Since the machine was short of memory.
    pub evicted_pressure: u64,
    /// Since their spans were wanted for something else.
    pub evicted_cleaning: u64,
    /// Since the table was cleared.
    pub evicted_cleared: u64,
    /// What of all these nobody ever read.
    pub evicted_unread: u64,
    /// Entries whose lives were over, as was found on the way.
    pub expired_found: u64,
    /// Entries whose lives were over, and that the pile swept.
    pub swept: u64,
    /// Entries that were moved together with others.
    pub cleaned_moved: u64,
    /// New entries that had gone not long ago.
    pub ghost_hits: u64,
    /// Entries that went from the small queue to the main one.
    pub promoted: u64,
    /// Bins that were split.
    pub grown: u64,
    /// Bins that were joined.
    pub shrunk: u64,
    /// Puts that were refused, in the order of [`crate::Refused`].
    pub refused: [u64; 9],
    /// Loads that began.
    pub loads: u64,
    /// Loads that ended with a value in the table.
    pub loads_filled: u64,
    /// Loads that were given up, by an error, a panic or a drop.
    pub loads_given_up: u64,
    /// Loads that a put or a removal came before.
    pub loads_overtaken: u64,
    /// Loads that are under way.
    pub loads_pending: u64,
    /// How often it was cleared.
    pub clears: u64,
    /// Marks in the queues that stand for nothing any more.
    pub stale_marks: u64,
    /// Of each level: its entries, what they are charged, and what of that is in the small queue.
    pub levels: [LevelGauges; LEVELS],
}

/// What a table holds of one level.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct LevelGauges {
    /// Entries.
    pub count: u64,
    /// What they are charged.
    pub bytes: u64,
    /// What of that is in the small queue.
    pub small_bytes: u64,
}

/// What a cache holds and has done since it was made.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Gauges {
    /// What tables have drawn of the limit: what they are charged, and a little in advance.
    pub charged_bytes: u64,
    /// The limit.
    pub limit_bytes: u64,
    /// What pressure has left of it.
    pub effective_bytes: u64,
    /// What loads under way are charged.
    pub loading_bytes: u64,
    /// The pile's own.
    pub pile: PileGauges,
    /// Of each table, by name.
    pub tables: Vec<TableGauges>,
}

impl Cache {
    /// What the cache holds and has done. It takes the lock of each shard for a moment.
    #[must_use]
    pub fn gauges(&self) -> Gauges {
        let ledger = self.ledger();
        Gauges {
            charged_bytes: ledger.sum.drawn(),
            limit_bytes: ledger.limit_bytes(),
            effective_bytes: ledger.effective_bytes(),
            loading_bytes: ledger.loads.drawn(),
            pile: self.pile().gauges(),
            tables: self.bodies().iter().map(|body| body.gauges()).collect(),
        }
    }
}

impl<K: Key + ?Sized, V: Values> Table<K, V> {
    /// What the table holds and has done. It takes the lock of each shard for a moment.
    #[must_use]
    pub fn gauges(&self) -> TableGauges {
        self.body.gauges()
    }
}

impl Body {
    pub(crate) fn gauges(&self) -> TableGauges {
        let mut counts = Counts::default();
        let mut gauges = TableGauges { name: self.name.to_string(), ..TableGauges::default() };
        for (number, shard) in (0..).zip(&self.shards) {
            let state = shard.state.lock();
            counts.add(&state.counts);
            gauges.count += u64::from(state.entries);
            gauges.charged_bytes += state.charged_bytes;
            gauges.reserved_bytes += state.reserved_bytes;
            gauges.credit_bytes += state.granted_bytes - state.charged_bytes;
            gauges.stale_marks += state.stale_marks();
            gauges.loads_pending += state.flights.len() as u64;
            let bins = u64::from(self.bins(number).count());
            gauges.capacity += bins * 7;
            gauges.index_bytes += bins * BIN_WORDS as u64 * 8 + state.ghosts.bytes();
            for (sum, level) in gauges.levels.iter_mut().zip(&state.levels) {
                sum.count += u64::from(level.small.entries + level.main.entries);
                sum.bytes += level.bytes();
                sum.small_bytes += level.small.bytes;
                let pages = level.small.marks.pages() + level.main.marks.pages();
                gauges.index_bytes += pages * PAGE_BYTES;
            }
        }
        #[expect(clippy::cast_precision_loss, reason = "a part, for people to read")]
        let load = gauges.count as f64 / gauges.capacity as f64;
        let [gets_hit, gets_miss] = self.reads.sum();
        let evicted = |why: Why| counts.evicted[why as usize];
        TableGauges {
            load,
            limit_bytes: Some(self.limit_bytes()).filter(|&bytes| bytes < u64::MAX),
            puts: counts.puts,
            inserts: counts.inserts,
            replaces: counts.replaces,
            overwrites: counts.overwrites,
            removes_hit: counts.removes[0],
            removes_miss: counts.removes[1],
            rejuvenates_hit: counts.rejuvenates[0],
            rejuvenates_miss: counts.rejuvenates[1],
            gets_hit,
            gets_miss,
            evicted_capacity: evicted(Why::Capacity),
            evicted_quota: evicted(Why::Quota),
            evicted_watermark: evicted(Why::Watermark),
            evicted_pressure: evicted(Why::Pressure),
            evicted_cleaning: evicted(Why::Cleaning),
            evicted_cleared: evicted(Why::Cleared),
            evicted_unread: counts.evicted_unread,
            expired_found: evicted(Why::Expired),
            swept: counts.swept,
            cleaned_moved: counts.cleaned_moved,
            ghost_hits: counts.ghost_hits,
            promoted: counts.promoted,
            grown: counts.grown,
            shrunk: counts.shrunk,
            refused: counts.refused,
            loads: counts.loads[0],
            loads_filled: counts.loads[1],
            loads_given_up: counts.loads[2],
            loads_overtaken: counts.loads[4],
            clears: self.clears.load(Ordering::Relaxed),
            ..gauges
        }
    }
}
