//! The list of traces: what was recorded, what is made of published figures, and what is made to be hard.

use std::io;

use crate::traces::made::{Making, OneHits};
use crate::traces::recorded::{self, Form};
use crate::traces::trace::Trace;

/// Where a trace comes from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Source {
    Recorded { file: &'static str, form: Form },
    Made(Making),
}

/// A trace by its name.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Known {
    pub(crate) name: &'static str,
    pub(crate) source: Source,
}

const OLTP: Known = recorded("OLTP", "OLTP.lis.zst", Form::Lines);
const P3: Known = recorded("P3", "P3.lis.zst", Form::Lines);
const ORM_BUSY: Known = recorded("orm-busy", "orm-busy.trace.xz", Form::Words);
const WEB_12: Known = recorded("web12", "web12.trace.xz", Form::Words);

const KEYS: u64 = 200_000;
const REQUESTS: usize = 2_000_000;

pub(crate) const ALL: [Known; 16] = [
    OLTP,
    P3,
    ORM_BUSY,
    WEB_12,
    zipf("Zipf 1.0", 1.0, OneHits::None),
    zipf("Zipf 0.7, 30 % once", 0.7, OneHits::OfRequests(0.3)),
    Known {
        name: "loop",
        source: Source::Made(Making::Loop { key_count: 50_000, request_count: 500_000 }),
    },
    Known {
        name: "Zipf 1.0 with scans",
        source: Source::Made(Making::Scans {
            alpha: 1.0,
            key_count: KEYS,
            request_count: REQUESTS / 2,
            between: 20_000,
            scan: 10_000,
        }),
    },
    zipf("Twitter 12", 0.30, OneHits::OfKeys(0.81)),
    zipf("Twitter 17", 2.11, OneHits::None),
    zipf("Twitter 18", 2.10, OneHits::None),
    zipf("Twitter 24", 1.37, OneHits::None),
    zipf("Twitter 29", 1.23, OneHits::None),
    zipf("Twitter 44", 1.41, OneHits::None),
    zipf("Twitter 45", 0.64, OneHits::OfKeys(0.49)),
    zipf("Twitter 52", 1.21, OneHits::OfKeys(0.19)),
];

const fn recorded(name: &'static str, file: &'static str, form: Form) -> Known {
    Known { name, source: Source::Recorded { file, form } }
}

const fn zipf(name: &'static str, alpha: f64, one_hits: OneHits) -> Known {
    let making = Making::Zipf { alpha, key_count: KEYS, request_count: REQUESTS, one_hits };
    Known { name, source: Source::Made(making) }
}

impl Known {
    /// What to say if it is not there.
    pub(crate) fn absence(self) -> Option<String> {
        match self.source {
            Source::Recorded { file, .. } => {
                (!recorded::folder().join(file).is_file()).then(|| recorded::absence(file))
            }
            Source::Made(_) => None,
        }
    }

    /// Reads or makes it.
    /// # Errors
    /// If it was recorded and its file cannot be read.
    pub(crate) fn read(self) -> io::Result<Trace> {
        let keys = match self.source {
            Source::Recorded { file, form } => {
                recorded::read(&recorded::folder().join(file), form)?
            }
            Source::Made(making) => making.keys(),
        };
        Ok(Trace::of(keys))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_a_name_of_its_own() {
        for one in ALL {
            let same = ALL.into_iter().filter(|other| other.name == one.name);
            assert_eq!(same.count(), 1, "{}", one.name);
        }
    }

    #[test]
    fn what_was_recorded_is_as_long_as_it_is_said_to_be_where_it_is_there() {
        let lengths =
            [(OLTP, 914_145, 186_880), (ORM_BUSY, 5_000_000, 76_349), (WEB_12, 95_607, 13_756)];
        for (one, request_count, unique_count) in lengths {
            if one.absence().is_some() {
                continue;
            }
            let trace = one.read().unwrap();
            let found = (trace.keys.len(), trace.unique_count);
            assert_eq!(found, (request_count, unique_count), "{}", one.name);
        }
    }
}
