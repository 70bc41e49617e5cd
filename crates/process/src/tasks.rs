//! Tasks are what a process does beside its root, on the same turns and the same memory.
//!
//! Each has its place, a bit that says it is ready, and the cause that it was made under. A task is taken out while it is polled
//! or dropped, so that what it does to others, or to itself, finds the table whole.

use crate::body::Body;
use crate::cause::Cause;
use std::cell::{Cell, RefCell};

/// The most tasks of a process; their numbers begin at one, the root is zero.
pub(crate) const TASKS_MAX: u16 = (1 << 12) - 1;

/// The tasks of one process.
#[derive(Debug, Default)]
pub(crate) struct Tasks {
    slots: RefCell<Vec<Slot>>,
    ready: RefCell<Vec<u64>>,
    next_serial: Cell<u64>,
}

#[derive(Debug)]
struct Slot {
    /// Zero while the place is free; else how manieth task this is.
    serial: u64,
    cause: Cause,
    /// Whether it goes on when its process is cancelled, or its root has ended.
    is_finishing: bool,
    /// Not there while the task is polled.
    body: Option<Body>,
}

/// A task taken out to be polled.
#[derive(Debug)]
pub(crate) struct Polled {
    pub(crate) number: u16,
    pub(crate) cause: Cause,
    pub(crate) is_finishing: bool,
    pub(crate) body: Body,
    serial: u64,
}

impl Tasks {
    /// Adds a task, ready to be polled; says its number and serial.
    /// # Panics
    /// If the process has `TASKS_MAX` tasks.
    pub(crate) fn add(&self, cause: Cause, is_finishing: bool, body: Body) -> (u16, u64) {
        let slots = &mut *self.slots.borrow_mut();
        self.next_serial.set(self.next_serial.get() + 1);
        let slot = Slot { serial: self.next_serial.get(), cause, is_finishing, body: Some(body) };
        let index = slots.iter().position(|slot| slot.serial == 0).unwrap_or(slots.len());
        assert!(index < usize::from(TASKS_MAX), "a process has at most {TASKS_MAX} tasks");
        if index == slots.len() {
            slots.push(slot);
        } else {
            slots[index] = slot;
        }
        let number = u16::try_from(index + 1).expect("compared with the most there are");
        self.set_ready(number);
        (number, self.next_serial.get())
    }

    /// Says that a task is to be polled.
    pub(crate) fn set_ready(&self, number: u16) {
        let ready = &mut *self.ready.borrow_mut();
        let (word, bit) = (usize::from(number) / 64, number % 64);
        if ready.len() <= word {
            ready.resize(word + 1, 0);
        }
        ready[word] |= 1 << bit;
    }

    /// Says that all tasks are to be polled; how many those are.
    pub(crate) fn set_all_ready(&self) -> usize {
        let count = self.slots.borrow().len();
        let mut number = 0;
        while usize::from(number) < count {
            number += 1;
            self.set_ready(number);
        }
        count
    }

    /// Takes out a task that is ready.
    pub(crate) fn take_ready(&self) -> Option<Polled> {
        loop {
            let number = {
                let ready = &mut *self.ready.borrow_mut();
                let word = ready.iter().position(|word| *word != 0)?;
                let bit = ready[word].trailing_zeros();
                ready[word] &= ready[word] - 1;
                u16::try_from(word * 64 + bit as usize).expect("tasks have 12 bits")
            };
            // A waker of a task that is gone may have set the bit.
            if let Some(slot) = self.slots.borrow_mut().get_mut(usize::from(number).wrapping_sub(1))
                && let Some(body) = slot.body.take()
            {
                let (cause, is_finishing) = (slot.cause, slot.is_finishing);
                return Some(Polled { number, cause, is_finishing, body, serial: slot.serial });
            }
        }
    }

    /// Whether a task is ready.
    pub(crate) fn has_ready(&self) -> bool {
        self.ready.borrow().iter().any(|word| *word != 0)
    }

    /// Puts a polled task back, with the cause that it came to; its body comes back if it was cancelled meanwhile.
    pub(crate) fn put_back(&self, polled: Polled) -> Option<Body> {
        let slots = &mut *self.slots.borrow_mut();
        match slots.get_mut(usize::from(polled.number) - 1) {
            Some(slot) if slot.serial == polled.serial => {
                slot.cause = polled.cause;
                slot.body = Some(polled.body);
                None
            }
            _ => Some(polled.body),
        }
    }

    /// Ends a task that is done: its place is free.
    pub(crate) fn finish(&self, polled: Polled) {
        drop(self.end(polled.number, polled.serial));
        drop(polled); // the user's future, with nothing borrowed
    }

    /// Ends a task, if it is still there; its body is the caller's to drop, unless it is being polled.
    pub(crate) fn end(&self, number: u16, serial: u64) -> Option<Body> {
        let slots = &mut *self.slots.borrow_mut();
        let slot = slots.get_mut(usize::from(number) - 1).filter(|slot| slot.serial == serial)?;
        slot.serial = 0;
        slot.body.take()
    }

    /// Whether some task is to go on although the root has ended.
    pub(crate) fn are_finishing(&self) -> bool {
        self.slots.borrow().iter().any(|slot| slot.serial > 0 && slot.is_finishing)
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.slots.borrow().iter().all(|slot| slot.serial == 0)
    }

    /// Takes out the youngest that is left.
    pub(crate) fn take_youngest(&self) -> Option<Body> {
        self.take_youngest_of(|_| true)
    }

    /// The same of those that do not go on when the root has ended.
    pub(crate) fn take_youngest_unfinishing(&self) -> Option<Body> {
        self.take_youngest_of(|slot| !slot.is_finishing)
    }

    fn take_youngest_of(&self, picks: impl Fn(&Slot) -> bool) -> Option<Body> {
        let slots = &mut *self.slots.borrow_mut();
        let left = slots.iter_mut().filter(|slot| slot.body.is_some() && picks(slot));
        let youngest = left.max_by_key(|slot| slot.serial)?;
        youngest.serial = 0;
        youngest.body.take()
    }
}
