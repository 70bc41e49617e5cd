//! Gauges say what a heap has and has done.

use crate::limits::Depth;

/// Counts of what a heap has done since it was made.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Counts {
    pub(crate) born_bytes: u64,
    pub(crate) copied_bytes: u64,
    pub(crate) promoted_bytes: u64,
    pub(crate) minors: u64,
    pub(crate) stables: u64,
    pub(crate) majors: u64,
    pub(crate) major_slices: u64,
    pub(crate) skipped_minors: u64,
    pub(crate) destructors: u64,
    pub(crate) destructor_panics: u64,
    pub(crate) pause_copied_bytes_max: u64,
    pub(crate) pause_marked_objects_max: u64,
}

impl Counts {
    pub(crate) fn add_to(&self, gauges: &mut Gauges) {
        gauges.born_bytes += self.born_bytes;
        gauges.copied_bytes = self.copied_bytes;
        gauges.promoted_bytes = self.promoted_bytes;
        gauges.minors = self.minors;
        gauges.stables = self.stables;
        gauges.majors = self.majors;
        gauges.major_slices = self.major_slices;
        gauges.skipped_minors = self.skipped_minors;
        gauges.destructors = self.destructors;
        gauges.destructor_panics = self.destructor_panics;
        gauges.pause_copied_bytes_max = self.pause_copied_bytes_max;
        gauges.pause_marked_objects_max = self.pause_marked_objects_max;
    }
}

/// What a heap has, and has done since it was made. Bytes are of objects and their cells, without chunks and pages that are
/// not yet full.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[expect(
    missing_docs,
    reason = "each name says what is counted; see the local heap's page in the docs"
)]
#[non_exhaustive]
pub struct Gauges {
    /// All that the heap is charged: chunks, pages, raw buffers.
    pub used_bytes: u64,
    pub nursery_bytes: u64,
    pub nursery_chunks: u64,
    pub young_bytes: u64,
    pub old_bytes: u64,
    /// Of raw buffers that are not free yet, in whole cells.
    pub raw_bytes: u64,
    pub raw_buffers: u64,
    /// The pages that they lie in, runs of their own among them.
    pub raw_pages: u64,
    pub external_bytes: u64,
    pub roots: u64,
    pub weak_pointers: u64,
    pub remembered: u64,
    pub gray: u64,
    /// Born in the nursery.
    pub born_bytes: u64,
    pub copied_bytes: u64,
    pub promoted_bytes: u64,
    /// Put into holes of old pages.
    pub early_old_bytes: u64,
    pub minors: u64,
    pub stables: u64,
    pub majors: u64,
    pub major_slices: u64,
    /// Put off since the pool had no memory for the copies.
    pub skipped_minors: u64,
    pub destructors: u64,
    pub destructor_panics: u64,
    /// The most that one minor copied.
    pub pause_copied_bytes_max: u64,
    /// The most objects that were marked between two turns.
    pub pause_marked_objects_max: u64,
}

/// What a turn's end has collected.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Collected {
    /// How deep it went; `None`: nothing was due.
    pub depth: Option<Depth>,
    /// Bytes of survivors that were copied.
    pub copied_bytes: u64,
    /// Bytes of cells that are free again.
    pub freed_bytes: u64,
    /// Objects that were marked: with the copied bytes, the work of the pause.
    pub marked_objects: u64,
}
