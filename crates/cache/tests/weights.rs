//! Of tables that share a full cache, those pay that have most for their weight.
//!
//! Alone in its OS process: a reader of another test would let the pile run short, and what is evicted for that is not weighed.

#![expect(clippy::cast_precision_loss, reason = "bytes of a test are few")]

use levada_cache::{Bytes, Cache, CacheOptions, How, Pile, TableOptions};

fn cache(limit_bytes: u64) -> Cache {
    let pile = Pile::builder("weights").limit_bytes(limit_bytes).build().expect("a pile");
    Cache::over(&pile, CacheOptions::limit(limit_bytes)).expect("a cache")
}

#[test]
fn tables_share_a_full_cache_by_their_weights() {
    let cache = cache(6 << 20);
    let tables = [1, 2, 4].map(|weight| {
        let options = TableOptions::default().weight(weight);
        (weight, cache.table::<u64, Bytes>(&format!("of {weight}"), options).unwrap())
    });
    for key in 0..30_000u64 {
        for (_, table) in &tables {
            let bytes = if key % 3 == 0 { 200 } else { 60 };
            table.put(&key, &vec![1; bytes], How::default()).unwrap();
        }
    }
    let shares = tables.each_ref().map(|(weight, table)| {
        let gauges = table.gauges();
        (gauges.charged_bytes + gauges.credit_bytes) as f64 / f64::from(*weight)
    });
    let mean = shares.iter().sum::<f64>() / 3.0;
    for share in shares {
        assert!((share / mean - 1.0).abs() < 0.05, "{shares:?}");
    }
    cache.validate();
}
