//! A ticket is the right, and duty, to load one key. Dropped, the load is given up, and the next who claims has it.

use core::fmt;
use std::error::Error;
use std::sync::Arc;

use crate::error::Refused;
use crate::how::How;
use crate::keys::key::Key;
use crate::loading::flight::{End, Flight};
use crate::table::body::{Body, Whereabouts};
use crate::table::charge::Charge;
use crate::table::typed::Table;
use crate::table::writing::{Put, Rule, Stored};
use crate::values::{Head, Values};

/// The right to load one key.
pub struct Ticket<K: Key + ?Sized, V: Values> {
    table: Table<K, V>,
    key: Box<[u8]>,
    at: Whereabouts,
    charged_bytes: u64,
    flight: Arc<Flight>,
}

/// Why what was loaded is not in the table.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum NotFilled {
    /// Somebody put or removed the key meanwhile: that came after.
    Overtaken,
    /// There is no room.
    Refused(Refused),
}

/// Who loads.
pub(crate) enum Flown<K: Key + ?Sized, V: Values> {
    Yours(Ticket<K, V>),
    Theirs(Arc<Flight>),
    /// It has come meanwhile.
    Landed,
}

impl fmt::Display for NotFilled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Overtaken => write!(f, "the key was put or removed while it was loaded"),
            Self::Refused(refused) => write!(f, "what was loaded is not kept: {refused}"),
        }
    }
}

impl Error for NotFilled {}

impl<K: Key + ?Sized, V: Values> Table<K, V> {
    /// Begins to load a key, unless another does.
    pub(crate) fn take_off(
        &self,
        key: &K,
        room_bytes: usize,
        loads_here: bool,
    ) -> Result<Flown<K, V>, Refused> {
        key.with_bytes(|key| self.take_off_for(key, room_bytes, loads_here))
    }

    fn take_off_for(
        &self,
        key: &[u8],
        room_bytes: usize,
        loads_here: bool,
    ) -> Result<Flown<K, V>, Refused> {
        let body = &*self.body;
        body.check_key(key)?;
        let at = body.whereabouts(key);
        if let Some(flight) = body.shards[at.shard as usize].state.lock().flights.get(key) {
            return Ok(Flown::Theirs(Arc::clone(flight)));
        }
        let life = body.life_of(&How::default());
        let charged_bytes = body.charge_bytes(key, room_bytes, life);
        let ledger = &body.ledger;
        if !ledger.loads.draw(charged_bytes, ledger.loads_max_bytes()) {
            body.refuse(at, Refused::Loads);
            return Err(Refused::Loads);
        }
        // What gives the charge back on each way out.
        let charge = body.charge(at, charged_bytes, body.level());
        let charge = charge.inspect_err(|_| ledger.loads.give(charged_bytes))?.0;
        let guard = body.pile.pin();
        let mut held = body.hold(at.shard, &guard);
        let other = match held.state.flights.get(key) {
            Some(flight) => Some(Flown::Theirs(Arc::clone(flight))),
            None => held.find(at.address, key).map(|_| Flown::Landed),
        };
        if let Some(other) = other {
            held.finish();
            drop(charge);
            ledger.loads.give(charged_bytes);
            return Ok(other);
        }
        let flight = Arc::new(Flight::new(loads_here));
        held.state.flights.insert(key.into(), Arc::clone(&flight));
        held.counts().loads[0] += 1;
        held.finish();
        charge.keep();
        Ok(Flown::Yours(Ticket { table: self.clone(), key: key.into(), at, charged_bytes, flight }))
    }
}

impl<K: Key + ?Sized, V: Values> Ticket<K, V> {
    /// Puts the value that was loaded, and wakes who waits for it. What was charged for the load is the entry's from then on.
    ///
    /// # Errors
    /// [`NotFilled`]; who waits claims again then.
    pub fn fill(mut self, value: &V::Value, how: How) -> Result<Put, NotFilled> {
        let charged_bytes = self.end_charge();
        let body = &*self.table.body;
        let charge = Some(Charge::of(body, self.at.shard, charged_bytes));
        let rule = Rule::Flight(&self.flight);
        let write = |head: Head<'_>, at_once| V::write(&body.keep, head, value, at_once);
        let put = body.put(&self.key, &how, rule, V::bytes(value), charge, write);
        match put.map_err(NotFilled::Refused)? {
            Stored::Stored(put) => {
                body.count_load(self.at, 1);
                Ok(put)
            }
            _ => {
                body.count_load(self.at, 4);
                Err(NotFilled::Overtaken)
            }
        }
    }

    /// Ends the load's part in what may be loaded at once. What it is charged is the caller's to see to.
    fn end_charge(&mut self) -> u64 {
        let charged_bytes = core::mem::take(&mut self.charged_bytes);
        self.table.body.ledger.loads.give(charged_bytes);
        charged_bytes
    }
}

impl<K: Key + ?Sized, V: Values> Drop for Ticket<K, V> {
    fn drop(&mut self) {
        let charged_bytes = self.end_charge();
        drop(Charge::of(&self.table.body, self.at.shard, charged_bytes));
        {
            let mut state = self.table.body.shards[self.at.shard as usize].state.lock();
            let is_ours = state
                .flights
                .get(&self.key)
                .is_some_and(|flight| Arc::ptr_eq(flight, &self.flight));
            if is_ours {
                state.flights.remove(&self.key);
                state.counts.loads[2] += 1;
            }
        }
        self.flight.end(End::GivenUp);
    }
}

impl Body {
    fn count_load(&self, at: Whereabouts, kind: usize) {
        self.shards[at.shard as usize].state.lock().counts.loads[kind] += 1;
    }
}

impl<K: Key + ?Sized, V: Values> fmt::Debug for Ticket<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket").field("table", &self.table.name()).finish_non_exhaustive()
    }
}
