//! How says what an entry is put with: its life, its level, its notes.

use levada_pile::Life;

/// How an entry is put. What it does not say, the table's options do.
///
/// ```
/// use levada_cache::{How, Life};
///
/// let how = How::default().life(Life::secs(60)).level(5);
/// assert_eq!(how.level, Some(5));
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct How {
    /// How long it lives.
    pub life: Option<Life>,
    /// After how many seconds it ends whatever renews it; in tables that have such ends.
    pub until_s: Option<u32>,
    /// How dear it is: 0 to 7, more is dearer; what is above counts as 7.
    pub level: Option<u8>,
    /// Whether the old entry goes where the new one is refused.
    pub drop_old: bool,
    /// The first values of its notes.
    pub notes: [u32; 2],
}

impl How {
    /// Lives so long.
    #[must_use]
    pub fn life(self, life: Life) -> Self {
        Self { life: Some(life), ..self }
    }

    /// Ends after so many seconds, whatever renews it.
    #[must_use]
    pub fn until(self, seconds: u32) -> Self {
        Self { until_s: Some(seconds), ..self }
    }

    /// Is that dear.
    #[must_use]
    pub fn level(self, level: u8) -> Self {
        Self { level: Some(level), ..self }
    }

    /// Lets the old entry go even if the new one is refused.
    #[must_use]
    pub fn drop_old(self) -> Self {
        Self { drop_old: true, ..self }
    }

    /// Has these notes.
    #[must_use]
    pub fn notes(self, notes: [u32; 2]) -> Self {
        Self { notes, ..self }
    }
}
