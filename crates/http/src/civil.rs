//! Civil time is a Unix second as a calendar and a clock show it, in UTC.

/// A second of the years 1970 to 9999.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Civil {
    pub(crate) year: u16,
    /// 1 to 12.
    pub(crate) month: u8,
    /// 1 to 31.
    pub(crate) day: u8,
    pub(crate) hour: u8,
    pub(crate) minute: u8,
    pub(crate) second: u8,
    /// Days since a Sunday.
    pub(crate) weekday: u8,
}

/// The last second that a year of four digits holds.
const UNIX_S_MAX: u64 = 253_402_300_799;

impl Civil {
    /// The second `unix_s`, or the last of the year 9999 if that is later.
    #[expect(clippy::arithmetic_side_effects, reason = "all terms are bounded by the first line")]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "each is a remainder that fits, as the field says"
    )]
    pub(crate) fn from_unix_s(unix_s: u64) -> Self {
        let unix_s = unix_s.min(UNIX_S_MAX);
        let (days, second_of_day) = (unix_s / 86_400, unix_s % 86_400);
        // Years begin in March here, so that the leap day is the last of its year, and the months
        // before it follow one rule: the method of H. Hinnant, "chrono-compatible low-level date
        // algorithms". 719,468 days lie between the first of March of the year 0 and 1970; eras
        // have 400 years.
        let shifted_days = days + 719_468;
        let (era, day_of_era) = (shifted_days / 146_097, shifted_days % 146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        Self {
            year: (era * 400 + year_of_era + u64::from(month <= 2)) as u16,
            month: month as u8,
            day: day as u8,
            hour: (second_of_day / 3_600) as u8,
            minute: (second_of_day / 60 % 60) as u8,
            second: (second_of_day % 60) as u8,
            weekday: ((days + 4) % 7) as u8, // the first of January 1970 was a Thursday
        }
    }
}

/// The two digits of a number below 100.
#[expect(clippy::arithmetic_side_effects, reason = "both digits are below ten")]
pub(crate) fn two_digits(number: u8) -> [u8; 2] {
    [b'0' + number / 10 % 10, b'0' + number % 10]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_turns_of_months_years_and_centuries_are_known() {
        let cases = [
            (0, (1970, 1, 1, 4)),
            (951_782_399, (2000, 2, 28, 1)),
            (951_782_400, (2000, 2, 29, 2)),
            (951_868_800, (2000, 3, 1, 3)),
            (4_107_542_399, (2100, 2, 28, 0)),
            (4_107_542_400, (2100, 3, 1, 1)),
            (1_735_689_599, (2024, 12, 31, 2)),
            (1_735_689_600, (2025, 1, 1, 3)),
            (UNIX_S_MAX, (9999, 12, 31, 5)),
            (u64::MAX, (9999, 12, 31, 5)),
        ];
        for (unix_s, expected) in cases {
            let civil = Civil::from_unix_s(unix_s);
            assert_eq!((civil.year, civil.month, civil.day, civil.weekday), expected, "{unix_s}");
        }
    }
}
