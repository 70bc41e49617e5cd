//! A weak pointer leads to an object for as long as something else keeps it: through a cell in the heap that is emptied when it goes.
//!
//! The cell is an object without pointers, so that no collection takes it for a reason to keep anything. A minor looks at the cells that
//! were born since, or whose objects were; a deeper one at all.
#![expect(unsafe_code, reason = "reads what the listed cells hold")]

use core::cell::Cell;
use core::ptr::NonNull;

use crate::objects::object::Object;

/// What a cell holds: the header of the object, or null.
#[derive(Debug)]
pub(crate) struct Target(pub(crate) Cell<*mut u8>);

/// All cells of a heap.
#[derive(Debug, Default)]
pub(crate) struct Weaks {
    /// Those of which something is in the nursery.
    fresh: Vec<Object>,
    /// The others.
    settled: Vec<Object>,
}

impl Weaks {
    /// A cell was made.
    pub(crate) fn add(&mut self, cell: Object) {
        self.fresh.push(cell);
    }

    /// Everything that lives was moved out of the nursery's chunks: follows it, and empties the cells of what was not.
    pub(crate) fn follow(&mut self) {
        let settled = &mut self.settled;
        self.fresh.retain_mut(|cell| {
            let Some(now) = cell.moved().or_else(|| cell.is_stable().then_some(*cell)) else {
                return false;
            };
            *cell = now;
            let place = target_of(now);
            let target = NonNull::new(place.get()).map(Object::at);
            let target = target
                .and_then(|target| target.moved().or_else(|| target.is_stable().then_some(target)));
            place.set(target.map_or(core::ptr::null_mut(), |target| target.header().as_ptr()));
            let is_settled = now.is_stable() && target.is_none_or(Object::is_stable);
            if is_settled {
                settled.push(now);
            }
            !is_settled
        });
    }

    /// Forgets the cells that are found dead, and empties those whose objects are.
    pub(crate) fn clear(&mut self, is_dead: impl Fn(Object) -> bool) {
        for list in [&mut self.fresh, &mut self.settled] {
            list.retain(|cell| {
                if is_dead(*cell) {
                    return false;
                }
                let place = target_of(*cell);
                if NonNull::new(place.get()).is_some_and(|target| is_dead(Object::at(target))) {
                    place.set(core::ptr::null_mut());
                }
                true
            });
        }
    }

    /// All cells.
    pub(crate) fn cells(&self) -> impl Iterator<Item = Object> {
        self.fresh.iter().chain(&self.settled).copied()
    }

    pub(crate) fn count(&self) -> usize {
        self.fresh.len() + self.settled.len()
    }
}

/// What the cell holds.
pub(crate) fn target_of<'a>(cell: Object) -> &'a Cell<*mut u8> {
    // SAFETY: only cells are listed, and their value is a target; a target without pointers is not traced, so nobody else has it.
    unsafe { &cell.value().cast::<Target>().as_ref().0 }
}
