//! A group of lent blocks is a ring in memory: we write entries and the tail, the kernel takes from the head.
#![expect(
    unsafe_code,
    reason = "writes entries that the kernel reads at the same time; all of it is in `raw` below"
)]

pub(super) use raw::LentBlocks;

mod raw {
    use std::sync::atomic::{AtomicU16, Ordering};

    use io_uring::IoUring;
    use io_uring::types::BufRingEntry;
    use levada_pages::{HUGE_PAGE_BYTES, Reservation};
    use rustix::io::Errno;

    use crate::op::{BlockId, Group};
    use crate::span::WriteSpan;

    /// The entries of one group.
    ///
    /// # Invariants
    /// 1. `entries` is zeroed memory for `mask + 1` entries, registered with the ring under `group`, and stays mapped
    ///    until the ring is closed or the group unregistered: the driver drops its ring first.
    /// 2. Entries between the kernel's head and `tail` are the kernel's; `tail` is ours alone to write.
    /// 3. `spans` has the span that each block was last lent with.
    #[derive(Debug)]
    pub(in super::super) struct LentBlocks {
        memory: Reservation,
        mask: u16,
        tail: u16,
        spans: Vec<Option<WriteSpan>>,
    }

    impl LentBlocks {
        pub(in super::super) fn register(
            ring: &IoUring,
            group: Group,
            blocks_max: u16,
        ) -> Result<Self, Errno> {
            let count = blocks_max.next_power_of_two();
            assert!(count <= 1 << 15, "a group has at most 32,768 blocks");
            assert!(
                usize::from(count) * size_of::<BufRingEntry>() <= HUGE_PAGE_BYTES,
                "its entries fit"
            );
            let memory = Reservation::new(HUGE_PAGE_BYTES).map_err(|_| Errno::NOMEM)?;
            memory.commit(0, HUGE_PAGE_BYTES).map_err(|_| Errno::NOMEM)?;
            let address = memory.start().as_ptr().expose_provenance() as u64;
            // SAFETY: the memory holds `count` zeroed entries and stays (invariant 1).
            let registered = unsafe {
                ring.submitter().register_buf_ring_with_flags(address, count, group.0, 0)
            };
            registered.map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
            Ok(Self { memory, mask: count - 1, tail: 0, spans: Vec::new() })
        }

        /// Lends a block.
        ///
        /// # Safety
        /// As [`crate::Driver::provide`]; and no more blocks are lent at a time than the group was made for.
        pub(in super::super) unsafe fn provide(&mut self, block: BlockId, span: WriteSpan) {
            let index = usize::from(block.0);
            if self.spans.len() <= index {
                self.spans.resize(index + 1, None);
            }
            self.spans[index] = Some(span);
            let first = self.memory.start().cast::<BufRingEntry>();
            // SAFETY: the masked index lies among the entries (invariant 1).
            let entry = unsafe { first.add(usize::from(self.tail & self.mask)) };
            // SAFETY: behind the kernel's head and at our tail: ours (invariant 2).
            let entry = unsafe { &mut *entry.as_ptr() };
            entry.set_addr(span.start.expose_provenance() as u64);
            entry.set_len(span.bytes);
            entry.set_bid(block.0);
            self.tail = self.tail.wrapping_add(1);
            // SAFETY: the first entry is initialised memory of ours; its spare field is the tail.
            let tail = unsafe { BufRingEntry::tail(first.as_ptr()) };
            // SAFETY: aligned as a field, mapped (invariant 1), and written by nobody else (invariant 2).
            let tail = unsafe { AtomicU16::from_ptr(tail.cast_mut()) };
            // Release: the kernel sees the entry before it sees the tail behind it.
            tail.store(self.tail, Ordering::Release);
        }

        /// The span that a block was last lent with.
        pub(in super::super) fn span_of(&self, block: BlockId) -> WriteSpan {
            let span = self.spans.get(usize::from(block.0)).copied().flatten();
            span.expect("the kernel names blocks that were lent")
        }
    }
}
