//! Giving back: a full cache hears that memory is short, and tends itself until what is resident is near what it may have.

use std::io;

use levada_cache::{Budget, Bytes, Cache, CacheOptions, How, Pile, Pressure, TableOptions};

use crate::machine::clock::own_cpu_ns;
use crate::machine::resident::own_resident_bytes;
use crate::stores::dice::Dice;

/// What it took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GivenBack {
    /// For each byte that went back, from the signal on: CPU time of the thread that does nothing but tend, looking left out.
    pub(crate) byte_ns: f64,
    pub(crate) given_bytes: u64,
}

/// Lengths of values, the short ones as often as the long.
const LENGTHS: [usize; 5] = [32, 64, 128, 300, 1_000];

/// Resident bytes may be so many hundredths of what the cache may have.
const NEAR_PERCENT: u64 = 102;

/// What is resident is looked at so often.
const LOOK_NS: u64 = 20_000_000;

/// After so long it is said to have failed.
const PATIENCE_NS: u64 = 60_000_000_000;

/// Fills a cache with that limit, halves what it may have, and tends it.
/// # Errors
/// If the kernel does not tell what is resident, or it does not come near.
pub(crate) fn give_back(limit_bytes: u64) -> io::Result<GivenBack> {
    own_resident_bytes()?; // what looking itself takes, it takes now
    let before_bytes = own_resident_bytes()?;
    let grown_bytes = || own_resident_bytes().map(|bytes| bytes.saturating_sub(before_bytes));
    let pile = Pile::builder("entries").limit_bytes(limit_bytes).build();
    let pile = pile.map_err(io::Error::other)?;
    let cache = Cache::over(&pile, CacheOptions::limit(limit_bytes)).map_err(io::Error::other)?;
    let table = cache.table::<u64, Bytes>("entries", TableOptions::default());
    let table = table.map_err(io::Error::other)?;
    let (mut dice, value) = (Dice::from_seed(6), vec![7; LENGTHS[LENGTHS.len() - 1]]);
    let mut put_bytes = 0;
    for key in 0.. {
        let length = LENGTHS[usize::try_from(dice.below(LENGTHS.len() as u64)).expect("an index")];
        // A put that is refused comes a little later again: this is how it is when a cache is full.
        if table.put(&key, &value[..length], How::default()).is_err() {
            cache.tend(Budget::slice());
        }
        put_bytes += length as u64;
        if put_bytes > limit_bytes + limit_bytes / 8 {
            break;
        }
    }
    let full_bytes = grown_bytes()?;
    let effective_bytes = cache.pressure(Pressure::Critical).effective_bytes;
    let near_bytes = effective_bytes / 100 * NEAR_PERCENT;
    let mut spent_ns = 0;
    while spent_ns < PATIENCE_NS {
        let begun_ns = own_cpu_ns();
        let mut turn_ns = 0;
        while turn_ns < LOOK_NS {
            cache.tend(Budget::slice());
            turn_ns = own_cpu_ns() - begun_ns;
        }
        spent_ns += turn_ns;
        let left_bytes = grown_bytes()?;
        if left_bytes <= near_bytes {
            let given_bytes = full_bytes.saturating_sub(left_bytes);
            return Ok(GivenBack {
                byte_ns: spent_ns as f64 / given_bytes.max(1) as f64,
                given_bytes,
            });
        }
    }
    let left_bytes = grown_bytes()?;
    Err(io::Error::other(format!("{left_bytes} B stay, and {effective_bytes} are allowed")))
}
