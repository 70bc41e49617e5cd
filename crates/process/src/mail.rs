//! Mail is the messages that were accepted for one process and not yet taken, first in first out, within two bounds.
//!
//! ```text
//! chunk of 8   | next, a ring | cause 24, weight 4, 4 free, value n | ... | a block of the core's pool
//! chunk of 2   the same, as the last two places of one of 8: what empty mail begins with, since mostly one message comes at a time
//! last ──► the newest chunk, whose next is the oldest; head: the oldest's next message; empty mail owns no chunk
//! bound        queued + leased <= bound_messages, held_bytes <= bound_bytes: held are the queued and the leased
//! ```
//!
//! A message is written once, where it is read. Cost: one write, one read; a chunk is taken and given back for every eight
//! messages, or for each that finds the mail empty and leaves it so.
#![expect(
    unsafe_code,
    reason = "values of a type known to the caller only; all of it is in `raw` below"
)]

pub(crate) use raw::Mail;

use crate::cause::Cause;

/// What stands before a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(C)]
pub(crate) struct Note {
    pub(crate) cause: Cause,
    pub(crate) weight_bytes: u32,
}

#[expect(clippy::cast_ptr_alignment, reason = "a chunk is aligned for what its slots hold")]
mod raw {
    use super::Note;
    use crate::bounds::Bounds;
    use crate::cause::Cause;
    use crate::message::Message;
    use crate::pool::{Pool, give};
    use crate::shape::{Shape, load_value, unload_value};
    use std::alloc::Layout;
    use std::cell::Cell;
    use std::ptr::{self, NonNull};

    const CHUNK_SLOTS: usize = 8;
    /// How many slots a short chunk has, which are the last of a whole one.
    const SHORT_SLOTS: usize = 2;
    const SHORT_HEAD: u16 = 6;
    const _: () = assert!(SHORT_HEAD as usize == CHUNK_SLOTS - SHORT_SLOTS);
    /// In `head`: the first chunk is a short one.
    const SHORT: u16 = 1 << 15;
    const NOTE_BYTES: usize = size_of::<Note>();
    const _: () = assert!(NOTE_BYTES == 32);

    type Chunk = *mut u8;

    /// The messages of one process. # Invariants
    /// 1. `last` is null exactly if `queued` is zero; else it begins a ring of chunks of the pool, each beginning with the address
    ///    of the next, of the layout that the mail's shape asks for: the first is a short one if `head` says so, all others are whole.
    ///    The shape of a mail is always the same.
    /// 2. The ring holds `queued` messages, the first at slot `head` (below 8, and one that there is in a short chunk) of the chunk
    ///    after `last`, the others behind it without gap, each a `Note` and what its shape carries.
    /// 3. `queued + leased <= bound_messages` and `held_bytes <= bound_bytes`, but for what was accepted under a larger bound.
    #[derive(Debug)]
    pub(crate) struct Mail {
        last: Cell<Chunk>,
        head: Cell<u16>,
        queued: Cell<u16>,
        bound_messages: Cell<u16>,
        leased: Cell<u16>,
        held_bytes: Cell<u32>,
        bound_bytes: Cell<u32>,
    }

    impl Mail {
        pub(crate) const fn new() -> Self {
            Self {
                last: Cell::new(ptr::null_mut()),
                head: Cell::new(0),
                queued: Cell::new(0),
                bound_messages: Cell::new(0),
                leased: Cell::new(0),
                held_bytes: Cell::new(0),
                bound_bytes: Cell::new(0),
            }
        }

        /// Begins anew, empty.
        pub(crate) fn open(&self, bounds: Bounds) {
            assert!(self.last.get().is_null(), "mail begins where none was left");
            self.leased.set(0);
            self.held_bytes.set(0);
            self.bound_messages.set(bounds.messages);
            self.bound_bytes.set(bounds.bytes);
        }

        #[inline]
        pub(crate) fn queued(&self) -> u16 {
            self.queued.get()
        }

        pub(crate) fn leased(&self) -> u16 {
            self.leased.get()
        }

        pub(crate) fn held_bytes(&self) -> u32 {
            self.held_bytes.get()
        }

        pub(crate) fn bounds(&self) -> Bounds {
            Bounds { messages: self.bound_messages.get(), bytes: self.bound_bytes.get() }
        }

        /// How many messages and bytes there is still room for.
        #[inline]
        pub(crate) fn room(&self) -> (u16, u32) {
            let messages = self.bound_messages.get() - self.queued.get() - self.leased.get();
            (messages, self.bound_bytes.get() - self.held_bytes.get())
        }

        #[inline]
        pub(crate) fn has_room(&self, weight_bytes: u32) -> bool {
            let (messages, bytes) = self.room();
            messages > 0 && bytes >= weight_bytes
        }

        /// Sets room aside for another core.
        pub(crate) fn lease(&self, messages: u16, bytes: u32) {
            let room = self.room();
            assert!(
                messages <= room.0 && bytes <= room.1,
                "no more is leased than there is room for"
            );
            self.leased.set(self.leased.get() + messages);
            self.held_bytes.set(self.held_bytes.get() + bytes);
        }

        /// Takes back what another core did not use of its lease.
        pub(crate) fn end_lease(&self, messages: u16, bytes: u32) {
            assert!(
                messages <= self.leased.get() && bytes <= self.held_bytes.get(),
                "a lease comes back once"
            );
            self.leased.set(self.leased.get() - messages);
            self.held_bytes.set(self.held_bytes.get() - bytes);
        }

        /// Counts a message as held that takes room of its own.
        #[inline]
        pub(crate) fn hold(&self, weight_bytes: u32) {
            debug_assert!(self.has_room(weight_bytes), "a message is held where there is room");
            self.held_bytes.set(self.held_bytes.get() + weight_bytes);
        }

        /// Counts a message as arrived that comes under a lease, which holds its bytes already.
        #[inline]
        pub(crate) fn use_lease(&self) {
            assert!(self.leased.get() > 0, "a message from another core comes under a lease");
            self.leased.set(self.leased.get() - 1);
        }

        /// The same, of a message that is not put in.
        pub(crate) fn forgo_lease(&self, weight_bytes: u32) {
            self.use_lease();
            self.held_bytes.set(self.held_bytes.get() - weight_bytes);
        }

        /// Puts a message of a known type last; its bytes are held already.
        /// # Safety
        /// The shape of this mail is that of `M`.
        #[inline]
        pub(crate) unsafe fn push<M: Message>(&self, pool: &Pool, note: Note, message: M) {
            let carried = self.push_note(pool, Shape::of::<M>(), note);
            // SAFETY: by the caller's word the slot was made for what `M` carries; it is new.
            unsafe { load_value(message, carried) };
        }

        /// Puts what `fill` writes last; its bytes are held already.
        /// # Safety
        /// `shape` is that of this mail, and `fill` moves in what that shape carries, and does not panic.
        #[inline]
        pub(crate) unsafe fn push_carried(
            &self,
            pool: &Pool,
            shape: &Shape,
            note: Note,
            fill: impl FnOnce(*mut u8),
        ) {
            fill(self.push_note(pool, shape, note));
        }

        /// Takes the first message, of a known type, after its note was shown.
        /// # Panics
        /// If there is none.
        /// # Safety
        /// The shape of this mail is that of `M`.
        #[inline]
        pub(crate) unsafe fn pop<M: Message>(&self, show: impl FnOnce(&Note)) -> M {
            let (note, carried) = self
                .front(Shape::of::<M>())
                .expect("who takes mail has looked whether there is some");
            show(&note);
            // SAFETY: invariant 2: it holds what `M` carries, which is passed by the next line.
            let message = unsafe { unload_value::<M>(carried) };
            self.pass(Shape::of::<M>(), note.weight_bytes);
            message
        }

        /// Moves what the first message carries to `to`.
        /// # Safety
        /// `shape` is that of this mail, and `to` takes what it carries.
        pub(crate) unsafe fn pop_carried(&self, shape: &Shape, to: *mut u8) -> Option<Note> {
            let (note, carried) = self.front(shape)?;
            // SAFETY: invariant 2, and the caller's word; the slot is passed by the next line.
            unsafe { ptr::copy_nonoverlapping(carried, to, shape.carried_bytes) };
            self.pass(shape, note.weight_bytes);
            Some(note)
        }

        /// Moves what the first message carries that `picks` picks to `to`; those behind it move up. Its note, and how many stood
        /// before it.
        /// # Safety
        /// As [`pop_carried`](Self::pop_carried); `picks` only looks at what is carried, and does not panic.
        pub(crate) unsafe fn pop_picked(
            &self,
            shape: &Shape,
            to: *mut u8,
            mut picks: impl FnMut(*mut u8) -> bool,
        ) -> Option<(Note, u16)> {
            let (form, head) = (Form::of(shape), self.first());
            let mut chunk = self.last.get();
            let mut slots = Vec::new();
            for place in head..head + usize::from(self.queued.get()) {
                if place == head || place.is_multiple_of(CHUNK_SLOTS) {
                    chunk = next_of(chunk);
                }
                let is_short = place < CHUNK_SLOTS && self.begins_short();
                slots.push(form.slot(chunk, place % CHUNK_SLOTS, is_short));
            }
            let index = slots.iter().position(|slot| picks(slot.wrapping_add(NOTE_BYTES)))?;
            // SAFETY: invariant 2: a note stands there.
            let note = unsafe { read_note(slots[index]) };
            let carried = slots[index].wrapping_add(NOTE_BYTES);
            // SAFETY: invariant 2, and the caller's word; the slot is written over or left by what follows.
            unsafe { ptr::copy_nonoverlapping(carried, to, shape.carried_bytes) };
            for pair in slots[index..].windows(2) {
                // SAFETY: two slots of this mail, each a note and what the shape carries; what was in the first was moved out.
                unsafe {
                    ptr::copy_nonoverlapping(pair[1], pair[0], NOTE_BYTES + shape.carried_bytes);
                }
            }
            self.leave_last(shape, note.weight_bytes);
            Some((note, u16::try_from(index).expect("messages are counted in 16 bits")))
        }

        /// Leaves the last slot, whose message was moved.
        fn leave_last(&self, shape: &Shape, weight_bytes: u32) {
            if self.queued.get() == 1 {
                return self.pass(shape, weight_bytes);
            }
            self.held_bytes.set(self.held_bytes.get() - weight_bytes);
            self.queued.set(self.queued.get() - 1);
            if self.end().is_multiple_of(CHUNK_SLOTS) {
                let last = self.last.get();
                let mut before = next_of(last);
                while next_of(before) != last {
                    before = next_of(before);
                }
                set_next(before, next_of(last));
                self.last.set(before);
                give_chunk(last, Form::of(shape).whole); // one behind the first
            }
        }

        /// Adds a slot at the end and writes its note; says where the value goes.
        #[inline]
        fn push_note(&self, pool: &Pool, shape: &Shape, note: Note) -> *mut u8 {
            let form = Form::of(shape);
            if self.queued.get() == 0 {
                self.head.set(SHORT | SHORT_HEAD);
                self.add_chunk(pool, form.short);
            } else if self.end().is_multiple_of(CHUNK_SLOTS) {
                self.add_chunk(pool, form.whole);
            }
            let place = self.end();
            self.queued.set(self.queued.get() + 1);
            let is_short = place < CHUNK_SLOTS && self.begins_short();
            let slot = form.slot(self.last.get(), place % CHUNK_SLOTS, is_short);
            // SAFETY: inside the chunk, aligned to 8 at least, and used by nobody.
            unsafe { write_note(slot, note) };
            // SAFETY: a slot is a note and what the shape carries.
            unsafe { slot.add(NOTE_BYTES) }
        }

        /// The slot of the first message.
        #[inline]
        fn first(&self) -> usize {
            usize::from(self.head.get() & !SHORT)
        }

        /// The place behind the last, counted from the first slot of the first chunk.
        #[inline]
        fn end(&self) -> usize {
            self.first() + usize::from(self.queued.get())
        }

        #[inline]
        fn begins_short(&self) -> bool {
            self.head.get() & SHORT != 0
        }

        #[inline]
        fn add_chunk(&self, pool: &Pool, layout: Layout) {
            let chunk = pool.take(layout).as_ptr();
            let last = self.last.get();
            let first = if last.is_null() { chunk } else { next_of(last) };
            set_next(chunk, first);
            if !last.is_null() {
                set_next(last, chunk);
            }
            self.last.set(chunk);
        }

        /// The first message: where its note is, and where what it carries is.
        #[inline]
        fn front(&self, shape: &Shape) -> Option<(Note, *mut u8)> {
            if self.queued.get() == 0 {
                return None;
            }
            let form = Form::of(shape);
            let slot = form.slot(next_of(self.last.get()), self.first(), self.begins_short());
            // SAFETY: invariant 2: a note stands there.
            let note = unsafe { read_note(slot) };
            // SAFETY: a slot is a note and what the shape carries.
            Some((note, unsafe { slot.add(NOTE_BYTES) }))
        }

        /// Passes the first message, which was moved out.
        #[inline]
        fn pass(&self, shape: &Shape, weight_bytes: u32) {
            self.held_bytes.set(self.held_bytes.get() - weight_bytes);
            self.queued.set(self.queued.get() - 1);
            self.head.set(self.head.get() + 1);
            let (last, form) = (self.last.get(), Form::of(shape));
            let layout = if self.begins_short() { form.short } else { form.whole };
            if self.queued.get() == 0 {
                self.last.set(ptr::null_mut());
                self.head.set(0);
                give_chunk(last, layout);
            } else if self.first() == CHUNK_SLOTS {
                let first = next_of(last);
                set_next(last, next_of(first));
                self.head.set(0);
                give_chunk(first, layout);
            }
        }

        /// How many chunks it owns.
        #[cfg(test)]
        pub(crate) fn chunks(&self) -> usize {
            let (last, mut count) = (self.last.get(), 0);
            let mut chunk = last;
            while !chunk.is_null() {
                count += 1;
                chunk = next_of(chunk);
                if chunk == last {
                    break;
                }
            }
            count
        }

        /// Walks all of it.
        #[cfg(test)]
        pub(crate) fn validate(&self, shape: &Shape) {
            let (head, queued) = (self.first(), usize::from(self.queued.get()));
            assert!(head < CHUNK_SLOTS && self.last.get().is_null() == (queued == 0));
            assert_eq!(
                self.chunks(),
                if queued == 0 { 0 } else { (head + queued).div_ceil(CHUNK_SLOTS) }
            );
            let (mut chunk, mut weight) = (self.last.get(), 0);
            for place in head..head + queued {
                if place == head || place.is_multiple_of(CHUNK_SLOTS) {
                    chunk = next_of(chunk);
                }
                let is_short = place < CHUNK_SLOTS && self.begins_short();
                let slot = Form::of(shape).slot(chunk, place % CHUNK_SLOTS, is_short);
                // SAFETY: invariant 2.
                weight += unsafe { read_note(slot) }.weight_bytes;
            }
            assert!(
                weight <= self.held_bytes.get() && self.held_bytes.get() <= self.bound_bytes.get()
            );
            assert!(self.queued.get() + self.leased.get() <= self.bound_messages.get());
        }
    }

    /// Where in a chunk the slots of a shape lie.
    struct Form {
        whole: Layout,
        short: Layout,
        first_bytes: usize,
        step_bytes: usize,
    }

    impl Form {
        #[inline]
        fn of(shape: &Shape) -> Self {
            let align = shape.carried_align.max(align_of::<Note>());
            let step_bytes = (NOTE_BYTES + shape.carried_bytes).next_multiple_of(align);
            let of = |slots: usize| {
                let layout = Layout::from_size_align(align + slots * step_bytes, align);
                layout.expect("what a shape carries is small")
            };
            let (whole, short) = (of(CHUNK_SLOTS), of(SHORT_SLOTS));
            Self { whole, short, first_bytes: align, step_bytes }
        }

        #[inline]
        fn slot(&self, chunk: Chunk, slot: usize, is_short: bool) -> *mut u8 {
            let before = if is_short { CHUNK_SLOTS - SHORT_SLOTS } else { 0 };
            // SAFETY: `slot` is below `CHUNK_SLOTS`, and in a short chunk not below `before`, so this is inside the chunk.
            unsafe { chunk.add(self.first_bytes + (slot - before) * self.step_bytes) }
        }
    }

    /// Writes a note, by words: it is read soon, and a processor hands on what was written only to reads that are no wider.
    /// # Safety
    /// `at` is aligned to 8, and a note may be written there.
    #[inline]
    unsafe fn write_note(at: *mut u8, note: Note) {
        let [one, two, three] = note.cause.to_words();
        for (place, word) in [one, two, three, u64::from(note.weight_bytes)].into_iter().enumerate()
        {
            // SAFETY: the caller's word; a note is four words. Volatile: so that they stay four writes.
            unsafe { at.cast::<u64>().wrapping_add(place).write_volatile(word) };
        }
    }

    /// Reads it, by words.
    /// # Safety
    /// `write_note` wrote one there.
    #[inline]
    unsafe fn read_note(at: *const u8) -> Note {
        // SAFETY: the caller's word. Volatile: so that they stay four reads.
        let word = |place: usize| unsafe { at.cast::<u64>().wrapping_add(place).read_volatile() };
        let cause = Cause::from_words([word(0), word(1), word(2)]);
        Note { cause, weight_bytes: u32::try_from(word(3)).expect("a weight was written there") }
    }

    fn next_of(chunk: Chunk) -> Chunk {
        // SAFETY: invariant 1: a chunk begins with the address of the next.
        unsafe { chunk.cast::<Chunk>().read() }
    }

    fn set_next(chunk: Chunk, next: Chunk) {
        // SAFETY: invariant 1; the first bytes of a chunk are for this.
        unsafe { chunk.cast::<Chunk>().write(next) };
    }

    fn give_chunk(chunk: Chunk, layout: Layout) {
        let chunk = NonNull::new(chunk).expect("a chunk has an address");
        // SAFETY: invariant 1: of a pool of this thread and this layout; it was just taken off the ring.
        unsafe { give(chunk, layout) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bounds::Bounds;
    use crate::message::Message;
    use crate::pool::Pool;
    use crate::shape::Shape;
    use proptest::prelude::{ProptestConfig, prop_assert_eq, proptest};
    use std::collections::VecDeque;

    /// # Safety
    /// The mail is of `M`.
    unsafe fn pop<M: Message>(mail: &Mail) -> Option<(Note, M)> {
        let mut note = None;
        (mail.queued() > 0).then(|| {
            // SAFETY: the caller's word.
            let message = unsafe { mail.pop(|noted| note = Some(*noted)) };
            (note.unwrap(), message)
        })
    }

    fn agrees_with_a_vecdeque<M: Message + Clone + PartialEq + std::fmt::Debug>(
        steps: Vec<u8>,
        made: impl Fn(u64) -> M,
    ) {
        let (pool, mail, mut model) = (Pool::new(), Mail::new(), VecDeque::new());
        mail.open(Bounds { messages: 40, bytes: 1000 });
        for (step, number) in steps.into_iter().zip(0_u64..) {
            let weight_bytes = u32::from(step) / 3;
            if step % 3 > 0 && mail.has_room(weight_bytes) {
                let note = Note { cause: Cause::from_words([number, 1, 2]), weight_bytes };
                mail.hold(weight_bytes);
                // SAFETY: this mail is of `M` only.
                unsafe { mail.push(&pool, note, made(number)) };
                model.push_back((note, made(number)));
            } else if step % 3 == 0 {
                // SAFETY: the same.
                assert_eq!(unsafe { pop::<M>(&mail) }, model.pop_front());
            }
            mail.validate(Shape::of::<M>());
            assert_eq!(usize::from(mail.queued()), model.len());
            assert_eq!(
                mail.held_bytes(),
                model.iter().map(|(note, _)| note.weight_bytes).sum::<u32>()
            );
        }
        while let Some(expected) = model.pop_front() {
            // SAFETY: the same.
            assert_eq!(unsafe { pop::<M>(&mail) }, Some(expected));
        }
        assert_eq!((mail.chunks(), pool.live()), (0, 0), "empty mail owns nothing");
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: if cfg!(miri) { 3 } else { 128 }, failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn mail_agrees_with_a_vecdeque(steps in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
            agrees_with_a_vecdeque(steps.clone(), |number| number);
            agrees_with_a_vecdeque(steps.clone(), |number| format!("message {number}"));
            agrees_with_a_vecdeque(steps.clone(), u128::from);
            agrees_with_a_vecdeque(steps.clone(), |number| [number; 70]);
            agrees_with_a_vecdeque(steps, |_| ());
        }

        #[test]
        fn what_is_leased_is_room_that_others_have_not(queued in 0_u16..4, leased in 0_u16..4) {
            let (pool, mail) = (Pool::new(), Mail::new());
            mail.open(Bounds { messages: 8, bytes: 100 });
            for _ in 0..queued {
                mail.hold(10);
                // SAFETY: this mail is of `u8` only.
                unsafe { mail.push(&pool, Note { cause: Cause::NONE, weight_bytes: 10 }, 1_u8) };
            }
            mail.lease(leased, u32::from(leased) * 5);
            prop_assert_eq!(mail.room(), (8 - queued - leased, 100 - 10 * u32::from(queued) - 5 * u32::from(leased)));
            mail.end_lease(leased, u32::from(leased) * 5);
            prop_assert_eq!(mail.room(), (8 - queued, 100 - 10 * u32::from(queued)));
            // SAFETY: the same.
            while unsafe { pop::<u8>(&mail) }.is_some() {}
        }
    }
}
