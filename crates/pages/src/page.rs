//! A page is what the OS deals memory in; a huge page is what the processor likes to map it by.

/// The bytes of a huge page on x86-64 and on aarch64 with 4 KiB pages.
pub const HUGE_PAGE_BYTES: usize = 2 << 20;

/// The smallest page of the platforms that Levada runs on, and the grain of its own sizes.
///
/// A kernel may use larger ones: what is handed to it for protection or return is cut by [`HUGE_PAGE_BYTES`].
pub const PAGE_BYTES_MIN: usize = 4 << 10;

/// What memory is returned in: the largest page of the platforms that Levada runs on (aarch64 has kernels with it).
pub const GRAIN_BYTES: usize = 64 << 10;

/// The bytes of a page on this machine: the least that it gives and takes back.
#[must_use]
pub fn machine_page_bytes() -> usize {
    #[cfg(not(miri))]
    let page_bytes = rustix::param::page_size();
    #[cfg(miri)]
    let page_bytes = PAGE_BYTES_MIN;
    page_bytes
}

/// The next multiple of `grain_bytes` at or above `bytes`.
///
/// ```
/// assert_eq!(levada_pages::round_up(4097, 4096), 8192);
/// assert_eq!(levada_pages::round_up(8192, 4096), 8192);
/// ```
///
/// # Panics
/// If `grain_bytes` is not a power of two, or the result passes `usize::MAX`: both are our own mistakes.
#[must_use]
pub const fn round_up(bytes: usize, grain_bytes: usize) -> usize {
    assert!(grain_bytes.is_power_of_two(), "a grain is a power of two");
    let Some(above) = bytes.checked_add(grain_bytes - 1) else {
        panic!("a length stays below the end of the address space");
    };
    above & !(grain_bytes - 1)
}
