//! What a keeper's records with a type promise: values that are read where they lie, wherever they move.
#![cfg(feature = "archived")]
#![expect(
    clippy::disallowed_types,
    reason = "a keeper of a test has its places under one lock, for one step at a time"
)]

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use levada_pile::{
    Archived, Budget, Codec, Damaged, Encoded, Form, Full, Keep, Keeper, KeptRecord, Kind, Life,
    Pile, Place, PutError, Raw, Sink, Stamp, Text, TypedKeep, TypedKeepError, Unencodable, Verdict,
    Why,
};

/// Values behind their keys, which a keeper needs no codec to see.
#[derive(Default)]
struct Shelf {
    places: Mutex<HashMap<Vec<u8>, Place>>,
    moves: AtomicU64,
}

impl Shelf {
    fn places(&self) -> MutexGuard<'_, HashMap<Vec<u8>, Place>> {
        self.places.lock().expect("no keeper panics")
    }
}

impl Keeper for Shelf {
    fn verdict(&self, _record: KeptRecord<'_>) -> Verdict {
        Verdict::Move
    }

    fn moved(&self, record: KeptRecord<'_>, copy: KeptRecord<'_>) -> bool {
        let mut places = self.places();
        let reference = record.prefix().and_then(|key| places.get_mut(key));
        let Some(reference) = reference.filter(|place| **place == record.place) else {
            return false;
        };
        self.moves.fetch_add(1, Ordering::Relaxed);
        *reference = copy.place;
        true
    }

    fn dropped(&self, _record: KeptRecord<'_>, _why: Why) -> bool {
        false
    }
}

/// A value that must lie at a multiple of 16.
#[derive(Debug, PartialEq, rkyv::Archive, rkyv::Deserialize, rkyv::Serialize)]
struct Person {
    name: String,
    number: u128,
}

const PERSON: Stamp = Stamp::new("demo.person", 1);
const TEXT: Stamp = Stamp::new("demo.text", 1);

fn pile() -> Pile {
    Pile::builder("typed keeps").limit_bytes(32 << 20).build().expect("addresses are there")
}

fn keep<C: Codec>(pile: &Pile, stamp: Stamp, form: Form) -> (Arc<Shelf>, TypedKeep<C>) {
    let shelf = Arc::new(Shelf::default());
    let keep = pile.typed_keeper(stamp, Arc::clone(&shelf) as Arc<dyn Keeper>, form);
    (shelf, keep.expect("the stamp is its own"))
}

fn person(length: usize) -> Person {
    Person { name: "n".repeat(length), number: length as u128 | 7 << 100 }
}

fn forms() -> impl Iterator<Item = Form> {
    (0..=Form::WORDS_MAX)
        .flat_map(|words| [false, true].map(|has_expiry| Form { has_expiry, words }))
}

fn assert_is(people: &TypedKeep<Archived<Person>>, record: KeptRecord<'_>, length: usize) {
    let seen = people.view(record).expect("it was put as one");
    assert_eq!(core::ptr::from_ref(&seen.number).addr() % 16, 0);
    assert_eq!((seen.name.len(), seen.number.to_native()), (length, person(length).number));
    assert_eq!(people.load(record), Ok(person(length)));
}

#[test]
fn a_value_of_any_length_is_read_where_it_lies_behind_any_prefix() {
    for form in forms() {
        let pile = pile();
        let (_, people) = keep::<Archived<Person>>(&pile, PERSON, form);
        let words = vec![9; usize::from(form.words)];
        let borders = (12_950..13_120).chain([40_000, 65_500, 70_000, 900, 13_000, 10]);
        let lengths = (0..200).chain(900..1100).chain(borders);
        for (length, life) in lengths.zip([Life::FOREVER, Life::secs(60)].into_iter().cycle()) {
            let prefix = vec![7; length % 37];
            let place = people.put(&words, &prefix, &person(length), life).unwrap();
            let guard = pile.pin();
            let record = people.at(&guard, place).unwrap();
            assert_eq!(
                (people.prefix(&record), record.prefix()),
                (Ok(&prefix[..]), Some(&prefix[..]))
            );
            assert!(record.words.iter().all(|word| word.load(Ordering::Relaxed) == 9));
            assert_eq!(record.left_s.is_some(), life != Life::FOREVER);
            assert_is(&people, record, length);
            drop(guard);
            assert!(people.delete(place));
        }
        let long = vec![7; 20_000];
        let place = people.put(&words, &long, &person(3), Life::FOREVER).unwrap();
        let guard = pile.pin();
        assert_eq!(people.at(&guard, place).unwrap().prefix(), Some(&long[..]));
        assert_is(&people, people.at(&guard, place).unwrap(), 3);
        drop(guard);
        pile.validate();
    }
}

#[test]
fn short_values_lie_side_by_side() {
    for form in forms() {
        let pile = pile();
        let (_, numbers) = keep::<Archived<[u32; 2]>>(&pile, Stamp::new("demo.number", 1), form);
        let words = vec![9; usize::from(form.words)];
        // Behind prefixes of any length, so that slots of any length are used.
        let values: Vec<u32> = (0..2000).collect();
        let put = |&number: &u32| {
            let prefix = vec![7; number as usize % 33];
            numbers.put(&words, &prefix, &[number; 2], Life::FOREVER).unwrap()
        };
        let places: Vec<Place> = values.iter().map(put).collect();
        let guard = pile.pin();
        for (&number, &place) in values.iter().zip(&places) {
            let record = numbers.at(&guard, place).unwrap();
            assert_eq!(record.prefix().unwrap().len(), number as usize % 33);
            assert_eq!(numbers.load(record), Ok([number; 2]));
            assert_eq!(numbers.value_bytes(&record).unwrap().len(), 8);
            assert_eq!(numbers.value_bytes(&record).unwrap().as_ptr().addr() % 16, 0);
        }
        drop(guard);
        pile.validate();
    }
}

#[test]
fn values_that_have_moved_are_read_where_they_lie() {
    for form in forms() {
        let pile = pile();
        let (shelf, people) = keep::<Archived<Person>>(&pile, PERSON, form);
        let words = vec![9; usize::from(form.words)];
        let key_of = |number: usize| {
            let mut key = number.to_be_bytes().to_vec();
            key.resize(8 + number % 16, 0);
            key
        };
        for number in 0..10_000 {
            let (key, value) = (key_of(number), person(number % 100));
            let place = people.put(&words, &key, &value, Life::FOREVER).unwrap();
            shelf.places().insert(key, place);
        }
        for number in (0..10_000_usize).filter(|number| !number.is_multiple_of(8)) {
            let place = shelf.places().remove(&key_of(number)).unwrap();
            assert!(people.delete(place));
        }
        // Readers of other tests may be in the way for a while.
        for _ in 0..1000 {
            pile.compact(Budget::unbounded());
            if shelf.moves.load(Ordering::Relaxed) > 400 {
                break;
            }
            std::thread::yield_now();
        }
        assert!(shelf.moves.load(Ordering::Relaxed) > 400);
        let guard = pile.pin();
        for number in (0..10_000).step_by(8) {
            let place = shelf.places()[&key_of(number)];
            let record = people.at(&guard, place).unwrap();
            assert_eq!(record.prefix(), Some(&key_of(number)[..]));
            assert_is(&people, record, number % 100);
        }
        drop(guard);
        pile.validate();
    }
}

#[test]
fn a_record_of_another_keep_is_refused() {
    let (one, other) = (pile(), pile());
    let (_, people) = keep::<Archived<Person>>(&one, PERSON, Form::default());
    let (_, others) = keep::<Archived<Person>>(&one, PERSON, Form::default());
    let (_, strangers) = keep::<Archived<Person>>(&other, PERSON, Form::default());
    let bytes = one.keeper(Arc::new(Shelf::default()), Form::default()).unwrap();
    let own = people.put(&[], b"key", &person(3), Life::FOREVER).unwrap();
    let theirs = others.put(&[], b"key", &person(3), Life::FOREVER).unwrap();
    let strange = strangers.put(&[], b"key", &person(3), Life::FOREVER).unwrap();
    let forged = bytes.put(&[], &[&[0; 64]], Life::FOREVER).unwrap();
    let (guard, other_guard) = (one.pin(), other.pin());
    assert!(people.at(&guard, theirs).is_none() && people.at(&guard, forged).is_none());
    let records = [
        others.at(&guard, theirs).unwrap(),
        strangers.at(&other_guard, strange).unwrap(),
        bytes.at(&guard, forged).unwrap(),
    ];
    for record in records {
        assert!(people.view(record).is_err());
        assert_eq!(people.load(record), Err(Damaged));
        assert_eq!(people.prefix(&record), Err(Damaged));
        assert_eq!(people.value_bytes(&record), Err(Damaged));
    }
    assert_eq!(records[2].prefix(), None);
    // What is written over in a record that was shown is not what is read.
    let mut record = people.at(&guard, own).unwrap();
    record.bytes = records[2].bytes;
    assert_is(&people, record, 3);
}

/// Writes what it does not read: a value is its length in zeros, and nothing but ones would be read.
struct Liar;

impl Codec for Liar {
    type Value = usize;
    type Owned = ();
    type View<'g> = ();
    const KIND: Kind = Kind::Compact;
    const CHECKS_OWN: bool = true;

    fn encode(value: &usize, into: &mut Sink<'_>) -> Result<(), Unencodable> {
        into.write(&vec![0; *value]);
        Ok(())
    }

    fn view(encoded: Encoded<'_, Self>) -> Result<(), Damaged> {
        if encoded.bytes().iter().all(|&byte| byte == 1) { Ok(()) } else { Err(Damaged) }
    }

    fn load(encoded: Encoded<'_, Self>) -> Result<(), Damaged> {
        Self::view(encoded)
    }
}

#[test]
fn what_cannot_be_read_is_not_put() {
    let pile = pile();
    let (_, lies) = keep::<Liar>(&pile, Stamp::new("demo.lie", 1), Form::default());
    for length in [1, 900, 1025, 5000, 20_000, 3] {
        for prefix in [&b"key"[..], &[0; 20_000]] {
            let put = lies.put(&[], prefix, &length, Life::FOREVER);
            assert_eq!(put, Err(PutError::Unencodable), "{length}");
        }
    }
    assert_eq!(pile.gauges().records, 0);
    assert!(lies.put(&[], b"key", &0, Life::FOREVER).is_ok());
    pile.validate();
}

#[test]
fn what_is_too_long_or_has_no_room_is_refused() {
    let pile = pile();
    let (_, texts) = keep::<Text>(&pile, TEXT, Form::default());
    let too_long = "n".repeat(33 << 20);
    assert!(matches!(texts.put(&[], b"key", &too_long, Life::FOREVER), Err(PutError::Full(_))));
    let prefix = vec![0; 270 << 20];
    let put = texts.put(&[], &prefix, "", Life::FOREVER);
    assert!(matches!(put, Err(PutError::Full(Full::TooLarge { .. }))));
    for length in [500, 50_000] {
        let text = "t".repeat(length);
        while let Ok(place) = texts.put_once(&[], b"key", &text, Life::FOREVER) {
            let guard = pile.pin();
            let record = texts.at(&guard, place).unwrap();
            assert_eq!(texts.view(record), Ok(&text[..]));
        }
        let put = texts.put_once(&[], b"key", &text, Life::FOREVER);
        assert!(matches!(put, Err(PutError::Full(Full::OutOfSpace { .. }))));
        let put = texts.put(&[], b"key", &text, Life::FOREVER);
        assert!(matches!(put, Err(PutError::Full(Full::OutOfSpace { .. }))));
    }
    pile.validate();
}

#[test]
fn a_stamp_is_one_types_in_keeps_too() {
    let pile = pile();
    let (_, _texts) = keep::<Text>(&pile, TEXT, Form::default());
    let taken = pile.typed_keeper::<Raw>(TEXT, Arc::new(Shelf::default()), Form::default());
    assert!(matches!(taken, Err(TypedKeepError::Stamp(_))));
    assert!(pile.typed::<Text>(TEXT).is_ok());
    pile.close();
    let closed = pile.typed_keeper::<Text>(TEXT, Arc::new(Shelf::default()), Form::default());
    assert!(matches!(closed, Err(TypedKeepError::Full(Full::Closed))));
}

#[test]
fn no_bytes_are_put_past_the_codec() {
    let pile = pile();
    let (_, people) = keep::<Archived<Person>>(&pile, PERSON, Form::default());
    let ways: [fn(&Keep) -> bool; 5] = [
        |keep| keep.put(&[], &[&[0; 64]], Life::FOREVER).is_ok(),
        |keep| keep.try_put(&[], &[&[0; 64]], Life::FOREVER).is_some(),
        |keep| keep.put_once(&[], &[&[0; 64]], Life::FOREVER).is_some(),
        |keep| keep.reserve(&[], 64, Life::FOREVER).is_ok(),
        |keep| keep.reserve_once(&[], 64, Life::FOREVER).is_some(),
    ];
    for way in ways {
        let put = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| way(&people)));
        let why = *put.unwrap_err().downcast::<&str>().unwrap();
        assert_eq!(why, "a typed keep puts values, by its codec");
    }
    assert_eq!(pile.gauges().puts, 0);
}
