//! What is reserved for a table is left to it to the byte, also by what is done without being asked.
//!
//! Alone in its OS process: what is dropped and what is moved is counted.

use levada_cache::{Budget, Bytes, Cache, CacheOptions, How, Pile, TableOptions};

#[test]
fn no_cleaning_drops_what_is_reserved_for_a_table() {
    let pile = Pile::builder("reserved").limit_bytes(16 << 20).build().expect("a pile");
    let cache = Cache::over(&pile, CacheOptions::limit(16 << 20)).expect("a cache");
    // So small a table draws nothing ahead.
    let options = TableOptions::default().limit_bytes(2 << 20);
    let table = cache.table::<u64, Bytes>("t", options).unwrap();
    for key in 0..20_000u64 {
        table.put(&key, &[], How::default()).unwrap();
    }
    for key in (0..20_000u64).filter(|key| !key.is_multiple_of(8)) {
        table.remove(&key);
    }
    // Nobody ever asked for what is left; of it, nine may go, and not one byte of the tenth.
    let one_bytes = table.charge_bytes(&0, 0);
    let reserve_bytes = table.gauges().charged_bytes - 10 * one_bytes + 1;
    table.set_options(options.reserve_bytes(reserve_bytes)).unwrap();
    while cache.pile().compact(Budget::unbounded()).can_more {}
    let gauges = table.gauges();
    assert_eq!(gauges.charged_bytes, reserve_bytes + one_bytes - 1, "the tenth stays");
    assert_eq!(gauges.evicted_cleaning, 9);
    assert!(gauges.cleaned_moved > 0, "the rest is moved");
    cache.validate();
}
