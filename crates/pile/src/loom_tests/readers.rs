//! What a pinned reader found is not used again before he is unpinned.

use loom::sync::Arc;
use loom::thread;

use crate::naming::change;
use crate::naming::generation::Generation;
use crate::naming::header::{Header, Kind};
use crate::naming::pointer::{Place, Pointer};
use crate::places::class::Class;
use crate::sync::{AtomicU8, AtomicU64, Ordering};
use crate::threads::epoch::{self, Epoch, Pinned};
use crate::threads::limbo::Limbo;

const PLACE: u64 = 5;

struct Slot {
    header: AtomicU64,
    payload: AtomicU64,
}

fn live(generation: u32) -> Header {
    Header::live(Generation(generation), Kind::Bytes, false, false, 8)
}

fn pointer(generation: u32) -> Pointer {
    Pointer::new(Place::from_bits(PLACE), Generation(generation))
}

impl Slot {
    fn new() -> Arc<Self> {
        Arc::new(Self { header: AtomicU64::new(live(1).0), payload: AtomicU64::new(1) })
    }

    /// Looks twice, as one who keeps the bytes for a while.
    fn read(&self) {
        let _pinned = Pinned::new();
        if Header(self.header.load(Ordering::Acquire)).is_plain(pointer(1)) {
            for _ in 0..2 {
                assert_eq!(self.payload.load(Ordering::Relaxed), 1, "bytes under a guard stay");
            }
        }
    }

    fn delete(&self, limbo: &Limbo) {
        let _pinned = Pinned::new();
        assert!(change::kill(&self.header, live(1)).is_some(), "nobody else deletes it");
        limbo.put(Place::from_bits(PLACE));
    }

    /// The next record of the slot.
    fn reuse(&self) {
        let freed = Header(self.header.load(Ordering::Relaxed)).freed();
        self.header.store(freed.0, Ordering::Release);
        self.payload.store(2, Ordering::Relaxed);
        self.header.store(live(2).0, Ordering::Release);
    }
}

#[test]
fn a_deleted_slot_is_used_again_when_no_reader_sees_it() {
    loom::model(|| {
        let slot = Slot::new();
        let reader = thread::spawn({
            let slot = Arc::clone(&slot);
            move || slot.read()
        });
        let limbo = Limbo::new();
        slot.delete(&limbo);
        for _ in 0..2 {
            let _advanced: bool = epoch::advance(0);
        }
        limbo.drain(1, |places| places.iter().for_each(|_| slot.reuse()));
        reader.join().unwrap();
    });
}

#[test]
fn the_epoch_that_others_advance_keeps_a_reader_as_well() {
    loom::model(|| {
        let slot = Slot::new();
        let reader = thread::spawn({
            let slot = Arc::clone(&slot);
            move || slot.read()
        });
        let advancer = thread::spawn(|| epoch::advance(0));
        let limbo = Limbo::new();
        slot.delete(&limbo);
        for _ in 0..2 {
            let _advanced: bool = epoch::advance(0);
        }
        limbo.drain(1, |places| places.iter().for_each(|_| slot.reuse()));
        reader.join().unwrap();
        advancer.join().unwrap();
    });
}

#[test]
fn a_span_is_cut_anew_when_no_reader_is_in_it() {
    const OLD: Class = Class(3);
    loom::model(|| {
        let span = Arc::new((AtomicU8::new(OLD.0), AtomicU64::new(1)));
        let reader = thread::spawn({
            let span = Arc::clone(&span);
            move || {
                let _pinned = Pinned::new();
                if span.0.load(Ordering::Acquire) == OLD.0 {
                    for _ in 0..2 {
                        assert_eq!(span.1.load(Ordering::Relaxed), 1, "what is there is a header");
                    }
                }
            }
        });
        {
            let _pinned = Pinned::new();
            span.0.store(Class::NONE.0, Ordering::Release);
        }
        let retired = Epoch::sealed();
        for _ in 0..2 {
            let _advanced: bool = epoch::advance(0);
        }
        if retired.is_over() {
            span.1.store(2, Ordering::Relaxed);
        }
        reader.join().unwrap();
    });
}

#[test]
fn a_line_that_a_thread_leaves_is_the_next_ones() {
    loom::model(|| {
        for _ in 0..2 {
            let threads = [0; 2].map(|_| thread::spawn(|| drop(Pinned::new())));
            for thread in threads {
                thread.join().unwrap();
            }
            assert!(epoch::advance(0), "nobody is pinned");
        }
    });
}
