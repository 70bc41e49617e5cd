//! What a record with a type promises, through the face.
#![cfg(all(feature = "archived", feature = "compact"))]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use levada_pile::{
    Archived, Clock, Codec, Compact, Damaged, Encoded, Full, Gone, Invalid, Kind, Life, Pile,
    PilePointer, Pointer, PutError, Raw, Sink, Stamp, Text, Typed, Unencodable, UpdateError,
};

#[derive(
    Clone,
    Debug,
    PartialEq,
    rkyv::Archive,
    rkyv::Deserialize,
    rkyv::Serialize,
    serde::Deserialize,
    serde::Serialize,
)]
#[rkyv(derive(Debug))]
struct Person {
    name: String,
    born: u32,
    friends: Vec<Pointer>,
    home: Option<PilePointer>,
}

const PERSON: Stamp = Stamp::new("demo.person", 1);

fn pile() -> Pile {
    Pile::builder("typed").limit_bytes(16 << 20).build().expect("addresses are there")
}

fn person(name: &str) -> Person {
    Person { name: name.to_owned(), born: 1908, friends: vec![], home: None }
}

fn of_length(length: usize) -> Person {
    person(&"n".repeat(length))
}

#[test]
fn a_value_of_any_length_reads_back_as_it_was_put() {
    let pile = pile();
    let archived = pile.typed::<Archived<Person>>(PERSON).unwrap();
    let compact = pile.typed::<Compact<Person>>(Stamp::new("demo.compact", 1)).unwrap();
    let raw = pile.typed::<Raw>(Stamp::new("demo.raw", 1)).unwrap();
    let text = pile.typed::<Text>(Stamp::new("demo.text", 1)).unwrap();
    let lengths = [0, 1, 8, 9, 100, 90, 4000, 13_000, 14_000, 13_050, 70_000, 1 << 20, 3];
    for life in [Life::FOREVER, Life::secs(60)] {
        for length in lengths {
            let person = of_length(length);
            let at = archived.put(&person, life).unwrap();
            assert_eq!(archived.get(&pile.pin(), at).unwrap().name, person.name);
            assert_eq!(archived.load(at).unwrap(), person);
            let at = compact.put(&person, life).unwrap();
            assert_eq!(compact.get(&pile.pin(), at).unwrap(), person);
            let at = raw.put(person.name.as_bytes(), life).unwrap();
            assert_eq!(raw.get(&pile.pin(), at).unwrap(), person.name.as_bytes());
            let at = text.put(&person.name, life).unwrap();
            assert_eq!(text.get(&pile.pin(), at).unwrap(), person.name);
        }
    }
}

#[test]
fn a_value_ends_with_its_life_and_can_be_revived_before() {
    let now = Arc::new(AtomicU64::new(1000));
    let clock = Clock::shared(Arc::clone(&now));
    let pile = Pile::builder("life").limit_bytes(1 << 20).clock(clock).build().unwrap();
    let people = pile.typed::<Archived<Person>>(PERSON).unwrap();
    let text = pile.typed::<Text>(Stamp::new("demo.text", 1)).unwrap();
    let ann = people.put(&person("Ann"), Life::secs(10)).unwrap();
    let note = text.put("note", Life::secs(10)).unwrap();
    now.fetch_add(9000, Ordering::Relaxed);
    assert_eq!(people.get(&pile.pin(), ann).unwrap().name, "Ann");
    assert_eq!(pile.rejuvenate(note, Life::secs(10)), Ok(true));
    now.fetch_add(5000, Ordering::Relaxed);
    assert_eq!(people.load(ann), Err(Gone::Expired));
    assert_eq!(people.get(&pile.pin(), ann).map(|_| ()), Err(Gone::Expired));
    assert_eq!(text.load(note).unwrap(), "note");
}

/// Its numbers must lie at multiples of 16, itself only at one of 4: its length is any multiple of 8.
#[derive(rkyv::Archive, rkyv::Deserialize, rkyv::Serialize)]
struct Wide {
    numbers: Vec<u128>,
}

#[test]
fn what_must_lie_at_a_multiple_of_sixteen_does_whatever_the_length() {
    let pile = pile();
    let wides = pile.typed::<Archived<Wide>>(Stamp::new("demo.wide", 1)).unwrap();
    for life in [Life::FOREVER, Life::secs(60)] {
        for length in (0..100).chain([812, 813, 814, 815, 900, 6000]) {
            let wide = Wide { numbers: vec![u128::MAX; length] };
            // The second slot of a span tells more than its first.
            for _ in 0..2 {
                let at = wides.put(&wide, life).unwrap();
                let guard = pile.pin();
                let here = wides.get(&guard, at).unwrap();
                assert!(here.numbers.as_ptr().addr().is_multiple_of(16), "{length}");
                assert_eq!(wides.load(at).unwrap().numbers, wide.numbers);
            }
        }
    }
}

#[test]
fn pointers_in_values_lead_on() {
    let pile = pile();
    let people = pile.typed::<Archived<Person>>(PERSON).unwrap();
    let copies = pile.typed::<Compact<Person>>(Stamp::new("demo.copy", 1)).unwrap();
    let home = pile.put_str("Avonlea", Life::FOREVER).unwrap();
    let ann = people.put(&person("Ann"), Life::FOREVER).unwrap();
    let bob = Person { friends: vec![ann], home: Some(home.into()), ..person("Bob") };
    let at = people.put(&bob, Life::FOREVER).unwrap();
    let guard = pile.pin();
    let bob_here = people.get(&guard, at).unwrap();
    let friend = bob_here.friends[0].pointer();
    assert_eq!(people.get(&guard, friend).unwrap().name, "Ann");
    assert_eq!(bob_here.home.as_ref().unwrap().pointer(), Ok(home));
    assert_eq!(people.load(at).unwrap(), bob);
    let copy = copies.put(&bob, Life::FOREVER).unwrap();
    assert_eq!(copies.load(copy).unwrap(), bob);
    pile.delete(friend).unwrap();
    assert_eq!(people.load(friend), Err(Gone::Stale));
}

#[test]
fn a_read_under_another_stamp_is_wrong_type() {
    let pile = pile();
    let people = pile.typed::<Archived<Person>>(PERSON).unwrap();
    let others = pile.typed::<Archived<Person>>(Stamp::new("demo.other", 1)).unwrap();
    let text = pile.typed::<Text>(Stamp::new("demo.text", 1)).unwrap();
    let ann = people.put(&person("Ann"), Life::FOREVER).unwrap();
    let note = text.put("note", Life::FOREVER).unwrap();
    let plain = pile.put_str("plain", Life::FOREVER).unwrap();
    let guard = pile.pin();
    let is_wrong = |at| {
        assert_eq!(others.get(&guard, at).map(|_| ()), Err(Gone::WrongType));
        assert_eq!(others.load(at), Err(Gone::WrongType));
        let update = others.update(at, &person("x"));
        assert_eq!(update, Err(UpdateError::Gone(Gone::WrongType)));
    };
    for at in [ann, note, plain] {
        is_wrong(at);
    }
    assert_eq!(text.get(&guard, ann), Err(Gone::WrongType));
    assert_eq!(text.get(&guard, plain), Err(Gone::WrongType));
    for at in [ann, note] {
        assert_eq!(guard.get(at), Err(Gone::WrongType));
        assert_eq!(guard.text(at), Err(Gone::WrongType));
        assert_eq!(pile.update(at, b"x"), Err(UpdateError::Gone(Gone::WrongType)));
    }
    assert!(pile.gauges().gone_wrong_type >= 15);
}

/// What a person was once.
#[derive(
    Debug,
    PartialEq,
    rkyv::Archive,
    rkyv::Deserialize,
    rkyv::Serialize,
    serde::Deserialize,
    serde::Serialize,
)]
struct Before {
    name: String,
    age: u16,
}

fn up(before: Before) -> Person {
    Person { born: 2026 - u32::from(before.age), ..person(&before.name) }
}

/// Records of schema 1 as they were written, whatever the program does today.
const COMPACT_BEFORE: [u8; 5] = [3, b'A', b'n', b'n', 30];
const ARCHIVED_BEFORE: [u8; 12] = [b'A', b'n', b'n', 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 30, 0, 0, 0];

fn fixture<C: Codec>(typed: &Typed<C>, bytes: &[u8]) -> Result<Pointer, Invalid> {
    let mut room = typed.reserve(bytes.len(), Life::FOREVER).expect("there is room");
    room.write(bytes).expect("it was made for them");
    room.commit(bytes.len())
}

#[test]
fn fixtures_of_schema_1_load_as_schema_2() {
    let pile = pile();
    let archived = pile.typed::<Archived<Before>>(PERSON).unwrap();
    let at = fixture(&archived, &ARCHIVED_BEFORE).unwrap();
    let today = Stamp::new("demo.person", 2);
    let people = pile.typed::<Archived<Person>>(today).unwrap();
    assert_eq!(people.load(at), Err(Gone::OldSchema { schema: 1 }));
    let people = people.upgrades::<Archived<Before>>(1, up).unwrap();
    assert_eq!(people.load(at).unwrap(), Person { born: 1996, ..person("Ann") });
    assert_eq!(
        people.get(&pile.pin(), at).map(|_| ()),
        Err(Gone::OldSchema { schema: 1 }),
        "it is not of today's form in place"
    );
    // Once it is updated it is; who knows only the old form is told so.
    people.update(at, &person("Ann of Green Gables")).unwrap();
    assert_eq!(people.get(&pile.pin(), at).unwrap().name, "Ann of Green Gables");
    assert_eq!(archived.load(at), Err(Gone::OldSchema { schema: 2 }));
}

#[test]
fn an_upgrade_may_come_from_another_codec() {
    let pile = pile();
    let compact = pile.typed::<Compact<Before>>(PERSON).unwrap();
    let at = fixture(&compact, &COMPACT_BEFORE).unwrap();
    assert_eq!(compact.load(at).unwrap(), Before { name: "Ann".into(), age: 30 });
    let people = pile
        .typed::<Archived<Person>>(Stamp::new("demo.person", 2))
        .unwrap()
        .upgrades::<Compact<Before>>(1, up)
        .unwrap();
    let upgraded = people.load(at).unwrap();
    assert_eq!(upgraded.born, 1996);
    people.update(at, &upgraded).unwrap();
    assert_eq!(people.get(&pile.pin(), at).unwrap().name, "Ann");
    compact.update(at, &Before { name: "Bob".into(), age: 1 }).unwrap();
    assert_eq!(people.load(at).unwrap().name, "Bob");
    pile.delete(at).unwrap();
    assert_eq!(pile.gauges().used_bytes, 0);
}

/// Reads everything that a person leads to.
fn walk(person: &ArchivedPerson) -> usize {
    let name = core::str::from_utf8(person.name.as_bytes()).expect("text is text");
    let friends = person.friends.iter().filter(|friend| friend.pointer().to_bits() > 0).count();
    name.chars().count() + friends + format!("{:?}", person.home).len()
}

#[test]
fn foreign_bytes_with_any_bit_flipped_are_a_value_or_no_record() {
    let pile = pile();
    let people = pile.typed::<Archived<Person>>(PERSON).unwrap();
    let ann = people.put(&person("Ann"), Life::FOREVER).unwrap();
    let value = Person {
        name: "Ann of Green Gables".into(),
        friends: vec![ann; 5],
        home: Some(ann.into()),
        ..person("")
    };
    let bytes = rkyv::to_bytes::<rkyv::rancor::Error>(&value).unwrap();
    let whole = fixture(&people, &bytes).unwrap();
    assert_eq!(people.load(whole).unwrap(), value);
    let before = pile.gauges().records;
    let (mut records, mut refused) = (0, 0);
    let mut look = |bytes: &[u8]| match fixture(&people, bytes) {
        Ok(at) => {
            assert!(walk(people.get(&pile.pin(), at).unwrap()) > 0);
            records += 1;
        }
        Err(invalid) => {
            assert_eq!(invalid, Invalid::Bytes);
            refused += 1;
        }
    };
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        look(&flipped);
    }
    for length in 0..bytes.len() {
        look(&bytes[..length]);
    }
    // Of the distances, lengths, text and zero pointers none may be wrong; numbers are any.
    assert!(records > 100 && refused > 100, "{records} and {refused}");
    assert_eq!(pile.gauges().records, before + records);
}

proptest::proptest! {
    #[test]
    fn any_foreign_bytes_are_a_value_or_no_record(
        bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200),
    ) {
        let pile = pile();
        let archived = pile.typed::<Archived<Person>>(PERSON).unwrap();
        if let Ok(at) = fixture(&archived, &bytes) {
            walk(archived.get(&pile.pin(), at).unwrap());
        }
        let compact = pile.typed::<Compact<Person>>(Stamp::new("demo.compact", 1)).unwrap();
        if let Ok(at) = fixture(&compact, &bytes) {
            compact.load(at).unwrap();
        }
    }
}

#[test]
fn foreign_text_and_compact_bytes_are_looked_through_too() {
    let pile = pile();
    let text = pile.typed::<Text>(Stamp::new("demo.text", 1)).unwrap();
    assert_eq!(fixture(&text, b"\xFF"), Err(Invalid::Bytes));
    assert_eq!(text.load(fixture(&text, b"fine").unwrap()).unwrap(), "fine");
    let compact = pile.typed::<Compact<Before>>(PERSON).unwrap();
    assert_eq!(fixture(&compact, &COMPACT_BEFORE[..4]), Err(Invalid::Bytes));
    let longer = [&COMPACT_BEFORE[..], &[0]].concat();
    assert_eq!(fixture(&compact, &longer), Err(Invalid::Bytes));
    assert_eq!(pile.gauges().records, 1);
}

#[derive(rkyv::Archive, rkyv::Deserialize, rkyv::Serialize)]
#[rkyv(serialize_bounds(
    __S: rkyv::ser::Writer + rkyv::ser::Allocator,
    __S::Error: rkyv::rancor::Source,
))]
#[rkyv(deserialize_bounds(__D::Error: rkyv::rancor::Source))]
#[rkyv(bytecheck(bounds(__C: rkyv::validation::ArchiveContext, __C::Error: rkyv::rancor::Source)))]
#[expect(clippy::use_self, reason = "Self would be the archived type in what is derived")]
struct Nest(#[rkyv(omit_bounds)] Option<Box<Nest>>);

#[test]
fn a_value_may_own_others_five_hundred_deep_and_no_deeper() {
    let pile = pile();
    let nests = pile.typed::<Archived<Nest>>(Stamp::new("demo.nest", 1)).unwrap();
    let deep = |depth| (0..depth).fold(Nest(None), |nest, _| Nest(Some(Box::new(nest))));
    nests.put(&deep(500), Life::FOREVER).unwrap();
    assert_eq!(nests.put(&deep(600), Life::FOREVER), Err(PutError::Unencodable));
    let bytes = rkyv::to_bytes::<rkyv::rancor::Error>(&deep(600)).unwrap();
    assert_eq!(fixture(&nests, &bytes), Err(Invalid::Bytes));
}

/// Text whose archive says that it is longer than what was written: safe code, and wrong.
struct Liar(String);

impl rkyv::Archive for Liar {
    type Archived = rkyv::string::ArchivedString;
    type Resolver = rkyv::string::StringResolver;

    fn resolve(&self, resolver: Self::Resolver, out: rkyv::Place<Self::Archived>) {
        Self::Archived::resolve_from_str(&self.0.repeat(1000), resolver, out);
    }
}

impl<S> rkyv::Serialize<S> for Liar
where
    S: rkyv::rancor::Fallible + rkyv::ser::Writer + ?Sized,
    S::Error: rkyv::rancor::Source,
{
    fn serialize(&self, serializer: &mut S) -> Result<Self::Resolver, S::Error> {
        <Self as rkyv::Archive>::Archived::serialize_from_str(&self.0, serializer)
    }
}

impl<D> rkyv::Deserialize<Liar, D> for rkyv::string::ArchivedString
where
    D: rkyv::rancor::Fallible + ?Sized,
{
    fn deserialize(&self, _deserializer: &mut D) -> Result<Liar, D::Error> {
        Ok(Liar(self.as_str().to_owned()))
    }
}

#[test]
fn an_archive_that_is_wrong_by_its_own_code_is_not_put() {
    let pile = pile();
    let liars = pile.typed::<Archived<Liar>>(Stamp::new("demo.liar", 1)).unwrap();
    let liar = Liar("longer than what fits inline".to_owned());
    assert_eq!(liars.put(&liar, Life::FOREVER), Err(PutError::Unencodable));
    assert_eq!(pile.gauges().records, 0);
}

/// A family is put after its members, while it is being encoded.
struct Family {
    names: Typed<Text>,
    members: Vec<String>,
}

struct Pointers;

impl Codec for Pointers {
    type Value = Family;
    type Owned = Vec<Pointer>;
    type View<'g> = Vec<Pointer>;
    const KIND: Kind = Kind::Compact;

    fn encode(value: &Family, into: &mut Sink<'_>) -> Result<(), Unencodable> {
        for name in &value.members {
            let at = value.names.put(name, Life::FOREVER).map_err(|_| Unencodable)?;
            into.write(&at.to_bits().to_le_bytes());
        }
        Ok(())
    }

    fn view(encoded: Encoded<'_, Self>) -> Result<Vec<Pointer>, Damaged> {
        let (words, []) = encoded.bytes().as_chunks() else { return Err(Damaged) };
        let pointer = |word: &[u8; 8]| Pointer::from_bits(u64::from_le_bytes(*word)).ok_or(Damaged);
        words.iter().map(pointer).collect()
    }

    fn load(encoded: Encoded<'_, Self>) -> Result<Vec<Pointer>, Damaged> {
        Self::view(encoded)
    }
}

#[test]
fn a_value_may_put_others_while_it_is_encoded() {
    for limit_bytes in [1 << 20, 64 << 20] {
        let pile = Pile::builder("nested").limit_bytes(limit_bytes).build().unwrap();
        let names = pile.typed::<Text>(Stamp::new("demo.name", 1)).unwrap();
        let families = pile.typed::<Pointers>(Stamp::new("demo.family", 1)).unwrap();
        let members = ["Ann", "Marilla", "Matthew"].map(str::to_owned).to_vec();
        let family = Family { names: names.clone(), members };
        let at = families.put(&family, Life::FOREVER).unwrap();
        families.update(at, &family).unwrap();
        let read: Vec<String> =
            families.load(at).unwrap().into_iter().map(|name| names.load(name).unwrap()).collect();
        assert_eq!(read, family.members);
        assert_eq!(pile.gauges().records, 7);
    }
}

#[test]
fn an_update_keeps_the_pointer_and_what_guards_see() {
    let pile = pile();
    let people = pile.typed::<Archived<Person>>(PERSON).unwrap();
    let at = people.put(&person("Ann"), Life::secs(60)).unwrap();
    let guard = pile.pin();
    let (before, version) = people.seen(&guard, at).unwrap();
    for length in [3, 300, 30_000, 0] {
        people.update(at, &of_length(length)).unwrap();
        assert_eq!(people.load(at).unwrap(), of_length(length));
    }
    assert_eq!(before.name, "Ann");
    let now = people.seen(&guard, at).unwrap().1;
    let late = people.compare_update(at, version, &person("late"));
    assert_eq!(late, Err(UpdateError::Changed { now }));
    let next = people.compare_update(at, now, &person("Ann Shirley")).unwrap();
    let (view, version) = people.seen(&guard, at).unwrap();
    assert_eq!((view.name.as_str(), version), ("Ann Shirley", next));
    drop(guard);
    assert_eq!(pile.gauges().records, 1);
    pile.delete(at).unwrap();
    assert_eq!(people.update(at, &person("x")), Err(UpdateError::Gone(Gone::Stale)));
    assert_eq!((pile.gauges().records, pile.gauges().used_bytes), (0, 0));
}

#[test]
fn while_two_write_every_look_is_at_a_value_that_was_written() {
    let pile = pile();
    let people = pile.typed::<Archived<Person>>(PERSON).unwrap();
    let at = people.put(&of_length(0), Life::FOREVER).unwrap();
    let writers = AtomicU64::new(2);
    std::thread::scope(|threads| {
        for writer in 0..2 {
            let (people, writers) = (&people, &writers);
            threads.spawn(move || {
                for turn in 0..500 {
                    people.update(at, &of_length(writer + 2 * (turn % 700))).unwrap();
                }
                writers.fetch_sub(1, Ordering::Relaxed);
            });
        }
        for _ in 0..2 {
            let (pile, people, writers) = (&pile, &people, &writers);
            threads.spawn(move || {
                while writers.load(Ordering::Relaxed) > 0 {
                    let guard = pile.pin();
                    let here = people.get(&guard, at).unwrap();
                    assert!(here.name.bytes().all(|byte| byte == b'n') && here.born == 1908);
                    assert_eq!(people.load(at).unwrap().born, 1908);
                }
            });
        }
    });
    pile.delete(at).unwrap();
    assert_eq!((pile.gauges().records, pile.gauges().used_bytes), (0, 0));
}

#[test]
fn an_update_without_room_leaves_the_old_value() {
    let pile = Pile::builder("full").limit_bytes(1 << 20).build().unwrap();
    let people = pile.typed::<Archived<Person>>(PERSON).unwrap();
    let at = people.put(&person("Ann"), Life::FOREVER).unwrap();
    let used_bytes = pile.gauges().used_bytes;
    let full = people.update(at, &of_length(2 << 20));
    assert!(matches!(full, Err(UpdateError::Full(Full::OutOfSpace { .. }))), "{full:?}");
    assert_eq!(people.load(at).unwrap(), person("Ann"));
    assert_eq!(pile.gauges().used_bytes, used_bytes);
    let full = people.put(&of_length(1 << 20), Life::FOREVER);
    assert!(matches!(full, Err(PutError::Full(Full::OutOfSpace { .. }))), "{full:?}");
    assert_eq!(pile.gauges().records, 1);
}

/// As many zeros as it says, piece by piece.
struct Zeros;

impl Codec for Zeros {
    type Value = usize;
    type Owned = usize;
    type View<'g> = usize;
    const KIND: Kind = Kind::Compact;

    fn encode(&pieces: &usize, into: &mut Sink<'_>) -> Result<(), Unencodable> {
        for number in 0..pieces {
            assert_eq!(into.position(), number << 16);
            into.write(&[0; 1 << 16]);
        }
        Ok(())
    }

    fn view(encoded: Encoded<'_, Self>) -> Result<usize, Damaged> {
        Ok(encoded.bytes().len() >> 16)
    }

    fn load(encoded: Encoded<'_, Self>) -> Result<usize, Damaged> {
        Self::view(encoded)
    }
}

#[test]
fn an_encoding_that_does_not_end_is_not_kept() {
    let pile = pile();
    let zeros = pile.typed::<Zeros>(Stamp::new("demo.zeros", 1)).unwrap();
    let at = zeros.put(&100, Life::FOREVER).unwrap();
    assert_eq!(zeros.load(at), Ok(100));
    let most_bytes = (256 << 20) - (64 << 10);
    let full = Err(PutError::Full(Full::TooLarge { most_bytes }));
    assert_eq!(zeros.put(&4096, Life::FOREVER), full);
    let full = zeros.put(&4095, Life::FOREVER);
    assert!(matches!(full, Err(PutError::Full(Full::OutOfSpace { .. }))), "{full:?}");
    assert_eq!(pile.gauges().records, 1);
}

#[test]
fn a_wrong_guess_of_a_long_value_costs_one_copy_and_a_right_one_none() {
    let pile = pile();
    let people = pile.typed::<Archived<Person>>(PERSON).unwrap();
    let put = |length| people.put(&of_length(length), Life::FOREVER).unwrap();
    for length in 0..900 {
        put(length);
    }
    assert_eq!(pile.gauges().encode_spills, 0, "short ones are not guessed");
    for _ in 0..100 {
        put(2000);
    }
    assert_eq!(pile.gauges().encode_spills, 1, "the first");
    let long = put(4000);
    assert_eq!(pile.gauges().encode_spills, 2, "too long for the room");
    let short = put(200);
    assert_eq!(pile.gauges().encode_spills, 3, "too short for it");
    put(200);
    assert_eq!(pile.gauges().encode_spills, 3);
    let footprint = |at| pile.size_of(at).unwrap();
    assert!(footprint(short).slot_bytes < 280, "{:?}", footprint(short));
    assert!(footprint(long).slot_bytes < 4500, "{:?}", footprint(long));
}

#[derive(Debug, serde::Deserialize)]
struct Shy;

impl serde::Serialize for Shy {
    fn serialize<S: serde::Serializer>(&self, _serializer: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("not today"))
    }
}

#[test]
fn a_value_that_refuses_changes_nothing() {
    let pile = pile();
    let shy = pile.typed::<Compact<Shy>>(Stamp::new("demo.shy", 1)).unwrap();
    assert_eq!(shy.put(&Shy, Life::FOREVER), Err(PutError::Unencodable));
    assert_eq!((pile.gauges().records, pile.gauges().used_bytes), (0, 0));
}

#[test]
fn a_stamp_is_one_types() {
    let pile = pile();
    pile.typed::<Archived<Person>>(PERSON).unwrap();
    pile.typed::<Archived<Person>>(PERSON).unwrap();
    let taken = pile.typed::<Compact<Person>>(PERSON).unwrap_err();
    assert_eq!((taken.stamp, &*taken.by), (PERSON, "demo.person"));
    assert!(pile.typed::<Compact<Person>>(Stamp::new("demo.person", 2)).is_ok());
    let upgraded = pile
        .typed::<Archived<Person>>(Stamp::new("demo.person", 3))
        .unwrap()
        .upgrades::<Archived<Before>>(2, up);
    assert_eq!(upgraded.unwrap_err().by, "demo.person");
    // Another pile has stamps of its own.
    assert!(self::pile().typed::<Compact<Person>>(PERSON).is_ok());
}

#[test]
fn two_names_with_the_same_24_bits_are_told_apart_when_they_are_registered() {
    let (one, two) = (Stamp::new("demo.6641", 1), Stamp::new("demo.11535", 1));
    assert_eq!(one.tag(), two.tag());
    let pile = pile();
    pile.typed::<Text>(one).unwrap();
    let taken = pile.typed::<Text>(two).unwrap_err();
    assert_ne!(taken.stamp, one);
    assert!(taken.to_string().contains("take another name"), "{taken}");
}

#[test]
fn a_typed_record_can_be_held_as_its_bytes() {
    let heap = levada_shared::SharedHeap::new(Default::default()).unwrap();
    let account = heap.account("reader", 1 << 20).unwrap();
    let pile = pile();
    let people = pile.typed::<Archived<Person>>(PERSON).unwrap();
    let at = people.put(&person("Ann"), Life::FOREVER).unwrap();
    let held = pile.pin().hold(at, &account).unwrap();
    pile.delete(at).unwrap();
    let again = fixture(&people, &held.to_vec()).unwrap();
    assert_eq!(people.load(again).unwrap(), person("Ann"));
}

#[test]
#[should_panic(expected = "its own pile")]
fn a_guard_of_another_pile_is_our_own_mistake() {
    let (one, other) = (pile(), pile());
    let text = one.typed::<Text>(Stamp::new("demo.text", 1)).unwrap();
    let at = text.put("x", Life::FOREVER).unwrap();
    let _refused = text.get(&other.pin(), at);
}
