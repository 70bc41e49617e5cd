//! Making a table: how many shards it has, what its pile keeps for it, and where it is known.

use std::sync::{Arc, Weak};
use std::thread::available_parallelism;

use foldhash::quality::RandomState;
use levada_pile::{Form, Keeper, Pile};

use crate::error::OptionError;
use crate::index::address::BINS_MAX;
use crate::index::bins::BIN_ENTRIES;
use crate::index::whole::Index;
use crate::options::TableOptions;
use crate::room::ledger::{Ledger, Pays};
use crate::room::sum::Sum;
use crate::sync::{AtomicBool, AtomicU8, AtomicU32, AtomicU64};
use crate::table::body::{Body, ENTRY_BYTES, Seed};
use crate::table::counts::Reads;
use crate::table::shard::Shard;
use crate::upkeep::ears::Ears;
use crate::values::Values;

/// The least that an entry can be charged.
const CHARGE_MIN_BYTES: u64 = 16 + ENTRY_BYTES;

/// Tables with a lower limit have one shard, and draw each byte when it is wanted.
const WHOLE_BYTES: u64 = 4 << 20;

/// Entries that a shard can have at the load at which an index grows if nothing else is said: 779,878.
const SHARD_ENTRIES: u64 = BINS_MAX as u64 * BIN_ENTRIES as u64 * 85 / 100;

/// The most shards, whose addresses are 8 MiB each.
const SHARDS_MAX: u64 = 4096;

impl Body {
    pub(crate) fn new<V: Values>(
        pile: &Pile,
        ledger: &Arc<Ledger>,
        name: &str,
        key_bytes: Option<usize>,
        options: TableOptions,
    ) -> Result<Arc<Self>, OptionError> {
        let limit_bytes = options.limit_bytes.unwrap_or(u64::MAX).min(pile.limit_bytes());
        let shards = shard_count(limit_bytes);
        let index = Index::new(shards).map_err(OptionError::Addresses)?;
        let words = u8::from(options.ages) + u8::from(options.until) + options.notes;
        let form = Form { has_expiry: options.renewable || V::IS_RENEWABLE, words };
        let ears = Arc::new(Ears::default());
        let keep = V::records(pile, Arc::clone(&ears) as Arc<dyn Keeper>, form);
        let keep = keep.ok_or(OptionError::Tables)?;
        let is_whole = limit_bytes < WHOLE_BYTES;
        let body = Arc::new(Self {
            name: name.into(),
            key_bytes,
            made: options,
            pile: pile.clone(),
            keep,
            ledger: Arc::clone(ledger),
            index,
            shards: (0..shards).map(|_| Shard::new()).collect(),
            shard_shift: 32 - shards.trailing_zeros(),
            seed: options.seed.map_or_else(|| Seed::Random(RandomState::default()), Seed::fixed),
            sum: Sum::default(),
            credit_bytes: if is_whole { 0 } else { limit_bytes / 256 / u64::from(shards) },
            limit_bytes: AtomicU64::new(0),
            reserve_bytes: AtomicU64::new(0),
            weight: AtomicU32::new(0),
            level: AtomicU8::new(0),
            max_age_s: AtomicU32::new(0),
            idle_s: AtomicU32::new(0),
            clears: AtomicU64::new(0),
            drained: AtomicU64::new(0),
            has_lives: AtomicBool::new(form.has_expiry),
            reads: Reads::default(),
            hand: AtomicU32::new(0),
        });
        body.set(&options);
        ears.hear_for(&body);
        let payer: Weak<dyn Pays> = Arc::downgrade(&body) as Weak<dyn Pays>;
        ledger.join(payer);
        Ok(body)
    }
}

fn shard_count(limit_bytes: u64) -> u32 {
    if limit_bytes < WHOLE_BYTES {
        return 1;
    }
    let cores = available_parallelism().map_or(1, usize::from) as u64;
    let wanted = (limit_bytes / CHARGE_MIN_BYTES).div_ceil(SHARD_ENTRIES);
    let shards = wanted.max(4 * cores).next_power_of_two().min(SHARDS_MAX);
    u32::try_from(shards).expect("it was limited")
}
