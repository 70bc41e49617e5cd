//! The allocator of this program is one of three, chosen by an environment variable at the first allocation.
//!
//! `Bytes` takes what the program's allocator gives, and a program has one; so each rival runs as this program again, with
//! another choice. Cost: a load and a branch that always goes the same way, for each call; `heap` measures it.
#![expect(
    unsafe_code,
    reason = "hands each call on to an allocator, under that one's own conditions"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::ffi::CStr;
use std::hint::black_box;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use mimalloc::MiMalloc;
use tikv_jemallocator::Jemalloc;

/// The environment variable that names the choice.
pub(crate) const VARIABLE: &str = "LEVADA_BENCH_ALLOCATOR";

/// Each name is its own, and what `VARIABLE` is set to.
pub(crate) const MIMALLOC: &str = "mimalloc";
pub(crate) const JEMALLOC: &str = "jemalloc";
pub(crate) const GLIBC: &str = "glibc";

#[global_allocator]
pub(crate) static CHOSEN: Chosen =
    Chosen { choice: AtomicU8::new(UNCHOSEN), counted: AtomicU64::new(0) };

const UNCHOSEN: u8 = 0;
const BY_GLIBC: u8 = 1;
const BY_MIMALLOC: u8 = 2;
const BY_JEMALLOC: u8 = 3;
/// By glibc too, so that it may be chosen and left again at any time.
const BY_GLIBC_COUNTED: u8 = 4;

/// Whoever was chosen.
#[derive(Debug)]
pub(crate) struct Chosen {
    /// One of the above. Relaxed everywhere: it is set at the first allocation, before there is a second thread.
    choice: AtomicU8,
    counted: AtomicU64,
}

/// How many allocations `act` makes, those of other threads included; `None` where another allocator than glibc's was chosen.
pub(crate) fn count_allocations(act: impl FnOnce()) -> Option<u64> {
    let swap = |from, to| {
        CHOSEN.choice.compare_exchange(from, to, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    };
    if !swap(BY_GLIBC, BY_GLIBC_COUNTED) {
        return None;
    }
    let before = CHOSEN.counted.load(Ordering::Relaxed);
    act();
    let count = CHOSEN.counted.load(Ordering::Relaxed) - before;
    swap(BY_GLIBC_COUNTED, BY_GLIBC);
    Some(count)
}

/// Takes 64 B from whoever was chosen and gives them back.
pub(crate) fn take_and_give() {
    drop(black_box(Box::<[u8; 64]>::new_uninit()));
}

/// As [`take_and_give`], from glibc without a choice.
pub(crate) fn take_and_give_by_glibc() {
    let layout = Layout::new::<[u8; 64]>();
    // SAFETY: the layout has a length.
    let place = black_box(unsafe { System.alloc(layout) });
    if !place.is_null() {
        // SAFETY: taken above, with this layout.
        unsafe { System.dealloc(place, layout) };
    }
}

/// What the variable says; whoever says nothing known gets glibc's.
fn choice_of(name: Option<&[u8]>) -> u8 {
    match name {
        Some(name) if name == MIMALLOC.as_bytes() => BY_MIMALLOC,
        Some(name) if name == JEMALLOC.as_bytes() => BY_JEMALLOC,
        _ => BY_GLIBC,
    }
}

impl Chosen {
    #[inline]
    fn choice(&self) -> u8 {
        match self.choice.load(Ordering::Relaxed) {
            UNCHOSEN => self.choose(),
            choice => choice,
        }
    }

    /// Once, before the first allocation: so whatever is freed goes back where it came from.
    #[cold]
    fn choose(&self) -> u8 {
        let variable = c"LEVADA_BENCH_ALLOCATOR"; // the standard library's own way to it would allocate
        debug_assert_eq!(variable.to_bytes(), VARIABLE.as_bytes());
        // SAFETY: ends with a zero; nothing sets variables in this program, least of all now.
        let value = unsafe { libc::getenv(variable.as_ptr()) };
        let choice = if value.is_null() {
            choice_of(None)
        } else {
            // SAFETY: a variable's value ends with a zero, and stays.
            choice_of(Some(unsafe { CStr::from_ptr(value) }.to_bytes()))
        };
        self.choice.store(choice, Ordering::Relaxed);
        choice
    }

    #[cold]
    fn count(&self) {
        self.counted.fetch_add(1, Ordering::Relaxed);
    }
}

// SAFETY: each call goes to the same one of three allocators, with the conditions under which it came.
unsafe impl GlobalAlloc for Chosen {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match self.choice() {
            // SAFETY: handed on.
            BY_MIMALLOC => unsafe { MiMalloc.alloc(layout) },
            // SAFETY: handed on.
            BY_JEMALLOC => unsafe { Jemalloc.alloc(layout) },
            choice => {
                if choice == BY_GLIBC_COUNTED {
                    self.count();
                }
                // SAFETY: handed on.
                unsafe { System.alloc(layout) }
            }
        }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        match self.choice() {
            // SAFETY: handed on.
            BY_MIMALLOC => unsafe { MiMalloc.alloc_zeroed(layout) },
            // SAFETY: handed on.
            BY_JEMALLOC => unsafe { Jemalloc.alloc_zeroed(layout) },
            choice => {
                if choice == BY_GLIBC_COUNTED {
                    self.count();
                }
                // SAFETY: handed on.
                unsafe { System.alloc_zeroed(layout) }
            }
        }
    }

    #[inline]
    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        match self.choice() {
            // SAFETY: handed on, to the one whose place it is.
            BY_MIMALLOC => unsafe { MiMalloc.dealloc(place, layout) },
            // SAFETY: as above.
            BY_JEMALLOC => unsafe { Jemalloc.dealloc(place, layout) },
            // SAFETY: as above; counted or not, it is glibc's.
            _ => unsafe { System.dealloc(place, layout) },
        }
    }

    #[inline]
    unsafe fn realloc(&self, place: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        match self.choice() {
            // SAFETY: handed on, to the one whose place it is.
            BY_MIMALLOC => unsafe { MiMalloc.realloc(place, layout, bytes) },
            // SAFETY: as above.
            BY_JEMALLOC => unsafe { Jemalloc.realloc(place, layout, bytes) },
            choice => {
                if choice == BY_GLIBC_COUNTED {
                    self.count();
                }
                // SAFETY: as above.
                unsafe { System.realloc(place, layout, bytes) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_nobody_knows_means_glibc() {
        assert_eq!(choice_of(Some(b"mimalloc")), BY_MIMALLOC);
        assert_eq!(choice_of(Some(b"jemalloc")), BY_JEMALLOC);
        assert_eq!([choice_of(Some(b"some")), choice_of(None)], [BY_GLIBC; 2]);
    }

    #[test]
    fn what_is_allocated_meanwhile_is_counted() {
        let count = count_allocations(|| drop(black_box(Box::new(7_u64))));
        assert!(count.is_none_or(|count| count >= 1), "{count:?}");
    }
}
