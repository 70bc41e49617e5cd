//! A full cache takes values of another length than those that it holds, with upkeep and without.
//!
//! Alone in its OS process: a reader of another test that waits for a core keeps what was evicted from being used again.

use levada_cache::{Budget, Bytes, Cache, CacheOptions, How, Pile, Refused, TableOptions};

/// Of a cache whose memory goes over to values of other lengths.
const SHIFTED_BYTES: u64 = 3 << 20;

fn cache(limit_bytes: u64) -> Cache {
    let pile = Pile::builder("lengths").limit_bytes(limit_bytes).build().expect("a pile");
    Cache::over(&pile, CacheOptions::limit(limit_bytes)).expect("a cache")
}

#[test]
fn memory_goes_over_to_values_of_other_lengths() {
    for is_tended in [false, true] {
        let cache = cache(SHIFTED_BYTES);
        let table = cache.table::<u64, Bytes>("t", TableOptions::default()).unwrap();
        let mut key = 0;
        for bytes in [100, 1 << 10, 10 << 10, 200] {
            let mut refused = 0;
            let before = table.gauges().inserts;
            let puts = 3 * SHIFTED_BYTES / bytes / 2;
            let value = vec![7; usize::try_from(bytes).unwrap()];
            for put in 0..puts {
                key += 1;
                match table.put(&key, &value, How::default()) {
                    Ok(_) => {}
                    Err(Refused::NoVictim) => refused += 1,
                    Err(other) => panic!("{other}"),
                }
                if is_tended && put % 64 == 0 {
                    cache.tend(Budget::slice());
                }
                assert!(cache.pile().backed_bytes() <= SHIFTED_BYTES);
            }
            assert!(
                refused * 100 <= puts,
                "{refused} of {puts} values of {bytes} B, tended: {is_tended}"
            );
            assert_eq!(table.gauges().inserts - before, puts - refused);
            let of_this_length = (key - puts + 1..=key).filter(|key| table.contains(key)).count();
            let share = of_this_length as u64 * bytes * 100 / SHIFTED_BYTES;
            assert!(share > 50, "{share} % of the limit are values of {bytes} B");
        }
        cache.validate();
    }
}
