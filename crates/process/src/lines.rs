//! A line is who waits for room in a mailbox, first come first served.
//!
//! ```text
//! line u32 ──► first ◄──► next ◄──► last ──► first      entries of one table a core, linked in a ring
//! ```
//!
//! In it stand messages, each still in the future that sends it; those who want only to know that there is room; cores that ask
//! for a lease; and messages of threads that are no core. Who leaves early is unlinked at once, so a line is as long as those
//! who wait. Cost: nothing while nobody waits.
#![expect(
    unsafe_code,
    reason = "a message that stands in line is in somebody's future; all of it is in `raw` below"
)]

pub(crate) use raw::InFuture;

use crate::parcel::{Envelope, Parcel};
use crate::pid::CoreId;
use crate::waits::Opened;
use std::cell::{Cell, RefCell};

/// Who stands in a line.
#[derive(Debug)]
pub(crate) enum Waiting {
    /// A message, in the landing of the wait that it is sent or called with.
    Message(InFuture),
    /// Somebody who wants to hear when there is room for a message of this weight.
    Room { wait: Opened, weight_bytes: u32 },
    /// A core that asks for room of its own.
    Ask { core: CoreId, weight_bytes: u32 },
    /// A message that was accepted from a thread that is no core.
    Outside { message: Envelope, weight_bytes: u32 },
}

/// What the first in a line wants, without taking it out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Wants {
    /// Room for a message of this weight.
    Message(u32),
    /// To hear that there is so much.
    Room(u32),
    /// A lease for a message of at least this weight.
    Lease(u32),
}

/// One line; zero while nobody stands in it, else the first's place and one.
#[derive(Debug, Default)]
pub(crate) struct Queue(Cell<u32>);

impl Queue {
    pub(crate) const fn new() -> Self {
        Self(Cell::new(0))
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.get() == 0
    }
}

/// All lines of a core.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    entries: RefCell<Vec<Entry>>,
    free: RefCell<Vec<u32>>,
}

#[derive(Debug)]
struct Entry {
    next: u32,
    prev: u32,
    waiting: Option<Waiting>,
}

impl Lines {
    /// Puts somebody last; says its place.
    pub(crate) fn push(&self, line: &Queue, waiting: Waiting) -> u32 {
        let entries = &mut *self.entries.borrow_mut();
        let place = self.free.borrow_mut().pop().unwrap_or_else(|| {
            entries.push(Entry { next: 0, prev: 0, waiting: None });
            u32::try_from(entries.len() - 1).expect("who waits is fewer than slots")
        });
        let (next, prev) = match line.0.get() {
            0 => {
                line.0.set(place + 1);
                (place, place)
            }
            first => (first - 1, entries[first as usize - 1].prev),
        };
        entries[place as usize] = Entry { next, prev, waiting: Some(waiting) };
        entries[prev as usize].next = place;
        entries[next as usize].prev = place;
        place
    }

    /// What the first wants.
    pub(crate) fn first(&self, line: &Queue) -> Option<Wants> {
        let place = line.0.get().checked_sub(1)?;
        match self.entries.borrow()[place as usize].waiting.as_ref()? {
            Waiting::Message(message) => Some(Wants::Message(message.note().weight_bytes)),
            Waiting::Room { weight_bytes, .. } => Some(Wants::Room(*weight_bytes)),
            Waiting::Ask { weight_bytes, .. } => Some(Wants::Lease(*weight_bytes)),
            Waiting::Outside { weight_bytes, .. } => Some(Wants::Message(*weight_bytes)),
        }
    }

    /// Whether nobody stands before who stands at `place`.
    pub(crate) fn is_first(&self, line: &Queue, place: u32) -> bool {
        line.0.get() == place + 1
    }

    /// How many units of a lane the first takes.
    pub(crate) fn first_units(&self, line: &Queue) -> usize {
        let Some(place) = line.0.get().checked_sub(1) else { return 0 };
        match &self.entries.borrow()[place as usize].waiting {
            Some(Waiting::Message(message)) => Parcel::units_for(message.shape()),
            _ => 0,
        }
    }

    /// Takes the first out.
    pub(crate) fn pop(&self, line: &Queue) -> Option<Waiting> {
        let place = line.0.get().checked_sub(1)?;
        Some(self.remove(line, place))
    }

    /// Takes out who stands at `place` of `line`.
    pub(crate) fn remove(&self, line: &Queue, place: u32) -> Waiting {
        let entries = &mut *self.entries.borrow_mut();
        let Entry { next, prev, ref mut waiting } = entries[place as usize];
        let waiting = waiting.take().expect("who is taken out of a line stands in it");
        if next == place {
            line.0.set(0);
        } else {
            entries[prev as usize].next = next;
            entries[next as usize].prev = prev;
            if line.0.get() == place + 1 {
                line.0.set(next + 1);
            }
        }
        self.free.borrow_mut().push(place);
        waiting
    }

    /// Takes out the first that `wanted` picks.
    pub(crate) fn remove_first(
        &self,
        line: &Queue,
        wanted: impl Fn(&Waiting) -> bool,
    ) -> Option<Waiting> {
        let first = line.0.get().checked_sub(1)?;
        let mut place = first;
        loop {
            let next = {
                let entries = self.entries.borrow();
                let entry = &entries[place as usize];
                if entry.waiting.as_ref().is_some_and(&wanted) {
                    break;
                }
                entry.next
            };
            if next == first {
                return None;
            }
            place = next;
        }
        Some(self.remove(line, place))
    }
}

/// Whose message stands in a line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Who {
    pub(crate) wait: Opened,
    /// Whether an answer is to follow.
    pub(crate) is_call: bool,
}

mod raw {
    use super::Who;
    use crate::mail::Note;
    use crate::message::Visit;
    use crate::parcel::Parcel;
    use crate::pid::Pid;
    use crate::shape::Shape;

    /// A message in the landing of an open wait. # Invariants
    /// 1. As long as this is, `at` holds a value of the shape's type, which leaves only by a method that uses this up.
    /// 2. Who closes the wait, or lets something land there, has taken this out of its line before, and dropped it.
    #[derive(Debug)]
    pub(crate) struct InFuture {
        at: *mut u8,
        shape: &'static Shape,
        note: Note,
        who: Who,
    }

    impl InFuture {
        /// Notes a message that is to stand in the line of the mailbox that it is for.
        /// # Safety
        /// Both invariants, and that mailbox is of the shape.
        pub(crate) unsafe fn new(at: *mut u8, shape: &'static Shape, note: Note, who: Who) -> Self {
            Self { at, shape, note, who }
        }

        pub(crate) fn note(&self) -> Note {
            self.note
        }

        pub(crate) fn shape(&self) -> &'static Shape {
            self.shape
        }

        pub(crate) fn who(&self) -> Who {
            self.who
        }

        /// Shows a visitor the message.
        pub(crate) fn visit(&mut self, by: &mut Visit<'_>) {
            // SAFETY: invariant 1; what stands in a line is looked at by nobody else (2).
            unsafe { self.shape.visit_value(self.at, by) };
        }

        /// Moves the message out of its future, into what the shape carries it as.
        /// # Safety
        /// `carried` takes what the shape carries.
        pub(crate) unsafe fn load(self, carried: *mut u8) {
            // SAFETY: invariant 1, and the caller's word.
            unsafe { self.shape.load(self.at, carried) };
        }

        /// Moves the message out of its future into a parcel to the mailbox that it is for.
        pub(crate) fn pack(self, to: Pid, parcel: &mut Parcel) {
            let (shape, note) = (self.shape, self.note);
            // SAFETY: a parcel has room for what the shape carries.
            let fill = |carried: *mut u8| unsafe { self.load(carried) };
            // SAFETY: that mailbox is of the shape, by the word of who made this.
            unsafe { parcel.carried(to, shape, note, fill) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{ProptestConfig, prop_assert_eq, proptest};
    use std::collections::VecDeque;

    fn ask(number: u32) -> Waiting {
        Waiting::Ask { core: CoreId::new(0), weight_bytes: number }
    }

    fn number(waiting: &Waiting) -> u32 {
        let Waiting::Ask { weight_bytes, .. } = waiting else { panic!("{waiting:?}") };
        *weight_bytes
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: if cfg!(miri) { 4 } else { 256 }, failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn lines_agree_with_vecdeques(steps in proptest::collection::vec((0_usize..3, 0_u8..5, 0_usize..100), 0..200)) {
            let lines = Lines::default();
            let queues: [Queue; 3] = Default::default();
            let mut models: [VecDeque<(u32, u32)>; 3] = Default::default();
            for (at, (which, step, pick)) in (0_u32..).zip(steps) {
                let (queue, model) = (&queues[which], &mut models[which]);
                match step {
                    0 | 1 => model.push_back((lines.push(queue, ask(at)), at)),
                    2 => prop_assert_eq!(lines.pop(queue).map(|waiting| number(&waiting)), model.pop_front().map(|(_, at)| at)),
                    3 if !model.is_empty() => {
                        let (place, at) = model.remove(pick % model.len()).unwrap();
                        prop_assert_eq!(number(&lines.remove(queue, place)), at);
                    }
                    _ => {
                        let picked = |waiting: &Waiting| number(waiting) % 7 == u32::try_from(pick).unwrap() % 7;
                        let expected = model.iter().position(|(_, at)| at % 7 == u32::try_from(pick).unwrap() % 7);
                        let expected = expected.and_then(|index| model.remove(index)).map(|(_, at)| at);
                        prop_assert_eq!(lines.remove_first(queue, picked).map(|waiting| number(&waiting)), expected);
                    }
                }
                prop_assert_eq!(queue.is_empty(), model.is_empty());
                prop_assert_eq!(lines.first(queue), model.front().map(|(_, at)| Wants::Lease(*at)));
            }
        }
    }
}
