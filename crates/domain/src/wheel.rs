//! A wheel keeps timers: six rings of 64 slots, each slot of a ring as long as the whole ring below it.
//!
//! ```text
//! ring 0: 64 slots of 1 ms | ring 1: 64 of 64 ms | ... | ring 5: 64 of 12 days; what is later waits in the last
//! ```
//! A timer is put into the slot of the highest digit (base 64) in which its moment differs from now; when that slot
//! comes up it goes one ring down, at last to its millisecond. Moving a timer later only writes its moment down: it is
//! found to be early when its slot comes up, and put further. So a deadline that each request pushes back costs a write.
//! Cost: 32 bytes and its payload a timer; setting, moving and cancelling touch a few lines, whatever the number.

const RINGS: usize = 6;
const SLOTS: usize = 64;
const BITS: u32 = 6;

/// How far ahead the rings reach: all of the last one but the slot that the hand is in, which may come up at once.
const REACH_MS: u64 = 63 << (BITS * 5);

const NONE: u32 = u32::MAX;

/// The name of a timer; stale when it has fired or was cancelled.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct TimerName {
    index: u32,
    generation: u32,
}

impl TimerName {
    /// As one number, for those who keep names of timers as numbers.
    pub(crate) fn to_bits(self) -> u64 {
        u64::from(self.index) << 32 | u64::from(self.generation)
    }

    #[expect(clippy::cast_possible_truncation, reason = "each half is a number of 32 bits")]
    pub(crate) fn from_bits(bits: u64) -> Self {
        Self { index: (bits >> 32) as u32, generation: bits as u32 }
    }
}

/// Timers by their moments, in milliseconds.
#[derive(Debug)]
pub(crate) struct Wheel<T> {
    entries: Vec<Entry<T>>,
    free: Vec<u32>,
    /// The first timer of each slot.
    slots: [[u32; SLOTS]; RINGS],
    /// A bit for each slot that has any.
    occupied: [u64; RINGS],
    /// All that was due up to here has fired.
    now_ms: u64,
    count: usize,
}

#[derive(Debug)]
struct Entry<T> {
    /// None while the place is free.
    payload: Option<T>,
    at_ms: u64,
    generation: u32,
    previous: u32,
    next: u32,
    ring: u8,
    slot: u8,
}

impl<T> Wheel<T> {
    pub(crate) fn new(now_ms: u64) -> Self {
        Self {
            entries: Vec::new(),
            free: Vec::new(),
            slots: [[NONE; SLOTS]; RINGS],
            occupied: [0; RINGS],
            now_ms,
            count: 0,
        }
    }

    /// How many timers are set.
    #[cfg(test)]
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Sets a timer. One for a moment that has passed fires at the next [`Wheel::expire`].
    pub(crate) fn set(&mut self, at_ms: u64, payload: T) -> TimerName {
        let index = self.free.pop().unwrap_or_else(|| {
            let fresh = Entry {
                payload: None,
                at_ms: 0,
                generation: 0,
                previous: NONE,
                next: NONE,
                ring: 0,
                slot: 0,
            };
            self.entries.push(fresh);
            u32::try_from(self.entries.len() - 1).expect("fewer than 2^32 timers")
        });
        let entry = &mut self.entries[index as usize];
        entry.payload = Some(payload);
        entry.at_ms = at_ms;
        let generation = entry.generation;
        self.count += 1;
        self.link(index);
        TimerName { index, generation }
    }

    /// Gives a timer another moment. False if it is set no more.
    pub(crate) fn move_to(&mut self, name: TimerName, at_ms: u64) -> bool {
        let Some(entry) = self.entry(name) else { return false };
        let is_later = at_ms >= entry.at_ms;
        entry.at_ms = at_ms;
        if !is_later {
            self.unlink(name.index);
            self.link(name.index);
        }
        true
    }

    /// Takes a timer out, if it is still set.
    pub(crate) fn cancel(&mut self, name: TimerName) -> Option<T> {
        self.entry(name)?;
        self.unlink(name.index);
        self.release(name.index)
    }

    /// When the next timer may be due: never later than it is.
    pub(crate) fn next_ms(&self) -> Option<u64> {
        self.next_slot().map(|(_, _, at_ms)| at_ms)
    }

    /// Takes out what is due, the earliest first.
    pub(crate) fn expire(&mut self, now_ms: u64, mut fire: impl FnMut(T)) {
        while let Some((ring, slot, at_ms)) = self.next_slot() {
            if at_ms > now_ms {
                break;
            }
            self.now_ms = self.now_ms.max(at_ms);
            let mut next = core::mem::replace(&mut self.slots[ring][slot], NONE);
            self.occupied[ring] &= !(1 << slot);
            while next != NONE {
                let index = next;
                let entry = &mut self.entries[index as usize];
                next = entry.next;
                if entry.at_ms > self.now_ms {
                    self.link(index); // moved later meanwhile, or on its way down
                } else if let Some(payload) = self.release(index) {
                    fire(payload);
                }
            }
        }
        self.now_ms = self.now_ms.max(now_ms);
    }

    fn entry(&mut self, name: TimerName) -> Option<&mut Entry<T>> {
        let entry = self.entries.get_mut(name.index as usize)?;
        (entry.generation == name.generation && entry.payload.is_some()).then_some(entry)
    }

    fn release(&mut self, index: u32) -> Option<T> {
        let entry = &mut self.entries[index as usize];
        entry.generation = entry.generation.wrapping_add(1);
        self.free.push(index);
        self.count -= 1;
        entry.payload.take()
    }

    /// The slot that comes up next, and when. The lowest ring that has any timer has it.
    fn next_slot(&self) -> Option<(usize, usize, u64)> {
        let ring = self.occupied.iter().position(|occupied| *occupied != 0)?;
        let shift = BITS * u32::try_from(ring).expect("six rings");
        let here = (self.now_ms >> shift) % SLOTS as u64;
        let ahead = self.occupied[ring]
            .rotate_right(u32::try_from(here).expect("below 64"))
            .trailing_zeros();
        let slot = (here + u64::from(ahead)) % SLOTS as u64;
        // A slot ahead of the hand belongs to this turn of the ring, one behind it to the next.
        let turn = self.now_ms >> (shift + BITS) << (shift + BITS);
        let at_ms = turn + (slot << shift);
        let at_ms = if at_ms + (1 << shift) <= self.now_ms {
            at_ms + ((SLOTS as u64) << shift)
        } else {
            at_ms
        };
        Some((ring, usize::try_from(slot).expect("below 64"), at_ms.max(self.now_ms)))
    }

    fn link(&mut self, index: u32) {
        let entry = &mut self.entries[index as usize];
        // What lies beyond the last ring waits in it, and is put further when it comes up.
        let at_ms = entry.at_ms.clamp(self.now_ms, self.now_ms.saturating_add(REACH_MS));
        let digit = (((at_ms ^ self.now_ms) | 1).ilog2() / BITS).min(5);
        let slot = (at_ms >> (BITS * digit)) % SLOTS as u64;
        entry.ring = u8::try_from(digit).expect("at most five");
        entry.slot = u8::try_from(slot).expect("below 64");
        let (ring, slot) = (usize::from(entry.ring), usize::from(entry.slot));
        entry.previous = NONE;
        entry.next = core::mem::replace(&mut self.slots[ring][slot], index);
        self.occupied[ring] |= 1 << slot;
        let next = entry.next;
        if next != NONE {
            self.entries[next as usize].previous = index;
        }
    }

    fn unlink(&mut self, index: u32) {
        let entry = &self.entries[index as usize];
        let (previous, next, ring, slot) =
            (entry.previous, entry.next, usize::from(entry.ring), usize::from(entry.slot));
        match previous {
            NONE => self.slots[ring][slot] = next,
            previous => self.entries[previous as usize].next = next,
        }
        if next != NONE {
            self.entries[next as usize].previous = previous;
        }
        if self.slots[ring][slot] == NONE {
            self.occupied[ring] &= !(1 << slot);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::{Just, Strategy, any, prop, prop_oneof, proptest};

    use super::*;

    #[derive(Clone, Debug)]
    enum Step {
        Set(u64),
        Move(usize, u64),
        Cancel(usize),
        Pass(u64),
        PassToNext,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let far = prop_oneof![0_u64..200, 0_u64..100_000, 0_u64..1 << 38, Just(1 << 42)];
        let step = prop_oneof![
            3 => far.clone().prop_map(Step::Set),
            2 => (any::<usize>(), far.clone()).prop_map(|(pick, by)| Step::Move(pick, by)),
            1 => any::<usize>().prop_map(Step::Cancel),
            2 => far.prop_map(Step::Pass),
            2 => Just(Step::PassToNext),
        ];
        prop::collection::vec(step, 1..200)
    }

    proptest! {
        #[test]
        fn a_wheel_agrees_with_a_sorted_map(start in 0_u64..1 << 40, steps in steps()) {
            let mut wheel = Wheel::new(start);
            let mut now_ms = start;
            let mut names = Vec::new();
            let mut model: BTreeMap<usize, u64> = BTreeMap::new();
            for step in steps {
                match step {
                    Step::Set(by) => {
                        let at_ms = now_ms.saturating_add(by).saturating_sub(10);
                        model.insert(names.len(), at_ms);
                        names.push(wheel.set(at_ms, names.len()));
                    }
                    Step::Move(pick, by) if !names.is_empty() => {
                        let pick = pick % names.len();
                        let at_ms = now_ms.saturating_add(by);
                        let is_set = model.contains_key(&pick);
                        assert_eq!(wheel.move_to(names[pick], at_ms), is_set);
                        if is_set {
                            model.insert(pick, at_ms);
                        }
                    }
                    Step::Cancel(pick) if !names.is_empty() => {
                        let pick = pick % names.len();
                        assert_eq!(wheel.cancel(names[pick]), model.remove(&pick).map(|_| pick));
                    }
                    Step::Move(..) | Step::Cancel(_) => {}
                    Step::Pass(by) => now_ms = now_ms.saturating_add(by),
                    Step::PassToNext => now_ms = wheel.next_ms().unwrap_or(now_ms).max(now_ms),
                }
                let mut fired = Vec::new();
                wheel.expire(now_ms, |payload| fired.push(payload));
                fired.sort_unstable();
                let due: Vec<usize> =
                    model.iter().filter(|(_, at_ms)| **at_ms <= now_ms).map(|(name, _)| *name).collect();
                assert_eq!(fired, due);
                model.retain(|_, at_ms| *at_ms > now_ms);
                assert_eq!(wheel.count(), model.len());
                let earliest = model.values().min();
                assert!(wheel.next_ms().is_some() == earliest.is_some());
                assert!(wheel.next_ms() <= earliest.copied() || earliest.is_none());
            }
        }
    }

    #[test]
    fn a_deadline_that_is_pushed_back_again_and_again_fires_once_and_in_time() {
        let mut wheel = Wheel::new(0);
        let name = wheel.set(100, "idle");
        let mut fired_at = Vec::new();
        for now_ms in 0..400 {
            if now_ms < 200 {
                assert!(wheel.move_to(name, now_ms + 100));
            }
            wheel.expire(now_ms, |_| fired_at.push(now_ms));
        }
        assert_eq!(fired_at, [299]);
        assert!(!wheel.move_to(name, 1000));
    }
}
