//! Options are what a cache and a table are made with; the most of a table's can be changed while it is used.

use levada_pile::Life;

use crate::error::OptionError;
use crate::room::watermarks::Watermarks;

/// How a cache shares its pile.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CacheOptions {
    /// What all tables together may take, overhead included, in bytes.
    pub limit_bytes: u64,
    /// At which parts of the limit more is done to stay below it.
    pub watermarks: Watermarks,
    /// The part of the limit that no pressure takes away: 1/8.
    pub keep_min: f64,
    /// The part of the limit that loads under way may be charged for: 1/16.
    pub loads_max: f64,
    /// Whether memory goes back under pressure.
    pub gives_back: bool,
}

impl CacheOptions {
    /// The usual ones, with this limit.
    #[must_use]
    pub fn limit(limit_bytes: u64) -> Self {
        Self {
            limit_bytes,
            watermarks: Watermarks::default(),
            keep_min: 0.125,
            loads_max: 0.0625,
            gives_back: true,
        }
    }

    pub(crate) fn check(&self, pile_bytes: u64) -> Result<(), OptionError> {
        self.watermarks.check()?;
        for (name, part) in [("keep_min", self.keep_min), ("loads_max", self.loads_max)] {
            if !(0.0..=1.0).contains(&part) {
                return Err(OptionError::Part(name));
            }
        }
        if self.limit_bytes < 1 << 20 || self.limit_bytes > pile_bytes {
            return Err(OptionError::Limit { limit_bytes: self.limit_bytes, pile_bytes });
        }
        Ok(())
    }
}

impl Watermarks {
    /// Whether they rise, from a half to nearly all.
    pub(crate) fn check(&self) -> Result<(), OptionError> {
        let rises = 0.5 <= self.low && self.low <= self.high && self.high <= self.max;
        if rises && self.max <= 0.99 { Ok(()) } else { Err(OptionError::Watermarks(*self)) }
    }
}

/// Whether entries give way.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Mode {
    /// A put may evict others.
    #[default]
    Cache,
    /// Nothing is ever evicted or dropped, by limit, pressure or upkeep; what is full refuses. It does not mean that entries
    /// survive the end of the OS process.
    Durable,
}

/// The most levels of priority.
pub(crate) const LEVELS: usize = 8;

/// The highest load at which two bins of seven are found for nearly every key.
const LOAD_MAX: f64 = 0.92;

/// What a table is made with.
///
/// ```
/// use levada_cache::TableOptions;
///
/// let options = TableOptions::default().max_age(900).level(5).limit_bytes(64 << 20);
/// assert_eq!(options.level, 5);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TableOptions {
    /// Whether entries give way. Not changed later.
    pub mode: Mode,
    /// Whether entries know when they were put, four bytes each: for the age filter, and to renew lives of any length. Not
    /// changed later.
    pub ages: bool,
    /// Whether entries can have an end that nothing renews, four bytes each. Not changed later.
    pub until: bool,
    /// Whether each entry has room for the end of its life, four bytes each, so that it can be given one later or none. Entries
    /// that are put with a life have it anyhow. Not changed later; a table that is made with `idle` has it.
    pub renewable: bool,
    /// How many words of four bytes each entry has that its user changes in place. At most two; not changed later.
    pub notes: u8,
    /// The most that the table may take, overhead included, in bytes.
    pub limit_bytes: Option<u64>,
    /// What other tables cannot take from it, in bytes.
    pub reserve_bytes: u64,
    /// Its share beside other tables that pay for the same level.
    pub weight: u32,
    /// How long entries live that say nothing else.
    pub max_age: Option<Life>,
    /// How long entries live after each hit, at most a sixteenth less, in seconds.
    pub idle_s: Option<u32>,
    /// The level of entries that say nothing else: 3.
    pub level: u8,
    /// The load above which the index grows: 0.85.
    pub load_high: f64,
    /// The load below which upkeep lets it shrink: 0.60.
    pub load_low: f64,
    /// The seed of the keys' hash, where it is not to be a random one.
    pub seed: Option<u64>,
}

impl Default for TableOptions {
    fn default() -> Self {
        Self {
            mode: Mode::Cache,
            ages: false,
            until: false,
            renewable: false,
            notes: 0,
            limit_bytes: None,
            reserve_bytes: 0,
            weight: 1,
            max_age: None,
            idle_s: None,
            level: 3,
            load_high: 0.85,
            load_low: 0.60,
            seed: None,
        }
    }
}

impl TableOptions {
    /// With entries that never give way.
    #[must_use]
    pub fn durable(self) -> Self {
        Self { mode: Mode::Durable, ..self }
    }

    /// With entries that know when they were put.
    #[must_use]
    pub fn ages(self) -> Self {
        Self { ages: true, ..self }
    }

    /// With entries that can have an end that nothing renews.
    #[must_use]
    pub fn until(self) -> Self {
        Self { until: true, ..self }
    }

    /// With entries of which each can be given a life later, or none.
    #[must_use]
    pub fn renewable(self) -> Self {
        Self { renewable: true, ..self }
    }

    /// With so many words for each entry that change in place.
    #[must_use]
    pub fn notes(self, notes: u8) -> Self {
        Self { notes, ..self }
    }

    /// With at most so many bytes.
    #[must_use]
    pub fn limit_bytes(self, limit_bytes: u64) -> Self {
        Self { limit_bytes: Some(limit_bytes), ..self }
    }

    /// With so many bytes that other tables cannot take.
    #[must_use]
    pub fn reserve_bytes(self, reserve_bytes: u64) -> Self {
        Self { reserve_bytes, ..self }
    }

    /// With that share beside other tables.
    #[must_use]
    pub fn weight(self, weight: u32) -> Self {
        Self { weight: weight.max(1), ..self }
    }

    /// With lives of so many seconds for entries that say nothing else.
    #[must_use]
    pub fn max_age(self, seconds: u32) -> Self {
        Self { max_age: Some(Life::secs(seconds)), ..self }
    }

    /// With lives that begin anew at each hit.
    #[must_use]
    pub fn idle(self, seconds: u32) -> Self {
        Self { idle_s: Some(seconds.max(1)), renewable: true, ..self }
    }

    /// With that level for entries that say nothing else.
    #[must_use]
    pub fn level(self, level: u8) -> Self {
        Self { level, ..self }
    }

    /// With a hash of that seed, the same in each run. Who knows it can choose keys that share their bins: they are then
    /// refused as crowded.
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        Self { seed: Some(seed), ..self }
    }

    pub(crate) fn check(&self) -> Result<(), OptionError> {
        if usize::from(self.level) >= LEVELS {
            return Err(OptionError::Level(self.level));
        }
        if self.notes > 2 {
            return Err(OptionError::Notes(self.notes));
        }
        for load in [self.load_high, self.load_low] {
            if !(0.0..=LOAD_MAX).contains(&load) {
                return Err(OptionError::Load(load));
            }
        }
        if self.load_high < 0.5 || self.load_low >= self.load_high {
            return Err(OptionError::Load(self.load_high));
        }
        match self.limit_bytes {
            Some(limit_bytes) if limit_bytes < self.reserve_bytes => Err(OptionError::BelowReserve),
            _ => Ok(()),
        }
    }

    /// What of these is another in a table that is there, of what cannot be changed.
    pub(crate) fn differs(&self, other: &Self) -> Option<&'static str> {
        if self.mode != other.mode {
            return Some("mode");
        }
        let words = |options: &Self| (options.ages, options.until, options.notes);
        (words(self) != words(other) || self.renewable != other.renewable)
            .then_some("ages, ends or notes")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn watermarks_that_do_not_rise_are_refused() {
        let usual = Watermarks::default();
        assert_eq!(usual.check(), Ok(()));
        for wrong in [
            Watermarks { low: 0.95, ..usual },
            Watermarks { low: 0.4, ..usual },
            Watermarks { max: 1.0, ..usual },
            Watermarks { high: f64::NAN, ..usual },
        ] {
            assert!(wrong.check().is_err(), "{wrong:?}");
        }
        assert_eq!(usual.of(100).high_bytes, 94);
    }
}
