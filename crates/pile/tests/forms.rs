//! What the form of a keep promises: words that change in place, and lives that are given and taken.
#![expect(
    clippy::disallowed_types,
    reason = "a keeper of a test has its places under one lock, for one step at a time"
)]

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Barrier, Mutex, MutexGuard, OnceLock, Weak};

use levada_pile::{
    Budget, Clock, Form, Full, Keep, Keeper, KeptRecord, Life, NotReserved, Pile, Place, Verdict,
    Why,
};

/// What a shelf does with a record that moves.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Haste {
    #[default]
    None,
    /// Changes the record before it swings the reference, and its copy afterwards.
    Changes,
    /// Changes the life of the record alone.
    Rejuvenates,
}

/// Records whose bytes begin with a key, by key.
#[derive(Default)]
struct Shelf {
    places: Mutex<HashMap<u64, Place>>,
    keep: OnceLock<Weak<Keep>>,
    pile: OnceLock<Pile>,
    haste: Haste,
    moves: AtomicU64,
}

impl Shelf {
    fn places(&self) -> MutexGuard<'_, HashMap<u64, Place>> {
        self.places.lock().expect("no keeper panics")
    }
}

fn key_of(record: KeptRecord<'_>) -> u64 {
    u64::from_be_bytes(record.bytes[..8].try_into().expect("a key stands first"))
}

fn add(word: &AtomicU32, count: u32) {
    word.fetch_add(count, Ordering::Relaxed);
}

impl Keeper for Shelf {
    fn verdict(&self, _record: KeptRecord<'_>) -> Verdict {
        Verdict::Move
    }

    fn moved(&self, record: KeptRecord<'_>, copy: KeptRecord<'_>) -> bool {
        let mut places = self.places();
        let reference = places.get_mut(&key_of(record));
        let Some(reference) = reference.filter(|place| **place == record.place) else {
            return false;
        };
        self.moves.fetch_add(1, Ordering::Relaxed);
        let keep = self.keep.get().and_then(Weak::upgrade);
        let keep = keep.expect("it keeps what it moves");
        match self.haste {
            Haste::None => {}
            Haste::Changes => {
                add(&record.words[0], 10);
                assert!(keep.rejuvenate(record.place, Life::secs(5000)));
                copy.take_over(&record);
                let seen = self.pile.get().map(|pile| {
                    let guard = pile.pin();
                    keep.at(&guard, copy.place).and_then(|record| record.left_s)
                });
                assert_eq!(seen, Some(Some(5001)), "whoever finds the copy sees its new life");
            }
            Haste::Rejuvenates => assert!(keep.rejuvenate(record.place, Life::secs(9000))),
        }
        *reference = copy.place;
        if self.haste == Haste::Changes {
            add(&copy.words[0], 100);
            assert!(keep.rejuvenate(copy.place, Life::secs(3000)));
        }
        true
    }

    fn dropped(&self, record: KeptRecord<'_>, _why: Why) -> bool {
        let (mut places, key) = (self.places(), key_of(record));
        let is_its = places.get(&key) == Some(&record.place);
        if is_its {
            places.remove(&key);
        }
        is_its
    }
}

struct World {
    pile: Pile,
    shelf: Arc<Shelf>,
    keep: Arc<Keep>,
    now_ms: Arc<AtomicU64>,
}

fn world(form: Form, haste: Haste) -> World {
    let now_ms = Arc::new(AtomicU64::new(0));
    let clock = Clock::shared(Arc::clone(&now_ms));
    let pile = Pile::builder("forms").limit_bytes(32 << 20).clock(clock).build();
    let pile = pile.expect("there is memory");
    let shelf = Arc::new(Shelf { haste, ..Shelf::default() });
    let keep = pile.keeper(Arc::clone(&shelf) as Arc<dyn Keeper>, form);
    let keep = Arc::new(keep.expect("it is the only one"));
    shelf.keep.set(Arc::downgrade(&keep)).expect("it has one keep");
    shelf.pile.set(pile.clone()).expect("it has one pile");
    World { pile, shelf, keep, now_ms }
}

impl World {
    fn put(&self, key: u64, words: &[u32], length: usize, life: Life) -> Place {
        let (head, body) = (key.to_be_bytes(), vec![key.to_le_bytes()[0]; length - 8]);
        let place = self.keep.put(words, &[&head, &body], life).expect("there is room");
        self.shelf.places().insert(key, place);
        place
    }

    /// Leaves one of eight keys, and lets these move together.
    fn thin_out(&self, keys: u64) {
        for key in (0..keys).filter(|key| !key.is_multiple_of(8)) {
            let place = self.shelf.places().remove(&key).expect("it was put");
            assert!(self.keep.delete(place));
        }
        // Readers of other tests may be in the way for a while.
        for _ in 0..1000 {
            self.pile.compact(Budget::unbounded());
            if self.shelf.moves.load(Ordering::Relaxed) > keys / 16 {
                break;
            }
            std::thread::yield_now();
        }
        self.pile.validate();
        assert!(self.shelf.moves.load(Ordering::Relaxed) > keys / 16);
    }

    /// Lets the second pass, and what has ended be swept, until so many records are left.
    fn pass_to(&self, now_s: u64, records: u64) {
        self.now_ms.store(now_s * 1000, Ordering::Relaxed);
        for _ in 0..10_000 {
            self.pile.tend(Budget::unbounded());
            if self.pile.gauges().records <= records {
                break;
            }
            std::thread::yield_now();
        }
        assert_eq!(self.pile.gauges().records, records);
    }

    fn left_s(&self, place: Place) -> Option<Option<u32>> {
        self.keep.at(&self.pile.pin(), place).map(|record| record.left_s)
    }
}

const TWO_WORDS: Form = Form { has_expiry: true, words: 2 };

#[test]
fn words_go_with_the_record_that_moves_and_are_no_part_of_its_bytes() {
    for (words, has_expiry, length) in
        (0..=4).flat_map(|words| [(words, false, 300), (words, true, 40)])
    {
        let world = world(Form { has_expiry, words }, Haste::None);
        let of = |key: u64| -> Vec<u32> {
            let key = u32::try_from(key).unwrap();
            (0..u32::from(words)).map(|word| key * 4 + word).collect()
        };
        for key in 0..20_000 {
            world.put(key, &of(key), length, Life::FOREVER);
        }
        let guard = world.pile.pin();
        for (&key, &place) in world.shelf.places().iter() {
            let record = world.keep.at(&guard, place).unwrap();
            record.words.iter().for_each(|word| add(word, 1_000_000));
            assert_eq!(key_of(record), key);
        }
        drop(guard);
        world.thin_out(20_000);
        let guard = world.pile.pin();
        for (&key, &place) in world.shelf.places().iter() {
            let record = world.keep.at(&guard, place).unwrap();
            assert_eq!((key_of(record), record.bytes.len()), (key, length));
            assert_eq!((record.place, record.left_s), (place, None));
            let seen = record.words.iter().map(|word| word.load(Ordering::Relaxed) - 1_000_000);
            assert_eq!(seen.collect::<Vec<_>>(), of(key));
        }
    }
}

#[test]
fn what_is_changed_between_the_copy_and_the_swing_is_not_lost() {
    let world = world(TWO_WORDS, Haste::Changes);
    for key in 0..8000 {
        world.put(key, &[1000, 7], 300, Life::secs(1000));
    }
    world.thin_out(8000);
    let guard = world.pile.pin();
    let mut moved = 0;
    for &place in world.shelf.places().values() {
        let record = world.keep.at(&guard, place).unwrap();
        let words: Vec<u32> =
            record.words.iter().map(|word| word.load(Ordering::Relaxed)).collect();
        let moves = (words[0] - 1000) / 110;
        assert_eq!(words, [1000 + 110 * moves, 7]);
        // The last that was said of its life was said of the copy.
        assert_eq!(record.left_s, Some(if moves > 0 { 3001 } else { 1001 }));
        moved += u64::from(moves);
    }
    assert_eq!(moved, world.shelf.moves.load(Ordering::Relaxed));
}

#[test]
fn a_life_that_is_given_while_a_record_moves_goes_with_it() {
    for life in [Life::secs(1000), Life::FOREVER] {
        let world = world(TWO_WORDS, Haste::Rejuvenates);
        for key in 0..8000 {
            world.put(key, &[0, 0], 300, life);
        }
        world.thin_out(8000);
        let guard = world.pile.pin();
        let lives: Vec<Option<u32>> = world
            .shelf
            .places()
            .values()
            .map(|&place| world.keep.at(&guard, place).unwrap().left_s)
            .collect();
        drop(guard);
        assert!(lives.iter().filter(|&&left_s| left_s == Some(9001)).count() > 500);
        if life == Life::FOREVER {
            let forever = lives.iter().filter(|left_s| left_s.is_none()).count();
            world.pass_to(100_000, forever as u64);
        }
    }
}

#[test]
fn a_record_for_ever_is_given_a_life_and_has_it_taken_again() {
    // In slots, and in pages.
    for length in [100, 20_000] {
        let world = world(Form { has_expiry: true, words: 1 }, Haste::None);
        let places: Vec<Place> =
            (0..300).map(|key| world.put(key, &[5], length, Life::FOREVER)).collect();
        assert_eq!(world.left_s(places[0]), Some(None));
        for &place in &places[..200] {
            assert!(world.keep.rejuvenate(place, Life::secs(60)));
        }
        assert_eq!(world.left_s(places[0]), Some(Some(61)));
        for &place in &places[..100] {
            assert!(world.keep.rejuvenate(place, Life::FOREVER));
        }
        assert_eq!(world.left_s(places[0]), Some(None));
        world.now_ms.store(61_000, Ordering::Relaxed);
        assert_eq!(world.left_s(places[150]), None);
        assert!(!world.keep.rejuvenate(places[150], Life::secs(60)), "its life is over");
        // Nobody asks for the others: upkeep finds them, though none was put with a life.
        world.pass_to(1000, 200);
        assert!(places[..100].iter().all(|&place| world.left_s(place) == Some(None)));
        assert!(places[200..].iter().all(|&place| world.left_s(place) == Some(None)));
        // A life that is cut short ends sooner than it was put for.
        let long = world.put(1000, &[5], length, Life::secs(1 << 24));
        assert!(world.keep.rejuvenate(long, Life::secs(10)));
        world.pass_to(2000, 200);
    }
}

#[test]
fn a_record_without_room_for_an_expiry_stays_for_ever() {
    let world = world(Form { has_expiry: false, words: 1 }, Haste::None);
    let forever = world.put(1, &[0], 100, Life::FOREVER);
    let ends = world.put(2, &[0], 100, Life::secs(60));
    assert!(!world.keep.rejuvenate(forever, Life::secs(1)));
    assert!(world.keep.rejuvenate(ends, Life::FOREVER));
    world.now_ms.store(3_600_000, Ordering::Relaxed);
    assert_eq!((world.left_s(forever), world.left_s(ends)), (Some(None), Some(None)));
}

#[test]
fn a_record_is_put_of_parts_and_takes_what_was_said_before() {
    for words in 0..=4 {
        let world = world(Form { has_expiry: words % 2 == 1, words }, Haste::None);
        let values = vec![3; usize::from(words)];
        let parts: [&[u8]; 4] = [b"one", b"", b"and", b" two"];
        let place = world.keep.put(&values, &parts, Life::FOREVER).unwrap();
        assert_eq!(world.keep.at(&world.pile.pin(), place).unwrap().bytes, b"oneand two");
        for life in [Life::FOREVER, Life::secs(9)] {
            for length in (0..400).chain([4000, 13_000, 13_100, 65_500, 65_536, 65_537, 200_000]) {
                let said_bytes = world.keep.footprint_bytes(length, life);
                let place = world.keep.put(&values, &[&vec![1; length]], life).unwrap();
                assert_eq!(world.keep.slot_bytes(place), said_bytes, "{words} {length}");
                assert!(world.keep.delete(place));
                assert_eq!(world.keep.slot_bytes(place), 0);
            }
        }
        assert_eq!(world.keep.footprint_bytes(usize::MAX, Life::FOREVER), u64::MAX);
        let part = vec![0; 1 << 20];
        let too_large = world.keep.put(&values, &[&part[..]; 300], Life::FOREVER);
        assert!(matches!(too_large, Err(Full::TooLarge { .. })));
        world.pile.validate();
    }
}

#[test]
fn what_is_put_at_once_waits_for_nothing() {
    let world = world(TWO_WORDS, Haste::None);
    // Nothing is ready: it would have to be had from the kernel.
    assert!(world.keep.try_put(&[1, 2], &[b"bytes"], Life::FOREVER).is_none());
    let first = world.keep.put_once(&[1, 2], &[b"by", b"tes"], Life::FOREVER).unwrap();
    let second = world.keep.try_put(&[3, 4], &[b"bytes"], Life::FOREVER).unwrap();
    let mut room = world.keep.reserve_once(&[5, 6], 100, Life::FOREVER).unwrap();
    room.write(b"bytes").unwrap();
    assert_eq!(room.written(), b"bytes");
    let third = room.commit(5).unwrap();
    for (place, words) in [(first, [1, 2]), (second, [3, 4]), (third, [5, 6])] {
        let guard = world.pile.pin();
        let record = world.keep.at(&guard, place).unwrap();
        let seen: Vec<u32> = record.words.iter().map(|word| word.load(Ordering::Relaxed)).collect();
        assert_eq!((seen, record.bytes), (words.to_vec(), &b"bytes"[..]));
    }
    let mut last = None;
    while let Some(place) = world.keep.put_once(&[0, 0], &[&[0; 9000]], Life::FOREVER) {
        last = Some(place);
    }
    assert!(world.keep.reserve_once(&[0, 0], 9000, Life::FOREVER).is_none());
    assert!(world.keep.delete(last.unwrap()));
    // What was deleted is free once somebody looks; that is not done here.
    assert!(world.keep.put_once(&[0, 0], &[&[0; 9000]], Life::FOREVER).is_none());
}

#[test]
fn what_is_beside_the_records_counts_until_the_keep_ends() {
    let World { pile, shelf, keep, .. } = world(Form::default(), Haste::None);
    keep.put(&[], &[b"x"], Life::FOREVER).unwrap();
    let before_bytes = pile.backed_bytes();
    assert!(keep.charge_beside(20 << 20));
    assert_eq!(pile.backed_bytes(), before_bytes + (20 << 20));
    assert_eq!((pile.gauges().beside_bytes, keep.beside_bytes()), (20 << 20, 20 << 20));
    assert!(!keep.charge_beside(pile.limit_bytes() - pile.backed_bytes() + 1));
    pile.validate();
    let mut records = 0_u32;
    while keep.put(&[], &[&[0; 1000]], Life::FOREVER).is_ok() {
        records += 1;
    }
    assert!(records < 12_000, "{records} beside 20 MiB");
    keep.uncharge_beside(5 << 20);
    assert!(keep.put(&[], &[&[0; 1000]], Life::FOREVER).is_ok());
    assert_eq!(pile.gauges().beside_bytes, 15 << 20);
    let backed_bytes = pile.backed_bytes();
    drop((shelf, keep));
    assert_eq!(pile.gauges().beside_bytes, 0);
    assert_eq!(pile.backed_bytes(), backed_bytes - (15 << 20));
    pile.validate();
}

#[test]
fn a_place_is_its_bits_and_one_that_is_made_up_leads_nowhere() {
    let world = world(TWO_WORDS, Haste::None);
    let place = world.put(1, &[1, 2], 100, Life::FOREVER);
    assert_eq!(Place::from_bits(place.to_bits()), place);
    assert_eq!(Place::from_bits(place.to_bits() | 1 << 40), place);
    let guard = world.pile.pin();
    for bits in (0..100_000).chain((0..40).map(|bit| 1 << bit)).chain([u64::MAX]) {
        let made_up = Place::from_bits(bits);
        world.keep.prefetch(made_up);
        assert_eq!(world.keep.at(&guard, made_up).is_some(), made_up == place);
    }
    let own = world.pile.put(&[0; 100], Life::FOREVER).unwrap();
    assert!(world.keep.at(&guard, own.place()).is_none());
    assert!(!world.keep.delete(own.place()));
}

#[test]
fn threads_that_have_guards_have_numbers_of_their_own() {
    let pile = Pile::builder("numbers").limit_bytes(1 << 20).build().unwrap();
    let (numbers, all) = (Mutex::new(HashSet::new()), Barrier::new(8));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let guard = pile.pin();
                let is_new = numbers.lock().unwrap().insert(guard.reader_index());
                assert!(is_new);
                assert_eq!(pile.pin().reader_index(), guard.reader_index());
                all.wait();
            });
        }
    });
}

#[test]
fn a_keep_may_be_used_by_any_thread() {
    fn is_shared<T: Send + Sync>() {}
    is_shared::<Keep>();
}

#[test]
fn a_lent_room_is_filled_elsewhere_and_becomes_the_record() {
    let heap = levada_shared::SharedHeap::new(levada_shared::Options::default()).unwrap();
    let account = heap.account("receiver", 1 << 20).unwrap();
    let World { pile, keep, .. } = world(TWO_WORDS, Haste::None);
    let other = pile.keeper(Arc::new(Shelf::default()), TWO_WORDS).unwrap();
    for length in [100, 50_000] {
        let mut room = keep.reserve(&[8, 9], length + 5, Life::secs(60)).unwrap();
        room.write(b"head ").unwrap();
        let mut buf = room.lend(&account).unwrap();
        assert_eq!((buf.capacity(), account.charged_bytes()), (length, length as u64));
        buf.write(&vec![7; length]).unwrap();
        assert_eq!((pile.gauges().lent_rooms, pile.gauges().records), (1, 0));
        // Whose it is not gives it back.
        let Err(NotReserved::Buffer(buf)) = other.commit_buf(buf) else { panic!("of another") };
        let Err(NotReserved::Buffer(buf)) = pile.commit_buf(buf) else { panic!("of a keep") };
        let place = keep.commit_buf(buf).unwrap();
        let guard = pile.pin();
        let record = keep.at(&guard, place).unwrap();
        assert_eq!((&record.bytes[..5], record.bytes.len()), (&b"head "[..], length + 5));
        assert!(record.bytes[5..].iter().all(|&byte| byte == 7));
        assert_eq!((record.words[1].load(Ordering::Relaxed), record.left_s), (9, Some(61)));
        assert_eq!(account.charged_bytes(), 0);
        assert!(keep.delete(place));
    }
    // Partly filled is shorter; dropped is given back.
    let mut buf = keep.reserve(&[8, 9], 100, Life::FOREVER).unwrap().lend(&account).unwrap();
    buf.write(b"short").unwrap();
    let place = keep.commit_buf(buf).unwrap();
    assert_eq!(keep.at(&pile.pin(), place).unwrap().bytes, b"short");
    drop(keep.reserve(&[8, 9], 100, Life::FOREVER).unwrap().lend(&account).unwrap());
    assert_eq!((pile.gauges().lent_rooms, pile.gauges().records), (0, 1));
    // Without room in the account the reservation comes back as it was.
    let mut room = keep.reserve(&[8, 9], 2 << 20, Life::FOREVER).unwrap();
    room.write(b"kept").unwrap();
    let refused = room.lend(&account).unwrap_err();
    assert_eq!(refused.reserved.written(), b"kept");
    assert!(refused.to_string().contains("was not lent"));
    drop(refused);
    pile.validate();
}

#[test]
fn a_room_that_outlives_its_keep_becomes_no_record() {
    let heap = levada_shared::SharedHeap::new(levada_shared::Options::default()).unwrap();
    let account = heap.account("receiver", 1 << 20).unwrap();
    let pile = Pile::builder("outlived").limit_bytes(4 << 20).build().unwrap();
    let keep = pile.keeper(Arc::new(Shelf::default()), TWO_WORDS).unwrap();
    let buf = keep.reserve(&[1, 2], 100, Life::FOREVER).unwrap().lend(&account).unwrap();
    drop(keep);
    let next = pile.keeper(Arc::new(Shelf::default()), Form::default()).unwrap();
    let Err(NotReserved::Buffer(buf)) = next.commit_buf(buf) else { panic!("of a former keep") };
    drop(buf);
    assert_eq!((pile.gauges().records, pile.gauges().lent_rooms), (0, 0));
    pile.validate();
}
