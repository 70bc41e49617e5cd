//! A record's bytes change by one exchange of a reference: each value that it led to is ended once, and a look at the record
//! finds a value while it lives.

use loom::sync::Arc;
use loom::thread;

use crate::naming::change;
use crate::naming::generation::Generation;
use crate::naming::header::{Header, Kind};
use crate::naming::pointer::Place;
use crate::places::limit::Limit;
use crate::sync::{AtomicU32, AtomicU64, Ordering};
use crate::writing::forward::Forwards;

/// The value in the record's own slot, which no reference names.
const HOME: u64 = 1;

struct Record {
    header: AtomicU64,
    forwards: Forwards,
    limit: Limit,
    /// Which of the values 2, 3 were ended, as bits.
    ended: AtomicU32,
}

fn live() -> Header {
    Header::live(Generation(1), Kind::Bytes, false, false, 8)
}

impl Record {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            header: AtomicU64::new(live().0),
            forwards: Forwards::default(),
            limit: Limit::new(u64::MAX),
            ended: AtomicU32::new(0),
        })
    }

    fn end(&self, value: u64) {
        let before = self.ended.fetch_or(1 << value, Ordering::Relaxed);
        assert_eq!(before >> value & 1, 0, "value {value} is ended once");
    }

    /// As `Store::update` does for a record that is neither cell nor roomy. Whether it was done.
    fn update(&self, value: u64) -> bool {
        loop {
            let header = Header(self.header.load(Ordering::Acquire));
            if !header.is_live() {
                self.end(value);
                return false;
            }
            if header.is_forwarded() {
                let target = &self.forwards.at(header.length()).target;
                let from = target.load(Ordering::Acquire);
                if from == 0 {
                    continue; // deleted: the next look says so
                }
                let swung =
                    target.compare_exchange(from, value, Ordering::AcqRel, Ordering::Relaxed);
                if swung.is_ok() {
                    self.end(from);
                    return true;
                }
            } else {
                let home = Place::from_bits(5);
                let number = self.forwards.take(&self.limit, home, value).expect("no limit");
                if change::exchange(&self.header, header, header.forwarded(number)) {
                    return true;
                }
                self.forwards.give(number);
            }
        }
    }

    /// As `Store::end`.
    fn delete(&self) -> bool {
        let header = Header(self.header.load(Ordering::Acquire));
        let Some(header) = change::kill(&self.header, header) else { return false };
        if header.is_forwarded() {
            let target = self.forwards.at(header.length()).target.swap(0, Ordering::AcqRel);
            self.end(target);
        }
        true
    }

    /// As a get: the value, if the record is there.
    fn get(&self) -> Option<u64> {
        let header = Header(self.header.load(Ordering::Acquire));
        if !header.is_live() {
            return None;
        }
        if !header.is_forwarded() {
            return Some(HOME);
        }
        let target = self.forwards.at(header.length()).target.load(Ordering::Acquire);
        (target != 0).then_some(target)
    }
}

#[test]
fn two_updates_and_a_look_find_each_value_once() {
    loom::model(|| {
        let record = Record::new();
        let updates = [2, 3].map(|value| {
            let record = Arc::clone(&record);
            thread::spawn(move || assert!(record.update(value)))
        });
        assert!(record.get().is_some(), "a record that lives is there");
        for update in updates {
            update.join().unwrap();
        }
        let last = record.get().expect("it lives");
        assert!(last != HOME);
        assert_eq!(record.ended.load(Ordering::Relaxed), (1 << 2 | 1 << 3) & !(1 << last));
    });
}

#[test]
fn an_update_and_a_delete_end_every_value() {
    loom::model(|| {
        let record = Record::new();
        let updates = [2, 3].map(|value| {
            let record = Arc::clone(&record);
            thread::spawn(move || record.update(value))
        });
        assert!(record.delete(), "nobody else deletes it");
        for update in updates {
            let _done = update.join().unwrap();
        }
        assert_eq!(record.get(), None);
        assert_eq!(record.ended.load(Ordering::Relaxed), 1 << 2 | 1 << 3, "nothing leaks");
    });
}
