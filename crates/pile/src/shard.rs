//! A shard is what is known of some places beside their headers, under one lock: which slots are lent, and since when dead.

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use levada_shared::WeakRef;

use crate::pointer::Place;

/// What one lock guards: the holds of its places, and the turns of its roomy records.
#[derive(Debug, Default)]
pub(crate) struct Shard {
    pub(crate) held: HashMap<Place, Held, RandomState>,
}

/// A slot that is lent to a heap.
#[derive(Debug)]
pub(crate) struct Held {
    /// Leads to the loan, for the next who wants to hold the record.
    pub(crate) weak: Option<WeakRef>,
    /// Loans that have not ended.
    pub(crate) loans: u32,
    /// Whether its record is dead, and the slot left to who ends the last loan.
    pub(crate) is_dead: bool,
}
