//! Where much is free but in no one place, keepers let a few of their records go for a long one.
//!
//! Alone in its OS process: what is dropped is counted, and comes back once nobody reads.
#![expect(
    clippy::disallowed_types,
    reason = "a keeper of a test has its places under one lock, for one step at a time; and tests wait for one another"
)]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use levada_pile::{Budget, Form, Full, Keep, Keeper, KeptRecord, Life, Pile, Place, Verdict, Why};

/// Not of whole groups of spans: of the last group some have no memory, and cannot have any.
const LIMIT_BYTES: u64 = 9 << 20;
const SPAN_BYTES: usize = 64 << 10;

/// Records of a key, and of bytes that follow from it.
#[derive(Default)]
struct Shelf {
    places: Mutex<BTreeMap<u64, Place>>,
    lets_none_go: AtomicBool,
}

fn bytes_of(key: u64) -> Vec<u8> {
    [&key.to_be_bytes()[..], &[key.to_le_bytes()[0]; 1000]].concat()
}

impl Shelf {
    fn places(&self) -> MutexGuard<'_, BTreeMap<u64, Place>> {
        self.places.lock().expect("no keeper panics")
    }

    fn keys(&self) -> Vec<u64> {
        self.places().keys().copied().collect()
    }
}

impl Keeper for Shelf {
    fn verdict(&self, _: KeptRecord<'_>) -> Verdict {
        Verdict::Stay
    }

    fn moved(&self, _: KeptRecord<'_>, _: KeptRecord<'_>) -> bool {
        unreachable!("all stay")
    }

    fn dropped(&self, record: KeptRecord<'_>, why: Why) -> bool {
        assert_eq!(why, Why::Wanted);
        if self.lets_none_go.load(Ordering::Relaxed) {
            return false;
        }
        let key = u64::from_be_bytes(record.bytes[..8].try_into().expect("a key stands first"));
        let mut places = self.places();
        let is_its = places.get(&key) == Some(&record.place);
        if is_its {
            places.remove(&key);
        }
        is_its
    }
}

/// One test at a time: a reader of another would keep what was deleted from being room.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A pile that is full of a keeper's records, which lie as their keys are counted.
fn full() -> (Pile, Arc<Shelf>, Keep) {
    let pile = Pile::builder("way").limit_bytes(LIMIT_BYTES).build().expect("a pile");
    let shelf = Arc::new(Shelf::default());
    let keeper = Arc::clone(&shelf) as Arc<dyn Keeper>;
    let keep = pile.keeper(keeper, Form::default()).expect("few keepers");
    for key in 0.. {
        match keep.put(&[], &[&bytes_of(key)], Life::FOREVER) {
            Ok(place) => shelf.places().insert(key, place),
            Err(full) => {
                assert!(matches!(full, Full::OutOfSpace { .. }), "{full:?}");
                break;
            }
        };
    }
    assert!(shelf.keys().len() > 6000);
    (pile, shelf, keep)
}

fn delete(shelf: &Shelf, keep: &Keep, is_wanted: impl Fn(u64) -> bool) {
    for key in shelf.keys() {
        if !is_wanted(key) {
            let place = shelf.places().remove(&key).expect("it was there");
            assert!(keep.delete(place));
        }
    }
}

/// That each record is where its keeper has it.
fn all_are_found(pile: &Pile, shelf: &Shelf, keep: &Keep) {
    let guard = pile.pin();
    for (key, place) in shelf.places().iter() {
        let record = keep.at(&guard, *place).expect("it stays");
        assert_eq!(record.bytes, bytes_of(*key));
    }
    drop(guard);
    pile.validate();
}

/// Lets deletions become room.
fn settle(pile: &Pile) {
    while pile.tend(Budget::unbounded()).can_more {}
}

#[test]
fn way_is_made_where_least_is_lost_and_a_long_record_has_its_room_then() {
    let _alone = alone();
    let (pile, shelf, keep) = full();
    // Of each span half is free; but of those around the 3,000th key nearly all.
    let is_thin = |key: u64| (2700..3300).contains(&key);
    delete(&shelf, &keep, |key| if is_thin(key) { key % 20 == 0 } else { key % 2 == 0 });
    settle(&pile);
    let long = vec![9; 3 * SPAN_BYTES];
    let before = shelf.keys();
    assert!(
        keep.put(&[], &[&long], Life::FOREVER).is_err(),
        "no four spans are free as neighbours"
    );
    let dropped = pile.make_way(long.len());
    let after = shelf.keys();
    let gone: Vec<u64> = before.iter().copied().filter(|key| !after.contains(key)).collect();
    assert_eq!(gone.len() as u64, dropped);
    assert!((1..=20).contains(&dropped), "{dropped} went");
    assert!(gone.iter().all(|&key| is_thin(key)), "{gone:?}");
    settle(&pile);
    let place = keep.put(&[], &[&long], Life::FOREVER).expect("way was made");
    assert_eq!(keep.at(&pile.pin(), place).expect("it was just put").bytes, long);
    all_are_found(&pile, &shelf, &keep);
}

#[test]
fn a_keeper_that_says_no_keeps_everything() {
    let _alone = alone();
    let (pile, shelf, keep) = full();
    shelf.lets_none_go.store(true, Ordering::Relaxed);
    let before = shelf.keys();
    assert_eq!(pile.make_way(3 * SPAN_BYTES), 0);
    assert_eq!(shelf.keys(), before);
    all_are_found(&pile, &shelf, &keep);
}

#[test]
fn no_way_is_made_where_pointers_name_what_is_in_it() {
    let _alone = alone();
    let (pile, shelf, keep) = full();
    // What pointers name takes the places of some of the keeper's spans, here and there.
    delete(&shelf, &keep, |key| key % 600 < 400);
    settle(&pile);
    let named: Vec<_> = core::iter::from_fn(|| pile.put(&[5; 1000], Life::FOREVER).ok()).collect();
    assert!(named.len() > 1000);
    let before = shelf.keys();
    // Longer than any stretch between them.
    assert_eq!(pile.make_way(12 * SPAN_BYTES), 0);
    assert_eq!(shelf.keys(), before);
    // And a shorter one spares them.
    assert!(pile.make_way(SPAN_BYTES) > 0);
    let guard = pile.pin();
    assert!(named.iter().all(|&at| guard.get(at).is_ok_and(|bytes| bytes == [5; 1000])));
    drop(guard);
    all_are_found(&pile, &shelf, &keep);
}

#[test]
fn no_length_is_too_long_or_too_short_to_ask_for() {
    let _alone = alone();
    let pile = Pile::builder("way").limit_bytes(LIMIT_BYTES).build().expect("a pile");
    for bytes in [0, 1, 1 << 30, usize::MAX] {
        assert_eq!(pile.make_way(bytes), 0, "an empty pile has nobody to ask");
    }
    let (pile, shelf, keep) = full();
    let count = shelf.keys().len() as u64;
    assert_eq!(pile.make_way(1 << 30), 0, "no run is so long");
    // Two spans, of records of a kibibyte.
    let dropped = pile.make_way(SPAN_BYTES);
    assert!((1..=128).contains(&dropped), "{dropped} went");
    assert_eq!(shelf.keys().len() as u64, count - dropped);
    all_are_found(&pile, &shelf, &keep);
}
