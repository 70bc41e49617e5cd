//! Here is the core that this thread runs: its channel, its timers, its clock. The one place that is bound to a thread.

use core::cell::{OnceCell, RefCell};
use std::rc::{Rc, Weak};
use std::sync::Arc;

use levada_channel::Channel;
use levada_process::{Core, Tick};
use levada_shared::Account;

use crate::clock::Clock;
use crate::core_values::CoreValues;
use crate::looks::Looks;
use crate::timers::Timers;
use crate::wall::Wall;
use crate::watchdog::Rest;

/// What a core lends to who runs on it.
#[derive(Debug)]
pub(crate) struct Lent {
    /// None in a simulation that was given no driver.
    pub(crate) channel: Option<Channel>,
    pub(crate) clock: Clock,
    pub(crate) timers: Timers,
    pub(crate) wall: Wall,
    pub(crate) values: CoreValues,
    /// Whom the core's channel is charged to, and its processes that have no other account.
    pub(crate) account: Account,
    /// Who is to know whether this core sleeps; nobody where nobody watches.
    pub(crate) rest: Option<Rest>,
    /// The looks at the machine's memory; none where the clock is not the machine's.
    pub(crate) looks: Option<Arc<Looks>>,
    /// Whether it is this core that wakes for them.
    pub(crate) wakes_to_look: bool,
    /// Set once the core is made, which is made with this.
    pub(crate) core: OnceCell<Weak<Core>>,
}

impl Lent {
    /// The core's channel.
    ///
    /// # Panics
    /// In a simulation without a driver.
    pub(crate) fn channel(&self) -> &Channel {
        let channel = self.channel.as_ref();
        channel.expect("a simulation without a driver has no sockets and no files")
    }

    /// What the core's clock says.
    pub(crate) fn read_clock(&self) -> Tick {
        self.clock.now(self.timers.now())
    }
}

thread_local! {
    static HERE: RefCell<Option<Rc<Lent>>> = const { RefCell::new(None) };
}

/// Makes this thread a core's, until its loop has ended.
pub(crate) fn move_in(lent: &Rc<Lent>) {
    HERE.with_borrow_mut(|here| *here = Some(Rc::clone(lent)));
}

/// Makes this thread a core's while `inside` runs, and then whose it was before.
pub(crate) fn enter<T>(lent: &Rc<Lent>, inside: impl FnOnce() -> T) -> T {
    /// Puts back who was here, whatever happens.
    struct Before(Option<Rc<Lent>>);

    impl Drop for Before {
        fn drop(&mut self) {
            drop(HERE.replace(self.0.take()));
        }
    }

    let _before = Before(HERE.replace(Some(Rc::clone(lent))));
    inside()
}

/// Makes it nobody's again.
pub(crate) fn move_out() {
    drop(HERE.with_borrow_mut(Option::take));
}

/// Shows the core that this thread runs.
///
/// # Panics
/// Elsewhere than on a core: what needs one was taken to another thread.
pub(crate) fn with<T>(show: impl FnOnce(&Lent) -> T) -> T {
    HERE.with_borrow(|here| show(here.as_ref().expect("this is used on a core of a domain")))
}
