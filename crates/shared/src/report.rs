//! A report is what a heap holds now and for whom, as numbers.

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
    pub lines: u64,
    pub lines_free: u64,
    pub allocs: u64,
    pub frees_remote: u64,
    pub full: u64,
    pub bytes_copied: u64,
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
    /// What it may be charged with; `u64::MAX` is no limit.
    pub limit_bytes: u64,
}
