//! Pressure is how short of memory the machine, or the control group that we are in, is said to be.

use core::fmt;
use core::time::Duration;

/// What one look at the machine's memory told, by rising severity.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Pressure {
    /// Nothing new since the last look.
    Unchanged,
    /// A whole window has passed without any signal.
    Quiet,
    /// Somebody waits for memory now and then: nothing more should be kept than is kept already.
    Tight,
    /// Memory is short: some of what can be done without should go.
    Low,
    /// Memory is nearly gone, or all work waits for it: much of what can be done without must go now.
    Critical,
}

/// Something that is asked at times how short memory is.
pub trait PressureSource: fmt::Debug + Send {
    /// Says what is new. `now` is the time since any fixed point, and never decreases from look to look.
    ///
    /// Called from a core's loop, some ten times a second: a look neither waits nor allocates.
    fn look(&mut self, now: Duration) -> Pressure;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn severities_have_an_order() {
        use Pressure::{Critical, Low, Quiet, Tight, Unchanged};
        assert!([Unchanged, Quiet, Tight, Low, Critical].is_sorted_by(|less, more| less < more));
    }
}
