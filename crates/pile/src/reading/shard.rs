//! A shard is what is known of some places beside their headers, under one lock: which slots are lent, to be
//! read or to be filled.

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use levada_shared::WeakRef;

use crate::naming::birth::Birth;
use crate::naming::generation::Generation;
use crate::naming::pointer::Place;
use crate::places::class::Class;

/// What one lock guards: the holds of its places, and the turns of its roomy records.
#[derive(Debug, Default)]
pub(crate) struct Shard {
    pub(crate) held: HashMap<Place, Loans, RandomState>,
    pub(crate) reserved: HashMap<Place, LentRoom, RandomState>,
}

/// A slot that is lent to a heap.
#[derive(Debug)]
pub(crate) struct Loans {
    /// Leads to the loan, for the next who wants to hold the record.
    pub(crate) weak: WeakRef,
    /// Loans that have not ended.
    pub(crate) loans: u32,
    /// Whether its record is dead, and the slot left to who ends the last loan.
    pub(crate) is_dead: bool,
}

/// A reservation whose unwritten rest is lent as a buffer: all that it was, but for the handle to its pile.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LentRoom {
    pub(crate) place: Place,
    pub(crate) class: Class,
    pub(crate) generation: Generation,
    pub(crate) birth: Birth,
    pub(crate) expiry_s: Option<u32>,
    /// Whose the record is to be.
    pub(crate) keeper: u16,
    pub(crate) room_bytes: u32,
    pub(crate) written_bytes: u32,
    /// What its bytes have to pass to become the record.
    pub(crate) check: Option<fn(&[u8]) -> bool>,
}
