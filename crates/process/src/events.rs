//! An event is one step of a request: who did what to whom, and on behalf of which step before. A core keeps its last 32,768.
//!
//! ```text
//! event 32 B   0  the step before 64; of a first step the parent that came from elsewhere, or zero
//!              8  lap 38 | sampled 1 | tick 25       lap and place are the sequence's counter: it is found by index
//!             16  to: pid 64, or zero                tick in units of 2^20 ns: it comes round after 9 hours
//!             24  from: slot 24, generation 30 | what 10
//! ```
//!
//! Written at every accepted message, spawn and beginning, with the number that these give anyway. Cost: four words in a row, no
//! atomics, no allocation; 1 MiB a core, of which the machine gives what was written.

use crate::cause::{Cause, Sequence, Sequences};
use crate::pid::{CoreId, Pid};
use crate::shape::Shape;
use crate::tick::Tick;
use std::cell::{Cell, RefCell};
use std::ptr;

/// How many events a core keeps.
pub(crate) const EVENTS_KEPT: usize = 1 << PLACE_BITS;
const PLACE_BITS: u32 = 15;

const WHAT_BITS: u32 = 10;
pub(crate) const TICK_BITS: u32 = 25;
/// Where in its word the lap begins, behind whether the step is sampled, and the tick.
const LAP_SHIFT: u32 = TICK_BITS + 1;
/// By how much a sequence is shifted for its counter to end at the top, so that the lap is where it should be.
const CORE_BITS: u32 = 11;
/// A unit of an event's tick, as a shift of nanoseconds.
pub(crate) const TICK_SHIFT: u32 = 20;

/// What a step is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum What {
    /// The first of a request.
    Began,
    /// A process was made.
    Spawned,
    /// A message was accepted.
    Message(&'static Shape),
}

impl PartialEq for What {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Message(one), Self::Message(other)) => ptr::eq(*one, *other),
            (Self::Began, Self::Began) | (Self::Spawned, Self::Spawned) => true,
            _ => false,
        }
    }
}

/// A step as it is noted, but for its own number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    /// Who did it; nobody, if it came from outside.
    pub(crate) from: Option<Pid>,
    /// To whom, as far as that was known.
    pub(crate) to: Option<Pid>,
    pub(crate) what: What,
    pub(crate) at: Tick,
}

/// A step as it is read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Event {
    pub(crate) sequence: Sequence,
    /// The step before; of a first one, what was said of it elsewhere.
    pub(crate) parent: Sequence,
    pub(crate) from: Option<Pid>,
    pub(crate) to: Option<Pid>,
    pub(crate) what: What,
    /// In units of 2^20 ns, 25 bits of it.
    pub(crate) tick: u32,
}

/// The last events of a core.
#[derive(Debug)]
pub(crate) struct Events {
    core: CoreId,
    sequences: Sequences,
    first: u64,
    ring: RefCell<Box<[[u64; 4]; EVENTS_KEPT]>>,
    types: Types,
}

impl Events {
    /// Of a core whose number counted `first` steps before.
    pub(crate) fn of(core: CoreId, first: u64) -> Self {
        Self {
            core,
            first,
            sequences: Sequences::of(core, first),
            ring: RefCell::new(empty_ring()),
            types: Types::default(),
        }
    }

    /// Counts and notes the next step on behalf of `cause`.
    #[inline]
    pub(crate) fn note(&self, cause: Cause, step: Step) -> Cause {
        self.write(cause, cause.sequence().to_bits(), step)
    }

    /// Counts and notes the first step of `cause`, to which the step `parent_id` of somebody else's led, if it is not zero.
    pub(crate) fn begin(&self, cause: Cause, parent_id: u64, step: Step) -> Cause {
        self.write(cause, parent_id, step)
    }

    #[inline]
    fn write(&self, cause: Cause, parent: u64, step: Step) -> Cause {
        let next = self.sequences.step(cause);
        let (bits, what) = (next.sequence().to_bits(), self.types.number_of(step.what));
        let event = [
            parent,
            (bits << CORE_BITS) & !mask(LAP_SHIFT)
                | bits >> 63 << TICK_BITS
                | step.at.as_nanos() >> TICK_SHIFT & mask(TICK_BITS),
            step.to.map_or(0, Pid::to_bits),
            // The core of who did it is this one, and goes out at the top.
            step.from.map_or(0, Pid::to_bits) << WHAT_BITS | u64::from(what),
        ];
        self.ring.borrow_mut()[place_of(bits)] = event;
        next
    }

    /// The step that was counted last.
    #[inline]
    pub(crate) fn last(&self, cause: Cause) -> Sequence {
        self.sequences.last(cause)
    }

    /// What is known of a step; nothing, if it is of another core, or too long ago.
    pub(crate) fn find(&self, sequence: Sequence) -> Option<Event> {
        let counter = sequence.counter();
        let is_ours = (self.first..self.sequences.next()).contains(&counter);
        if sequence.core_number() != self.core.number() || !is_ours {
            return None;
        }
        self.read(counter).filter(|event| event.sequence.counter() == counter)
    }

    /// The counter of the first step of this core.
    pub(crate) fn first(&self) -> u64 {
        self.first
    }

    /// That of the next.
    pub(crate) fn next(&self) -> u64 {
        self.sequences.next()
    }

    /// All that are kept, the oldest first.
    pub(crate) fn all(&self) -> impl Iterator<Item = Event> {
        let next = self.sequences.next();
        let first = next.saturating_sub(EVENTS_KEPT as u64).max(self.first);
        (first..next).filter_map(|counter| self.read(counter))
    }

    fn read(&self, counter: u64) -> Option<Event> {
        let [parent, lap, to, rest] = self.ring.borrow()[place_of(counter)];
        let read = lap >> LAP_SHIFT << PLACE_BITS | counter & mask(PLACE_BITS);
        let from = Pid::from_bits(rest >> WHAT_BITS).map(|pid| (pid.slot(), pid.generation()));
        Some(Event {
            sequence: Sequence::of(self.core, read, lap >> TICK_BITS & 1 == 1),
            parent: Sequence::from_bits(parent),
            from: from.map(|(slot, generation)| Pid::new(self.core, slot, generation)),
            to: Pid::from_bits(to),
            what: self.types.at(rest & mask(WHAT_BITS))?,
            tick: part(lap, TICK_BITS),
        })
    }
}

fn empty_ring() -> Box<[[u64; 4]; EVENTS_KEPT]> {
    let ring = vec![[0; 4]; EVENTS_KEPT].into_boxed_slice(); // zeroes that the system lends, not written
    ring.try_into().expect("made as long as it is to be")
}

fn mask(bits: u32) -> u64 {
    (1 << bits) - 1
}

#[expect(clippy::cast_possible_truncation, reason = "masked to less than 32 bits")]
fn part(word: u64, bits: u32) -> u32 {
    (word & mask(bits)) as u32
}

#[inline]
#[expect(clippy::cast_possible_truncation, reason = "masked to the places that there are")]
fn place_of(counter: u64) -> usize {
    (counter & mask(PLACE_BITS)) as usize
}

/// The types of messages that a core has seen, by number: 10 bits of them are told apart.
#[derive(Debug)]
struct Types {
    known: RefCell<Vec<&'static Shape>>,
    /// What was looked for last, by the address of its shape.
    recent: [Cell<(usize, u16)>; RECENT],
}

const RECENT: usize = 64;
const TYPES_MAX: usize = (1 << WHAT_BITS) - FIRST_TYPE;
const BEGAN: u16 = 0;
const SPAWNED: u16 = 1;
const FIRST_TYPE: usize = 2;

impl Default for Types {
    fn default() -> Self {
        Self { known: RefCell::default(), recent: [const { Cell::new((0, BEGAN)) }; RECENT] }
    }
}

impl Types {
    #[inline]
    fn number_of(&self, what: What) -> u16 {
        match what {
            What::Began => BEGAN,
            What::Spawned => SPAWNED,
            What::Message(shape) => {
                let address = ptr::from_ref(shape).addr();
                let recent = &self.recent[(address >> 4 ^ address >> 10) % RECENT];
                let (known, number) = recent.get();
                if known == address { number } else { self.look_up(shape, recent) }
            }
        }
    }

    #[cold]
    fn look_up(&self, shape: &'static Shape, recent: &Cell<(usize, u16)>) -> u16 {
        let known = &mut *self.known.borrow_mut();
        let place = known.iter().position(|other| ptr::eq(*other, shape)).unwrap_or_else(|| {
            if known.len() < TYPES_MAX {
                known.push(shape);
            }
            known.len() - 1 // beyond the last, all are one
        });
        let number = u16::try_from(place + FIRST_TYPE).expect("10 bits");
        recent.set((ptr::from_ref(shape).addr(), number));
        number
    }

    fn at(&self, number: u64) -> Option<What> {
        let number = usize::try_from(number).ok()?;
        match number.checked_sub(FIRST_TYPE) {
            Some(place) => self.known.borrow().get(place).copied().map(What::Message),
            None => Some(if number == usize::from(BEGAN) { What::Began } else { What::Spawned }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(number: u32) -> Step {
        let core = CoreId::new(9);
        let what = match number % 4 {
            0 => What::Spawned,
            1 => What::Message(Shape::of::<u64>()),
            2 => What::Message(Shape::of::<String>()),
            _ => What::Began,
        };
        Step {
            from: (!number.is_multiple_of(7))
                .then(|| Pid::new(core, number % (1 << 24), number + 1)),
            to: (!number.is_multiple_of(5))
                .then(|| Pid::new(CoreId::new(1023), number, (1 << 30) - 1)),
            what,
            at: Tick::from_nanos(u64::from(number) << TICK_SHIFT),
        }
    }

    #[test]
    fn an_event_is_read_as_it_was_written_until_32768_later() {
        let events = Events::of(CoreId::new(9), 5);
        let begun = Cause::new(7, Sequence::begun(true));
        let (kept, total) = (u32::try_from(EVENTS_KEPT).unwrap(), 100_000_u32);
        let written: Vec<_> = (0..total).map(|n| events.note(begun, step(n)).sequence()).collect();
        for (number, sequence) in (0..total).zip(&written) {
            let found = events.find(*sequence);
            if number < total - kept {
                assert_eq!(found, None, "{number}");
                continue;
            }
            let (found, step) = (found.unwrap(), step(number));
            assert_eq!(found.sequence, *sequence);
            assert_eq!(found.parent, begun.sequence());
            assert_eq!((found.from, found.to, found.what), (step.from, step.to, step.what));
            assert_eq!(u64::from(found.tick), u64::from(number) & mask(TICK_BITS));
        }
        assert_eq!(events.all().count(), EVENTS_KEPT);
        assert_eq!(events.all().last().map(|event| event.sequence), written.last().copied());
    }

    #[test]
    fn nothing_is_known_of_what_is_to_come_or_is_of_another_core() {
        let (events, other) = (Events::of(CoreId::new(3), 40), Events::of(CoreId::new(4), 0));
        let begun = Cause::new(7, Sequence::begun(false));
        let first = events.note(begun, step(1)).sequence();
        assert_eq!(other.find(first), None);
        for other in [0, 39, 41] {
            assert_eq!(events.find(Sequence::of(CoreId::new(3), other, false)), None);
        }
        assert_eq!(events.find(first).map(|event| event.sequence), Some(first));
    }
}
