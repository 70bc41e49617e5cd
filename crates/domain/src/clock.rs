//! The clock of a core is the machine's, or that of a driver of the caller's: then it is as the last pass left it.

use levada_channel::now;
use levada_process::Tick;

/// Whose clock a core goes by.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Clock {
    /// All cores of the machine share it.
    Machine,
    /// It moves in passes only, and may be far from the machine's.
    Driver,
}

impl Clock {
    /// What it is, where the last pass was at `passed`.
    pub(crate) fn now(self, passed: Tick) -> Tick {
        match self {
            Self::Machine => tick_now(),
            Self::Driver => passed,
        }
    }

    /// What the machine's moment `at` is by this clock: what is left until then is the same.
    pub(crate) fn moment(self, at: Tick, passed: Tick) -> Tick {
        match self {
            Self::Machine => at,
            Self::Driver => passed.after(at.since(tick_now())),
        }
    }
}

/// The clock that all cores of the machine share.
pub(crate) fn tick_now() -> Tick {
    Tick::from_nanos(now().ns)
}
