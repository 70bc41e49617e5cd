//! Loom explores every order of the steps on bins and on a load under way, within its bounds, on the very code that tables
//! run; records are stood for by a word each that says whether they are there.

use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use loom::thread;
use std::task::{Wake, Waker};

use levada_pile::Place;

use crate::index::address::Address;
use crate::index::bins::{BIN_ENTRIES, BIN_WORDS, Bins};
use crate::index::entry::{Entry, Era, Look, Queue};
use crate::loading::flight::{self, End, Flight};

const BINS_MAX: usize = 4;

/// Which record is the key's that is looked for, and which one comes in its place.
const WANTED: u64 = 0;
const REPLACED: u64 = 1;

/// Bins, and the addresses of the keys whose records they lead to, by place.
struct Index {
    words: Vec<AtomicU64>,
    count: AtomicU32,
    addresses: Vec<Address>,
    /// Whether the records of the key that is looked for are there.
    records: [AtomicU32; 2],
}

impl Index {
    /// With so many bins, and one entry in one of them: that of a key whose bins are as `bins` of so many says.
    fn new(count: u32, wanted: Address) -> Self {
        let index = Self {
            words: (0..BINS_MAX * BIN_WORDS).map(|_| AtomicU64::new(0)).collect(),
            count: AtomicU32::new(count),
            addresses: vec![wanted],
            records: [AtomicU32::new(1), AtomicU32::new(0)],
        };
        index.put_in(wanted.bins(count)[0], 0, WANTED);
        index
    }

    fn bins(&self) -> Bins<'_> {
        Bins::new(&self.words, &self.count)
    }

    fn entry(&self, place: u64) -> Entry {
        let tag = self.addresses[place as usize].tag();
        Entry::new(Place::from_bits(place), tag, 0, 3, Queue::Small, Era::of(0))
    }

    fn put_in(&self, bin: u32, index: u32, place: u64) {
        let word = bin as usize * BIN_WORDS + index as usize;
        self.words[word].store(self.entry(place).0, Ordering::Relaxed);
    }

    fn rehash(&self, place: Place) -> Option<Address> {
        self.addresses.get(place.to_bits() as usize).copied()
    }

    /// Looks as one who is pinned and takes no lock.
    fn finds_the_wanted_one(&self) -> bool {
        let wanted = self.addresses[WANTED as usize];
        let look = Look::of(wanted.tag(), Era::of(0));
        let is_there = |entry: Entry| {
            let record = self.records.get(entry.place().to_bits() as usize)?;
            (record.load(Ordering::Acquire) == 1).then_some(())
        };
        self.bins().find(wanted, look, is_there).is_some()
    }
}

/// The addresses of keys whose bins among `count` are these.
fn addresses(count: u32, bins: [u32; 2]) -> impl Iterator<Item = Address> {
    (1..)
        .map(Address::from_bits)
        .map(|address| Address::from_bits(address.to_bits().wrapping_mul(0x9E37_79B1) >> 3))
        .filter(move |address| address.bins(count) == bins)
}

/// A reader looks for a key while `change` is done to the index.
fn a_reader_finds_it_during(make: fn() -> Index, change: fn(&Index)) {
    loom::model(move || {
        let index = Arc::new(make());
        let reader = thread::spawn({
            let index = Arc::clone(&index);
            move || assert!(index.finds_the_wanted_one(), "the key is there throughout")
        });
        change(&index);
        reader.join().unwrap();
        assert!(index.finds_the_wanted_one());
    });
}

#[test]
fn a_reader_finds_a_key_whose_value_is_replaced() {
    let make = || {
        let wanted = addresses(2, [0, 1]).next().unwrap();
        let mut index = Index::new(2, wanted);
        index.addresses.push(wanted);
        index
    };
    a_reader_finds_it_during(make, |index| {
        index.records[REPLACED as usize].store(1, Ordering::Release);
        let (spot, entry) = index.bins().entries(0).next().unwrap();
        index.bins().set(spot, entry.moved_to(Place::from_bits(REPLACED)));
        // What is replaced is deleted; a guard keeps its bytes, but not its life.
        index.records[WANTED as usize].store(0, Ordering::Release);
    });
}

#[test]
fn a_reader_finds_a_key_that_goes_to_its_other_bin() {
    let make = || {
        // It stands in the second of its bins and goes to the first, against the way in which a reader looks.
        let mut index = Index::new(4, addresses(4, [3, 0]).next().unwrap());
        index.put_in(0, 0, WANTED);
        index.words[3 * BIN_WORDS].store(0, Ordering::Relaxed);
        index.addresses.push(Address::NONE);
        for bin in [0, 1] {
            for number in 0..BIN_ENTRIES {
                if (bin, number) != (0, 0) {
                    let other = addresses(4, [0, 1]).nth(number as usize).unwrap();
                    index.addresses.push(other);
                    index.put_in(bin, number, index.addresses.len() as u64 - 1);
                }
            }
        }
        index
    };
    a_reader_finds_it_during(make, |index| {
        let new = addresses(4, [0, 1]).nth(20).unwrap();
        let entry = Entry::new(Place::from_bits(99), new.tag(), 0, 3, Queue::Small, Era::of(0));
        let inserted = index.bins().insert(new, entry, true, &mut |place| index.rehash(place));
        assert!(inserted.is_ok(), "the key that is looked for goes to its other bin");
        assert_eq!(index.bins().entries(3).count(), 1);
    });
}

#[test]
fn a_reader_finds_a_key_whose_bin_is_split() {
    a_reader_finds_it_during(
        || {
            let wanted = addresses(2, [0, 1]).find(|address| address.bins(3)[0] == 2).unwrap();
            Index::new(2, wanted)
        },
        |index| {
            let has_grown = index
                .bins()
                .grow(&mut |place| index.rehash(place), &mut |_| panic!("nobody's life is over"));
            assert!(has_grown && index.bins().entries(2).count() == 1);
        },
    );
}

#[test]
fn a_reader_finds_a_key_whose_bin_is_joined_with_another() {
    let make = || {
        let wanted = addresses(2, [0, 1]).find(|address| address.bins(3)[0] == 2).unwrap();
        Index::new(3, wanted)
    };
    a_reader_finds_it_during(make, |index| {
        assert!(index.bins().shrink(&mut |place| index.rehash(place)));
        assert_eq!(index.bins().entries(0).count(), 1);
    });
}

#[test]
fn who_waits_with_his_thread_hears_that_a_load_was_given_up() {
    loom::model(|| {
        let flight = Arc::new(Flight::new(false));
        let waiter = thread::spawn({
            let flight = Arc::clone(&flight);
            move || assert_eq!(flight.wait(None), Some(End::GivenUp))
        });
        flight.end(End::GivenUp);
        // The first end is the one that holds.
        flight.end(End::Filled);
        waiter.join().unwrap();
    });
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: std::sync::Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[test]
fn all_who_wait_hear_of_the_value() {
    loom::model(|| {
        let flight = Arc::new(Flight::new(false));
        let sleeper = thread::spawn({
            let flight = Arc::clone(&flight);
            move || assert_eq!(flight.wait(None), Some(End::Filled))
        });
        let future = thread::spawn({
            let flight = Arc::clone(&flight);
            move || {
                let woken = std::sync::Arc::new(Woken(AtomicBool::new(false)));
                let waker = Waker::from(std::sync::Arc::clone(&woken));
                let waiter = flight.waiter();
                match flight.poll(waiter, &waker) {
                    flight::Look::Ended(end) => assert_eq!(end, End::Filled),
                    flight::Look::Waits => {
                        assert_eq!(flight.wait(None), Some(End::Filled));
                        return Some(woken);
                    }
                }
                None
            }
        });
        flight.end(End::Filled);
        sleeper.join().unwrap();
        if let Some(woken) = future.join().unwrap() {
            assert!(woken.0.load(Ordering::SeqCst), "who was told to wait is woken");
        }
    });
}
