//! Slots are the places of a queue: each holds a value or nothing, and the queue alone knows which.
//!
//! A position counts up for ever; its place is the position modulo the number of places, a power of two. Cost: one allocation,
//! not touched before a value is written. Under loom every touch of a place is watched, so that a race shows.
#![expect(
    unsafe_code,
    reason = "places are read and written by who owns them at that moment; all of it is in `raw` below"
)]

pub(crate) use raw::Slots;

mod raw {
    use crate::ahead::{AHEAD_BYTES, soon_read, soon_written};
    use std::{cell::UnsafeCell, fmt, mem::MaybeUninit};

    /// A run of places.
    /// # Invariants
    /// 1. `places.len()` is a power of two, so `position & (len - 1)` is inside.
    /// 2. No place is touched but through a method whose caller vouches that it owns that place at that moment.
    pub(crate) struct Slots<T> {
        places: Box<[MaybeUninit<UnsafeCell<T>>]>,
        #[cfg(loom)]
        watched: Box<[loom::cell::UnsafeCell<()>]>,
    }

    // SAFETY: a value is moved in on one thread and out on another, which `T: Send` allows; by invariant 2 no two threads touch
    // a place at once but to read it, and they read through `&T` only on the thread that owns the run.
    unsafe impl<T: Send> Sync for Slots<T> {}

    impl<T> Slots<T> {
        pub(crate) const AHEAD: usize =
            AHEAD_BYTES / if size_of::<T>() == 0 { AHEAD_BYTES } else { size_of::<T>() };

        /// Makes at least `room` empty places.
        pub(crate) fn with_room(room: usize) -> Self {
            let count = room.next_power_of_two();
            Self {
                places: Box::new_uninit_slice(count),
                #[cfg(loom)]
                watched: (0..count).map(|_| loom::cell::UnsafeCell::new(())).collect(),
            }
        }

        /// Puts a value into the place of `position`.
        /// # Safety
        /// The caller owns that place, and it is empty.
        pub(crate) unsafe fn write(&self, position: usize, value: T) {
            let place = self.place(position);
            #[cfg(loom)]
            self.watched[position & (self.places.len() - 1)].with_mut(|_| ());
            // SAFETY: `place` is inside the run by invariant 1, and by the caller's word nobody else touches it.
            unsafe { place.write(value) };
        }

        /// Takes the value out of the place of `position`.
        /// # Safety
        /// The caller owns that place, and it holds a value, which is then the caller's.
        pub(crate) unsafe fn read(&self, position: usize) -> T {
            let place = self.place(position);
            #[cfg(loom)]
            self.watched[position & (self.places.len() - 1)].with_mut(|_| ());
            // SAFETY: as in `write`, and by the caller's word the place holds a value.
            unsafe { place.read() }
        }

        /// Lends the values from `position` on: `count` of them, or fewer where the run of places ends.
        /// # Safety
        /// The caller owns those places for as long as it keeps the slice, and all of them hold values.
        pub(crate) unsafe fn lend(&self, position: usize, count: usize) -> &[T] {
            let first = position & (self.places.len() - 1);
            let run = &self.places[first..self.places.len().min(first + count)];
            #[cfg(loom)]
            self.watched[first..first + run.len()].iter().for_each(|watched| watched.with(|_| ()));
            // SAFETY: `run` is inside the places; all of it holds values by the caller's word, and `MaybeUninit` and
            // `UnsafeCell` change nothing of a value's layout.
            unsafe { std::slice::from_raw_parts(run.as_ptr().cast::<T>(), run.len()) }
        }

        /// Asks for the place that comes `AHEAD_BYTES` after that of `position`, soon to be written.
        #[inline]
        pub(crate) fn ask_to_write(&self, position: usize) {
            soon_written(self.place(position + Self::AHEAD));
        }

        /// Asks for the place that comes `AHEAD_BYTES` after that of `position`, soon to be read.
        #[inline]
        pub(crate) fn ask_to_read(&self, position: usize) {
            soon_read(self.place(position + Self::AHEAD));
        }

        #[inline]
        fn place(&self, position: usize) -> *mut T {
            UnsafeCell::raw_get(self.places[position & (self.places.len() - 1)].as_ptr())
        }
    }

    impl<T> fmt::Debug for Slots<T> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.debug_struct("Slots").field("places", &self.places.len()).finish_non_exhaustive()
        }
    }
}
