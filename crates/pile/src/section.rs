//! A section is the settings of a pile as people write them down: `[pile.NAME]` in a TOML file.

use std::path::PathBuf;

use serde::Deserialize;

use crate::builder::Builder;
use crate::error::OpenError;
use crate::pile::Pile;
use crate::places::spans::Prefer;
use crate::settings::Live;
use crate::wish::Wish;

/// The settings of a pile. What is left out stays as it is, or as it is by default.
///
/// ```
/// use levada_pile::{Pile, Section};
/// use std::collections::HashMap;
///
/// let text = "
///     [social]
///     limit_bytes = 67108864
///     prefer = 'speed'
///     tend_slice_us = 100
/// ";
/// let sections: HashMap<String, Section> = toml::from_str(text)?;
/// let pile = Pile::builder("social").section(&sections["social"]).build()?;
/// assert_eq!(pile.gauges().limit_bytes, 64 << 20);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Section {
    /// The most bytes that it may have. Live.
    pub limit_bytes: Option<u64>,
    /// The most segments of addresses. Not live.
    pub segments_max: Option<u32>,
    /// Which spans are filled first: `"space"` or `"speed"`. Live.
    pub prefer: Option<Prefer>,
    /// How much memory is had ahead of its use. Live.
    pub commit_ahead_bytes: Option<u64>,
    /// How long a slice of upkeep is. Live.
    pub tend_slice_us: Option<u32>,
    /// How long a guard lasts before it is told. Live.
    pub guard_warn_ms: Option<u32>,
    /// Whether huge pages are wanted: `"no"`, `"try"` or `"must"`. Not live.
    pub huge: Option<Wish>,
    /// Whether its memory is fixed in RAM: `"no"`, `"try"` or `"must"`. Not live.
    pub lock: Option<Wish>,
    /// The folder that it is kept in. Not live.
    pub folder: Option<PathBuf>,
    /// Whether one in 1,024 operations is timed. Live.
    pub gauges: Option<bool>,
}

impl Builder {
    /// Takes over what a section says.
    #[must_use]
    pub fn section(mut self, section: &Section) -> Self {
        let Section { limit_bytes, segments_max, prefer, commit_ahead_bytes, .. } = section;
        let Section { tend_slice_us, guard_warn_ms, huge, lock, folder, gauges, .. } = section;
        self = limit_bytes.iter().fold(self, |builder, bytes| builder.limit_bytes(*bytes));
        self = segments_max.iter().fold(self, |builder, segments| builder.segments_max(*segments));
        self = prefer.iter().fold(self, |builder, prefer| builder.prefer(*prefer));
        self = commit_ahead_bytes
            .iter()
            .fold(self, |builder, bytes| builder.commit_ahead_bytes(*bytes));
        self = tend_slice_us.iter().fold(self, |builder, us| builder.tend_slice_us(*us));
        self = guard_warn_ms.iter().fold(self, |builder, ms| builder.guard_warn_ms(*ms));
        self = huge.iter().fold(self, |builder, wish| builder.huge(*wish));
        self = lock.iter().fold(self, |builder, wish| builder.lock(*wish));
        self = folder.iter().fold(self, |builder, path| builder.folder(path));
        gauges.iter().fold(self, |builder, are_timed| builder.timed(*are_timed))
    }
}

impl Pile {
    /// Takes over what can be changed while the pile runs. All of it is checked first.
    ///
    /// # Errors
    /// [`OpenError::Setting`] by name of the key, also for one that is not live; nothing has changed then.
    pub fn apply(&self, section: &Section) -> Result<(), OpenError> {
        let fixed = [
            ("segments_max", section.segments_max.is_some()),
            ("huge", section.huge.is_some()),
            ("lock", section.lock.is_some()),
            ("folder", section.folder.is_some()),
        ];
        if let Some((key, _)) = fixed.into_iter().find(|(_, is_said)| *is_said) {
            return Err(OpenError::Setting {
                key,
                bounds: "left out: it is set when the pile is made",
            });
        }
        self.check_live(section)?;
        if let Some(limit_bytes) = section.limit_bytes {
            self.set_limit(limit_bytes);
        }
        if let Some(prefer) = section.prefer {
            self.set_prefer(prefer);
        }
        if let Some(bytes) = section.commit_ahead_bytes {
            self.store.settings.set_commit_ahead_bytes(bytes);
        }
        if let Some(microseconds) = section.tend_slice_us {
            self.store.settings.set_tend_slice_us(microseconds);
        }
        if let Some(milliseconds) = section.guard_warn_ms {
            self.store.settings.set_guard_warn_ms(milliseconds);
        }
        if let Some(are_timed) = section.gauges {
            self.set_timed(are_timed);
        }
        Ok(())
    }

    fn check_live(&self, section: &Section) -> Result<(), OpenError> {
        let (settings, limit) = (&self.store.settings, &self.store.spans.supply.limit);
        let warn_ms = u32::try_from(settings.guard_warn_ms()).unwrap_or(u32::MAX);
        let live = Live {
            limit_bytes: section.limit_bytes.unwrap_or(limit.limit_bytes()),
            commit_ahead_bytes: section.commit_ahead_bytes,
            tend_slice_us: section.tend_slice_us.unwrap_or(settings.tend_slice_us()),
            guard_warn_ms: section.guard_warn_ms.unwrap_or(warn_ms),
        };
        live.check()
    }
}
