//! The nursery is where objects are born: a cursor runs through chunks that the pool lends, and what survives is copied to others.
//!
//! Cost: an allocation is an addition, a comparison, and a write of the header.
#![expect(
    unsafe_code,
    reason = "walks from header to header; allocates the chunks that idle heaps keep"
)]

use core::cell::Cell;
use core::ptr::NonNull;
use std::alloc::{Layout, alloc, dealloc};

use crate::collecting::undoing::Undoing;
use crate::memory::pool::{CHUNK_BYTES, Pool};
use crate::objects::object::{Object, TO_NURSERY};

/// The free part of the chunk that is being filled.
///
/// # Invariants
/// 1. From `cursor` up to `end_address` there is memory of a chunk, or nothing: then the cursor is no address, but not null either, so
///    that an allocation has one thing to compare.
#[derive(Debug)]
pub(crate) struct Bump {
    cursor: Cell<NonNull<u8>>,
    end_address: Cell<usize>,
}

impl Bump {
    /// Nothing.
    pub(crate) const fn none() -> Self {
        let nowhere = NonNull::<u64>::dangling();
        Self { cursor: Cell::new(nowhere.cast()), end_address: Cell::new(align_of::<u64>()) }
    }

    /// Goes on at `cursor`, up to the end; at null there is nothing.
    pub(crate) fn set(&self, cursor: *mut u8, end_address: usize) {
        let nowhere = Self::none();
        let end = |at: NonNull<u8>| (at, end_address);
        let (cursor, end_address) =
            NonNull::new(cursor).map_or((nowhere.cursor.get(), nowhere.end_address.get()), end);
        self.cursor.set(cursor);
        self.end_address.set(end_address);
    }

    #[inline]
    pub(crate) fn cursor(&self) -> *mut u8 {
        self.cursor.get().as_ptr()
    }

    /// So many bytes, which are whole words.
    #[inline]
    pub(crate) fn take(&self, bytes: usize) -> Option<NonNull<u8>> {
        let start = self.cursor.get();
        if self.end_address.get() - start.addr().get() < bytes {
            return None;
        }
        // SAFETY: invariant 1, and so many are left.
        self.cursor.set(unsafe { start.add(bytes) });
        Some(start)
    }

    /// As [`Self::take`], for an object whose value, so far behind the header, is aligned to more than a word: zeros go before it, and
    /// behind it, so that it takes as much wherever the cursor stands. A copy finds room where it was reserved.
    pub(crate) fn take_aligned(
        &self,
        bytes: usize,
        value_offset: usize,
        align: usize,
    ) -> Option<NonNull<u8>> {
        let value = self.cursor.get().addr().get() + value_offset;
        let lead_bytes = value.next_multiple_of(align) - value;
        let start = self.take(align_bytes(align) + bytes)?;
        // SAFETY: so many bytes were just taken.
        Some(unsafe { place(start, lead_bytes, bytes, align) })
    }
}

/// What an object takes beside its own length, so that its value can be aligned: to a word at least.
#[inline]
pub(crate) fn align_bytes(align: usize) -> usize {
    align - 8
}

/// The place of a header so far behind `start`; before it and behind its object are zeros, as many as alignment may take.
///
/// # Safety
/// From `start` on there are `align_bytes(align) + bytes` bytes, nobody else's; no more than the former go before the header.
#[inline]
pub(crate) unsafe fn place(
    start: NonNull<u8>,
    lead_bytes: usize,
    bytes: usize,
    align: usize,
) -> NonNull<u8> {
    let rest_bytes = align_bytes(align) - lead_bytes;
    if lead_bytes > 0 {
        // SAFETY: promised by the caller.
        unsafe { start.write_bytes(0, lead_bytes) };
    }
    // SAFETY: as above.
    let header = unsafe { start.add(lead_bytes) };
    if rest_bytes > 0 {
        // SAFETY: as above: what was taken ends so far behind the object.
        let end = unsafe { header.add(bytes) };
        // SAFETY: as above.
        unsafe { end.write_bytes(0, rest_bytes) };
    }
    header
}

/// A run of memory that objects stand in one behind the other.
///
/// # Invariants
/// 1. `bytes` from `start` on are the chunk's alone, lent by the pool or allocated here, until [`Chunk::give`].
/// 2. The first `filled_bytes` are objects and zeroed words; of the chunk that is being filled the cursor says it.
#[derive(Debug)]
pub(crate) struct Chunk {
    start: NonNull<u8>,
    bytes: usize,
    filled_bytes: usize,
    is_lent: bool,
}

fn layout(bytes: usize) -> Layout {
    Layout::from_size_align(bytes, 16).expect("a chunk is short")
}

impl Chunk {
    /// A chunk of a pool.
    pub(crate) fn lent(start: NonNull<u8>) -> Self {
        Self { start, bytes: CHUNK_BYTES, filled_bytes: 0, is_lent: true }
    }

    /// One that fits what an idle heap keeps, in steps of 64 B: there may be many such heaps.
    pub(crate) fn fitting(kept_bytes: usize) -> Option<Self> {
        let bytes = kept_bytes.next_multiple_of(64).max(64);
        // SAFETY: the layout has bytes.
        let start = unsafe { alloc(layout(bytes)) };
        Some(Self { start: NonNull::new(start)?, bytes, filled_bytes: 0, is_lent: false })
    }

    pub(crate) fn start(&self) -> *mut u8 {
        self.start.as_ptr()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn is_lent(&self) -> bool {
        self.is_lent
    }

    pub(crate) fn end_address(&self) -> usize {
        self.start.addr().get() + self.bytes
    }

    /// Says how far it is filled.
    pub(crate) fn fill_to(&mut self, cursor: *mut u8) {
        self.filled_bytes = cursor.addr() - self.start.addr().get();
    }

    pub(crate) fn filled_bytes(&self) -> usize {
        self.filled_bytes
    }

    /// Where what is filled ends.
    #[inline]
    pub(crate) fn filled_address(&self) -> usize {
        self.start.addr().get() + self.filled_bytes
    }

    /// The first object at an offset or behind it; `None` at the end of what is filled.
    pub(crate) fn object_from(
        &self,
        offset: usize,
        filled_bytes: usize,
    ) -> Option<(Object, usize)> {
        let mut offset = offset;
        while offset < filled_bytes {
            // SAFETY: invariants 1 and 2.
            let word = unsafe { self.start.add(offset) };
            // SAFETY: as above: a header or a zeroed word, never the middle of an object.
            if unsafe { word.cast::<usize>().read() } != 0 {
                return Some((Object::at(word), offset));
            }
            offset += 8;
        }
        None
    }

    /// All objects in what is filled.
    pub(crate) fn objects(&self) -> impl Iterator<Item = Object> {
        let mut from = 0;
        core::iter::from_fn(move || {
            let (object, offset) = self.object_from(from, self.filled_bytes)?;
            from = offset + object.bytes();
            Some(object)
        })
    }

    /// Gives chunks back to where they came from.
    pub(crate) fn give(pool: &Pool, chunks: Vec<Self>, poisons: bool) {
        if poisons {
            for chunk in &chunks {
                // SAFETY: invariant 1: nothing in it is reached any more.
                unsafe { chunk.start.write_bytes(0xD7, chunk.bytes) };
            }
        }
        for chunk in chunks.iter().filter(|chunk| !chunk.is_lent) {
            // SAFETY: invariant 1: allocated by `fitting`, with this layout.
            unsafe { dealloc(chunk.start.as_ptr(), layout(chunk.bytes)) };
        }
        let lent: Vec<_> =
            chunks.iter().rev().filter(|chunk| chunk.is_lent).map(|chunk| chunk.start).collect();
        if !lent.is_empty() {
            pool.give_chunks(lent);
        }
    }
}

/// The chunks of a heap, the one that is being filled last, and what of them has a destructor.
#[derive(Debug, Default)]
pub(crate) struct Nursery {
    pub(crate) chunks: Vec<Chunk>,
    /// Those in it whose destructor is to run when they are found dead.
    pub(crate) drops: Vec<Object>,
}

impl Nursery {
    /// Says how far the last chunk is filled.
    pub(crate) fn fill_to(&mut self, cursor: *mut u8) {
        if let Some(last) = self.chunks.last_mut() {
            last.fill_to(cursor);
        }
    }

    /// After a marking that set a tag on all that it reached: undoes the others where they are, leaves zeros there, and takes the tag
    /// off. What is dead may lead to what is swept next, and there may be no memory to copy the rest. How many bytes are zeros now.
    pub(crate) fn sweep(&mut self, undoing: &mut Undoing) -> u64 {
        self.drops.retain(|object| {
            let is_reached = object.has(TO_NURSERY);
            if !is_reached {
                // SAFETY: it was not reached, and who is undone is listed no more.
                unsafe { undoing.undo(*object) };
            }
            is_reached
        });
        let mut freed_bytes = 0;
        for object in self.chunks.iter().flat_map(Chunk::objects) {
            if object.has(TO_NURSERY) {
                object.clear(TO_NURSERY);
            } else {
                let bytes = object.bytes();
                // SAFETY: it was not reached, and is so long.
                unsafe { object.header().write_bytes(0, bytes) };
                freed_bytes += bytes as u64;
            }
        }
        freed_bytes
    }

    /// How many bytes objects take, as far as was said.
    pub(crate) fn filled_bytes(&self) -> usize {
        self.chunks.iter().map(Chunk::filled_bytes).sum()
    }

    /// How many chunks are the pool's.
    pub(crate) fn lent_count(&self) -> usize {
        self.chunks.iter().filter(|chunk| chunk.is_lent).count()
    }

    pub(crate) fn chunk_bytes(&self) -> usize {
        self.chunks.iter().map(Chunk::bytes).sum()
    }
}
