//! What a heap says of itself is compared with what its model knows: numbers, bytes, reports.

use std::collections::BTreeMap;

use crate::value::{BlockIndex, is_equal};
use crate::world::{Block, Life, World};

impl World {
    /// Compares all numbers that can be told for sure.
    pub(crate) fn check_numbers(&self) {
        for (index, block) in self.blocks.iter().enumerate().filter(|(_, block)| block.is_lent) {
            let is_returned = block.life == Life::Gone && !block.is_taken_back;
            let is_right = self.lent.is_returned(index) == is_returned;
            assert!(is_right || block.life == Life::Unsure, "returned when nobody holds it");
        }
        for (index, owner) in self.owners.iter().enumerate() {
            let Some(handle) = &owner.handle else { continue };
            let expected = self.charged_bytes(index);
            let charged_bytes = handle.charged_bytes();
            assert!(charged_bytes == expected || charged_bytes > expected && self.has_hidden());
        }
        let is_unsure = |block: &Block| block.life == Life::Unsure;
        if self.has_hidden() || self.blocks.iter().any(is_unsure) {
            return;
        }
        let alive = || self.blocks.iter().filter(|block| block.life == Life::Alive);
        let is_gone = |block: &&BlockIndex| self.blocks[**block].life == Life::Gone;
        let (softly, weakly) = (self.named(&self.softs), self.named(&self.weaks));
        let gauges = self.heap.gauges();
        let counted = |is_lent: bool| {
            let blocks = || alive().filter(|block| block.is_lent == is_lent);
            (blocks().map(|block| block.capacity_bytes).sum::<u64>(), blocks().count() as u64)
        };
        assert_eq!((gauges.used_bytes, gauges.used_blocks), counted(false));
        assert_eq!((gauges.lent_bytes, gauges.lent_blocks), counted(true));
        let soft_only = self.soft_only();
        let soft_bytes: u64 = soft_only.iter().map(|block| self.capacity_bytes(*block)).sum();
        assert_eq!(gauges.soft_bytes, soft_bytes);
        let shelved = softly.len() - softly.iter().filter(is_gone).count();
        assert_eq!(gauges.soft_blocks, shelved as u64);
        let nameless = softly.union(&weakly).filter(is_gone).count();
        assert_eq!(gauges.lines_nameless, nameless as u64);
        let set_aside: u64 = self.rooms.iter().map(|(_, _, left_bytes)| left_bytes).sum();
        assert_eq!((gauges.set_aside_bytes, gauges.lost_bytes), (set_aside, 0));
    }

    /// Compares every byte, what each account is charged with and what the closed ones keep; the heap walks itself.
    pub(crate) fn check_all(&self) {
        for (buf, filling) in &self.bufs {
            assert_eq!(&buf[..], &filling.bytes[..]);
        }
        for (data, value) in &self.values {
            is_equal(data, &value.bytes);
            let middle = value.bytes.len() / 2;
            let run = data.longest_at(middle as u64);
            assert!(value.bytes[middle..].starts_with(run));
            assert_eq!(run.is_empty(), value.bytes.is_empty());
            assert_eq!(data.pinned_bytes() == 0, value.bytes.is_empty());
        }
        for (weak, value) in &self.weaks {
            let lives = || value.cuts.iter().map(|cut| &self.blocks[cut.block]);
            let is_alive = lives().all(|block| !block.is_retired && block.life == Life::Alive);
            let is_unsure = lives().any(|block| block.life == Life::Unsure);
            assert!(is_unsure || weak.is_alive() == is_alive);
        }
        self.heap.validate();
        if !self.has_hidden() {
            self.check_reports();
        }
    }

    pub(crate) fn check_reports(&self) {
        let reported: BTreeMap<String, u64> = self
            .heap
            .accounts()
            .into_iter()
            .map(|account| (account.name, account.charged_bytes))
            .collect();
        let mut kept: BTreeMap<(&str, &str), (u64, u64)> = BTreeMap::new();
        for (index, owner) in self.owners.iter().enumerate() {
            let charged_bytes = reported.get(&owner.name).copied().unwrap_or(0);
            assert_eq!(charged_bytes, self.charged_bytes(index), "{}", owner.name);
            if owner.handle.is_none() {
                for (_, block) in self.held().range((index, 0)..(index + 1, 0)) {
                    let Block { capacity_bytes, tag, .. } = self.blocks[*block];
                    let kept = kept.entry((&owner.name, tag)).or_default();
                    *kept = (kept.0 + 1, kept.1 + capacity_bytes);
                }
            }
        }
        let quarantine = self.heap.quarantine();
        assert_eq!(quarantine.len(), kept.len());
        for row in quarantine {
            let kept = kept.get(&(&row.account[..], row.tag)).copied();
            assert_eq!(Some((row.blocks, row.pinned_bytes)), kept, "{row:?}");
        }
    }
}
