//! Holding is charged: who holds which blocks for sure, what that is charged, and which lives end as nobody holds them any more.

use std::collections::BTreeSet;

use levada_shared::{Account, Charged, Full, Limit, SharedData};

use crate::value::{AccountIndex, BlockIndex, Value};
use crate::world::{Block, Life, World};

impl World {
    /// Who holds what for sure.
    pub(crate) fn held(&self) -> BTreeSet<(AccountIndex, BlockIndex)> {
        let filling = self.bufs.iter().map(|(_, filling)| (filling.account, filling.block));
        let cuts = self.values.iter().flat_map(|(_, value)| &value.cuts);
        filling.chain(cuts.map(|cut| (cut.account, cut.block))).collect()
    }

    pub(crate) fn is_held_by(&self, account: AccountIndex, block: BlockIndex) -> bool {
        self.held().contains(&(account, block))
    }

    pub(crate) fn has_hidden(&self) -> bool {
        self.values.iter().any(|(_, value)| !value.hidden.is_empty())
    }

    pub(crate) fn capacity_bytes(&self, block: BlockIndex) -> u64 {
        self.blocks[block].capacity_bytes
    }

    pub(crate) fn charged_bytes(&self, account: AccountIndex) -> u64 {
        let held = self.held();
        let blocks = held.range((account, 0)..(account + 1, 0));
        let rooms = self.rooms.iter().filter(|(_, owner, _)| *owner == account);
        blocks.map(|(_, block)| self.capacity_bytes(*block)).sum::<u64>()
            + rooms.map(|(_, _, left_bytes)| left_bytes).sum::<u64>()
    }

    /// What still fits an account, and what it says when that is not enough.
    pub(crate) fn room(&self, account: AccountIndex) -> (u64, Limit) {
        let owner = &self.owners[account];
        if owner.handle.is_none() {
            return (0, Limit::Closed);
        }
        (owner.limit_bytes.saturating_sub(self.charged_bytes(account)), Limit::Account)
    }

    /// Whether an answer about the room of an account is what it should be, if that can be told.
    pub(crate) fn check_room<T, E>(
        &self,
        account: AccountIndex,
        bytes: u64,
        answer: &Result<T, Full<E>>,
    ) {
        if self.has_hidden() {
            return;
        }
        let (room_bytes, limit) = self.room(account);
        match answer {
            Ok(_) => assert!(bytes <= room_bytes, "{bytes} in {room_bytes}"),
            Err(full) => {
                assert_eq!((full.limit, full.room_bytes), (limit, room_bytes));
                assert!(bytes > room_bytes, "{bytes} in {room_bytes}");
            }
        }
    }

    /// What an account must have room for to hold a value.
    pub(crate) fn need_bytes(
        &self,
        data: &SharedData,
        value: &Value,
        to: (AccountIndex, &Account),
    ) -> u64 {
        let held = self.held();
        let blocks: BTreeSet<BlockIndex> = value.cuts.iter().map(|cut| cut.block).collect();
        let lacked = blocks.into_iter().filter(|block| !held.contains(&(to.0, *block)));
        let need_bytes = lacked.map(|block| self.capacity_bytes(block)).sum();
        let lacks_bytes = data.lacks_bytes(to.1);
        assert!(need_bytes <= lacks_bytes || data.piece_count() == 1 || self.has_hidden());
        if data.piece_count() == 1 { need_bytes } else { lacks_bytes }
    }

    /// Blocks that only soft references keep, as far as that is sure.
    pub(crate) fn soft_only(&self) -> BTreeSet<BlockIndex> {
        let held: BTreeSet<BlockIndex> = self.held().iter().map(|(_, block)| *block).collect();
        let named = self.named(&self.softs);
        let is_soft_only = |block: &BlockIndex| {
            let Block { is_retired, is_lent, life, .. } = self.blocks[*block];
            !is_retired && !is_lent && life != Life::Gone && !held.contains(block)
        };
        named.into_iter().filter(is_soft_only).collect()
    }

    pub(crate) fn named<T>(&self, references: &[(T, Value)]) -> BTreeSet<BlockIndex> {
        references.iter().flat_map(|(_, value)| value.cuts.iter().map(|cut| cut.block)).collect()
    }

    pub(crate) fn hidden_blocks(&self) -> BTreeSet<BlockIndex> {
        self.values
            .iter()
            .flat_map(|(_, value)| value.hidden.iter().map(|(_, block)| *block))
            .collect()
    }

    /// Ends the lives that nothing keeps any more.
    pub(crate) fn settle(&mut self) {
        let held: BTreeSet<BlockIndex> = self.held().iter().map(|(_, block)| *block).collect();
        let (soft_only, hidden) = (self.soft_only(), self.hidden_blocks());
        for (index, block) in self.blocks.iter_mut().enumerate() {
            if block.life == Life::Gone || held.contains(&index) || soft_only.contains(&index) {
                continue;
            }
            block.life = if hidden.contains(&index) { Life::Unsure } else { Life::Gone };
        }
    }
}
