//! Who is ready runs in slices: 64 messages or 100 us, shared by a process and those that it wakes.
//!
//! ```text
//! woken       just became ready: the next to run, on what is left of the slice
//! exhausted   used up the slice: run when nobody is woken, each with a new one
//! slice spent: all of woken moves behind exhausted, in order. So two that wake each other cannot keep a third away.
//! ```
//!
//! Two such pairs: interactive, and background, which has every 16th turn and those that nobody else wants. A list is linked
//! through the control blocks: 10^5 idle processes are in none and cost nothing.

use crate::block::Block;
use crate::bounds::Class;
use crate::table::Table;
use crate::tick::Tick;
use std::cell::Cell;
use std::time::Duration;

/// How many messages, and how many polls, a slice is.
const SLICE_MESSAGES: u32 = 64;
/// How long a slice is.
const SLICE: Duration = Duration::from_micros(100);
/// Every how manieth turn is background's.
const BACKGROUND_EVERY: u32 = 16;
/// Every how manieth unit of work the clock is read.
const CLOCK_EVERY: u32 = 16;

const NONE: u32 = u32::MAX;

/// All that are ready to run on a core.
#[derive(Debug)]
pub(crate) struct Ready {
    classes: [Lists; 2],
    current: Cell<usize>,
    turns: Cell<u32>,
    units: Cell<u32>,
    /// The state of a generator that says who comes first; zero: who came first.
    dice: Cell<u64>,
}

#[derive(Debug)]
struct Lists {
    woken: List,
    exhausted: List,
    /// How many are in both lists.
    count: Cell<u32>,
    messages_left: Cell<u32>,
    polls_left: Cell<u32>,
    ends: Cell<Tick>,
}

/// A list through the `next` of control blocks.
#[derive(Debug)]
struct List {
    head: Cell<u32>,
    tail: Cell<u32>,
}

impl List {
    fn new() -> Self {
        Self { head: Cell::new(NONE), tail: Cell::new(NONE) }
    }

    fn is_empty(&self) -> bool {
        self.head.get() == NONE
    }

    #[inline]
    fn push(&self, table: &Table, slot: u32, block: &Block) {
        block.next.set(NONE);
        match self.tail.replace(slot) {
            NONE => self.head.set(slot),
            tail => table.block(tail).next.set(slot),
        }
    }

    fn push_first(&self, slot: u32, block: &Block) {
        block.next.set(self.head.replace(slot));
        if self.tail.get() == NONE {
            self.tail.set(slot);
        }
    }

    #[inline]
    fn pop<'a>(&self, table: &'a Table) -> Option<(u32, &'a Block)> {
        let slot = self.head.get();
        if slot == NONE {
            return None;
        }
        let block = table.block(slot);
        let next = block.next.get();
        self.head.set(next);
        if next == NONE {
            self.tail.set(NONE);
        } else {
            table.ask_for(next); // it runs next: its lines come while this one runs
        }
        Some((slot, block))
    }

    fn append(&self, table: &Table, other: &Self) {
        if other.is_empty() {
            return;
        }
        let head = other.head.replace(NONE);
        match self.tail.replace(other.tail.replace(NONE)) {
            NONE => self.head.set(head),
            tail => table.block(tail).next.set(head),
        }
    }
}

impl Lists {
    fn new() -> Self {
        Self {
            woken: List::new(),
            exhausted: List::new(),
            count: Cell::new(0),
            messages_left: Cell::new(0),
            polls_left: Cell::new(0),
            ends: Cell::new(Tick::START),
        }
    }

    fn is_empty(&self) -> bool {
        self.count.get() == 0
    }

    fn is_spent(&self) -> bool {
        self.messages_left.get() == 0 || self.polls_left.get() == 0
    }

    fn spend_all(&self) {
        self.messages_left.set(0);
    }
}

impl Ready {
    pub(crate) fn new() -> Self {
        Self {
            classes: [Lists::new(), Lists::new()],
            current: Cell::new(0),
            turns: Cell::new(0),
            units: Cell::new(0),
            dice: Cell::new(0),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.classes.iter().all(Lists::is_empty)
    }

    fn lists(&self, block: &Block) -> &Lists {
        &self.classes[usize::from(block.class() == Class::Background)]
    }

    /// Puts a process behind those that just became ready, unless it is in a list, or it is its turn.
    #[inline]
    pub(crate) fn wake(&self, table: &Table, slot: u32, block: &Block) {
        if block.begin_listed() {
            let lists = self.lists(block);
            lists.count.set(lists.count.get() + 1);
            if self.dice.get() != 0 && self.draws_first() {
                lists.woken.push_first(slot, block);
            } else {
                lists.woken.push(table, slot, block);
            }
        }
    }

    /// From here on it is drawn from a seed whether who becomes ready stands first or last.
    pub(crate) fn shuffle(&self, seed: u64) {
        self.dice.set(seed | 1);
    }

    #[cold]
    fn draws_first(&self) -> bool {
        let mut drawn = self.dice.get(); // xorshift64: never zero
        drawn ^= drawn << 13;
        drawn ^= drawn >> 7;
        drawn ^= drawn << 17;
        self.dice.set(drawn);
        drawn >> 63 == 1
    }

    /// Puts a process that used up its slice behind the others that did.
    pub(crate) fn exhaust(&self, table: &Table, slot: u32, block: &Block) {
        if block.begin_listed() {
            let lists = self.lists(block);
            lists.count.set(lists.count.get() + 1);
            lists.exhausted.push(table, slot, block);
        }
    }

    /// Chooses who runs next. `now` is asked when a slice begins.
    #[inline]
    pub(crate) fn choose<'a>(
        &self,
        table: &'a Table,
        now: impl FnOnce() -> Tick,
    ) -> Option<(u32, &'a Block)> {
        let [interactive, background] = &self.classes;
        let turn = self.turns.get().wrapping_add(1);
        let backgrounds = !background.is_empty()
            && (turn.is_multiple_of(BACKGROUND_EVERY) || interactive.is_empty());
        let class = usize::from(backgrounds);
        let lists = &self.classes[class];
        if lists.is_empty() {
            return None;
        }
        if lists.is_spent() {
            lists.exhausted.append(table, &lists.woken);
        }
        let next = lists.woken.pop(table).or_else(|| {
            lists.messages_left.set(SLICE_MESSAGES);
            lists.polls_left.set(SLICE_MESSAGES);
            lists.ends.set(now().after(SLICE));
            lists.exhausted.pop(table)
        });
        let (slot, block) = next.expect("the count says that somebody is listed");
        lists.count.set(lists.count.get() - 1);
        self.turns.set(turn);
        self.current.set(class);
        block.end_listed();
        Some((slot, block))
    }

    /// After a turn: what nobody is left to use of a slice is over.
    #[inline]
    pub(crate) fn after_turn(&self) {
        let lists = &self.classes[self.current.get()];
        if lists.is_empty() {
            lists.spend_all();
        }
    }

    /// Whether nothing is left of the slice.
    #[inline]
    pub(crate) fn is_spent(&self) -> bool {
        self.classes[self.current.get()].is_spent()
    }

    /// Ends the slice: who is running gives way to all others.
    pub(crate) fn give_way(&self) {
        self.classes[self.current.get()].spend_all();
    }

    /// Ends the slice if its time is over: after work that is neither message nor poll.
    pub(crate) fn look_at_time(&self, now: Tick) {
        let lists = &self.classes[self.current.get()];
        if now >= lists.ends.get() {
            lists.spend_all();
        }
    }

    /// Takes a message's share of the slice; false if nothing is left.
    #[inline]
    pub(crate) fn spend_message(&self, now: impl FnOnce() -> Tick) -> bool {
        let lists = &self.classes[self.current.get()];
        if lists.is_spent() {
            return false;
        }
        lists.messages_left.set(lists.messages_left.get() - 1);
        self.count_unit(now);
        true
    }

    /// Takes a poll's share of the slice.
    #[inline]
    pub(crate) fn spend_poll(&self, now: impl FnOnce() -> Tick) {
        let left = &self.classes[self.current.get()].polls_left;
        left.set(left.get().saturating_sub(1));
        self.count_unit(now);
    }

    #[inline]
    fn count_unit(&self, now: impl FnOnce() -> Tick) {
        let units = self.units.get().wrapping_add(1);
        self.units.set(units);
        let lists = &self.classes[self.current.get()];
        if units.is_multiple_of(CLOCK_EVERY) && now() >= lists.ends.get() {
            lists.spend_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bounds::{Bounds, Full};
    use crate::pid::CoreId;
    use crate::table::Plan;

    fn table(classes: &[Class]) -> Table {
        let table = Table::new(CoreId::new(0), 64, 1);
        for class in classes {
            table
                .claim::<u8>(Plan {
                    name: "",
                    bounds: Bounds::default(),
                    full: Full::Wait,
                    class: *class,
                })
                .unwrap();
        }
        table
    }

    fn wake(ready: &Ready, table: &Table, slot: u32) {
        ready.wake(table, slot, table.block(slot));
    }

    #[test]
    fn two_that_wake_each_other_delay_a_third_by_one_slice() {
        let (table, ready) = (table(&[Class::Interactive; 3]), Ready::new());
        (0..3).for_each(|slot| wake(&ready, &table, slot));
        let mut runs = [0_u32; 3];
        let mut since_third = 0;
        for _ in 0..10_000 {
            let (slot, _) = ready.choose(&table, || Tick::START).unwrap();
            runs[slot as usize] += 1;
            since_third = if slot == 2 { 0 } else { since_third + 1 };
            assert!(since_third <= SLICE_MESSAGES * 3 + 1, "{runs:?}");
            assert!(ready.spend_message(|| Tick::START) || ready.is_spent());
            if slot == 2 {
                ready.exhaust(&table, 2, table.block(2));
            } else {
                wake(&ready, &table, 1 - slot);
            }
            ready.after_turn();
        }
    }

    #[test]
    fn background_has_one_turn_in_sixteen_and_all_that_nobody_wants() {
        let (table, ready) = (table(&[Class::Interactive, Class::Background]), Ready::new());
        let mut turns = [0; 2];
        wake(&ready, &table, 1);
        for _ in 0..1600 {
            wake(&ready, &table, 0);
            let (slot, _) = ready.choose(&table, || Tick::START).unwrap();
            turns[slot as usize] += 1;
            wake(&ready, &table, slot);
            ready.after_turn();
        }
        assert_eq!(turns, [1500, 100]);
        let (table, ready) = (self::table(&[Class::Background]), Ready::new());
        wake(&ready, &table, 0);
        assert_eq!(ready.choose(&table, || Tick::START).map(|(slot, _)| slot), Some(0));
        assert!(ready.choose(&table, || Tick::START).is_none());
    }

    #[test]
    fn a_slice_ends_by_messages_or_by_time() {
        let (table, ready) = (table(&[Class::Interactive]), Ready::new());
        wake(&ready, &table, 0);
        ready.choose(&table, || Tick::START).unwrap();
        assert_eq!((0..100).filter(|_| ready.spend_message(|| Tick::START)).count(), 64);
        wake(&ready, &table, 0);
        ready.choose(&table, || Tick::START).unwrap();
        let late = Tick::START.after(SLICE);
        assert!((0..100).filter(|_| ready.spend_message(|| late)).count() <= 16);
    }
}
