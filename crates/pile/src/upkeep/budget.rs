//! A budget is how long upkeep may take: work is cut into slices, so that who does it between turns is back in time.
//!
//! Cost: the kernel's clock is read once in so many steps, without a system call.

use rustix::time::{ClockId, clock_gettime};

/// How long [`crate::Pile::tend`] and [`crate::Pile::compact`] may work before they return with what is left to do.
///
/// The time is that of the machine, not of the pile's clock. What cannot be divided, such as a call into the kernel that
/// returns two mebibytes, is not broken off.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Budget(Allowed);

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Allowed {
    Slice,
    Microseconds(u32),
    Unbounded,
}

impl Budget {
    /// One slice, as long as the pile was built with ([`crate::Builder::tend_slice_us`]): 200 microseconds.
    #[must_use]
    pub const fn slice() -> Self {
        Self(Allowed::Slice)
    }

    /// So many microseconds.
    #[must_use]
    pub const fn microseconds(microseconds: u32) -> Self {
        Self(Allowed::Microseconds(microseconds))
    }

    /// Until all is done that is due.
    #[must_use]
    pub const fn unbounded() -> Self {
        Self(Allowed::Unbounded)
    }

    /// Begins to spend it on something else than a pile: a slice is the usual 200 microseconds.
    ///
    /// ```
    /// use levada_pile::Budget;
    ///
    /// let mut spending = Budget::microseconds(0).spend();
    /// assert!(spending.is_over());
    /// ```
    #[must_use]
    pub fn spend(self) -> Spending {
        self.begin(SLICE_US)
    }

    /// Begins to spend it.
    pub(crate) fn begin(self, slice_us: u32) -> Spending {
        let end_ns = match self.0 {
            Allowed::Slice => Some(now_ns() + u64::from(slice_us) * 1000),
            Allowed::Microseconds(us) => Some(now_ns() + u64::from(us) * 1000),
            Allowed::Unbounded => None,
        };
        Spending { end_ns, steps: 0, is_over: false }
    }
}

impl Default for Budget {
    /// One slice.
    fn default() -> Self {
        Self::slice()
    }
}

fn now_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec.unsigned_abs() * 1_000_000_000 + now.tv_nsec.unsigned_abs()
}

/// How long a slice is where nothing else was said.
const SLICE_US: u32 = 200;

/// Small steps between two looks at the clock.
const STEPS: u32 = 32;

/// A budget that is being spent.
#[derive(Debug)]
pub struct Spending {
    end_ns: Option<u64>,
    steps: u32,
    is_over: bool,
}

impl Spending {
    /// Whether it has no end.
    pub(crate) fn is_unbounded(&self) -> bool {
        self.end_ns.is_none()
    }

    /// Whether it is spent, by the clock.
    pub fn is_over(&mut self) -> bool {
        self.is_over = self.is_over || self.end_ns.is_some_and(|end_ns| now_ns() >= end_ns);
        self.is_over
    }

    /// One small step more. Whether the budget is spent.
    #[inline]
    pub fn step(&mut self) -> bool {
        self.steps += 1;
        if self.steps >= STEPS {
            self.steps = 0;
            return self.is_over();
        }
        self.is_over
    }
}
