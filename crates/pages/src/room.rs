//! Room is how much of some memory is left, and of how much.

use crate::pressure::Pressure;

/// Below so many percent left, memory is low.
pub(crate) const LOW_PERCENT: u64 = 10;
/// Below so many, it is critical.
const CRITICAL_PERCENT: u64 = 5;

/// What is left of the machine's memory, or of a control group's.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Room {
    pub(crate) left_bytes: u64,
    pub(crate) all_bytes: u64,
}

impl Room {
    /// Whether less than `percent` of all is left.
    pub(crate) fn is_below(self, percent: u64) -> bool {
        u128::from(self.left_bytes) * 100 < u128::from(self.all_bytes) * u128::from(percent)
    }

    /// How severe it is that no more is left.
    pub(crate) fn pressure(self) -> Pressure {
        if self.is_below(CRITICAL_PERCENT) {
            Pressure::Critical
        } else if self.is_below(LOW_PERCENT) {
            Pressure::Low
        } else {
            Pressure::Unchanged
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn below_a_tenth_memory_is_low_and_below_a_twentieth_critical() {
        let pressure = |left_bytes| Room { left_bytes, all_bytes: 1000 }.pressure();
        assert_eq!(pressure(1000), Pressure::Unchanged);
        assert_eq!(pressure(100), Pressure::Unchanged);
        assert_eq!(pressure(99), Pressure::Low);
        assert_eq!(pressure(50), Pressure::Low);
        assert_eq!(pressure(49), Pressure::Critical);
        assert_eq!(pressure(0), Pressure::Critical);
    }

    #[test]
    fn the_largest_numbers_have_a_pressure_too() {
        let room = Room { left_bytes: u64::MAX, all_bytes: u64::MAX };
        assert_eq!(room.pressure(), Pressure::Unchanged);
        assert_eq!(Room { left_bytes: 0, all_bytes: 0 }.pressure(), Pressure::Unchanged);
    }
}
