//! What a keeper can rely on: each record is where its keeper was told, whatever moves.
#![expect(
    clippy::disallowed_types,
    reason = "a keeper of a test has its places under one lock, for one step at a time"
)]

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use levada_pile::{
    Budget, Clock, Cursor, Form, Full, HasKeepers, Keep, Keeper, KeptRecord, Life, Pile, Place,
    Pointer, Verdict, Why,
};

/// Records of a key and bytes that follow from it, by key.
#[derive(Default)]
struct Shelf {
    places: Mutex<HashMap<u64, Place>>,
    moves: AtomicU64,
    drops: AtomicU64,
    /// Keys of which each so-manyth stays, and is dropped.
    stays_each: u64,
    drops_each: u64,
}

fn key_of(bytes: &[u8]) -> u64 {
    u64::from_be_bytes(bytes[..8].try_into().expect("a key stands first"))
}

fn bytes_of(key: u64, length: usize) -> Vec<u8> {
    let mut bytes = key.to_be_bytes().to_vec();
    bytes.resize(length.max(8), key.to_le_bytes()[0]);
    bytes
}

impl Shelf {
    fn places(&self) -> MutexGuard<'_, HashMap<u64, Place>> {
        self.places.lock().expect("no keeper panics")
    }

    fn unlink(&self, record: KeptRecord<'_>) -> bool {
        let (mut places, key) = (self.places(), key_of(record.bytes));
        let is_its = places.get(&key) == Some(&record.place);
        if is_its {
            places.remove(&key);
        }
        is_its
    }
}

impl Keeper for Shelf {
    fn verdict(&self, record: KeptRecord<'_>) -> Verdict {
        let key = key_of(record.bytes);
        if self.stays_each > 0 && key.is_multiple_of(self.stays_each) {
            Verdict::Stay
        } else if self.drops_each > 0 && key.is_multiple_of(self.drops_each) {
            Verdict::Drop
        } else {
            Verdict::Move
        }
    }

    fn moved(&self, record: KeptRecord<'_>, copy: KeptRecord<'_>) -> bool {
        let mut places = self.places();
        let reference = places.get_mut(&key_of(record.bytes));
        let Some(reference) = reference.filter(|place| **place == record.place) else {
            return false;
        };
        *reference = copy.place;
        self.moves.fetch_add(1, Ordering::Relaxed);
        true
    }

    fn dropped(&self, record: KeptRecord<'_>, _why: Why) -> bool {
        self.drops.fetch_add(1, Ordering::Relaxed);
        self.unlink(record)
    }
}

fn put(shelf: &Shelf, keep: &Keep, key: u64, length: usize, life: Life) -> Result<(), Full> {
    let place = keep.put(&[], &[&bytes_of(key, length)], life)?;
    let former = shelf.places().insert(key, place);
    if let Some(former) = former {
        assert!(keep.delete(former), "who unlinked a record deletes it");
    }
    Ok(())
}

fn delete(shelf: &Shelf, keep: &Keep, key: u64) -> bool {
    let unlinked = shelf.places().remove(&key);
    unlinked.is_some_and(|place| keep.delete(place))
}

/// Looks a key up as a cache does: again where the record has moved meanwhile.
fn is_found(pile: &Pile, shelf: &Shelf, keep: &Keep, key: u64) -> bool {
    let guard = pile.pin();
    let mut seen = None;
    loop {
        let place = shelf.places().get(&key).copied();
        let Some(place) = place.filter(|_| place != seen) else { return false };
        if let Some(record) = keep.at(&guard, place) {
            assert_eq!(record.bytes, bytes_of(key, record.bytes.len()));
            return true;
        }
        seen = Some(place);
    }
}

/// Compacts until the bytes fall under `bound_bytes`; readers of other tests may be in the way for a while.
fn compact_below(pile: &Pile, bound_bytes: u64) -> u64 {
    let backed = || pile.gauges().backed_bytes;
    for _ in 0..1000 {
        pile.tend(Budget::unbounded());
        pile.compact(Budget::unbounded());
        if backed() <= bound_bytes {
            break;
        }
        std::thread::yield_now();
    }
    pile.validate();
    backed()
}

#[test]
fn kept_records_move_together_and_are_all_found() {
    for limit_bytes in [32 << 20, 256 << 20] {
        let pile = Pile::builder("kept").limit_bytes(limit_bytes).build().unwrap();
        let shelf = Arc::new(Shelf::default());
        let keep = pile.keeper(Arc::clone(&shelf) as Arc<dyn Keeper>, Form::default()).unwrap();
        for key in 0..100_000 {
            put(&shelf, &keep, key, 100, Life::FOREVER).unwrap();
        }
        for key in (0..100_000_u64).filter(|key| !key.is_multiple_of(3)) {
            assert!(delete(&shelf, &keep, key));
        }
        let live_bytes = pile.gauges().used_bytes;
        let bound_bytes = live_bytes * 5 / 4;
        let backed_bytes = compact_below(&pile, bound_bytes);
        assert!(backed_bytes <= bound_bytes, "{backed_bytes} for {live_bytes}");
        assert!(shelf.moves.load(Ordering::Relaxed) > 0);
        for key in 0..100_000 {
            assert_eq!(is_found(&pile, &shelf, &keep, key), key.is_multiple_of(3), "{key}");
        }
        let gauges = pile.gauges();
        assert_eq!((gauges.records, gauges.puts), (33_334, 100_000));
        assert_eq!(gauges.deletes, 66_666);
        assert!(gauges.moved >= shelf.moves.load(Ordering::Relaxed));
    }
}

#[test]
fn a_verdict_is_obeyed() {
    let pile = Pile::builder("verdicts").limit_bytes(32 << 20).build().unwrap();
    let shelf = Arc::new(Shelf { stays_each: 30, drops_each: 3, ..Shelf::default() });
    let keep = pile.keeper(Arc::clone(&shelf) as Arc<dyn Keeper>, Form::default()).unwrap();
    for key in 0..60_000 {
        put(&shelf, &keep, key, 200, Life::FOREVER).unwrap();
    }
    for key in (0..60_000_u64).filter(|key| key % 6 > 0) {
        delete(&shelf, &keep, key);
    }
    let before: HashMap<u64, Place> = shelf.places().clone();
    for _ in 0..10 {
        pile.compact(Budget::unbounded());
    }
    let after = shelf.places().clone();
    for (key, place) in before.iter().filter(|(key, _)| key.is_multiple_of(30)) {
        assert_eq!(after.get(key), Some(place), "{key} stays");
    }
    // All others are multiples of three: dropped, unless they lie where nothing was emptied.
    assert!(after.len() < 2500, "{} of {}", after.len(), before.len());
    assert_eq!(pile.gauges().records, after.len() as u64);
    assert!(after.keys().all(|&key| is_found(&pile, &shelf, &keep, key)));
}

#[test]
fn readers_and_writers_find_every_record_while_others_compact() {
    let pile = Pile::builder("churn").limit_bytes(256 << 20).build().unwrap();
    let shelf = Arc::new(Shelf::default());
    let keep = pile.keeper(Arc::clone(&shelf) as Arc<dyn Keeper>, Form::default()).unwrap();
    let rounds = 60_000_u64;
    let done = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for writer in 0..2_u64 {
            let (pile, shelf, keep, done) = (&pile, &shelf, &keep, &done);
            scope.spawn(move || {
                let mut state = writer + 1;
                for _ in 0..rounds {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    // Each writer has keys of its own, and knows of each whether it is there.
                    let key = (state >> 40) % 4000 * 2 + writer;
                    if state >> 33 & 3 == 0 {
                        // Of one class, so that there is where to move.
                        let length = usize::try_from(300 + (state >> 50 & 15)).unwrap();
                        put(shelf, keep, key, length, Life::FOREVER).unwrap();
                        assert!(is_found(pile, shelf, keep, key));
                    } else if shelf.places().contains_key(&key) {
                        assert!(is_found(pile, shelf, keep, key));
                        assert!(delete(shelf, keep, key));
                        assert!(!is_found(pile, shelf, keep, key));
                    }
                }
                done.fetch_add(1, Ordering::Relaxed);
            });
        }
        while done.load(Ordering::Relaxed) < 2 {
            pile.compact(Budget::slice());
            pile.tend(Budget::slice());
        }
    });
    pile.validate();
    assert_eq!(pile.gauges().records, shelf.places().len() as u64);
    assert!(shelf.moves.load(Ordering::Relaxed) > 0);
    let keys: Vec<u64> = shelf.places().keys().copied().collect();
    assert!(keys.into_iter().all(|key| is_found(&pile, &shelf, &keep, key)));
}

#[test]
fn an_expired_kept_record_is_unlinked_by_its_keeper_first() {
    let hand = Arc::new(AtomicU64::new(0));
    let clock = Clock::shared(Arc::clone(&hand));
    let pile = Pile::builder("kept lives").limit_bytes(32 << 20).clock(clock).build().unwrap();
    let shelf = Arc::new(Shelf::default());
    let keep = pile.keeper(Arc::clone(&shelf) as Arc<dyn Keeper>, Form::default()).unwrap();
    for key in 0..1000_u64 {
        // Some in slots, some in pages of their own.
        let length = if key.is_multiple_of(10) { 15_000 } else { 100 };
        put(&shelf, &keep, key, length, Life::secs(60)).unwrap();
    }
    hand.store(50_000, Ordering::Relaxed);
    for (_, &place) in shelf.places().iter().filter(|(key, _)| key.is_multiple_of(4)) {
        assert!(keep.rejuvenate(place, Life::secs(600)));
    }
    hand.store(61_000, Ordering::Relaxed);
    let stays = |key: u64| key.is_multiple_of(4);
    assert!((0..1000).all(|key| is_found(&pile, &shelf, &keep, key) == stays(key)));
    hand.store(160_000, Ordering::Relaxed);
    for _ in 0..10_000 {
        pile.tend(Budget::unbounded());
        if pile.gauges().records == 250 {
            break;
        }
    }
    assert_eq!((pile.gauges().records, pile.gauges().swept), (250, 750));
    assert_eq!(shelf.places().len(), 250);
    assert!((0..1000).all(|key| is_found(&pile, &shelf, &keep, key) == stays(key)));
}

#[test]
fn a_life_goes_with_the_record_that_moves() {
    let hand = Arc::new(AtomicU64::new(0));
    let clock = Clock::shared(Arc::clone(&hand));
    let pile = Pile::builder("moved lives").limit_bytes(32 << 20).clock(clock).build().unwrap();
    let shelf = Arc::new(Shelf::default());
    let keep = pile.keeper(Arc::clone(&shelf) as Arc<dyn Keeper>, Form::default()).unwrap();
    for key in 0..20_000 {
        put(&shelf, &keep, key, 300, Life::secs(1000)).unwrap();
    }
    for key in (0..20_000_u64).filter(|key| !key.is_multiple_of(8)) {
        delete(&shelf, &keep, key);
    }
    compact_below(&pile, pile.gauges().used_bytes * 5 / 4);
    assert!(shelf.moves.load(Ordering::Relaxed) > 0);
    hand.store(1_000_000, Ordering::Relaxed);
    assert!((0..20_000).step_by(8).all(|key| is_found(&pile, &shelf, &keep, key)));
    hand.store(1_001_000, Ordering::Relaxed);
    assert!(!(0..20_000).any(|key| is_found(&pile, &shelf, &keep, key)));
}

#[test]
fn held_kept_bytes_stay_and_do_not_move() {
    let heap = levada_shared::SharedHeap::new(levada_shared::Options::default()).unwrap();
    let account = heap.account("holder", u64::MAX).unwrap();
    let pile = Pile::builder("kept and held").limit_bytes(32 << 20).build().unwrap();
    let shelf = Arc::new(Shelf::default());
    let keep = pile.keeper(Arc::clone(&shelf) as Arc<dyn Keeper>, Form::default()).unwrap();
    for key in 0..10_000 {
        put(&shelf, &keep, key, 300, Life::FOREVER).unwrap();
    }
    let place = shelf.places()[&5000];
    let held = keep.hold(&pile.pin(), place, &account).unwrap();
    for key in (0..10_000_u64).filter(|key| !key.is_multiple_of(10)) {
        delete(&shelf, &keep, key);
    }
    compact_below(&pile, pile.gauges().used_bytes * 3 / 2);
    assert_eq!(shelf.places()[&5000], place);
    delete(&shelf, &keep, 5000);
    drop(keep);
    while pile.put(&[255; 300], Life::FOREVER).is_ok() {}
    assert_eq!(held, bytes_of(5000, 300)[..]);
}

#[test]
fn kept_records_are_their_keepers_alone() {
    let pile = Pile::builder("alone").limit_bytes(32 << 20).build().unwrap();
    let shelves = [Arc::new(Shelf::default()), Arc::new(Shelf::default())];
    let keeps = [0, 1].map(|at| {
        pile.keeper(Arc::clone(&shelves[at]) as Arc<dyn Keeper>, Form::default()).unwrap()
    });
    for length in [100, 20_000] {
        let place = keeps[0].put(&[], &[&bytes_of(7, length)], Life::FOREVER).unwrap();
        let guard = pile.pin();
        assert!(keeps[0].at(&guard, place).is_some());
        assert!(keeps[1].at(&guard, place).is_none() && !keeps[1].delete(place));
        // A user's pointer is guessed: the place, and each generation.
        let named = |units| Pointer::from_bits(units | 1 << 40).unwrap().place() == place;
        let units = (0..1 << 20).find(|&units| named(units)).expect("it lies in front");
        for generation in 1..100 {
            let guessed = Pointer::from_bits(units | generation << 40).unwrap();
            assert!(guard.get(guessed).is_err() && !pile.try_delete(guessed));
            assert!(pile.update(guessed, b"x").is_err() && pile.size_of(guessed).is_err());
        }
        let mut seen = 0;
        let mut next = Some(Cursor::START);
        while let Some(from) = next {
            next = pile.scan(from, 100_000, &mut |_, of| seen += of.bytes.len());
        }
        assert_eq!(seen, 0);
        drop(guard);
        assert!(keeps[0].delete(place) && !keeps[0].delete(place));
    }
    assert_eq!(pile.purge().unwrap_err(), HasKeepers { keepers: 2 });
    drop(keeps);
    assert!(pile.purge().is_ok());
}

#[test]
fn what_a_keep_had_comes_back_when_it_is_dropped() {
    let pile = Pile::builder("dropped").limit_bytes(8 << 20).build().unwrap();
    let mut before = None;
    for _ in 0..20 {
        let shelf = Arc::new(Shelf::default());
        let keep = pile.keeper(Arc::clone(&shelf) as Arc<dyn Keeper>, Form::default()).unwrap();
        let mut keys = 0;
        let mut refusals = 0;
        // What was dropped is free two epochs later, which readers of other tests may hold up.
        while refusals < 200 {
            let length = if keys % 50 == 0 { 20_000 } else { 500 };
            match put(&shelf, &keep, keys, length, Life::FOREVER) {
                Ok(()) => (keys, refusals) = (keys + 1, 0),
                Err(_) => {
                    refusals += 1;
                    std::thread::yield_now();
                }
            }
        }
        assert_eq!(*before.get_or_insert(keys), keys);
        assert_eq!(pile.gauges().records, keys);
        drop(keep);
        assert_eq!((pile.gauges().records, pile.gauges().used_bytes), (0, 0));
        pile.validate();
    }
}

#[test]
fn a_pile_has_so_many_keepers_and_no_more() {
    let pile = Pile::builder("many").limit_bytes(1 << 20).build().unwrap();
    let keeper = || pile.keeper(Arc::new(Shelf::default()), Form::default());
    let mut keeps: Vec<Keep> = (0..255).map(|_| keeper().unwrap()).collect();
    assert_eq!(keeper().unwrap_err(), Full::Keepers { most: 255 });
    keeps.pop();
    assert!(keeper().is_ok());
}

#[test]
fn a_kept_record_is_written_in_its_place() {
    let pile = Pile::builder("room").limit_bytes(1 << 20).build().unwrap();
    let keep = pile.keeper(Arc::new(Shelf::default()), Form::default()).unwrap();
    let mut room = keep.reserve(&[], 100, Life::FOREVER).unwrap();
    room.write(b"in ").unwrap();
    room.write(b"place").unwrap();
    assert!(room.write(&[0; 93]).is_err());
    assert_eq!(room.written(), b"in place");
    let place = room.commit(8).unwrap();
    assert_eq!(keep.at(&pile.pin(), place).unwrap().bytes, b"in place");
    drop(keep.reserve(&[], 100, Life::FOREVER).unwrap());
    assert_eq!(pile.gauges().records, 1);
}
