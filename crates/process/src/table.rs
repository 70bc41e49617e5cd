//! The table has a control block for each process of a core, found by slot, refused by generation.
//!
//! ```text
//! blocks in one run of memory that never moves, used from the front; a slot that was left counts its generation up and is used
//! again, until its generations are used up: then it is retired
//! ```
//!
//! Cost: a block is found by a comparison and an addition; 128 B for each slot that was ever used at once, and address space for
//! the others.
#![expect(
    unsafe_code,
    reason = "gives messages back as the type that their process was made with; all of it is in `raw` below"
)]

pub(crate) use raw::{Held, Table};

use crate::bounds::{Bounds, Class, Full};
use crate::shape::Shape;

/// What processes spawned at one place have in common.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    pub(crate) shape: &'static Shape,
    pub(crate) full: Full,
    pub(crate) class: Class,
}

impl PartialEq for Kind {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.name, other.name)
            && std::ptr::eq(self.shape, other.shape)
            && (self.full, self.class) == (other.full, other.class)
    }
}

/// What a new process is to have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) name: &'static str,
    pub(crate) bounds: Bounds,
    pub(crate) full: Full,
    pub(crate) class: Class,
}

mod raw {
    use super::{Kind, Plan};
    use crate::address::Address;
    use crate::block::{Block, Life};
    use crate::lines::InFuture;
    use crate::mail::Note;
    use crate::message::{Message, Visit};
    use crate::parcel::Cargo;
    use crate::pid::{CoreId, GENERATION_MAX, Pid, SLOTS_MAX};
    use crate::pool::Pool;
    use crate::shape::Shape;
    use std::cell::{Cell, RefCell, UnsafeCell};
    use std::fmt;
    use std::marker::PhantomData;
    use std::mem::MaybeUninit;

    const NONE: u32 = u32::MAX;

    /// The blocks of a core. # Invariants
    /// 1. The mail of the process at a slot and generation holds messages of the type that `claim` gave the address of, and its
    ///    kind has that shape. A generation of a slot is claimed once.
    /// 2. The first `made` of `blocks` are initialised; `made` never falls. They are used through `&Block` only.
    pub(crate) struct Table {
        core: CoreId,
        blocks: Box<[MaybeUninit<UnsafeCell<Block>>]>,
        first_generation: u32,
        made: Cell<u32>,
        free: Cell<u32>,
        live: Cell<u32>,
        kinds: RefCell<Vec<Kind>>,
    }

    impl Table {
        pub(crate) fn new(core: CoreId, slots_max: u32, first_generation: u32) -> Self {
            assert!(slots_max > 0 && slots_max <= SLOTS_MAX, "a core has up to {SLOTS_MAX} slots");
            Self {
                core,
                blocks: Box::new_uninit_slice(slots_max as usize),
                first_generation,
                made: Cell::new(0),
                free: Cell::new(NONE),
                live: Cell::new(0),
                kinds: RefCell::default(),
            }
        }

        /// How many processes there are.
        pub(crate) fn live(&self) -> u32 {
            self.live.get()
        }

        /// How many slots were ever used.
        pub(crate) fn made(&self) -> u32 {
            self.made.get()
        }

        /// The block at a slot that was used.
        #[inline]
        pub(crate) fn block(&self, slot: u32) -> &Block {
            assert!(slot < self.made.get(), "a slot that was used has a block");
            // SAFETY: invariant 2.
            unsafe { self.block_at(slot) }
        }

        /// # Safety
        /// The slot was made.
        #[inline]
        unsafe fn block_at(&self, slot: u32) -> &Block {
            let block = self.place(slot);
            // SAFETY: the caller's word, and invariant 2: initialised, inside the run, and never lent otherwise.
            unsafe { &*block }
        }

        fn place(&self, slot: u32) -> *mut Block {
            let places = self.blocks.as_ptr().cast::<UnsafeCell<Block>>();
            UnsafeCell::raw_get(places.wrapping_add(slot as usize))
        }

        /// The block of a process that lives or rests; none if it is gone.
        #[inline]
        pub(crate) fn find(&self, slot: u32, generation: u32) -> Option<&Block> {
            if slot >= self.made.get() {
                return None;
            }
            // SAFETY: invariant 2.
            let block = unsafe { self.block_at(slot) };
            (block.generation.get() == generation && block.life() != Life::Vacant).then_some(block)
        }

        /// The block of a process that lives.
        #[inline]
        pub(crate) fn find_live(&self, pid: Pid) -> Option<&Block> {
            self.find(pid.slot(), pid.generation()).filter(|block| block.life() == Life::Live)
        }

        /// Has a block fetched into the cache that is soon used.
        #[inline]
        pub(crate) fn ask_for(&self, slot: u32) {
            let place = self.place(slot).cast::<i8>();
            #[cfg(target_arch = "x86_64")]
            // SAFETY: a prefetch reads nothing and takes any address.
            unsafe {
                std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(place);
            }
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the same.
            unsafe {
                std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(
                    place.wrapping_add(64),
                );
            }
            let _: *mut i8 = place;
        }

        /// The pid of who has the slot.
        #[inline]
        pub(crate) fn pid(&self, slot: u32) -> Pid {
            self.pid_of(slot, self.block(slot))
        }

        /// The same, where the block is known.
        #[inline]
        pub(crate) fn pid_of(&self, slot: u32, block: &Block) -> Pid {
            Pid::new(self.core, slot, block.generation.get())
        }

        pub(crate) fn kind(&self, block: &Block) -> Kind {
            self.kinds.borrow()[block.kind.get() as usize]
        }

        /// The name that a process was spawned with, as long as its slot is not another's.
        pub(crate) fn name_of(&self, pid: Pid) -> Option<&'static str> {
            if pid.slot() >= self.made.get() {
                return None;
            }
            let block = self.block(pid.slot());
            let (is, was) = (block.generation.get(), pid.generation());
            let is_last = block.life() == Life::Vacant && is == was + 1;
            (is == was && block.life() != Life::Vacant || is_last).then(|| self.kind(block).name)
        }

        /// Takes a slot for a process with messages of `M`; none if all are used.
        pub(crate) fn claim<M: Message>(&self, plan: Plan) -> Option<Address<M>> {
            let slot = match self.free.get() {
                NONE => self.make_slot()?,
                slot => {
                    self.free.set(self.block(slot).next.get());
                    slot
                }
            };
            let block = self.block(slot);
            block.begin(plan.class, plan.full);
            block.mail.open(plan.bounds);
            block.kind.set(self.kind_index(Kind {
                name: plan.name,
                shape: Shape::of::<M>(),
                full: plan.full,
                class: plan.class,
            }));
            self.live.set(self.live.get() + 1);
            // SAFETY: invariant 1: from this line on, this generation of this slot has messages of `M`.
            Some(unsafe { Address::of(self.pid(slot)) })
        }

        fn make_slot(&self) -> Option<u32> {
            let slot = self.made.get();
            if slot as usize == self.blocks.len() {
                return None;
            }
            let block = self.place(slot);
            // SAFETY: inside the run; from `made` on nothing was lent.
            unsafe { block.write(Block::vacant(self.first_generation)) };
            self.made.set(slot + 1);
            Some(slot)
        }

        fn kind_index(&self, kind: Kind) -> u32 {
            let kinds = &mut *self.kinds.borrow_mut();
            // What was spawned last is spawned again, mostly.
            let index = kinds.iter().rposition(|known| *known == kind).unwrap_or_else(|| {
                kinds.push(kind);
                kinds.len() - 1
            });
            u32::try_from(index).expect("kinds are as few as the places that spawn")
        }

        /// Counts a process as over; its slot rests until it is left.
        pub(crate) fn rest(&self, slot: u32) {
            self.block(slot).set_life(Life::Resting);
            self.live.set(self.live.get() - 1);
        }

        /// Leaves a slot that rests: nobody has an address of it any more that is not refused by generation.
        pub(crate) fn leave(&self, slot: u32) {
            let block = self.block(slot);
            assert!(block.life() == Life::Resting, "a slot is left after it rested");
            block.set_life(Life::Vacant);
            block.generation.set(block.generation.get() + 1);
            if block.generation.get() < GENERATION_MAX {
                block.next.set(self.free.replace(slot));
            }
        }

        /// The first generation that any slot had.
        pub(crate) fn first_generation(&self) -> u32 {
            self.first_generation
        }

        /// The last generation that any slot has.
        pub(crate) fn last_generation(&self) -> u32 {
            (0..self.made.get())
                .map(|slot| self.block(slot).generation.get())
                .max()
                .unwrap_or(self.first_generation)
        }

        /// What an address leads to, if the process lives or rests.
        #[inline]
        pub(crate) fn held<M: Message>(&self, to: Address<M>) -> Option<Held<'_, M>> {
            let slot = to.pid().slot();
            let block = self.find(slot, to.pid().generation())?;
            Some(Held { pid: to.pid(), slot, block, messages: PhantomData })
        }

        /// Puts what is carried into the mail of a process; its bytes are held already.
        pub(crate) fn push_cargo(&self, block: &Block, pool: &Pool, note: Note, cargo: Cargo<'_>) {
            let shape = cargo.shape();
            debug_assert!(shape.name() == self.kind(block).shape.name(), "invariant 1");
            // SAFETY: a slot takes what the shape carries.
            let fill = |to: *mut u8| unsafe { cargo.move_to(to) };
            // SAFETY: the cargo came by the address of this process, so by invariant 1 its shape is that of the mail; what is
            // carried is moved in and not used again.
            unsafe { block.mail.push_carried(pool, shape, note, fill) };
        }

        /// Moves a message that stood in the line of a process from its future into the mail; its bytes are held already.
        pub(crate) fn push_waiting(&self, block: &Block, pool: &Pool, message: InFuture) {
            let (shape, note) = (message.shape(), message.note());
            debug_assert!(shape.name() == self.kind(block).shape.name(), "invariant 1");
            // SAFETY: a slot takes what the shape carries.
            let fill = |to: *mut u8| unsafe { message.load(to) };
            // SAFETY: whoever stands in the line of a process was sent to its address, so by invariant 1 with its shape.
            unsafe { block.mail.push_carried(pool, shape, note, fill) };
        }

        /// Takes the first message out of the mail of a process, and shows it without its type.
        pub(crate) fn pop_cargo<T>(
            &self,
            block: &Block,
            show: impl FnOnce(Note, Cargo<'_>) -> T,
        ) -> Option<T> {
            let shape = self.kind(block).shape;
            let mut carried = Carried(MaybeUninit::uninit());
            let at = carried.0.as_mut_ptr().cast::<u8>();
            // SAFETY: by invariant 1 the kind's shape is that of the mail; there is room for the largest.
            let note = unsafe { block.mail.pop_carried(shape, at) }?;
            // SAFETY: just moved there.
            Some(show(note, unsafe { Cargo::of(at, shape) }))
        }
    }

    impl Table {
        /// Takes the first message that `picks` picks out of the mail of a process; how many stood before it. `picks` does not
        /// panic.
        pub(crate) fn pop_picked<T>(
            &self,
            block: &Block,
            mut picks: impl FnMut(&mut dyn FnMut(&mut Visit<'_>)) -> bool,
            show: impl FnOnce(u16, Cargo<'_>) -> T,
        ) -> Option<T> {
            let shape = self.kind(block).shape;
            let mut carried = Carried(MaybeUninit::uninit());
            let at = carried.0.as_mut_ptr().cast::<u8>();
            let picks = |carried: *mut u8| {
                // SAFETY: the mail shows what it holds, which by invariant 1 is of the kind's shape, and nobody else looks at it.
                picks(&mut |by: &mut Visit<'_>| unsafe { shape.visit(carried, by) })
            };
            // SAFETY: by invariant 1 the kind's shape is that of the mail; there is room for the largest. What picks looks only.
            let (_, behind) = unsafe { block.mail.pop_picked(shape, at, picks) }?;
            // SAFETY: just moved there.
            Some(show(behind, unsafe { Cargo::of(at, shape) }))
        }
    }

    /// Room for what any shape carries.
    #[repr(align(16))]
    struct Carried(MaybeUninit<[u8; crate::shape::INLINE_BYTES_MAX]>);

    impl Drop for Table {
        fn drop(&mut self) {
            for slot in 0..self.made.get() {
                // SAFETY: invariant 2, and nobody borrows any more.
                unsafe { self.blocks[slot as usize].assume_init_drop() };
            }
        }
    }

    impl fmt::Debug for Table {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.debug_struct("Table")
                .field("made", &self.made)
                .field("live", &self.live)
                .finish_non_exhaustive()
        }
    }

    /// The block of a process whose messages are `M`.
    #[derive(Debug)]
    pub(crate) struct Held<'a, M> {
        pid: Pid,
        pub(crate) slot: u32,
        pub(crate) block: &'a Block,
        messages: PhantomData<fn(M) -> M>,
    }

    impl<M: Message> Held<'_, M> {
        /// The process.
        #[inline]
        pub(crate) fn pid(&self) -> Pid {
            self.pid
        }

        /// Puts a message last; its bytes are held already.
        #[inline]
        pub(crate) fn push(&self, pool: &Pool, note: Note, message: M) {
            // SAFETY: by the table's invariant 1 an address of `M` leads to mail of `M`.
            unsafe { self.block.mail.push(pool, note, message) };
        }

        /// Takes the first message, after its note was shown.
        /// # Panics
        /// If there is none.
        #[inline]
        pub(crate) fn pop(&self, show: impl FnOnce(&Note)) -> M {
            // SAFETY: the same.
            unsafe { self.block.mail.pop(show) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pid::{CoreId, GENERATION_MAX};

    const PLAN: Plan = Plan {
        name: "test",
        bounds: Bounds { messages: 1, bytes: 1 },
        full: Full::Wait,
        class: Class::Interactive,
    };

    #[test]
    fn a_slot_that_was_left_is_used_again_and_refuses_its_old_pid() {
        let table = Table::new(CoreId::new(0), 2, 1);
        let first = table.claim::<u32>(PLAN).unwrap();
        let second = table.claim::<u32>(PLAN).unwrap();
        assert!(table.claim::<u32>(PLAN).is_none() && table.live() == 2);
        table.rest(first.pid().slot());
        assert!(table.claim::<u32>(PLAN).is_none(), "a slot that rests is not used");
        assert!(table.held(first).is_some() && table.find_live(first.pid()).is_none());
        table.leave(first.pid().slot());
        let third = table.claim::<String>(PLAN).unwrap();
        assert_eq!(third.pid().slot(), first.pid().slot());
        assert!(
            table.held(first).is_none()
                && table.held(second).is_some()
                && table.held(third).is_some()
        );
    }

    #[test]
    fn a_slot_whose_generations_are_used_up_is_retired() {
        let table = Table::new(CoreId::new(0), 1, GENERATION_MAX - 2);
        for generation in [GENERATION_MAX - 2, GENERATION_MAX - 1] {
            let address = table.claim::<u32>(PLAN).unwrap();
            assert_eq!(address.pid().generation(), generation);
            table.rest(0);
            table.leave(0);
        }
        assert!(table.claim::<u32>(PLAN).is_none());
    }

    #[test]
    fn what_is_spawned_in_one_way_has_one_kind() {
        let table = Table::new(CoreId::new(0), 4, 1);
        let of = |plan| table.kind(table.block(table.claim::<u32>(plan).unwrap().pid().slot()));
        let (first, second) = (of(PLAN), of(PLAN));
        assert!(first == second && first.shape.name() == "u32");
        assert!(of(Plan { full: Full::Reject, ..PLAN }) != first);
    }
}
