//! Payers are the accounts that the processes of a core are charged to, as other cores and threads look them up.
//!
//! Most processes have that of their core; only those with a budget are in a table. Cost: a look-up under a lock, by a core once for
//! each lease, and by a thread that is no core for each message that carries bytes of the shared heap.

use crate::handover::Handover;
use crate::pid::Pid;
use foldhash::fast::FixedState;
use levada_shared::Account;
use std::collections::HashMap;

#[derive(Debug)]
pub(crate) struct Payers(Handover<Inside>);

#[derive(Debug, Default)]
struct Inside {
    core: Option<Account>,
    /// By slot, with the generation.
    processes: HashMap<u32, (u32, Account), FixedState>,
}

impl Payers {
    pub(crate) fn new() -> Self {
        Self(Handover::new())
    }

    /// Begins with the account of a core, or with none.
    pub(crate) fn begin(&self, core: Option<Account>) {
        *self.0.lock() = Inside { core, ..Inside::default() };
    }

    /// Notes whom a process is charged to that has a budget.
    pub(crate) fn add(&self, pid: Pid, account: Account) {
        self.0.lock().processes.insert(pid.slot(), (pid.generation(), account));
    }

    /// Forgets it.
    pub(crate) fn remove(&self, pid: Pid) {
        let removed = self.0.lock().processes.remove(&pid.slot());
        drop(removed);
    }

    /// Whom a process is charged to.
    pub(crate) fn account_of(&self, pid: Pid) -> Option<Account> {
        let inside = self.0.lock();
        let own = inside.processes.get(&pid.slot());
        let own = own.filter(|(generation, _)| *generation == pid.generation());
        own.map(|(_, account)| account).or(inside.core.as_ref()).cloned()
    }
}
