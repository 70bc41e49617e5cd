//! An expiry number says how long an entry lives: for ever, not at all, for seconds, until a moment.

/// The longest time that counts from now, in seconds: thirty days. A greater number is a moment, in
/// seconds of Unix time.
pub const FROM_NOW_S_MAX: i32 = 30 * 24 * 60 * 60;

/// An expiry number as it stood on the line.
///
/// The reference keeps 32 bits of it with their sign, so a moment after January 2038 is negative, and
/// the entry gone at once.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Hash)]
pub struct ExpTime(pub i32);

/// How long an entry lives, counted from now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Life {
    /// It does not expire.
    Never,
    /// It is gone already.
    AtOnce,
    /// It is gone after so many seconds, which are at least one.
    For(u32),
}

impl ExpTime {
    /// For ever.
    pub const NEVER: Self = Self(0);

    /// What the number means at `now_unix_s`.
    #[must_use]
    pub fn life(self, now_unix_s: u64) -> Life {
        match self.0 {
            0 => Life::Never,
            seconds @ 1..=FROM_NOW_S_MAX => Life::For(seconds.unsigned_abs()),
            moment if moment > 0 => {
                let left_s = u64::from(moment.unsigned_abs()).saturating_sub(now_unix_s);
                match u32::try_from(left_s) {
                    Ok(0) | Err(_) => Life::AtOnce,
                    Ok(left_s) => Life::For(left_s),
                }
            }
            _ => Life::AtOnce,
        }
    }

    /// In how many seconds something is to happen that this number puts off, as in `flush_all`: nought
    /// and what is past are now.
    #[must_use]
    pub fn delay_s(self, now_unix_s: u64) -> u32 {
        match self.life(now_unix_s) {
            Life::Never | Life::AtOnce => 0,
            Life::For(seconds) => seconds,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_S: u64 = 1_800_000_000;

    #[test]
    fn a_number_is_never_or_at_once_or_seconds_or_a_moment() {
        let cases = [
            (0, Life::Never),
            (-1, Life::AtOnce),
            (i32::MIN, Life::AtOnce),
            (1, Life::For(1)),
            (2_592_000, Life::For(2_592_000)),
            (2_592_001, Life::AtOnce),
            (1_800_000_000, Life::AtOnce),
            (1_800_000_001, Life::For(1)),
            (i32::MAX, Life::For(347_483_647)),
        ];
        for (number, life) in cases {
            assert_eq!(ExpTime(number).life(NOW_S), life, "{number}");
        }
    }

    #[test]
    fn what_is_put_off_to_the_past_is_now() {
        assert_eq!([0, -5, 7, 1_000_000_000].map(|t| ExpTime(t).delay_s(NOW_S)), [0, 0, 7, 0]);
    }
}
