//! Blocks are lent to the kernel, which picks one for what arrives and names it; read once, they are lent again.
//!
//! Cost: lending is a write of 16 B and of the tail; no system call.
#![expect(
    unsafe_code,
    reason = "writes entries that the kernel reads at the same time; all of it is in `raw` below"
)]

pub(crate) use raw::{Blocks, GROUP, Lent};

/// How many blocks there are, and how long each is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BlockRoom {
    pub(crate) block_count: u16,
    pub(crate) block_bytes: u32,
}

mod raw {
    use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
    use std::io;
    use std::ptr::NonNull;
    use std::slice;
    use std::sync::atomic::{AtomicU16, Ordering};

    use io_uring::IoUring;
    use io_uring::types::BufRingEntry;

    use super::BlockRoom;

    /// The kernel refuses a ring of entries that does not begin with a page.
    const PAGE_BYTES: usize = 4096;

    /// The only group of a ring.
    pub(crate) const GROUP: u16 = 0;

    /// A block that the kernel filled. There is one of them for each time that it did, so none is lent twice.
    #[derive(Debug)]
    pub(crate) struct Lent(u16);

    impl Lent {
        /// What a completion says; `super::super::sockets` makes one for each completion, and nobody else does.
        pub(in super::super) fn of_completion(index: u16) -> Self {
            Self(index)
        }
    }

    /// The blocks of one ring, and the entries by which they are lent.
    ///
    /// # Invariants
    /// 1. `entries` is page-aligned memory for `room.block_count` entries, a power of two; `bytes` is memory for as
    ///    many blocks. Both stay until the ring is closed and quiet.
    /// 2. A block is the kernel's from when it is lent until a completion names it, then ours until it is lent again.
    #[derive(Debug)]
    pub(crate) struct Blocks {
        entries: NonNull<BufRingEntry>,
        bytes: NonNull<u8>,
        room: BlockRoom,
        tail: u16,
    }

    impl Blocks {
        /// Makes blocks and lends them all to `ring`.
        pub(in super::super) fn make(ring: &IoUring, room: BlockRoom) -> io::Result<Self> {
            assert!(room.block_count.is_power_of_two(), "the kernel masks the index");
            assert!(room.block_bytes > 0, "a block has room for at least one byte");
            let entries = zeroed(entries_layout(room)).cast::<BufRingEntry>();
            let bytes = zeroed(bytes_layout(room));
            let mut blocks = Self { entries, bytes, room, tail: 0 };
            let address = entries.as_ptr().expose_provenance() as u64;
            // SAFETY: the memory holds the entries, zeroed, and stays (invariant 1).
            unsafe {
                ring.submitter().register_buf_ring_with_flags(
                    address,
                    room.block_count,
                    GROUP,
                    0,
                )?;
            }
            (0..room.block_count).for_each(|index| blocks.lend_again(index));
            Ok(blocks)
        }

        /// Reads the first `bytes_count` bytes of a block, then lends it again.
        pub(in super::super) fn read<R>(
            &mut self,
            block: Lent,
            bytes_count: usize,
            read: impl FnOnce(&[u8]) -> R,
        ) -> R {
            let answer = read(self.filled(&block, bytes_count));
            self.lend(block);
            answer
        }

        /// The first `bytes_count` bytes of a block, which stay as they are until it is lent again.
        pub(in super::super) fn filled(&self, block: &Lent, bytes_count: usize) -> &[u8] {
            let block_bytes = self.room.block_bytes as usize;
            assert!(block.0 < self.room.block_count, "the kernel names a block that it was lent");
            assert!(bytes_count <= block_bytes, "the kernel keeps to the block");
            // SAFETY: inside the blocks by the first assertion and invariant 1.
            let start = unsafe { self.bytes.add(usize::from(block.0) * block_bytes) };
            // SAFETY: ours until it is lent again (invariant 2), initialised since it was zeroed at first.
            unsafe { slice::from_raw_parts(start.as_ptr(), bytes_count) }
        }

        /// Lends a block again that is not read any more.
        pub(in super::super) fn lend(&mut self, block: Lent) {
            let Lent(index) = block;
            assert!(index < self.room.block_count, "the kernel names a block that it was lent");
            self.lend_again(index);
        }

        fn lend_again(&mut self, index: u16) {
            let block_bytes = self.room.block_bytes as usize;
            // SAFETY: `index` is one of the blocks (invariant 1): it comes from the range of `make` or was compared in `lend`.
            let start = unsafe { self.bytes.add(usize::from(index) * block_bytes) };
            let place = usize::from(self.tail & (self.room.block_count - 1));
            // SAFETY: the masked place lies among the entries (invariant 1).
            let entry = unsafe { self.entries.add(place) };
            // SAFETY: at our tail, behind all that the kernel may read: ours alone.
            let entry = unsafe { &mut *entry.as_ptr() };
            entry.set_addr(start.as_ptr().expose_provenance() as u64);
            entry.set_len(self.room.block_bytes);
            entry.set_bid(index);
            self.tail = self.tail.wrapping_add(1);
            // SAFETY: the first entry is initialised memory of ours; its spare field is the tail.
            let tail = unsafe { BufRingEntry::tail(self.entries.as_ptr()) };
            // SAFETY: aligned as a field, and written by nobody else.
            let tail = unsafe { AtomicU16::from_ptr(tail.cast_mut()) };
            // Release: the kernel sees the entry before it sees the tail behind it.
            tail.store(self.tail, Ordering::Release);
        }
    }

    impl Drop for Blocks {
        fn drop(&mut self) {
            // SAFETY: made in `make` with this layout; the ring is closed and quiet (invariant 1).
            unsafe { dealloc(self.entries.as_ptr().cast(), entries_layout(self.room)) };
            // SAFETY: as above.
            unsafe { dealloc(self.bytes.as_ptr(), bytes_layout(self.room)) };
        }
    }

    fn entries_layout(room: BlockRoom) -> Layout {
        let entries_bytes = usize::from(room.block_count) * size_of::<BufRingEntry>();
        Layout::from_size_align(entries_bytes, PAGE_BYTES).expect("at most 512 KiB")
    }

    fn bytes_layout(room: BlockRoom) -> Layout {
        let blocks_bytes = usize::from(room.block_count) * room.block_bytes as usize;
        Layout::from_size_align(blocks_bytes, PAGE_BYTES).expect("fits into the address space")
    }

    fn zeroed(layout: Layout) -> NonNull<u8> {
        // SAFETY: neither layout is empty: there is at least one block, of at least one byte.
        let start = unsafe { alloc_zeroed(layout) };
        NonNull::new(start).unwrap_or_else(|| handle_alloc_error(layout))
    }
}
