//! A raw buffer is bytes of a heap that never move and have one owner, who may free them on any thread, also after the heap.
//!
//! It is no object: nothing in the heap points to it, no collection looks at it. So the kernel may have it as an argument, or write into
//! it, for as long as an operation takes: the operation owns it then, and nobody else can reach it.
#![expect(unsafe_code, reason = "owns bytes by their address; see the invariant of `RawBuf`")]

use core::fmt;
use core::mem::ManuallyDrop;
use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;

use levada_pages::{FixedBytes, FixedBytesMut};

use crate::limits::Full;
use crate::raw::pages::free_raw;
use crate::turns::cx::Cx;

/// Bytes at a fixed address, of one owner. [`Cx::raw`] makes them.
///
/// A length of up to 8 KiB takes a cell of its class and is aligned to the largest power of two that divides the class: 16 B of 16,
/// 512 B of 512, 4 KiB of 4 KiB. A longer one is aligned to 4 KiB. Dropped, it is charged to the heap until that next looks: when
/// it needs room for raw buffers, collects or rests.
///
/// There is one owner at a time:
/// ```compile_fail
/// # use levada_local::{LocalHeap, Pool};
/// # let mut heap = LocalHeap::<()>::new(&Pool::default(), Default::default(), |_| ());
/// let raw = heap.enter(|cx, ()| cx.raw(16)).unwrap();
/// let other = raw.clone(); // two owners
/// ```
/// and an operation that was given it is the owner:
/// ```compile_fail
/// # use levada_local::{LocalHeap, Pool};
/// # use levada_pages::KeptBytes;
/// # let mut heap = LocalHeap::<()>::new(&Pool::default(), Default::default(), |_| ());
/// let mut raw = heap.enter(|cx, ()| cx.raw(16)).unwrap();
/// let operation = KeptBytes::of(raw);
/// raw[0] = 1; // the kernel may be reading it
/// ```
///
/// # Invariants
/// 1. `bytes` were given out by a heap's raw pages, are initialised, and are this value's alone.
pub struct RawBuf {
    bytes: NonNull<[u8]>,
}

// SAFETY: its bytes are its own, and it may be freed on any thread.
unsafe impl Send for RawBuf {}

// SAFETY: through a shared reference its bytes are only read.
unsafe impl Sync for RawBuf {}

impl Cx<'_> {
    /// Takes a buffer of `bytes` zeros, which outlives the turn and may outlive the heap.
    ///
    /// Cost: a search for a bit, and the zeros.
    ///
    /// # Errors
    /// [`Full`] at the heap's hard limit, or where its pool has no more memory.
    pub fn raw(&self, bytes: usize) -> Result<RawBuf, Full<()>> {
        let start = self.space().take_raw(bytes).ok_or(Full(()))?;
        if bytes <= 16 {
            // SAFETY: the shortest cell has so many bytes and is aligned to as many.
            unsafe { start.cast::<u128>().write(0) };
        } else {
            // SAFETY: so many bytes were just taken.
            unsafe { start.write_bytes(0, bytes) };
        }
        Ok(RawBuf { bytes: NonNull::slice_from_raw_parts(start, bytes) })
    }
}

impl RawBuf {
    /// Gives the bytes up to who keeps their address. [`Self::from_raw`] takes them back; otherwise they stay for ever.
    #[must_use = "the bytes stay for ever if nobody takes them back"]
    pub fn into_raw(self) -> NonNull<[u8]> {
        ManuallyDrop::new(self).bytes
    }

    /// Takes back what [`Self::into_raw`] gave up.
    ///
    /// # Safety
    /// `raw` came from there, is taken back once, and nobody touches it otherwise from here on.
    #[must_use]
    pub unsafe fn from_raw(raw: NonNull<[u8]>) -> Self {
        Self { bytes: raw }
    }
}

impl Deref for RawBuf {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        // SAFETY: the invariant.
        unsafe { self.bytes.as_ref() }
    }
}

impl DerefMut for RawBuf {
    #[inline]
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: the invariant.
        unsafe { self.bytes.as_mut() }
    }
}

impl Drop for RawBuf {
    fn drop(&mut self) {
        // SAFETY: the invariant; it is not used after.
        unsafe { free_raw(self.bytes.cast()) };
    }
}

// SAFETY: the bytes never move, are nobody else's, and outlive the heap; `from_raw` makes the same owner of them again, on any thread.
unsafe impl FixedBytes for RawBuf {
    fn into_raw(self) -> NonNull<[u8]> {
        Self::into_raw(self)
    }

    unsafe fn from_raw(raw: NonNull<[u8]>) -> Self {
        // SAFETY: passed on to the caller.
        unsafe { Self::from_raw(raw) }
    }
}

// SAFETY: they are its own to write.
unsafe impl FixedBytesMut for RawBuf {}

impl fmt::Debug for RawBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RawBuf({} B at {:p})", self.bytes.len(), self.bytes)
    }
}
