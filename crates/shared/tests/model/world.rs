//! A world is a heap beside its model: which accounts hold which blocks, what values show, and what references may find.

use std::os::unix::net::UnixStream;
use std::sync::Arc;

use levada_shared::{
    Account, ExclusiveBuf, Options, Reservation, SharedData, SharedHeap, SoftRef, WeakRef,
};

use crate::lender::Lent;
use crate::value::{AccountIndex, BlockIndex, Value};

pub(crate) const LIMITS: [u64; 3] = [u64::MAX, 4 << 20, 4096];
pub(crate) const TAGS: [&str; 3] = ["", "head", "body"];

pub(crate) struct Owner {
    pub(crate) name: String,
    pub(crate) limit_bytes: u64,
    pub(crate) handle: Option<Account>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Life {
    Alive,
    /// It was hidden, and perhaps it went.
    Unsure,
    Gone,
}

pub(crate) struct Block {
    pub(crate) capacity_bytes: u64,
    pub(crate) tag: &'static str,
    pub(crate) is_retired: bool,
    /// Whether its bytes are lent: by its own number.
    pub(crate) is_lent: bool,
    /// Whether its lender took it back, and so is not told of its end.
    pub(crate) is_taken_back: bool,
    pub(crate) life: Life,
}

pub(crate) struct Filling {
    pub(crate) block: BlockIndex,
    pub(crate) account: AccountIndex,
    pub(crate) bytes: Vec<u8>,
    /// Whether some of it was frozen, so that it no longer begins where its block does.
    pub(crate) is_split: bool,
}

pub(crate) struct World {
    pub(crate) heap: SharedHeap,
    pub(crate) lent: Arc<Lent>,
    pub(crate) owners: Vec<Owner>,
    /// Which of them are open, by their limits.
    pub(crate) open: [AccountIndex; 3],
    pub(crate) blocks: Vec<Block>,
    pub(crate) bufs: Vec<(ExclusiveBuf, Filling)>,
    pub(crate) values: Vec<(SharedData, Value)>,
    pub(crate) softs: Vec<(SoftRef, Value)>,
    pub(crate) weaks: Vec<(WeakRef, Value)>,
    pub(crate) rooms: Vec<(Reservation, AccountIndex, u64)>,
    /// What was sent by its place in the file, not yet received.
    pub(crate) sent: Vec<(UnixStream, Vec<u8>)>,
    pub(crate) next_byte: u8,
}

impl World {
    pub(crate) fn new() -> Self {
        // So much room that nothing is ever stolen to make some.
        let bytes_max = if cfg!(miri) { 64 << 20 } else { 2 << 30 };
        let heap = SharedHeap::new(Options { bytes_max, arenas: 2, ..Options::default() })
            .expect("addresses");
        let mut world = Self {
            heap,
            lent: Arc::new(Lent::new()),
            owners: Vec::new(),
            open: [0; 3],
            blocks: Vec::new(),
            bufs: Vec::new(),
            values: Vec::new(),
            softs: Vec::new(),
            weaks: Vec::new(),
            rooms: Vec::new(),
            sent: Vec::new(),
            next_byte: 0,
        };
        (0..LIMITS.len()).for_each(|slot| world.open_account(slot));
        world
    }

    pub(crate) fn open_account(&mut self, slot: usize) {
        let (name, limit_bytes) = (format!("account {}", self.owners.len()), LIMITS[slot]);
        let handle = Some(self.heap.account(&name, limit_bytes).expect("a number"));
        self.open[slot] = self.owners.len();
        self.owners.push(Owner { name, limit_bytes, handle });
    }

    /// An open account.
    pub(crate) fn account(&self, choice: usize) -> (AccountIndex, Account) {
        let index = self.open[choice % LIMITS.len()];
        let handle = self.owners[index].handle.as_ref().expect("it is open");
        (index, handle.clone())
    }

    pub(crate) fn add_block(&mut self, capacity_bytes: u64, tag: &'static str) -> BlockIndex {
        self.blocks.push(Block {
            capacity_bytes,
            tag,
            is_retired: false,
            is_lent: false,
            is_taken_back: false,
            life: Life::Alive,
        });
        self.blocks.len() - 1
    }

    /// Lets everything go but the heap, and what was sent.
    pub(crate) fn end(self) -> (SharedHeap, Vec<(UnixStream, Vec<u8>)>) {
        let copied = self.heap.gauges().bytes_copied;
        let Self { heap, lent, sent, bufs, values, softs, weaks, rooms, owners, .. } = self;
        drop((bufs, values, softs, weaks, rooms, owners));
        assert_eq!(heap.gauges().bytes_copied, copied);
        assert!(lent.has_all(), "all that was lent is its lender's again");
        assert_eq!(Arc::strong_count(&lent), 1, "nobody knows him any more");
        (heap, sent)
    }
}

/// Takes the one that `index` chooses out of `all`.
pub(crate) fn take<T>(all: &mut Vec<T>, index: usize) -> Option<T> {
    (!all.is_empty()).then(|| all.swap_remove(index % all.len()))
}

/// The one that `index` chooses.
pub(crate) fn choose<T>(all: &mut [T], index: usize) -> Option<&mut T> {
    let count = all.len().max(1);
    all.get_mut(index % count)
}
