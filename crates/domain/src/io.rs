//! What a domain lends its first process, to be passed on: the channel of the core, its clock, and the other cores.

use std::sync::Arc;

use levada_channel::Channel;
use levada_process::{Core, CoreId, Gauges, ProcessReport, Tick};
use levada_shared::{Account, SharedHeap};

use crate::here;

/// The right to a core's channel and clocks. It may go to any core, and means that core's there.
#[derive(Clone, Debug)]
pub struct Io {
    cores: Arc<[CoreId]>,
    salt: u64,
}

impl Io {
    pub(crate) fn new(cores: Arc<[CoreId]>, salt: u64) -> Self {
        Self { cores, salt }
    }

    /// What the domain salts the numbers of its steps with where it tells them outside, by
    /// [`Cause::to_traceparent`](levada_process::Cause::to_traceparent): a random number of its own.
    #[must_use]
    pub fn salt(&self) -> u64 {
        self.salt
    }

    /// The cores of the domain; the first process runs on the first.
    #[must_use]
    pub fn cores(&self) -> &[CoreId] {
        &self.cores
    }

    /// The channel of the core that this runs on.
    ///
    /// # Panics
    /// Elsewhere than on a core, and in a simulation without a driver.
    #[must_use]
    pub fn channel(&self) -> Channel {
        here::with(|lent| lent.channel().clone())
    }

    /// The account of the core that this runs on: that of its channel, and of its processes that were given no other. What a process
    /// itself is charged to, [`Context::account`](levada_process::Context::account) says.
    ///
    /// # Panics
    /// Elsewhere than on a core.
    #[must_use]
    pub fn account(&self) -> Account {
        here::with(|lent| lent.account.clone())
    }

    /// The shared heap of the domain, to open further accounts.
    ///
    /// # Panics
    /// Elsewhere than on a core.
    #[must_use]
    pub fn heap(&self) -> SharedHeap {
        here::with(|lent| lent.account.heap().clone())
    }

    /// The moment of the core's last look at its clock.
    ///
    /// # Panics
    /// Elsewhere than on a core.
    #[must_use]
    pub fn now(&self) -> Tick {
        here::with(|lent| lent.timers.now())
    }

    /// The seconds since 1970, by the wall clock.
    ///
    /// # Panics
    /// Elsewhere than on a core.
    #[must_use]
    pub fn unix_s(&self) -> u64 {
        here::with(|lent| lent.wall.unix_s(lent.timers.now()))
    }

    /// The processes of the core that this runs on. It walks the whole table: a question for a status page.
    ///
    /// # Panics
    /// Elsewhere than on a core.
    #[must_use]
    pub fn processes(&self) -> Vec<ProcessReport> {
        ask_core(Core::processes)
    }

    /// What the processes of the core that this runs on have done so far.
    ///
    /// # Panics
    /// Elsewhere than on a core.
    #[must_use]
    pub fn process_gauges(&self) -> Gauges {
        ask_core(Core::gauges)
    }
}

fn ask_core<T: Default>(ask: impl FnOnce(&Core) -> T) -> T {
    // A core that is being dropped has nothing to tell any more.
    let core = here::with(|lent| lent.core.get().and_then(std::rc::Weak::upgrade));
    core.map_or_else(T::default, |core| ask(&core))
}
