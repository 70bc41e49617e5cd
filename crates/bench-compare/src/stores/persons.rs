//! Persons: a value with a type, archived and compact: by ours in a pile, and by `rkyv` and `postcard` themselves.
#![expect(unsafe_code, reason = "rkyv reads what was archived here without looking at it again")]

use std::hint::black_box;

use levada_pile::{Archived, Codec, Compact, Life, Pile, Pointer, Stamp, Typed};
use rkyv::rancor::Error;
use rkyv::util::AlignedVec;
use rkyv::{Archive, Deserialize, Serialize};

use crate::loops::looping::Prepared;
use crate::loops::turns::each;

/// Somebody, as a service might keep him.
#[derive(
    Archive,
    Clone,
    Debug,
    Deserialize,
    Eq,
    PartialEq,
    Serialize,
    serde::Deserialize,
    serde::Serialize,
)]
pub(crate) struct Person {
    number: u64,
    name: String,
    city: String,
    born: u16,
    friends: Vec<u64>,
}

const LIMIT_BYTES: u64 = 64 << 20;

impl Person {
    fn sample() -> Self {
        Self {
            number: 77_000_001,
            name: "Ann Shirley of Avonlea".to_owned(),
            city: "Charlottetown".to_owned(),
            born: 1866,
            friends: vec![300, 70_000, 9_000_000],
        }
    }
}

fn persons<C: Codec<Value = Person>>() -> (Pile, Typed<C>, Pointer) {
    let pile = Pile::builder("persons").limit_bytes(LIMIT_BYTES).build();
    let pile = pile.expect("the addresses can be had");
    let persons = pile.typed::<C>(Stamp::new("bench.person", 1)).expect("the first of its name");
    let one = persons.put(&Person::sample(), Life::FOREVER).expect("there is room");
    (pile, persons, one)
}

/// Put into a pile, and deleted again.
fn put_and_delete<C: Codec<Value = Person>>() -> Prepared {
    let (pile, persons, _) = persons::<C>();
    let person = Person::sample();
    Prepared::of(vec![each(move || {
        let pointer = persons.put(black_box(&person), Life::FOREVER).expect("there is room");
        pile.delete(black_box(pointer)).expect("it was put just now");
    })])
}

pub(crate) fn put_archived() -> Prepared {
    put_and_delete::<Archived<Person>>()
}

pub(crate) fn put_compact() -> Prepared {
    put_and_delete::<Compact<Person>>()
}

/// Two fields are read where they lie in a pile, by one who announces himself as a reader each time.
pub(crate) fn read_in_pile() -> Prepared {
    let (pile, persons, one) = persons::<Archived<Person>>();
    Prepared::of(vec![each(move || {
        let guard = pile.pin();
        let person = persons.get(&guard, black_box(one)).expect("it was put and not deleted");
        black_box((person.born.to_native(), person.name.len()));
    })])
}

/// All is made anew from what is in a pile.
fn load<C: Codec<Value = Person, Owned = Person>>() -> Prepared {
    let (_pile, persons, one) = persons::<C>();
    Prepared::of(vec![each(move || {
        let person = persons.load(black_box(one)).expect("it was put and not deleted");
        black_box(&person);
    })])
}

pub(crate) fn load_archived() -> Prepared {
    load::<Archived<Person>>()
}

pub(crate) fn load_compact() -> Prepared {
    load::<Compact<Person>>()
}

/// Archived to a new buffer, which is dropped.
pub(crate) fn archive() -> Prepared {
    let person = Person::sample();
    Prepared::of(vec![each(move || {
        let bytes = rkyv::to_bytes::<Error>(black_box(&person)).expect("a buffer takes all");
        black_box(&bytes);
    })])
}

fn archived() -> AlignedVec {
    rkyv::to_bytes::<Error>(&Person::sample()).expect("a buffer takes all")
}

/// Two fields are read where they lie.
pub(crate) fn read_in_buffer() -> Prepared {
    let bytes = archived();
    Prepared::of(vec![each(move || {
        // SAFETY: the bytes are an archived person, which nobody changed.
        let person = unsafe { rkyv::access_unchecked::<ArchivedPerson>(black_box(&bytes)) };
        black_box((person.born.to_native(), person.name.len()));
    })])
}

/// A clone of a person.
pub(crate) fn clone() -> Prepared {
    let person = Person::sample();
    Prepared::of(vec![each(move || {
        let twin = black_box(&person).clone();
        black_box(&twin);
    })])
}

/// Written to a slice by postcard.
pub(crate) fn write_compact() -> Prepared {
    let person = Person::sample();
    let mut buffer = [0; 256];
    Prepared::of(vec![each(move || {
        let written = postcard::to_slice(black_box(&person), &mut buffer);
        black_box(&written.expect("a person is short"));
    })])
}

/// Made from a slice by postcard.
pub(crate) fn make_from_compact() -> Prepared {
    let mut buffer = [0; 256];
    let length = postcard::to_slice(&Person::sample(), &mut buffer).expect("short").len();
    Prepared::of(vec![each(move || {
        let person = postcard::from_bytes::<Person>(black_box(&buffer[..length]));
        black_box(&person.expect("it was written here"));
    })])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_is_the_same_after_each_way() {
        let person = Person::sample();
        assert_eq!(rkyv::from_bytes::<Person, Error>(&archived()).unwrap(), person);
        let (_, archived, one) = persons::<Archived<Person>>();
        assert_eq!(archived.load(one), Ok(person.clone()));
        let (_, compact, one) = persons::<Compact<Person>>();
        assert_eq!(compact.load(one), Ok(person));
        let ours = [put_archived, put_compact, read_in_pile, load_archived, load_compact];
        let theirs = [archive, read_in_buffer, clone, write_compact, make_from_compact];
        for prepare in ours.into_iter().chain(theirs) {
            prepare().loops[0].run(100);
        }
    }
}
