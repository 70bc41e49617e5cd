//! Room that was charged for an entry, or for a load, is that entry's: no limit and nobody else takes it from it.

use std::sync::Barrier;
use std::thread;

use levada_cache::{
    Bytes, Cache, CacheOptions, Claim, How, Pile, Refused, Table, TableOptions, Ticket,
};
use levada_shared::SharedHeap;

const ROOM_BYTES: usize = 50_000;

fn durable() -> (Cache, Table<u64, Bytes>, TableOptions) {
    let pile = Pile::builder("promised").limit_bytes(32 << 20).build().expect("a pile");
    let cache = Cache::over(&pile, CacheOptions::limit(8 << 20)).expect("a cache");
    let options = TableOptions::default().durable().limit_bytes(2 << 20);
    let table = cache.table("t", options).expect("a table");
    (cache, table, options)
}

/// Puts until nothing more fits.
fn fill_up(table: &Table<u64, Bytes>, from: u64) {
    for bytes in [1000, 10, 0] {
        for key in from.. {
            match table.put(&(key << 8 | bytes as u64 & 0xFF), &vec![1; bytes], How::default()) {
                Ok(_) => {}
                Err(refused) => {
                    assert_eq!(refused, Refused::OutOfSpace);
                    break;
                }
            }
        }
    }
}

fn ticket(cache: &Cache, table: &Table<u64, Bytes>, key: u64) -> Ticket<u64, Bytes> {
    match table.claim(&cache.pin(), &key, ROOM_BYTES).expect("there is room") {
        Claim::Yours(ticket) => ticket,
        other => panic!("nobody else loads it: {other:?}"),
    }
}

fn ends_as_it_was_promised(cache: &Cache, table: &Table<u64, Bytes>, keys: &[u64]) {
    let guard = cache.pin();
    for key in keys {
        let hit = table.get(&guard, key).expect("it was promised");
        assert_eq!(hit.bytes(), [2; ROOM_BYTES]);
    }
    drop(guard);
    assert_eq!(table.gauges().reserved_bytes, 0);
    cache.validate();
}

#[test]
fn what_was_reserved_lent_and_claimed_is_kept_though_the_limit_is_lowered_meanwhile() {
    let (cache, table, options) = durable();
    let heap = SharedHeap::new(Default::default()).expect("a heap");
    let account = heap.account("receiver", 1 << 20).expect("an account");
    let mut reserved = table.reserve(&1, ROOM_BYTES, How::default()).unwrap();
    let (lent, mut buffer) = table.lend(&2, ROOM_BYTES, How::default(), &account).unwrap();
    let loading = ticket(&cache, &table, 3);
    fill_up(&table, 100);
    let charged_bytes = table.gauges().charged_bytes;
    table.set_options(options.limit_bytes(10_000)).unwrap();
    reserved.write(&[2; ROOM_BYTES]).unwrap();
    assert_eq!(reserved.commit().map(|put| put.evicted), Ok(0));
    buffer.write(&[2; ROOM_BYTES]).unwrap();
    assert_eq!(lent.commit(buffer).map(|put| put.evicted), Ok(0));
    assert_eq!(loading.fill(&[2; ROOM_BYTES], How::default()).map(|put| put.evicted), Ok(0));
    assert_eq!(table.gauges().charged_bytes, charged_bytes, "it was charged all the time");
    ends_as_it_was_promised(&cache, &table, &[1, 2, 3]);
}

#[test]
fn what_was_reserved_at_the_cheapest_level_is_kept_above_the_high_watermark() {
    let (cache, kept, options) = durable();
    let cheap = cache.table::<u64, Bytes>("cheap", TableOptions::default()).unwrap();
    let mut reserved = cheap.reserve(&1, ROOM_BYTES, How::default().level(0)).unwrap();
    kept.set_options(options.limit_bytes(8 << 20)).unwrap();
    fill_up(&kept, 100);
    assert_eq!(cheap.put(&2, &[1], How::default().level(0)), Err(Refused::High));
    reserved.write(&[2; ROOM_BYTES]).unwrap();
    assert_eq!(reserved.commit().map(|put| put.evicted), Ok(0));
    ends_as_it_was_promised(&cache, &cheap, &[1]);
}

#[test]
fn what_is_shorter_than_its_room_leaves_the_rest_and_what_is_longer_is_charged_for_it() {
    let (cache, table, _) = durable();
    for (key, bytes) in [(1, 10), (2, ROOM_BYTES / 2), (3, 2 * ROOM_BYTES)] {
        let loading = ticket(&cache, &table, key);
        loading.fill(&vec![2; bytes], How::default()).unwrap();
        let gauges = table.gauges();
        assert_eq!(gauges.reserved_bytes, 0);
        assert_eq!(gauges.charged_bytes, table.charge_bytes(&key, bytes));
        // Over an entry that is there, it pays for what it takes more.
        let mut reserved = table.reserve(&key, ROOM_BYTES, How::default()).unwrap();
        reserved.write(&[2; 20]).unwrap();
        assert!(reserved.commit().unwrap().is_replaced);
        cache.validate();
        table.remove(&key);
        assert_eq!(table.gauges().charged_bytes, 0);
    }
    // A key whose room is refused in the end gives all back.
    fill_up(&table, 100);
    let charged_bytes = table.gauges().charged_bytes;
    assert_eq!(table.reserve(&1, ROOM_BYTES, How::default()).err(), Some(Refused::OutOfSpace));
    assert_eq!(table.gauges().charged_bytes, charged_bytes);
    cache.validate();
}

#[test]
fn nobody_takes_the_room_between_the_end_of_the_reservation_and_the_entry() {
    let (cache, table, _) = durable();
    for round in 0..40u64 {
        let mut reserved = table.reserve(&0, ROOM_BYTES, How::default()).unwrap();
        reserved.write(&[2; ROOM_BYTES]).unwrap();
        fill_up(&table, 100);
        let begin = Barrier::new(2);
        let put = thread::scope(|scope| {
            scope.spawn(|| {
                begin.wait();
                for key in 0..100u64 {
                    let _put_or_refused = table.put(&(1 << 40 | key), &[1; 1000], How::default());
                }
            });
            begin.wait();
            reserved.commit()
        });
        assert!(put.is_ok(), "round {round}: {put:?}");
        assert!(table.remove(&0));
        for key in 0..100u64 {
            table.remove(&(1 << 40 | key));
        }
    }
    cache.validate();
}
