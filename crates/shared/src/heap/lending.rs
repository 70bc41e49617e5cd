//! A lent block has lines, accounts and references as any other; its bytes are its lender's, and no arena counts them.
//!
//! ```text
//! lend:  own arena's lock ─► pay the account ─► a spare pair of lines (given back ─► the side table ─► other arenas)
//! end:   take the lender out of the home line ─► uncharge, lines to their arena ─► lender.returned(loan)
//! ```
//! Cost: some 80 ns for a loan that begins and ends on one core, of which a block of the heap costs 50; the rest are two
//! uncontended locks and the lender's `Arc`, cloned and dropped. No allocation.

use core::ptr::NonNull;

use super::{Arena, Heap};
use crate::counts::around::Around;
use crate::counts::grant::{AccountNumber, Grant};
use crate::counts::grant_pointer::GrantPointer;
use crate::counts::leaving;
use crate::counts::lines::{Block, PairIndex};
use crate::counts::loan::{Lender, Lent};
use crate::limit::{Full, Limit};
use crate::sync::Ordering;

impl Heap {
    /// The lines of a block that lies at `base`, charged to `account`; its home grant has one handle. On an error nothing was
    /// lent.
    ///
    /// No bytes are charged as one: an account that is charged with nothing may end, and its number be another's.
    pub(crate) fn lend(
        &self,
        lent: Lent,
        base: NonNull<u8>,
        length: usize,
        account: AccountNumber,
        tag: u32,
    ) -> Result<GrantPointer, Full<()>> {
        let Ok(capacity_bytes) = u32::try_from(length.max(1)) else {
            return Err(self.full(Limit::Heap));
        };
        let index = self.take_lent(base, capacity_bytes, account)?;
        let pair = self.pairs.line(index.0);
        pair.home.lending.put(lent);
        pair.block.begin_lent(tag, self.clock_s.load(Ordering::Relaxed));
        pair.home.begin(account);
        Ok(GrantPointer::home(&pair.home))
    }

    /// Lines that are paid for.
    fn take_lent(
        &self,
        base: NonNull<u8>,
        capacity_bytes: u32,
        account: AccountNumber,
    ) -> Result<PairIndex, Full<()>> {
        let (arena, bytes) = (self.own_arena(), u64::from(capacity_bytes));
        let mut stock = arena.stock.lock();
        if !self.pay(arena, account, bytes) {
            drop(stock);
            self.charge_exactly(account, bytes).map_err(Full::of_account)?;
            stock = arena.stock.lock();
        }
        if !stock.has_spare_pair() {
            self.drain(arena, &mut stock); // lines that others gave back, before new ones are made
        }
        let taken = stock.take_lent(self.supply(), base, capacity_bytes);
        drop(stock);
        taken.or_else(|| self.take_lent_elsewhere(base, capacity_bytes)).ok_or_else(|| {
            self.account(account).uncharge(bytes);
            arena.full.fetch_add(1, Ordering::Relaxed);
            Full { limit: Limit::Heap, room_bytes: 0, value: () }
        })
    }

    /// The side table has no line left: what the other arenas keep spare may still do.
    #[cold]
    fn take_lent_elsewhere(&self, base: NonNull<u8>, capacity_bytes: u32) -> Option<PairIndex> {
        let take = |arena: &Arena| {
            let mut stock = arena.stock.try_lock()?;
            self.drain(arena, &mut stock);
            stock.take_lent(self.supply(), base, capacity_bytes)
        };
        self.arenas.iter().find_map(take)
    }

    /// Who lent a block whose life the caller ends.
    #[inline]
    pub(super) fn lender_of(&self, block: &Block) -> Option<Lent> {
        block.is_lent().then(|| self.pair_of(block).home.lending.take()).flatten()
    }

    /// Ends the loan of a block that `lender` lent, without telling him; its number. `None` if it is not his, or the caller's
    /// handle, which is in its home, is not the only way to it: nothing has changed then.
    pub(crate) fn take_back(
        &self,
        home: &Grant<Block>,
        block: &Block,
        lender: &dyn Lender,
    ) -> Option<u64> {
        // In this order: see `State::is_private`.
        if home.only_handle().is_none() || !block.is_private() {
            return None;
        }
        let lent = home.lending.take_of(lender)?;
        let is_ended = leaving::leave_private(self, home, block);
        assert!(is_ended, "nobody else reaches a private block");
        Some(lent.loan)
    }

    /// Compares lent blocks with what arenas count, in lines and in bytes. The caller has drained all arenas.
    pub(super) fn validate_lent(&self, (lent_blocks, lent_bytes): (u64, u64)) {
        let is_out = |block: &Block| block.is_lent() && !block.state.is_stolen();
        let (mut blocks, mut bytes) = (0, 0);
        for pair in self.pairs.all() {
            let is_lent = is_out(&pair.block);
            assert_eq!(pair.home.lending.is_some(), is_lent, "a lent block knows its lender");
            assert_eq!(pair.block.state.is_lent(), is_lent, "a lent block says so in its state");
            if is_lent {
                assert!(pair.block.state.strong_grants() > 0, "a lent block is held");
                blocks += 1;
                bytes += u64::from(pair.block.capacity_bytes());
            }
        }
        assert_eq!((blocks, bytes), (lent_blocks, lent_bytes), "arenas count what is lent");
    }
}
