//! A span is a range of memory that the kernel is to read or to write; it keeps nothing alive.

/// Memory that the kernel reads.
#[derive(Clone, Copy, Debug)]
pub struct ReadSpan {
    /// The first byte.
    pub start: *const u8,
    /// How many there are.
    pub bytes: u32,
}

/// Memory that the kernel writes.
#[derive(Clone, Copy, Debug)]
pub struct WriteSpan {
    /// The first byte.
    pub start: *mut u8,
    /// How many there are.
    pub bytes: u32,
}

impl ReadSpan {
    /// The span of `bytes`.
    ///
    /// # Panics
    /// If there are 4 GiB or more: no block of the heap is so long.
    #[inline]
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self {
            start: bytes.as_ptr(),
            bytes: u32::try_from(bytes.len()).expect("a span is shorter than 4 GiB"),
        }
    }
}

impl WriteSpan {
    /// The span of memory that may hold anything yet.
    ///
    /// # Panics
    /// If there are 4 GiB or more: no block of the heap is so long.
    #[inline]
    #[must_use]
    pub fn of(room: &mut [core::mem::MaybeUninit<u8>]) -> Self {
        let bytes = u32::try_from(room.len()).expect("a span is shorter than 4 GiB");
        Self { start: room.as_mut_ptr().cast(), bytes }
    }
}
