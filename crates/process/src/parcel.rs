//! A parcel is what crosses from core to core: a message, an answer, a request that comes back, or a control.
//!
//! ```text
//! unit 64 B   0  slot or wait 24 | kind 8 | generation 32        message, answer, request: the kind of parcel, and to whom
//!             8  address of the shape                            control: from here on the control itself
//!            16  cause: id 16, sequence 8 (wait: its generation)
//!            40  what is carried, by 8; or weight 4, 4 free, and from 48 what is carried, if it is not flat or is aligned to 16
//! then as many units more as it needs: at most 9 in all. 24 B of value: one unit, 64 B; 56 B: two
//! ```
//!
//! Cost: what is carried is copied into the lane, and out of it into the mailbox. Larger values are boxed.
#![expect(unsafe_code, reason = "values of any type as bytes; all of it is in `raw` below")]

pub(crate) use raw::{Arrived, Cargo, Envelope, Parcel, Reading, Unit};

use crate::shape::INLINE_BYTES_MAX;

/// The most units that a parcel has.
pub(crate) const UNITS_MAX: usize = (48 + INLINE_BYTES_MAX).div_ceil(64);

#[expect(
    clippy::cast_ptr_alignment,
    reason = "units are aligned to 64 B, and each part stands at its own alignment"
)]
mod raw {
    use super::UNITS_MAX;
    use crate::address::{Address, ReplyTo, WaitId};
    use crate::cause::Cause;
    use crate::control::Control;
    use crate::mail::Note;
    use crate::message::{Message, Visit};
    use crate::pid::Pid;
    use crate::shape::{Shape, load_value};
    use std::fmt;
    use std::marker::PhantomData;
    use std::mem::{ManuallyDrop, MaybeUninit};
    use std::ptr;

    const UNIT_BYTES: usize = 64;
    const CONTROL_AT: usize = 8;
    const _: () = assert!(
        size_of::<Control>() <= UNIT_BYTES - CONTROL_AT && align_of::<Control>() <= CONTROL_AT
    );

    const MESSAGE: u32 = 1;
    const ANSWER: u32 = 2;
    const RETURNED: u32 = 3;
    const CONTROL: u32 = 4;

    /// A part of a parcel. # Invariants
    /// 1. The first unit of a parcel begins with a `Head`; its kind says what follows, and the units that come after belong to it.
    /// 2. A parcel owns what it carries, until it is opened, once. Copying a unit copies no ownership: the copy is used instead.
    #[derive(Clone, Copy)]
    #[repr(C, align(64))]
    pub(crate) struct Unit([MaybeUninit<u8>; UNIT_BYTES]);

    // What is carried is a message, which is `Send`, a control, which is, or a `Shape`, which is a constant.
    const _: fn() = || {
        fn sent<T: Send>() {}
        sent::<Control>();
    };

    impl fmt::Debug for Unit {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("Unit")
        }
    }

    #[derive(Clone, Copy)]
    #[repr(C)]
    struct Head {
        place_and_kind: u32,
        generation: u32,
        shape: *const Shape,
        words: [u64; 3],
    }

    const HEAD_BYTES: usize = size_of::<Head>();
    const _: () = assert!(HEAD_BYTES == 40);

    /// Where in a parcel what a shape carries begins.
    fn cargo_at(shape: &Shape) -> usize {
        if shape.flat && shape.carried_align <= 8 { HEAD_BYTES } else { HEAD_BYTES + 8 }
    }

    fn units_of(shape: &Shape) -> usize {
        (cargo_at(shape) + shape.carried_bytes).div_ceil(UNIT_BYTES)
    }

    /// A parcel that is being made; to be made once, and sent whole. What is made and not sent is not dropped.
    pub(crate) struct Parcel {
        units: [Unit; UNITS_MAX],
        count: usize,
    }

    impl Parcel {
        /// Room for a parcel.
        #[inline]
        pub(crate) fn new() -> Self {
            Self {
                units: [const { Unit([MaybeUninit::uninit(); UNIT_BYTES]) }; UNITS_MAX],
                count: 0,
            }
        }

        /// How many units a message with this shape takes.
        #[inline]
        pub(crate) fn units_for(shape: &Shape) -> usize {
            units_of(shape)
        }

        /// What was made.
        #[inline]
        pub(crate) fn units(&self) -> &[Unit] {
            &self.units[..self.count]
        }

        /// A message for a mailbox.
        #[inline]
        pub(crate) fn message<M: Message>(&mut self, to: Address<M>, note: Note, message: M) {
            let cargo = self.message_head(to.pid(), Shape::of::<M>(), note);
            // SAFETY: there is room for what the shape of `M` carries, aligned.
            unsafe { load_value(message, cargo) };
        }

        /// A message whose type is not known here.
        /// # Safety
        /// The mailbox of `to` is of `shape`, and `fill` moves in what that carries.
        pub(crate) unsafe fn carried(
            &mut self,
            to: Pid,
            shape: &'static Shape,
            note: Note,
            fill: impl FnOnce(*mut u8),
        ) {
            fill(self.message_head(to, shape, note));
        }

        /// An answer for who waits.
        pub(crate) fn answer<R: Message>(&mut self, to: ReplyTo<R>, answer: R) {
            let cargo = self.wait_head(ANSWER, to.wait(), Shape::of::<R>());
            // SAFETY: as in `message`.
            unsafe { load_value(answer, cargo) };
        }

        /// A request that nobody took, for who waits for its answer.
        /// # Safety
        /// The wait was opened for a call whose request has the shape of `cargo`.
        pub(crate) unsafe fn returned(&mut self, to: WaitId, request: Cargo<'_>) {
            let cargo = self.wait_head(RETURNED, to, request.shape);
            // SAFETY: there is room for what the shape carries, aligned.
            unsafe { request.move_to(cargo) };
        }

        /// A control.
        pub(crate) fn control(&mut self, control: Control) {
            assert!(self.count == 0, "a parcel is made once");
            let start = self.units.as_mut_ptr().cast::<u8>();
            // SAFETY: the first unit is ours to write.
            unsafe { start.cast::<u32>().write(CONTROL << 24) };
            // SAFETY: inside the first unit.
            let at = unsafe { start.add(CONTROL_AT) }.cast::<Control>();
            // SAFETY: it has room there, aligned, by the assertion at the top.
            unsafe { at.write(control) };
            self.count = 1;
        }

        fn message_head(&mut self, to: Pid, shape: &'static Shape, note: Note) -> *mut u8 {
            let place_and_kind = to.slot() | MESSAGE << 24;
            self.head(Head {
                place_and_kind,
                generation: to.generation(),
                shape,
                words: note.cause.to_words(),
            });
            self.count = units_of(shape);
            let start = self.units.as_mut_ptr().cast::<u8>();
            if !shape.flat {
                // SAFETY: for such a shape the four bytes behind the head are the weight's.
                let weight = unsafe { start.add(HEAD_BYTES) }.cast::<u32>();
                // SAFETY: the same.
                unsafe { weight.write(note.weight_bytes) };
            }
            // SAFETY: `units_of` units are inside the array, and the cargo inside them.
            unsafe { start.add(cargo_at(shape)) }
        }

        fn wait_head(&mut self, kind: u32, to: WaitId, shape: &'static Shape) -> *mut u8 {
            let words = [to.generation, 0, 0];
            self.head(Head { place_and_kind: to.index | kind << 24, generation: 0, shape, words });
            self.count = units_of(shape);
            // SAFETY: `units_of` units are inside the array, and the cargo inside them.
            unsafe { self.units.as_mut_ptr().cast::<u8>().add(cargo_at(shape)) }
        }

        fn head(&mut self, head: Head) {
            assert!(self.count == 0, "a parcel is made once");
            // SAFETY: the first unit is large and aligned enough for a head.
            unsafe { self.units.as_mut_ptr().cast::<Head>().write(head) };
        }
    }

    /// What was in a parcel.
    #[derive(Debug)]
    pub(crate) enum Arrived<'a> {
        /// For the mailbox of the process at this slot and generation.
        Message { slot: u32, generation: u32, note: Note, cargo: Cargo<'a> },
        /// For the wait with this index and generation.
        Answer { index: u32, generation: u64, cargo: Cargo<'a> },
        /// For the same.
        Returned { index: u32, generation: u64, cargo: Cargo<'a> },
        /// For the core.
        Control(Control),
    }

    /// A value without its type, on its way. Dropped if it is not moved on. # Invariants
    /// 1. `at` holds what `shape` carries, aligned; it is this cargo's for `'a`.
    pub(crate) struct Cargo<'a> {
        at: *mut u8,
        shape: &'static Shape,
        place: PhantomData<&'a mut u8>,
    }

    impl fmt::Debug for Cargo<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.shape.fmt(f)
        }
    }

    impl Cargo<'_> {
        /// Takes charge of a value.
        /// # Safety
        /// `at` holds what `shape` carries, and is nobody else's as long as the cargo lives.
        pub(crate) unsafe fn of(at: *mut u8, shape: &'static Shape) -> Self {
            Self { at, shape, place: PhantomData }
        }

        pub(crate) fn shape(&self) -> &'static Shape {
            self.shape
        }

        /// Shows a visitor what is carried.
        pub(crate) fn visit(&mut self, by: &mut Visit<'_>) {
            // SAFETY: invariant 1.
            unsafe { self.shape.visit(self.at, by) };
        }

        /// Moves what is carried on.
        /// # Safety
        /// `to` takes what the shape carries.
        #[inline]
        pub(crate) unsafe fn move_to(self, to: *mut u8) {
            let this = ManuallyDrop::new(self);
            // SAFETY: invariant 1, and the caller's word; what was here is not used again.
            unsafe { ptr::copy_nonoverlapping(this.at, to, this.shape.carried_bytes) };
        }

        /// Moves the value itself to `to`, out of its box if it has one.
        /// # Safety
        /// `to` takes a value of the shape's type.
        pub(crate) unsafe fn unload_to(self, to: *mut u8) {
            let this = ManuallyDrop::new(self);
            // SAFETY: invariant 1, and the caller's word.
            unsafe { this.shape.unload(this.at, to) };
        }
    }

    impl Drop for Cargo<'_> {
        fn drop(&mut self) {
            // SAFETY: invariant 1.
            unsafe { self.shape.dispose(self.at) };
        }
    }

    /// A parcel that comes in unit by unit. # Invariants
    /// 1. The first `have` units are those of one parcel, from its first on; what it carries is not moved out before it is whole.
    pub(crate) struct Reading {
        units: [Unit; UNITS_MAX],
        have: usize,
        need: usize,
    }

    impl Reading {
        pub(crate) fn new() -> Self {
            Self {
                units: [const { Unit([MaybeUninit::uninit(); UNIT_BYTES]) }; UNITS_MAX],
                have: 0,
                need: 0,
            }
        }

        /// Takes the next unit of a lane; what arrived if that was a parcel's last.
        /// # Safety
        /// The units are those of parcels, each in order and whole, and each is fed once.
        #[inline]
        pub(crate) unsafe fn feed(&mut self, unit: Unit) -> Option<Arrived<'_>> {
            self.units[self.have] = unit;
            self.have += 1;
            if self.have == 1 {
                // SAFETY: the first unit of a parcel begins with a head.
                self.need = unsafe { head_of(self.units.as_ptr().cast()) }.map_or(1, |head| {
                    // SAFETY: in a head stands the address of a constant.
                    units_of(unsafe { &*head.shape })
                });
            }
            if self.have < self.need {
                return None;
            }
            self.have = 0;
            // SAFETY: invariant 1: a whole parcel; it is read once, as `have` is zero again.
            Some(unsafe { open(self.units.as_mut_ptr().cast()) })
        }
    }

    impl Reading {
        /// Whether a parcel is begun and not whole.
        #[inline]
        pub(crate) fn is_partial(&self) -> bool {
            self.have > 0
        }
    }

    impl fmt::Debug for Reading {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.debug_struct("Reading")
                .field("have", &self.have)
                .field("need", &self.need)
                .finish_non_exhaustive()
        }
    }

    /// A parcel from a thread that is no core. # Invariants
    /// 1. It holds the units of one parcel, not opened.
    #[derive(Debug)]
    pub(crate) struct Envelope(Box<[Unit]>);

    impl Envelope {
        /// Takes charge of a parcel that was just made.
        pub(crate) fn of(parcel: &Parcel) -> Self {
            assert!(parcel.count > 0, "a parcel is made before it is sent");
            Self(parcel.units().into())
        }

        /// How many units it is.
        pub(crate) fn units(&self) -> usize {
            self.0.len()
        }

        /// Passes it on unopened.
        pub(crate) fn send(self, put: impl FnMut(Unit)) {
            let mut this = ManuallyDrop::new(self);
            // SAFETY: `this` is not used again, so the box is taken out once.
            let units = unsafe { ptr::read(&raw mut this.0) };
            units.iter().copied().for_each(put);
        }

        /// Shows what is in it.
        pub(crate) fn open<T>(self, show: impl FnOnce(Arrived<'_>) -> T) -> T {
            let mut this = ManuallyDrop::new(self);
            // SAFETY: `this` is not used again, so the box is taken out once.
            let mut units = unsafe { ptr::read(&raw mut this.0) };
            // SAFETY: invariant 1, and the parcel is opened once; the units live to the end of this function.
            show(unsafe { open(units.as_mut_ptr().cast()) })
        }

        /// Shows a visitor what is in it, if that is a value.
        pub(crate) fn visit(&mut self, by: &mut Visit<'_>) {
            let start = self.0.as_mut_ptr().cast::<u8>();
            // SAFETY: invariant 1: it begins with a head.
            let Some(head) = (unsafe { head_of(start) }) else { return };
            // SAFETY: in a head stands the address of a constant.
            let shape = unsafe { &*head.shape };
            // SAFETY: a parcel is `units_of` long, and the cargo inside it.
            let at = unsafe { start.add(cargo_at(shape)) };
            // SAFETY: invariant 1: it holds what the shape carries, and is ours alone.
            unsafe { shape.visit(at, by) };
        }

        /// Whom it is for, and what it weighs, if it is a message.
        pub(crate) fn message(&self) -> Option<(u32, u32, u32)> {
            let start = self.0.as_ptr().cast::<u8>();
            // SAFETY: invariant 1: it begins with a head.
            let head =
                unsafe { head_of(start) }.filter(|head| head.place_and_kind >> 24 == MESSAGE)?;
            // SAFETY: in a head stands the address of a constant.
            let shape = unsafe { &*head.shape };
            // SAFETY: a message with this shape.
            let weight_bytes = unsafe { weight_of(start, shape) };
            Some((head.place_and_kind & 0xff_ffff, head.generation, weight_bytes))
        }
    }

    impl Drop for Envelope {
        fn drop(&mut self) {
            // SAFETY: invariant 1; it is not opened again.
            drop(unsafe { open(self.0.as_mut_ptr().cast()) });
        }
    }

    /// What stands before a value; a control has only the kind.
    /// # Safety
    /// `start` is that of a parcel.
    #[inline]
    unsafe fn head_of(start: *const u8) -> Option<Head> {
        // SAFETY: every parcel begins with its kind.
        let place_and_kind = unsafe { start.cast::<u32>().read() };
        // SAFETY: all but controls begin with a head.
        (place_and_kind >> 24 != CONTROL).then(|| unsafe { start.cast::<Head>().read() })
    }

    /// The weight of a message.
    /// # Safety
    /// `start` is that of a message's parcel with this shape.
    unsafe fn weight_of(start: *const u8, shape: &Shape) -> u32 {
        if shape.flat {
            return shape.weight_bytes;
        }
        // SAFETY: the caller's word: for such a shape the weight stands behind the head.
        let weight = unsafe { start.add(HEAD_BYTES) }.cast::<u32>();
        // SAFETY: the same.
        unsafe { weight.read() }
    }

    /// Opens a parcel.
    /// # Safety
    /// `start` is that of a whole parcel, aligned like units, opened once, and nobody else's for `'a`.
    #[inline]
    unsafe fn open<'a>(start: *mut u8) -> Arrived<'a> {
        // SAFETY: a parcel begins with a head.
        let Some(head) = (unsafe { head_of(start) }) else {
            // SAFETY: a parcel without a head is a control, inside the first unit.
            let control = unsafe { start.add(CONTROL_AT) }.cast::<Control>();
            // SAFETY: the same; it is moved out once.
            return Arrived::Control(unsafe { control.read() });
        };
        let Head { place_and_kind, generation, shape, words } = head;
        let (kind, place) = (place_and_kind >> 24, place_and_kind & 0xff_ffff);
        // SAFETY: in a head stands the address of a constant.
        let shape = unsafe { &*shape };
        // SAFETY: a parcel is `units_of` long, and the cargo inside it.
        let at = unsafe { start.add(cargo_at(shape)) };
        // SAFETY: it holds what its shape carries; the rest is the caller's word.
        let cargo = unsafe { Cargo::of(at, shape) };
        match kind {
            MESSAGE => {
                // SAFETY: a message's parcel.
                let weight_bytes = unsafe { weight_of(start, shape) };
                let note = Note { cause: Cause::from_words(words), weight_bytes };
                Arrived::Message { slot: place, generation, note, cargo }
            }
            ANSWER => Arrived::Answer { index: place, generation: words[0], cargo },
            _ => Arrived::Returned { index: place, generation: words[0], cargo },
        }
    }
}
