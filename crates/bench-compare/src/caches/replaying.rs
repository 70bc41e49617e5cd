//! Replaying: each key of a trace is asked for, and put where it is not there.

use std::hint::black_box;

use crate::caches::keyed_cache::KeyedCache;
use crate::machine::clock::{now_ns, own_cpu_ns};
use crate::oracle::policy::Policy;
use crate::traces::trace::Trace;

/// As many bytes as a value has in a replay.
pub(crate) const VALUE_BYTES: usize = 64;

/// The value of a key begins with it, so that a wrong one shows.
fn value_of(key: u64) -> [u8; VALUE_BYTES] {
    let mut value = [7; VALUE_BYTES];
    value[..8].copy_from_slice(&key.to_le_bytes());
    value
}

/// A cache may put off its upkeep until it holds so many thousandths more than it has room for.
const BEYOND_PERMILLE: u64 = 1;

/// How many requests found nothing, of a cache with this room.
/// # Panics
/// If a value is another key's.
pub(crate) fn misses(cache: &impl KeyedCache, room_count: usize, trace: &Trace) -> u64 {
    let mut missed = 0;
    let put_off_max = (room_count as u64 * BEYOND_PERMILLE / 1_000).max(1);
    for key in &trace.keys {
        let mut see = |value: &[u8]| assert!(value.starts_with(&key.to_le_bytes()), "its own");
        if !cache.get(*key, &mut see) {
            missed += 1;
            cache.put(*key, &value_of(*key));
            if missed % put_off_max == 0 {
                cache.settle();
            }
        }
    }
    missed
}

/// As [`misses`], of a policy alone.
pub(crate) fn misses_of_policy(policy: &mut impl Policy, trace: &Trace) -> u64 {
    trace.keys.iter().map(|key| u64::from(!policy.ask(*key))).sum()
}

/// What a replay took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Replayed {
    /// Of the thread's CPU time, which nobody else has part in: all that a cache does here it does in the thread that asks.
    pub(crate) request_ns: f64,
    /// Of its core.
    pub(crate) share: f64,
}

/// Replays the whole trace in a cache that is empty.
pub(crate) fn replay(cache: &impl KeyedCache, trace: &Trace) -> Replayed {
    let mut sum = 0_u64;
    let (begun_ns, begun_cpu_ns) = (now_ns(), own_cpu_ns());
    for key in &trace.keys {
        let mut see = |value: &[u8]| sum = sum.wrapping_add(u64::from(value[0]));
        if !cache.get(*key, &mut see) {
            cache.put(*key, &value_of(*key));
        }
    }
    let elapsed_ns = (now_ns() - begun_ns) as f64;
    let cpu_ns = (own_cpu_ns() - begun_cpu_ns) as f64;
    black_box(sum);
    Replayed { request_ns: cpu_ns / trace.keys.len().max(1) as f64, share: cpu_ns / elapsed_ns }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::caches::foyer_cache::{ByLru, FoyerCache};
    use crate::caches::keyed_cache::Room;
    use crate::oracle::lru::Lru;
    use crate::stores::dice::Dice;

    #[test]
    fn a_cache_that_lets_go_what_a_policy_does_misses_as_often() {
        let mut dice = Dice::from_seed(1);
        let trace = Trace::of((0..20_000).map(|_| dice.below(300)).collect());
        let room = Room { entry_count: 100, value_bytes: VALUE_BYTES, thread_count: 1 };
        // Its window for what is dear is larger than nothing, so it is LRU only nearly.
        let cache = FoyerCache::<ByLru>::with_room(room);
        let missed = misses(&cache, 100, &trace);
        let expected = misses_of_policy(&mut Lru::with_room(100), &trace);
        assert!(missed.abs_diff(expected) * 50 < expected, "{missed} {expected}");
        assert_eq!(cache.entry_count(), 100);
    }
}
