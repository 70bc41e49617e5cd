//! A bare loop's store: slots of one length in mapped memory, a header before each value, and nothing else.
//!
//! ```text
//! slot   | header: generation << 32, length | value | …      handle = generation << 32 | slot index
//! ```
//! The floor of every act: a put is a store of header and bytes, a get is a compare of the header.
#![expect(
    unsafe_code,
    reason = "reads and writes mapped memory as the least that a store could do"
)]

use std::ptr::NonNull;
use std::slice;

use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap_anonymous, munmap};

use crate::stores::store::{Store, first_word};

const HEADER_BYTES: usize = 8;

/// Where huge pages begin, so that all of a store may lie in some.
const HUGE_BYTES: usize = 2 << 20;

/// Which pages back the slots.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Pages {
    Huge,
    Small,
}

/// # Invariants
/// 1. `map` is `map_bytes` of memory that are mapped, ours, and readable and writable until the drop.
/// 2. Slot `index` is the `slot_bytes` at `index * slot_bytes`, and every slot that is used lies inside the map.
/// 3. A handle that was given and not deleted names a used slot with a value of `slot_bytes - HEADER_BYTES`.
#[derive(Debug)]
pub(crate) struct BareStore {
    map: NonNull<u8>,
    map_bytes: usize,
    slot_bytes: usize,
    used_count: u64,
    free: Vec<u64>,
    generation: u64,
}

// SAFETY: the memory is reached through `&self` for reading and `&mut self` for writing alone.
unsafe impl Send for BareStore {}
// SAFETY: as above.
unsafe impl Sync for BareStore {}

impl BareStore {
    /// # Panics
    /// If the addresses cannot be had.
    pub(crate) fn new(pages: Pages, value_bytes: usize, count: u64) -> Self {
        let slot_bytes = HEADER_BYTES + value_bytes.next_multiple_of(8);
        let count = usize::try_from(count).expect("a count of what fits in memory");
        let map_bytes = (slot_bytes * count).next_multiple_of(HUGE_BYTES);
        let (protection, flags) =
            (ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE | MapFlags::NORESERVE);
        // SAFETY: a new mapping where the kernel likes.
        let map = unsafe { mmap_anonymous(std::ptr::null_mut(), map_bytes, protection, flags) };
        let map = map.expect("the addresses can be had");
        let advice = match pages {
            Pages::Huge => Advice::LinuxHugepage,
            Pages::Small => Advice::LinuxNoHugepage,
        };
        // A kernel without huge pages has small ones, and says so elsewhere.
        // SAFETY: our own mapping, and advice that changes no byte.
        let _advised = unsafe { madvise(map, map_bytes, advice) };
        let map = NonNull::new(map.cast()).expect("a mapping is not at zero");
        Self { map, map_bytes, slot_bytes, used_count: 0, free: Vec::new(), generation: 1 }
    }

    #[inline]
    fn slot(&self, handle: u64) -> *mut u8 {
        let index = usize::try_from(handle & 0xFFFF_FFFF).expect("32 bits");
        // SAFETY: inside the map by invariant 2.
        unsafe { self.map.as_ptr().add(index * self.slot_bytes) }
    }

    #[inline]
    fn value(&self, handle: u64) -> &[u8] {
        let slot = self.slot(handle);
        // SAFETY: invariants 1 and 2; slots begin at multiples of 8.
        #[expect(clippy::cast_ptr_alignment, reason = "slots begin at multiples of 8")]
        let header = unsafe { slot.cast::<u64>().read() };
        assert_eq!(header >> 32, handle >> 32, "the slot has the handle's generation");
        let length = usize::try_from(header & 0xFFFF_FFFF).expect("32 bits");
        // SAFETY: behind the header, inside the slot by invariant 2.
        let value = unsafe { slot.add(HEADER_BYTES) };
        // SAFETY: invariant 3: so many bytes were written there.
        unsafe { slice::from_raw_parts(value, length) }
    }

    #[inline]
    fn write(&mut self, handle: u64, bytes: &[u8]) {
        assert!(bytes.len() <= self.slot_bytes - HEADER_BYTES, "values have one length");
        let slot = self.slot(handle);
        // SAFETY: behind the header, inside the slot by invariant 2.
        let value = unsafe { slot.add(HEADER_BYTES) };
        // SAFETY: invariant 1, and the assertion above; nobody else has the map while we have `&mut self`.
        unsafe { value.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
        let header = handle >> 32 << 32 | bytes.len() as u64;
        // SAFETY: invariants 1 and 2.
        #[expect(clippy::cast_ptr_alignment, reason = "slots begin at multiples of 8")]
        unsafe {
            slot.cast::<u64>().write(header);
        }
    }
}

impl Store for BareStore {
    type Handle = u64;

    #[inline]
    fn put(&mut self, bytes: &[u8]) -> u64 {
        let index = self.free.pop().unwrap_or_else(|| {
            self.used_count += 1;
            self.used_count - 1
        });
        let end_bytes = (index + 1) * self.slot_bytes as u64;
        assert!(end_bytes <= self.map_bytes as u64, "no more than it was made for");
        let handle = self.generation << 32 | index;
        self.write(handle, bytes);
        handle
    }

    #[inline]
    fn get_each(&self, handles: &[u64], see: &mut impl FnMut(&[u8])) {
        for handle in handles {
            see(self.value(*handle));
        }
    }

    /// Slots are asked for 16 ahead.
    fn get_batch(&self, handles: &[u64], see: &mut impl FnMut(&[u8])) {
        const AHEAD: usize = 16;
        for (at, handle) in handles.iter().enumerate() {
            #[cfg(target_arch = "x86_64")]
            if let Some(later) = handles.get(at + AHEAD) {
                let slot = self.slot(*later);
                // SAFETY: a hint about an address inside the map.
                unsafe {
                    std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(
                        slot.cast_const().cast(),
                    );
                }
            }
            see(self.value(*handle));
        }
    }

    fn hop(&self, from: u64, hop_count: u64) -> u64 {
        (0..hop_count).fold(from, |at, _| first_word(self.value(at)))
    }

    fn replace(&mut self, handle: u64, bytes: &[u8]) -> u64 {
        self.write(handle, bytes);
        handle
    }

    #[inline]
    fn delete(&mut self, handle: u64) {
        self.free.push(handle & 0xFFFF_FFFF);
    }

    fn word_of(handle: u64) -> u64 {
        handle
    }
}

impl Drop for BareStore {
    fn drop(&mut self) {
        // SAFETY: invariant 1; nobody has the store any more. What the kernel refuses goes with the program.
        let _unmapped = unsafe { munmap(self.map.as_ptr().cast(), self.map_bytes) };
    }
}
