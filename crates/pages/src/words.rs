//! Words are a long run of atomic numbers of which only those take memory that were ever written: they are zero at first, and
//! zero again where their memory was given back.
//!
//! Cost: addresses for all of them, one page for each that was touched; a read is a plain load.
#![expect(unsafe_code, reason = "sees a reservation's memory as atomics; in `raw` below")]

use core::sync::atomic::AtomicU64;

use crate::page::{HUGE_PAGE_BYTES, machine_page_bytes};
use crate::reservation::{Reservation, ReserveError};

/// Bytes of a word.
const WORD_BYTES: usize = size_of::<AtomicU64>();

/// A run of 64-bit atomics, zero until they are written.
///
/// ```
/// use core::sync::atomic::Ordering;
/// use levada_pages::Words;
///
/// let words = Words::new(1 << 30)?; // 8 GiB of addresses, and no memory
/// words.all()[5].store(7, Ordering::Relaxed);
/// assert_eq!(words.all()[5].load(Ordering::Relaxed), 7);
/// words.give_back(0, 1 << 13);
/// assert_eq!(words.all()[5].load(Ordering::Relaxed), 0);
/// # Ok::<(), levada_pages::ReserveError>(())
/// ```
#[derive(Debug)]
pub struct Words(raw::Run);

impl Words {
    /// So many words, rounded up to whole huge pages.
    ///
    /// # Errors
    /// [`ReserveError`] where the address space, `RLIMIT_AS` or strict overcommit does not allow it.
    ///
    /// # Panics
    /// If there are none.
    pub fn new(words: usize) -> Result<Self, ReserveError> {
        let reservation = Reservation::new(words.saturating_mul(WORD_BYTES))?;
        reservation.commit_small(0, reservation.bytes())?;
        Ok(Self(raw::Run::new(reservation)))
    }

    /// All of them.
    #[inline]
    #[must_use]
    pub fn all(&self) -> &[AtomicU64] {
        self.0.all()
    }

    /// Asks for a word's cache line, if there is such a word: who reads it soon waits less.
    #[inline]
    pub fn prefetch(&self, index: usize) {
        self.0.prefetch(index);
    }

    /// Asks for huge pages behind the run of them in which this word is. What is there stays.
    ///
    /// # Errors
    /// [`ReserveError`], as of [`Reservation::commit`].
    ///
    /// # Panics
    /// If there is no such word.
    pub fn ask_for_huge_pages(&self, index: usize) -> Result<(), ReserveError> {
        let offset = index * WORD_BYTES / HUGE_PAGE_BYTES * HUGE_PAGE_BYTES;
        self.0.reservation().commit(offset, HUGE_PAGE_BYTES)
    }

    /// Zeroes these words and returns the memory of the whole pages among them. Who reads or writes them meanwhile finds what
    /// was there, what is written, or zero.
    ///
    /// # Panics
    /// If they do not begin and end with pages of the machine, or are not all there.
    pub fn give_back(&self, first: usize, words: usize) {
        let page_words = machine_page_bytes() / WORD_BYTES;
        assert!(
            first.is_multiple_of(page_words) && words.is_multiple_of(page_words),
            "words go back by pages of {page_words}"
        );
        self.0.reservation().give_back_pages(first * WORD_BYTES, words * WORD_BYTES);
    }
}

mod raw {
    use core::slice;
    use core::sync::atomic::AtomicU64;

    use super::WORD_BYTES;
    use crate::reservation::Reservation;

    /// # Invariants
    /// 1. All bytes of the reservation are committed: readable, writable, zero or what was stored, for as long as it lives.
    ///    Returning them zeroes them page by page, and unmaps nothing.
    /// 2. They are reached as atomics only, here.
    #[derive(Debug)]
    pub(super) struct Run {
        reservation: Reservation,
    }

    impl Run {
        /// Of a reservation that nobody else has, and that is committed.
        pub(super) fn new(reservation: Reservation) -> Self {
            Self { reservation }
        }

        pub(super) fn reservation(&self) -> &Reservation {
            &self.reservation
        }

        #[inline]
        pub(super) fn all(&self) -> &[AtomicU64] {
            let start = self.reservation.start().cast::<AtomicU64>();
            let words = self.reservation.bytes() / WORD_BYTES;
            // SAFETY: invariants 1 and 2; a reservation is aligned to a huge page, and any bytes are a number.
            unsafe { slice::from_raw_parts(start.as_ptr(), words) }
        }

        #[inline]
        pub(super) fn prefetch(&self, index: usize) {
            let Some(word) = self.all().get(index) else { return };
            prefetch(word);
        }
    }

    #[cfg(all(target_arch = "x86_64", not(miri)))]
    #[inline]
    fn prefetch(word: &AtomicU64) {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: it reads nothing that the program sees.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(word.as_ptr().cast_const().cast()) }
    }

    #[cfg(any(not(target_arch = "x86_64"), miri))]
    #[inline]
    fn prefetch(_word: &AtomicU64) {}
}

#[cfg(test)]
mod tests {
    use core::sync::atomic::Ordering;

    use super::*;

    #[test]
    fn words_are_zero_until_they_are_written_and_after_they_went_back() {
        let words = Words::new(1 << 20).unwrap();
        let page_words = machine_page_bytes() / WORD_BYTES;
        let all = words.all();
        assert!(all.len() >= 1 << 20);
        for index in [0, page_words - 1, page_words, all.len() - 1] {
            assert_eq!(all[index].fetch_add(1, Ordering::Relaxed), 0);
            words.prefetch(index);
        }
        words.prefetch(usize::MAX);
        words.ask_for_huge_pages(all.len() - 1).unwrap();
        words.give_back(0, page_words);
        let read = |index: usize| all[index].load(Ordering::Relaxed);
        assert_eq!((read(0), read(page_words - 1)), (0, 0));
        assert_eq!((read(page_words), read(all.len() - 1)), (1, 1));
    }

    #[test]
    #[should_panic(expected = "words go back by pages")]
    fn half_a_page_does_not_go_back() {
        Words::new(1 << 12).unwrap().give_back(1, 8);
    }
}
