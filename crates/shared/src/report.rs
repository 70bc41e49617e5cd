//! A report is what a heap holds now and for whom, as numbers.

use crate::copied::CopiedBytes;
use crate::counts::ledger::AccountLine;

/// What a heap holds now. Sums over arenas that go on working: exact at quiet moments.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[expect(missing_docs, reason = "each name says what is counted, in bytes or in pieces")]
#[non_exhaustive]
pub struct Gauges {
    pub reserved_bytes: u64,
    pub committed_bytes: u64,
    pub slab_bytes: u64,
    pub used_bytes: u64,
    pub used_blocks: u64,
    /// Of blocks that only soft references keep.
    pub soft_bytes: u64,
    /// Blocks that soft references name, whoever else keeps them.
    pub soft_blocks: u64,
    /// What only soft references may keep now; `u64::MAX` without pressure.
    pub soft_ceiling_bytes: u64,
    /// Of blocks whose bytes are lent to the heap, and are none of its own.
    pub lent_bytes: u64,
    pub lent_blocks: u64,
    /// Charged, and not yet known for what, or for memory that lies elsewhere.
    pub set_aside_bytes: u64,
    pub lines: u64,
    pub lines_free: u64,
    /// Lines that references name, and whose bytes have gone.
    pub lines_nameless: u64,
    pub allocs: u64,
    pub frees_remote: u64,
    pub full: u64,
    pub steals_for_allocation: u64,
    pub steals_for_watermark: u64,
    pub steals_for_pressure: u64,
    pub stolen_bytes: u64,
    pub bytes_copied: u64,
    pub copied: CopiedBytes,
    pub orphan_bytes: u64,
    pub lost_bytes: u64,
}

/// One account as it stands now.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct AccountReport {
    /// The name it was opened with.
    pub name: String,
    /// What it is charged with.
    pub charged_bytes: u64,
    /// The most that it was seen to be charged with: by who asked, and when it was full.
    pub peak_bytes: u64,
    /// What it may be charged with; `u64::MAX` is no limit.
    pub limit_bytes: u64,
    /// How often it had no room.
    pub refused: u64,
    /// Whether it takes nothing new.
    pub is_closed: bool,
}

impl AccountReport {
    pub(crate) fn of(line: &AccountLine, charged_bytes: u64) -> Self {
        Self {
            name: line.name(),
            charged_bytes,
            peak_bytes: line.peak_bytes(charged_bytes),
            limit_bytes: line.limit_bytes(),
            refused: line.refused(),
            is_closed: line.is_closed(),
        }
    }
}
