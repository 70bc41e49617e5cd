//! Gauges: what a pile holds and has done, summed over its arenas when somebody looks.

use std::sync::Arc;

use crate::error::Gone;
use crate::looks::latency::Latency;
use crate::pile::Pile;
use crate::places::class::Class;
use crate::places::span::SpanIndex;
use crate::sync::Ordering;
use crate::threads::arena::Arena;
use crate::threads::counts::{Count, Counts};
use crate::threads::epoch;

/// A look at a pile. Each number is right by itself; together they are of no one instant.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Gauges {
    /// Records that are there, expired ones until they are swept. After a mount those that an earlier life left are counted
    /// as their spans are looked through: at first use, by upkeep, or for want of space; see `inherited_spans`.
    pub records: u64,
    /// Segments that have been opened.
    pub segments: u32,
    /// Bytes of memory that stand behind the pile, tables included: what the limit is about.
    pub backed_bytes: u64,
    /// The limit.
    pub limit_bytes: u64,
    /// Bytes of payload.
    pub used_bytes: u64,
    /// What `backed_bytes` are more than `used_bytes`.
    pub overhead_bytes: u64,
    /// The mean payload.
    pub mean_record_bytes: u64,
    /// Records that were put.
    pub puts: u64,
    /// Records that were read through guards that have ended.
    pub gets: u64,
    /// Records that were deleted.
    pub deletes: u64,
    /// What keepers use beside their records, which `backed_bytes` counts with the rest.
    pub beside_bytes: u64,
    /// Records that were ended since their lives were over.
    pub swept: u64,
    /// Records of keepers that were copied elsewhere to empty their spans.
    pub moved: u64,
    /// Their bytes.
    pub moved_bytes: u64,
    /// Records that were updated.
    pub updates: u64,
    /// Records whose life began anew.
    pub rejuvenated: u64,
    /// Conditional updates that came too late.
    pub compare_failed: u64,
    /// Values whose encoding was copied once, since the room that was guessed for it was too short or too long.
    pub encode_spills: u64,
    /// Records that are forwarded.
    pub forwards: u64,
    /// Deleted slots that wait until no guard sees them.
    pub limbo_slots: u64,
    /// Slots that are held as data, and slots whose room is lent to be filled.
    pub held_records: u64,
    /// See `held_records`.
    pub lent_rooms: u64,
    /// How often the epoch has advanced, in any pile: without that nothing that was deleted is used again.
    pub advances: u64,
    /// How often memory was had from the kernel, 2 MiB or a part of that at a time.
    pub commits: u64,
    /// How often a span that had been used came back empty.
    pub reclassed: u64,
    /// Spans that nobody uses, with memory or without.
    pub spare_spans: u32,
    /// Spans in use by slot length, of the lengths that are used.
    pub spans: Vec<SpansOfClass>,
    /// Spans that an earlier life of the pile left, and that were not looked through.
    pub inherited_spans: u32,
    /// Spans whose generations are used up.
    pub spent_spans: u32,
    /// Bytes that huge pages stand behind.
    pub huge_bytes: u64,
    /// Puts and updates that were refused for lack of space, and for length.
    pub full_space: u64,
    /// See `full_space`.
    pub full_large: u64,
    /// Accesses that were refused: stale, expired, never issued, of another type.
    pub gone_stale: u64,
    /// See `gone_stale`.
    pub gone_expired: u64,
    /// See `gone_stale`.
    pub gone_bad_pointer: u64,
    /// See `gone_stale`.
    pub gone_wrong_type: u64,
    /// For how long the oldest guard has kept deleted slots from being used again, in any pile.
    pub oldest_guard_ms: u64,
    /// Guards of this pile's OS process that were told of, since they lasted too long.
    pub guards_told: u64,
    /// How long puts take.
    pub put_times: Latency,
    /// How long gets of one record take.
    pub get_times: Latency,
    /// How long deletes take.
    pub delete_times: Latency,
    /// Arenas: at most as many as there were threads at once.
    pub arenas: u32,
    /// Whether all threads share one arena, since the limit is small.
    pub is_small: bool,
    /// Whether pins need no fence of their own.
    pub pins_without_fence: bool,
}

/// The spans of one slot length.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct SpansOfClass {
    /// Bytes of a slot; 4,096 with `are_pages` for long records.
    pub slot_bytes: u32,
    /// Whether they are spans of pages.
    pub are_pages: bool,
    /// Spans.
    pub spans: u32,
    /// Slots that are free, those aside that arenas have taken out.
    pub free_slots: u64,
}

impl Pile {
    /// What the pile holds and has done. It walks the lines of all spans: some microseconds for each gigabyte.
    #[must_use]
    pub fn gauges(&self) -> Gauges {
        self.gauges_of(&self.store.arenas())
    }

    /// As `gauges`, of what these arenas did.
    pub(crate) fn gauges_of(&self, arenas: &[Arc<Arena>]) -> Gauges {
        let store = &self.store;
        let sum = |count: fn(&Counts) -> &Count| {
            arenas.iter().fold(0_u64, |sum, arena| sum.wrapping_add(count(&arena.counts).get()))
        };
        let (puts, deletes) = (sum(|counts| &counts.puts), sum(|counts| &counts.deletes));
        let swept = sum(|counts| &counts.swept);
        let moved = sum(|counts| &counts.moved);
        let purged = store.purged_before();
        let records = puts
            .wrapping_add(store.inherited.records.load(Ordering::Relaxed))
            .wrapping_sub(deletes)
            .saturating_sub(purged.records);
        let used_bytes = sum(|counts| &counts.put_bytes)
            .wrapping_add(store.inherited.used_bytes.load(Ordering::Relaxed))
            .wrapping_sub(sum(|counts| &counts.deleted_bytes))
            .saturating_sub(purged.used_bytes);
        let stock = store.spans.supply.stock();
        let (held_records, lent_rooms) = store.lent();
        let backed_bytes = store.spans.supply.limit.backed_bytes();
        Gauges {
            records,
            segments: stock.segments,
            backed_bytes,
            limit_bytes: store.spans.supply.limit.limit_bytes(),
            used_bytes,
            overhead_bytes: backed_bytes.saturating_sub(used_bytes),
            mean_record_bytes: used_bytes.checked_div(records).unwrap_or(0),
            puts: puts.wrapping_sub(moved),
            gets: store.gets.sum(),
            deletes: deletes.wrapping_sub(swept).wrapping_sub(moved),
            beside_bytes: store.keepers.beside_bytes.load(Ordering::Relaxed),
            swept,
            moved,
            moved_bytes: sum(|counts| &counts.moved_bytes),
            updates: sum(|counts| &counts.updates),
            rejuvenated: sum(|counts| &counts.rejuvenated),
            compare_failed: sum(|counts| &counts.compare_failed),
            encode_spills: sum(|counts| &counts.encode_spills),
            forwards: u64::from(store.forwards.used()),
            limbo_slots: arenas.iter().map(|arena| arena.limbo.len()).sum(),
            held_records,
            lent_rooms,
            advances: epoch::advances(),
            commits: stock.commits,
            reclassed: stock.reclassed,
            spare_spans: stock.spare,
            spans: self.spans_by_class(),
            inherited_spans: store.spans.inherited.load(Ordering::Relaxed),
            spent_spans: stock.spent,
            huge_bytes: stock.huge_bytes,
            full_space: sum(|counts| &counts.refused_space),
            full_large: sum(|counts| &counts.refused_large),
            gone_stale: store.refusals.of(Gone::Stale),
            gone_expired: store.refusals.of(Gone::Expired),
            gone_bad_pointer: store.refusals.of(Gone::BadPointer),
            gone_wrong_type: store.refusals.of(Gone::WrongType),
            oldest_guard_ms: epoch::oldest_guard_ms(store.seconds.clock_ms()),
            guards_told: epoch::guards_told(),
            put_times: store.put_times.look(),
            get_times: store.get_times.look(),
            delete_times: store.delete_times.look(),
            arenas: u32::try_from(arenas.len()).unwrap_or(u32::MAX),
            is_small: store.settings.is_small,
            pins_without_fence: epoch::pins_without_fence(),
        }
    }

    /// Sets whether one in 1,024 operations is timed; they are, unless this says otherwise. All that is counted is counted
    /// either way.
    pub fn set_timed(&self, are_timed: bool) {
        self.store.settings.set_timed(are_timed);
    }

    fn spans_by_class(&self) -> Vec<SpansOfClass> {
        let spans = &self.store.spans;
        let mut by_class = vec![SpansOfClass::default(); 256];
        for span in (0..spans.supply.spans_opened()).map(SpanIndex) {
            let class = spans.memory.class(span);
            if class == Class::NONE {
                continue;
            }
            let class = if class == Class::TAIL { Class::PAGES } else { class };
            let row = &mut by_class[usize::from(class.0)];
            row.slot_bytes = class.shape().slot_bytes;
            row.are_pages = class == Class::PAGES;
            row.spans += 1;
            if class.is_slots() {
                row.free_slots += u64::from(spans.memory.line(span).vacancy().free);
            }
        }
        by_class.retain(|row| row.spans > 0);
        by_class
    }
}
