//! The table of forwards: rows of two words, in blocks of 4,096 that never move, on the heap or in a file.
#![expect(
    unsafe_code,
    reason = "reads rows in a file that stands at reserved addresses; all of it is in `raw` below"
)]

use std::sync::OnceLock;

use crate::places::limit::Limit;
use crate::sync::{AtomicU64, Ordering};

pub(crate) use raw::FiledRows;

/// Rows of a block.
pub(crate) const BLOCK: u32 = if cfg!(loom) { 2 } else { 4096 };
/// What a block takes.
pub(crate) const BLOCK_BYTES: u64 = BLOCK as u64 * size_of::<Forward>() as u64;
const FAN: u32 = 256;
/// The most blocks: their rows have numbers of 28 bits.
pub(crate) const BLOCKS_MAX: u32 = FAN * FAN;

/// Where one record's bytes are.
#[derive(Debug, Default)]
#[repr(C)]
pub(crate) struct Forward {
    /// A pointer's bits; zero once the record was deleted.
    pub(crate) target: AtomicU64,
    pub(crate) home: AtomicU64,
}

impl Forward {
    /// Whether it was never filled, or is free.
    pub(crate) fn is_zero(&self) -> bool {
        self.target.load(Ordering::Relaxed) == 0 && self.home.load(Ordering::Relaxed) == 0
    }
}

type Block = OnceLock<Box<[Forward]>>;

/// The rows, wherever they are.
#[derive(Debug)]
pub(crate) enum ForwardTable {
    Heap(Box<[OnceLock<Box<[Block]>>]>),
    Filed(FiledRows),
}

impl Default for ForwardTable {
    fn default() -> Self {
        Self::Heap((0..FAN).map(|_| OnceLock::new()).collect())
    }
}

impl ForwardTable {
    /// The row of this number, which was given out.
    #[inline]
    pub(crate) fn at(&self, number: u32) -> &Forward {
        let blocks = match self {
            Self::Heap(blocks) => blocks,
            Self::Filed(rows) => return rows.at(number),
        };
        let (block, at) = (number / BLOCK, number % BLOCK);
        let blocks = blocks[(block / FAN) as usize].get().expect("an entry that was given out");
        let block = blocks[(block % FAN) as usize].get().expect("an entry that was given out");
        &block[at as usize]
    }

    /// Makes a block, the one after the last. False at the limit, and where the disk is full.
    pub(crate) fn open_block(&self, block: u32, limit: &Limit) -> bool {
        if block == BLOCKS_MAX || !limit.take(BLOCK_BYTES) {
            return false;
        }
        match self {
            Self::Heap(blocks) => {
                let blocks = blocks[(block / FAN) as usize]
                    .get_or_init(|| (0..FAN).map(|_| OnceLock::new()).collect());
                blocks[(block % FAN) as usize]
                    .get_or_init(|| (0..BLOCK).map(|_| Forward::default()).collect());
                true
            }
            Self::Filed(rows) => {
                let is_open = rows.open_block(block);
                if !is_open {
                    limit.give(BLOCK_BYTES);
                }
                is_open
            }
        }
    }
}

mod raw {
    use std::sync::Arc;

    use levada_pages::{Reservation, ReserveError};

    use super::{BLOCK, BLOCK_BYTES, BLOCKS_MAX, Forward};
    use crate::kept::folder::{FORWARD_BLOCK_BYTES, Folder};

    const _: () = assert!(cfg!(loom) || BLOCK_BYTES == FORWARD_BLOCK_BYTES);

    /// Rows in a file.
    ///
    /// # Invariants
    /// 1. `addresses` has a row for every number of 28 bits, all readable, and writable where blocks were opened; it lives as
    ///    long as this value. They hold atomics only, for which zeros are a value.
    #[derive(Debug)]
    pub(crate) struct FiledRows {
        addresses: Reservation,
        folder: Arc<Folder>,
    }

    impl FiledRows {
        pub(crate) fn new(folder: Arc<Folder>) -> Result<Self, ReserveError> {
            let bytes = u64::from(BLOCKS_MAX) * BLOCK_BYTES;
            let addresses = Reservation::new(usize::try_from(bytes).expect("4 GiB of 64 bits"))?;
            addresses.commit_small(0, addresses.bytes())?;
            Ok(Self { addresses, folder })
        }

        #[inline]
        pub(super) fn at(&self, number: u32) -> &Forward {
            assert!(number < BLOCKS_MAX * BLOCK, "a number has 28 bits");
            let row = self
                .addresses
                .start()
                .as_ptr()
                .wrapping_add(number as usize * size_of::<Forward>());
            #[expect(clippy::cast_ptr_alignment, reason = "rows of 16 from an aligned start")]
            let row = row.cast::<Forward>();
            // SAFETY: invariant 1, and the number was compared; a reservation is aligned to two megabytes.
            unsafe { &*row }
        }

        pub(super) fn open_block(&self, block: u32) -> bool {
            self.folder.place_forward(&self.addresses, block..block + 1).is_ok()
        }

        /// Lets the blocks be read that were opened in an earlier life. How many rows they have.
        pub(crate) fn mount(&self) -> Result<u32, ReserveError> {
            let blocks = self.folder.forward_blocks().min(BLOCKS_MAX);
            if blocks > 0 {
                self.folder.place_forward(&self.addresses, 0..blocks)?;
            }
            Ok(blocks * BLOCK)
        }
    }
}
