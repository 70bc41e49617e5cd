//! Asking ahead fetches a cache line before it is used, so that the next lines travel while this one is worked on.
//!
//! A queue hands its lines from core to core, each a wait of some 60 ns if nobody asks before. Asking 1 KiB ahead, for writing at
//! one end and for reading at the other, takes a quarter off a value in batches of 64 and more than half off one by one.
//! Checked: `cargo run --release -p levada-queue --example figures`, with and without.
#![expect(
    unsafe_code,
    reason = "an instruction that changes nothing but caches, given any address"
)]

/// How far ahead is asked.
pub(crate) const AHEAD_BYTES: usize = 1024;

/// Asks for the line at `place`, soon to be written.
#[inline]
pub(crate) fn soon_written<T>(place: *const T) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    // SAFETY: a prefetch reads and writes no memory and takes any address; where it is unknown it does nothing.
    unsafe {
        std::arch::asm!("prefetchw [{}]", in(reg) place, options(nostack, preserves_flags, readonly));
    }
    #[cfg(all(target_arch = "aarch64", not(miri)))]
    // SAFETY: as above.
    unsafe {
        std::arch::asm!("prfm pstl1keep, [{}]", in(reg) place, options(nostack, preserves_flags, readonly));
    }
    let _: *const T = place;
}

/// Asks for the line at `place`, soon to be read.
#[inline]
pub(crate) fn soon_read<T>(place: *const T) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    // SAFETY: as above.
    unsafe {
        std::arch::asm!("prefetcht0 [{}]", in(reg) place, options(nostack, preserves_flags, readonly));
    }
    #[cfg(all(target_arch = "aarch64", not(miri)))]
    // SAFETY: as above.
    unsafe {
        std::arch::asm!("prfm pldl1keep, [{}]", in(reg) place, options(nostack, preserves_flags, readonly));
    }
    let _: *const T = place;
}
