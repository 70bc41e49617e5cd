//! A pressure window is two seconds within which a level is told once, and after it only a stronger one.
//!
//! ```text
//! look      0 ─── Tight ─── Tight ─── Low ─── 2 s: a new window ─────────────── 4 s
//! told            Tight     -         Low     (Low, if less than a tenth is left)   Quiet, if nothing was told
//! ```

use core::time::Duration;

use crate::pressure::Pressure;
use crate::stalls::Stalls;

/// How long a window is: the shortest for which the kernel's own triggers are an ordinary user's, too.
const WINDOW: Duration = Duration::from_secs(2);
/// Stalls of so long in a window: some for `Tight` and for `Low`, full for `Critical`.
const TIGHT_SOME_US: u64 = 70_000;
const LOW_SOME_US: u64 = 100_000;
const CRITICAL_FULL_US: u64 = 100_000;

/// What was heard and told since a window began.
#[derive(Debug)]
pub(crate) struct PressureWindow {
    /// Nothing before the first look.
    began: Option<Duration>,
    stalls_before: Option<Stalls>,
    told: Pressure,
}

impl PressureWindow {
    pub(crate) const fn new() -> Self {
        Self { began: None, stalls_before: None, told: Pressure::Unchanged }
    }

    /// What is to be told at `now`, when the stalls' sums are these, and so little is left as `shortness` says.
    pub(crate) fn hear(
        &mut self,
        now: Duration,
        stalls: Option<Stalls>,
        shortness: Pressure,
    ) -> Pressure {
        let Some(began) = self.began else {
            self.begin(now, stalls);
            return self.tell(shortness);
        };
        let passed = now.saturating_sub(began);
        // Where the file could not be read when the window began, its stalls count from when it could.
        self.stalls_before = self.stalls_before.or(stalls);
        let waiting = match (self.stalls_before, stalls) {
            (Some(before), Some(stalls)) => pressure_of(before, stalls, passed),
            _ => Pressure::Unchanged,
        };
        if passed < WINDOW {
            return self.tell(waiting.max(shortness));
        }
        // Who waited did so in the window that ends here; what is left is left in the one that begins.
        let last = self.tell(waiting);
        let was_quiet = self.told == Pressure::Unchanged;
        self.begin(now, stalls);
        match last.max(self.tell(shortness)) {
            Pressure::Unchanged if was_quiet => Pressure::Quiet,
            told => told,
        }
    }

    fn begin(&mut self, now: Duration, stalls: Option<Stalls>) {
        *self = Self { began: Some(now), stalls_before: stalls, told: Pressure::Unchanged };
    }

    fn tell(&mut self, pressure: Pressure) -> Pressure {
        if pressure <= self.told {
            return Pressure::Unchanged;
        }
        self.told = pressure;
        pressure
    }
}

/// How severe the stalls between `before` and `after` are. Where a look came late, so that more time than a window has
/// passed, it is their share of the time that counts.
fn pressure_of(before: Stalls, after: Stalls, passed: Duration) -> Pressure {
    let passed = passed.max(WINDOW);
    let reaches = |before_us: u64, after_us: u64, in_window_us: u64| {
        let stalled_us = after_us.saturating_sub(before_us);
        u128::from(stalled_us) * WINDOW.as_micros()
            >= u128::from(in_window_us).saturating_mul(passed.as_micros())
    };
    if reaches(before.full_us, after.full_us, CRITICAL_FULL_US) {
        Pressure::Critical
    } else if reaches(before.some_us, after.some_us, LOW_SOME_US) {
        Pressure::Low
    } else if reaches(before.some_us, after.some_us, TIGHT_SOME_US) {
        Pressure::Tight
    } else {
        Pressure::Unchanged
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use Pressure::{Critical, Low, Quiet, Tight, Unchanged};

    /// A window that began at 10 s, when some had waited for 5 s and all for 3 s.
    fn window() -> PressureWindow {
        let mut window = PressureWindow::new();
        assert_eq!(window.hear(at(0), waited(0, 0), Unchanged), Unchanged);
        window
    }

    fn at(ms: u64) -> Duration {
        Duration::from_millis(10_000 + ms)
    }

    fn waited(some_us: u64, full_us: u64) -> Option<Stalls> {
        Some(Stalls { some_us: 5_000_000 + some_us, full_us: 3_000_000 + full_us })
    }

    #[test]
    fn each_row_of_stalls_is_told_from_its_threshold_on() {
        for (some_us, full_us, told) in [
            (69_999, 0, Unchanged),
            (70_000, 69_999, Tight),
            (99_999, 99_999, Tight),
            (100_000, 0, Low),
            (2_000_000, 99_999, Low),
            (100_000, 100_000, Critical),
        ] {
            let mut window = window();
            assert_eq!(window.hear(at(1999), waited(some_us, full_us), Unchanged), told);
        }
    }

    #[test]
    fn a_level_is_told_once_in_a_window_and_then_only_a_stronger_one() {
        let mut window = window();
        assert_eq!(window.hear(at(100), waited(70_000, 0), Unchanged), Tight);
        assert_eq!(window.hear(at(200), waited(80_000, 0), Unchanged), Unchanged);
        assert_eq!(window.hear(at(300), waited(80_000, 0), Low), Low);
        assert_eq!(window.hear(at(400), waited(100_000, 0), Low), Unchanged);
        assert_eq!(window.hear(at(500), waited(100_000, 100_000), Low), Critical);
        assert_eq!(window.hear(at(600), waited(100_000, 100_000), Critical), Unchanged);
        assert_eq!(window.hear(at(1999), waited(100_000, 100_000), Low), Unchanged);
    }

    #[test]
    fn what_is_still_short_is_told_again_when_a_new_window_begins() {
        let mut window = PressureWindow::new();
        assert_eq!(window.hear(at(0), None, Low), Low);
        assert_eq!(window.hear(at(1999), None, Low), Unchanged);
        assert_eq!(window.hear(at(2000), None, Low), Low);
        assert_eq!(window.hear(at(2100), None, Low), Unchanged);
        assert_eq!(window.hear(at(2200), None, Critical), Critical);
        assert_eq!(window.hear(at(4000), None, Low), Low);
    }

    #[test]
    fn a_window_without_a_signal_is_quiet_once() {
        let mut window = window();
        assert_eq!(window.hear(at(1999), waited(0, 0), Unchanged), Unchanged);
        assert_eq!(window.hear(at(2000), waited(0, 0), Unchanged), Quiet);
        assert_eq!(window.hear(at(2001), waited(0, 0), Unchanged), Unchanged);
        assert_eq!(window.hear(at(3999), waited(0, 0), Unchanged), Unchanged);
        assert_eq!(window.hear(at(4000), waited(0, 0), Unchanged), Quiet);
    }

    #[test]
    fn a_window_with_a_signal_does_not_end_quietly() {
        let mut window = window();
        assert_eq!(window.hear(at(100), waited(70_000, 0), Unchanged), Tight);
        assert_eq!(window.hear(at(2000), waited(70_000, 0), Unchanged), Unchanged);
        assert_eq!(window.hear(at(4000), waited(70_000, 0), Unchanged), Quiet);
    }

    #[test]
    fn stalls_that_are_seen_as_a_window_ends_belong_to_it() {
        let mut window = window();
        assert_eq!(window.hear(at(2000), waited(70_000, 0), Unchanged), Tight);
        assert_eq!(window.hear(at(2100), waited(139_999, 0), Unchanged), Unchanged);
        assert_eq!(window.hear(at(2200), waited(140_000, 0), Unchanged), Tight);
    }

    #[test]
    fn a_window_ends_with_the_stronger_of_its_stalls_and_what_is_left() {
        let mut first = window();
        assert_eq!(first.hear(at(2000), waited(100_000, 100_000), Low), Critical);
        assert_eq!(first.hear(at(2100), waited(100_000, 100_000), Low), Unchanged);
        let mut second = window();
        assert_eq!(second.hear(at(2000), waited(70_000, 0), Low), Low);
        assert_eq!(second.hear(at(2100), waited(70_000, 0), Critical), Critical);
    }

    #[test]
    fn stalls_before_a_late_look_count_by_their_share_of_the_time() {
        for (some_us, told) in [(349_999, Quiet), (350_000, Tight), (500_000, Low)] {
            assert_eq!(window().hear(at(10_000), waited(some_us, 0), Unchanged), told);
        }
    }

    #[test]
    fn stalls_that_could_not_be_read_for_a_while_are_no_signal() {
        let mut window = PressureWindow::new();
        assert_eq!(window.hear(at(0), None, Unchanged), Unchanged);
        assert_eq!(window.hear(at(100), waited(0, 0), Unchanged), Unchanged);
        assert_eq!(window.hear(at(200), None, Unchanged), Unchanged);
        assert_eq!(window.hear(at(300), waited(70_000, 0), Unchanged), Tight);
        assert_eq!(window.hear(at(2000), None, Unchanged), Unchanged);
        assert_eq!(window.hear(at(4000), None, Unchanged), Quiet);
    }

    #[test]
    fn sums_and_times_that_fall_are_no_signal() {
        let mut window = window();
        let less = Some(Stalls { some_us: 0, full_us: 0 });
        assert_eq!(window.hear(at(1000), less, Unchanged), Unchanged);
        assert_eq!(window.hear(Duration::ZERO, less, Unchanged), Unchanged);
        let most = Some(Stalls { some_us: u64::MAX, full_us: u64::MAX });
        assert_eq!(window.hear(Duration::MAX, most, Unchanged), Quiet);
    }
}
