//! A porch is what of a core's processes others may touch: a word for each process, and a bell.
//!
//! ```text
//! word 64   | bound in bytes 32 | why it is closed 3 | core gone 1 | when full 3 | senders 25 |
//! bell      three levels of bits, 64 words below each bit: rung, the core looks at that process
//! ```
//!
//! A clone of a sender is one add; the last one to go rings. A bell is rung from below and answered from above, each level in one
//! step, so it is not missed, takes no room and merges with its like: unlike a place in a queue, it cannot be full.

use crate::bounds::Full;
use crate::closed::Closed;
use crate::pid::SLOTS_MAX;
use crate::sync::{AtomicU64, Ordering};
use std::array;
use std::sync::OnceLock;

const COUNT_BITS: u32 = 25;
const COUNT: u64 = (1 << COUNT_BITS) - 1;
/// Twice as many can still be counted, so that threads which pass it at once pass no further.
const COUNT_MAX: u64 = COUNT / 2;
const FULL_SHIFT: u32 = COUNT_BITS;
const GONE: u64 = 1 << (COUNT_BITS + 3);
const CLOSED_SHIFT: u32 = COUNT_BITS + 4;
const BOUND_SHIFT: u32 = 32;

/// Loom tries every order of every word, so it is given few.
const WIDE: usize = if cfg!(loom) { 2 } else { 64 };
const FLOOR_SLOTS: usize = WIDE * WIDE;

/// The words and bells of all processes of a core. Floors of 4,096 are made when their first process is.
#[derive(Debug)]
pub(crate) struct Porch {
    floors: Box<[OnceLock<Box<Floor>>]>,
    rung_above: AtomicU64,
    rung: [AtomicU64; WIDE],
}

#[derive(Debug)]
struct Floor {
    words: [AtomicU64; FLOOR_SLOTS],
    rung: [AtomicU64; WIDE],
}

const _: () = assert!(cfg!(loom) || SLOTS_MAX as usize == FLOOR_SLOTS * WIDE * WIDE);

impl Porch {
    pub(crate) fn new() -> Self {
        Self {
            floors: (0..WIDE * WIDE).map(|_| OnceLock::new()).collect(),
            rung_above: AtomicU64::new(0),
            rung: array::from_fn(|_| AtomicU64::new(0)),
        }
    }

    /// The word of a process that has been there.
    #[inline]
    pub(crate) fn word(&self, slot: u32) -> Word<'_> {
        let slot = slot as usize;
        let floor = self.floors[slot / FLOOR_SLOTS]
            .get()
            .expect("a process has a word before others hear of it");
        Word(&floor.words[slot % FLOOR_SLOTS])
    }

    /// Begins the word of a new process, with one sender.
    pub(crate) fn open(&self, slot: u32, bound_bytes: u32, full: Full) {
        self.floors[slot as usize / FLOOR_SLOTS].get_or_init(|| {
            Box::new(Floor {
                words: array::from_fn(|_| AtomicU64::new(0)),
                rung: array::from_fn(|_| AtomicU64::new(0)),
            })
        });
        // Relaxed: nobody else knows of this process yet, and who hears of it hears in order.
        let word = u64::from(bound_bytes) << BOUND_SHIFT | full.to_bits() << FULL_SHIFT | 1;
        self.word(slot).0.store(word, Ordering::Relaxed);
    }

    /// Asks the core to look at a process.
    pub(crate) fn ring(&self, slot: u32) {
        let slot = slot as usize;
        let (floor, place) = (slot / FLOOR_SLOTS, slot % FLOOR_SLOTS);
        let below =
            self.floors[floor].get().expect("a process has a bell before others hear of it");
        // Release at each level: who finds the bit finds those below it, and what its ringer did before.
        below.rung[place / WIDE].fetch_or(1 << (place % WIDE), Ordering::Release);
        self.rung[floor / WIDE].fetch_or(1 << (floor % WIDE), Ordering::Release);
        self.rung_above.fetch_or(1 << (floor / WIDE), Ordering::Release);
    }

    /// Answers every bell that was rung.
    pub(crate) fn answer(&self, mut each: impl FnMut(u32)) {
        for above in bits(&self.rung_above) {
            for below in bits(&self.rung[above]) {
                let floor = above * WIDE + below;
                let Some(bells) = self.floors[floor].get() else {
                    continue;
                };
                for (row, word) in bells.rung.iter().enumerate() {
                    for bit in bits(word) {
                        let slot = floor * FLOOR_SLOTS + row * WIDE + bit;
                        each(u32::try_from(slot).expect("slots are below 2^24"));
                    }
                }
            }
        }
    }
}

/// Takes the bits of a word, all at once.
fn bits(word: &AtomicU64) -> impl Iterator<Item = usize> {
    // Looking first keeps the line shared when nothing was rung; what is rung after it is rung above after it, too.
    let mut taken =
        if word.load(Ordering::Relaxed) == 0 { 0 } else { word.swap(0, Ordering::Acquire) };
    std::iter::from_fn(move || {
        (taken != 0).then(|| {
            let bit = taken.trailing_zeros() as usize;
            taken &= taken - 1;
            bit
        })
    })
}

/// What others see of one process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Word<'a>(&'a AtomicU64);

/// What came of a sender's going.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Went {
    /// Others are left.
    NotLast,
    /// It was the last one.
    Last,
    /// It was the last one, and its core is gone too.
    LastOfAll,
}

impl Word<'_> {
    /// Counts one sender more.
    /// # Panics
    /// At 2^24 senders of one process: that is a loop that forgets them.
    #[inline]
    pub(crate) fn add_sender(self) {
        // Relaxed: whoever clones has one, so the count does not come from zero.
        let before = self.0.fetch_add(1, Ordering::Relaxed);
        if before & COUNT >= COUNT_MAX {
            self.0.fetch_sub(1, Ordering::Relaxed);
            panic!("a process has at most {COUNT_MAX} senders");
        }
    }

    #[inline]
    pub(crate) fn drop_sender(self) -> Went {
        // AcqRel: who drops the last sees all that was done under the others.
        let before = self.0.fetch_sub(1, Ordering::AcqRel);
        match (before & COUNT, before & GONE) {
            (1, 0) => Went::Last,
            (1, _) => Went::LastOfAll,
            _ => Went::NotLast,
        }
    }

    pub(crate) fn senders(self) -> u64 {
        self.0.load(Ordering::Acquire) & COUNT
    }

    /// Says that the process takes no more: for the first reason, or because it has ended. For its core only.
    pub(crate) fn close(self, why: Closed) {
        let before = self.state().closed;
        if before.is_none() || why == Closed::Ended {
            let changed = before.map_or(0, Closed::to_bits) ^ why.to_bits();
            // In one step: nobody is to find it open in between.
            self.0.fetch_xor(changed << CLOSED_SHIFT, Ordering::Release);
        }
    }

    /// Says that the process takes messages again that it did not, since it was started anew. For its core only.
    pub(crate) fn reopen(self) {
        self.0.fetch_and(!(7 << CLOSED_SHIFT), Ordering::Release);
    }

    /// Says that the core of the process is gone; whether senders are left, the last of which then is the last of all.
    pub(crate) fn leave(self) -> bool {
        self.0.fetch_or(GONE, Ordering::AcqRel) & COUNT > 0
    }

    /// What there is to know of the mailbox.
    #[inline]
    pub(crate) fn state(self) -> Seen {
        let word = self.0.load(Ordering::Acquire);
        Seen {
            closed: Closed::from_bits(word >> CLOSED_SHIFT & 7),
            bound_bytes: u32::try_from(word >> BOUND_SHIFT).unwrap_or(u32::MAX),
            full: Full::from_bits(word >> FULL_SHIFT & 7),
        }
    }
}

/// What others see of a mailbox.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Seen {
    /// Why it takes no more, if it does not.
    pub(crate) closed: Option<Closed>,
    /// How many bytes it may hold.
    pub(crate) bound_bytes: u32,
    /// What a message meets that finds it full.
    pub(crate) full: Full,
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_word_counts_senders_and_tells_the_last() {
        let porch = Porch::new();
        porch.open(5, 1000, Full::DropOldest);
        let word = porch.word(5);
        word.add_sender();
        assert_eq!(word.senders(), 2);
        assert_eq!(word.state(), Seen { closed: None, bound_bytes: 1000, full: Full::DropOldest });
        assert_eq!(word.drop_sender(), Went::NotLast);
        word.close(Closed::ByOwner);
        word.close(Closed::Stopping);
        assert_eq!(word.state().closed, Some(Closed::ByOwner), "the first reason stays");
        word.close(Closed::Ended);
        assert_eq!(
            word.state(),
            Seen { closed: Some(Closed::Ended), bound_bytes: 1000, full: Full::DropOldest }
        );
        assert_eq!(word.drop_sender(), Went::Last);
        porch.open(5, 7, Full::Reject);
        assert!(porch.word(5).leave() && porch.word(5).state().full == Full::Reject);
        assert_eq!(porch.word(5).drop_sender(), Went::LastOfAll);
    }

    #[test]
    fn every_bell_is_answered_once() {
        let porch = Porch::new();
        let slots = [0, 1, 63, 64, 4095, 4096, 70_000, SLOTS_MAX - 1];
        for slot in slots {
            porch.open(slot, 0, Full::Wait);
            porch.ring(slot);
            porch.ring(slot);
        }
        let mut answered = Vec::new();
        porch.answer(|slot| answered.push(slot));
        assert_eq!(answered, slots);
        porch.answer(|slot| panic!("{slot} was answered"));
    }

    #[test]
    fn bells_rung_while_others_are_answered_are_not_missed() {
        const ROUNDS: u32 = if cfg!(miri) { 20 } else { 20_000 };
        let porch = Porch::new();
        (0..4).for_each(|thread| porch.open(thread * 4096, 0, Full::Wait));
        let rung = [const { AtomicU64::new(0) }; 4];
        let answered = [const { AtomicU64::new(0) }; 4];
        std::thread::scope(|scope| {
            for (thread, (rung, answered)) in (0_u32..).zip(rung.iter().zip(&answered)) {
                let porch = &porch;
                scope.spawn(move || {
                    for round in 1..=u64::from(ROUNDS) {
                        rung.store(round, Ordering::Relaxed);
                        porch.ring(thread * 4096);
                        while answered.load(Ordering::Acquire) < round {
                            std::thread::yield_now();
                        }
                    }
                });
            }
            while answered
                .iter()
                .any(|answered| answered.load(Ordering::Relaxed) < u64::from(ROUNDS))
            {
                porch.answer(|slot| {
                    let thread = slot as usize / 4096;
                    answered[thread].store(rung[thread].load(Ordering::Relaxed), Ordering::Release);
                });
                std::thread::yield_now();
            }
        });
    }
}
