//! Traces that are made, the same each time: by Zipf's law with keys that come once among them, as a loop, and with scans.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use crate::stores::dice::Dice;
use crate::traces::zipf::Zipf;

/// Keys that come once and never again, beside those of a law.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum OneHits {
    None,
    /// This share of the requests.
    OfRequests(f64),
    /// So many that this share of the keys comes once; what the law itself asks for once counts.
    OfKeys(f64),
}

/// How a trace is made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Making {
    Zipf {
        alpha: f64,
        key_count: u64,
        request_count: usize,
        one_hits: OneHits,
    },
    /// All keys one after the other, again and again.
    Loop {
        key_count: u64,
        request_count: usize,
    },
    /// A law, and after each so many of its requests so many keys in a row that never come again.
    Scans {
        alpha: f64,
        key_count: u64,
        request_count: usize,
        between: usize,
        scan: usize,
    },
}

/// Where keys begin that no law asks for.
const BEYOND_LAWS: u64 = 1 << 40;

impl Making {
    pub(crate) fn keys(self) -> Vec<u64> {
        let mut dice = Dice::from_seed(12);
        match self {
            Self::Zipf { alpha, key_count, request_count, one_hits } => match one_hits {
                OneHits::None => law(alpha, key_count, request_count, &mut dice),
                OneHits::OfRequests(share) => {
                    let once = share_of(request_count, share);
                    let keys = law(alpha, key_count, request_count - once, &mut dice);
                    with_one_hits(keys, once, &mut dice)
                }
                OneHits::OfKeys(share) => {
                    let keys = law(alpha, key_count, request_count, &mut dice);
                    let once = lacking(&keys, share);
                    with_one_hits(keys, once, &mut dice)
                }
            },
            Self::Loop { key_count, request_count } => {
                (0..key_count).cycle().take(request_count).collect()
            }
            Self::Scans { alpha, key_count, request_count, between, scan } => {
                let keys = law(alpha, key_count, request_count, &mut dice);
                let mut fresh = BEYOND_LAWS..;
                let mut all = Vec::with_capacity(request_count * (between + scan) / between);
                for some in keys.chunks(between) {
                    all.extend_from_slice(some);
                    all.extend(fresh.by_ref().take(scan));
                }
                all
            }
        }
    }
}

/// The rank of a request does not show in its key.
fn law(alpha: f64, key_count: u64, request_count: usize, dice: &mut Dice) -> Vec<u64> {
    let zipf = Zipf::new(key_count, alpha);
    let key = |rank: u64| rank.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 25; // below `BEYOND_LAWS`
    (0..request_count).map(|_| key(zipf.rank(dice))).collect()
}

/// At random places.
fn with_one_hits(keys: Vec<u64>, once: usize, dice: &mut Dice) -> Vec<u64> {
    let mut is_once = vec![true; once];
    is_once.resize(once + keys.len(), false);
    dice.shuffle(&mut is_once);
    let (mut keys, mut fresh) = (keys.into_iter(), BEYOND_LAWS..);
    let pick = |is_once| if is_once { fresh.next() } else { keys.next() };
    is_once.into_iter().filter_map(pick).collect()
}

/// How many keys that come once are lacking.
fn lacking(keys: &[u64], share: f64) -> usize {
    let mut counts: HashMap<u64, u32, RandomState> = HashMap::default();
    for key in keys {
        *counts.entry(*key).or_default() += 1;
    }
    let once = counts.values().filter(|count| **count == 1).count() as f64;
    let lacking = (share * counts.len() as f64 - once) / (1.0 - share);
    whole(lacking.max(0.0))
}

fn share_of(count: usize, share: f64) -> usize {
    whole(count as f64 * share)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a number of requests, not below zero"
)]
fn whole(count: f64) -> usize {
    count.round() as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::traces::trace::Trace;

    const LAW: Making = Making::Zipf {
        alpha: 0.64,
        key_count: 5_000,
        request_count: 60_000,
        one_hits: OneHits::OfKeys(0.49),
    };

    fn once_count(keys: &[u64]) -> usize {
        let mut counts: HashMap<u64, u32> = HashMap::new();
        keys.iter().for_each(|key| *counts.entry(*key).or_default() += 1);
        counts.values().filter(|count| **count == 1).count()
    }

    #[test]
    fn a_trace_is_the_same_each_time_it_is_made() {
        assert_eq!(LAW.keys(), LAW.keys());
    }

    #[test]
    fn so_many_keys_come_once_as_was_asked_for() {
        let trace = Trace::of(LAW.keys());
        let share = once_count(&trace.keys) as f64 / trace.unique_count as f64;
        assert!((share - 0.49).abs() < 0.01, "{share}");
        let of_requests = Making::Zipf {
            alpha: 0.7,
            key_count: 100,
            request_count: 10_000,
            one_hits: OneHits::OfRequests(0.3),
        };
        let keys = of_requests.keys();
        assert_eq!((keys.len(), once_count(&keys)), (10_000, 3_000));
    }

    #[test]
    fn a_loop_comes_back_and_a_scan_does_not() {
        let keys = Making::Loop { key_count: 3, request_count: 7 }.keys();
        assert_eq!(keys, [0, 1, 2, 0, 1, 2, 0]);
        let scans =
            Making::Scans { alpha: 1.0, key_count: 10, request_count: 400, between: 100, scan: 50 };
        let keys = scans.keys();
        assert_eq!(keys.len(), 600);
        assert_eq!(once_count(&keys), 200);
        assert!(keys[100..150].is_sorted() && keys[100] >= BEYOND_LAWS);
    }
}
