//! Compaction gives memory back that is spread over spans in use: empty spans first, then free pages of spans that hold
//! little, then spans of keepers, whose records are moved together. What a pointer names never moves.
//!
//! Cost: a walk over the lines of all spans for each step, and a copy for each record moved; the spans that hold least are
//! emptied first, and only where those beside them have room, so each emptied one is a span less.

use std::sync::Arc;

use crate::naming::birth::Birth;
use crate::naming::generation::Generation;
use crate::naming::header::{Header, Kind};
use crate::naming::life::{FOREVER, Life, MIXED, bucket_of};
use crate::pile::Pile;
use crate::places::class::{Class, PAGE_BYTES};
use crate::places::page_spans::PAGES;
use crate::places::segment::{Memory, Slot, split};
use crate::places::span::{SpanIndex, SpanLine, SpanStanding};
use crate::places::spans::{NOBODY, Prefer, Reach, Want};
use crate::store::{Room, Store};
use crate::sync::{Ordering, fence};
use crate::threads::epoch::Pinned;
use crate::upkeep::budget::{Budget, Spending};
use crate::upkeep::cleaning::{Round, Step, Turn};
use crate::upkeep::keeper::{Kept, KeptRecord, Verdict, Why};

/// What one call of [`Pile::compact`] did.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Compacted {
    /// Bytes that went back to the machine.
    pub given_back_bytes: u64,
    /// Whether the budget was spent before the round was at its end, or another thread has the round.
    pub can_more: bool,
}

/// What became of a record that a keeper was asked about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Fate {
    /// It has left its slot, or somebody else sees to that.
    Left,
    Stays,
    /// There is no place for it in another span.
    NoRoom,
}

impl Pile {
    /// Gives memory back, as far as the budget goes: all spare spans, the free pages of spans that are three quarters free,
    /// and the spans that become empty when the records of keepers move together. Records that pointers name stay where
    /// they are.
    ///
    /// What is moved or deleted while a guard lasts comes back when it has ended, with the next call.
    #[expect(clippy::must_use_candidate, reason = "the compaction is the act")]
    pub fn compact(&self, budget: Budget) -> Compacted {
        let mut spending = budget.begin(self.store.settings.tend_slice_us());
        self.store.compact(&mut spending)
    }
}

impl Store {
    /// One round, or as much of it as the budget allows.
    pub(crate) fn compact(self: &Arc<Self>, spending: &mut Spending) -> Compacted {
        let Some(mut turn) = self.cleaning.take() else {
            return Compacted { given_back_bytes: 0, can_more: true };
        };
        let mut given_back_bytes = 0;
        let mut can_more = true;
        while !spending.is_over() {
            given_back_bytes += match turn.round.step {
                Step::Begin | Step::End => self.free_and_give_back(spending),
                Step::Thin => self.walk(&mut turn, spending, |span, _| (self.thin(span), true)),
                Step::Move { eighths } => self.walk(&mut turn, spending, |span, spending| {
                    (0, self.empty(span, eighths, spending))
                }),
            };
            if spending.is_over() && turn.round.span > 0 {
                break;
            }
            let next = turn.round.step.next();
            turn.round = Round { step: next.unwrap_or_default(), span: 0 };
            if next.is_none() {
                can_more = false;
                break;
            }
        }
        for kept in self.keepers.all() {
            kept.mover.give_up(&self.spans);
        }
        Compacted { given_back_bytes, can_more }
    }

    /// What was moved is free two epochs later, and its span anybody's two after that.
    fn free_and_give_back(self: &Arc<Self>, spending: &mut Spending) -> u64 {
        self.reclaim_within(spending);
        self.reclaim_within(spending);
        self.give_back(0, spending)
    }

    /// Does `act` for each span from the round's on, which says what it gave back and whether it is done with the span; the
    /// round says zero once all are done.
    fn walk(
        &self,
        turn: &mut Turn<'_>,
        spending: &mut Spending,
        mut act: impl FnMut(SpanIndex, &mut Spending) -> (u64, bool),
    ) -> u64 {
        let spans = self.spans.supply.spans_opened();
        let mut bytes = 0;
        while turn.round.span < spans {
            let (given_bytes, is_done) = act(SpanIndex(turn.round.span), spending);
            bytes += given_bytes;
            turn.round.span += u32::from(is_done);
            if spending.step() {
                return bytes;
            }
        }
        turn.round.span = 0;
        bytes
    }

    /// Gives the free pages of a span back that nobody puts into. How many bytes.
    fn thin(&self, span: SpanIndex) -> u64 {
        // Pinned: the span is not used for anything else while it is looked at, though it be purged.
        let _pinned = Pinned::new();
        let spans = &self.spans;
        let class = spans.memory.class(span);
        let line = spans.memory.line(span);
        let is_sparse = |line: &SpanLine| {
            let is_nobodys = matches!(line.standing(), SpanStanding::Listed | SpanStanding::Thin)
                && line.keeper.load(Ordering::Relaxed) == NOBODY;
            // A page that was away comes back zeroed: the next generation must be known without it.
            is_nobodys
                && line.vacancy().free * 4 > class.shape().slots * 3
                && line.top().0 + 2 <= Generation::LAST.0
        };
        if !class.is_slots()
            // Room on the disk comes and goes by spans.
            || spans.memory.folder().is_some()
            || spans.memory.is_fixed()
            || levada_pages::machine_page_bytes() != PAGE_BYTES as usize
            || !is_sparse(line)
            || !spans.take_out(span, class, is_sparse)
        {
            return 0;
        }
        let pages = self.free_pages_of(span, class) & !line.absent.load(Ordering::Relaxed);
        let mut bytes = 0;
        if pages != 0 {
            // Before the pages go: a slot without its header begins above all that were.
            let has_generations = line.raise_low();
            debug_assert!(has_generations, "it was compared");
            bytes = spans.supply.give_back_pages(&spans.memory, span, pages);
        }
        spans.put_in(span, class, SpanStanding::Full);
        bytes
    }

    /// The pages of a span in which there are only free slots. For who took it out.
    fn free_pages_of(&self, span: SpanIndex, class: Class) -> u16 {
        let shape = class.shape();
        let is_free = |index: u32| {
            // Acquire: who freed the slot is done with it.
            let header = self.spans.memory.slot_of(span, class, index).header();
            Header(header.load(Ordering::Acquire)).is_free()
        };
        let mut pages = 0;
        for page in 0..PAGES {
            let (first, end) = (page * PAGE_BYTES, (page + 1) * PAGE_BYTES);
            if end > shape.bitmap_offset() {
                break;
            }
            let slots = first / shape.slot_bytes..end.div_ceil(shape.slot_bytes).min(shape.slots);
            if slots.into_iter().all(is_free) {
                pages |= 1 << page;
            }
        }
        pages
    }

    /// Moves the records of a keeper's span elsewhere, if at most so many eighths of it are in use. False if the budget
    /// ended before it.
    fn empty(self: &Arc<Self>, span: SpanIndex, eighths: u32, spending: &mut Spending) -> bool {
        let spans = &self.spans;
        let line = spans.memory.line(span);
        let keeper = line.keeper.load(Ordering::Relaxed);
        let class = spans.memory.class(span);
        if keeper == NOBODY || !class.is_slots() {
            return true;
        }
        let Some(kept) = self.keepers.of(keeper) else { return true };
        let slots = class.shape().slots;
        let is_sparse = |line: &SpanLine| {
            let used = slots.saturating_sub(line.vacancy().free);
            line.standing() == SpanStanding::Listed
                && line.keeper.load(Ordering::Relaxed) == keeper
                && used * 8 <= slots * eighths
        };
        if !is_sparse(line) || !spans.take_out(span, class, is_sparse) {
            return true;
        }
        let mut standing = SpanStanding::Drained;
        let mut is_done = true;
        for index in 0..slots {
            let fate = self.ask(&kept, span, class, index);
            if fate != Fate::Left {
                standing = SpanStanding::Full;
            }
            if fate == Fate::NoRoom {
                break;
            }
            if spending.step() && index + 1 < slots {
                standing = SpanStanding::Full;
                is_done = false;
                break;
            }
        }
        spans.put_in(span, class, standing);
        is_done
    }

    /// Asks a keeper about the record in a slot, if there is one, and does what he says.
    fn ask(self: &Arc<Self>, kept: &Kept, span: SpanIndex, class: Class, index: u32) -> Fate {
        let pinned = Pinned::new();
        if self.spans.memory.class(span) != class {
            return Fate::NoRoom; // purged meanwhile
        }
        let slot = self.spans.memory.slot_of(span, class, index);
        let header = Header(slot.header().load(Ordering::Acquire));
        if !header.is_live() {
            // One that is being filled stays until it is a record.
            return if header.is_busy() { Fate::Stays } else { Fate::Left };
        }
        let place = Memory::place(span, class, index);
        let Some(record) = self.kept_record(kept, place, slot, header, &pinned) else {
            return Fate::Stays; // its life is over: it is swept
        };
        if header.is_held() {
            return Fate::Stays;
        }
        match kept.keeper.verdict(record) {
            Verdict::Stay => Fate::Stays,
            Verdict::Move => self.move_kept(kept, record, slot, header, &pinned),
            Verdict::Drop => {
                if kept.keeper.dropped(record, Why::Verdict) {
                    self.end(place, slot, header, &pinned);
                }
                Fate::Left
            }
        }
    }

    fn move_kept(
        self: &Arc<Self>,
        kept: &Kept,
        record: KeptRecord<'_>,
        slot: Slot<'_>,
        header: Header,
        pinned: &Pinned,
    ) -> Fate {
        let now_s = self.seconds.now_s();
        let (lane, life) = match record.left_s {
            None => (FOREVER, Want::NO_LIFE),
            Some(left_s) => (MIXED, bucket_of(left_s)),
        };
        let class = self.spans.memory.class(split(record.place).0);
        let want = Want { class, lane, life, now_s, prefer: Prefer::Space, reach: Reach::Listed };
        let Some(vacant) = kept.mover.take(&self.spans, want) else { return Fate::NoRoom };
        let expiry_s = record.expiry.map(|expiry| expiry.load(Ordering::Relaxed));
        let birth = Birth::of(Kind::Bytes, Life::FOREVER);
        let room = Room { vacant, class, birth, expiry_s, keeper: kept.number };
        let (ext_bytes, words_bytes) = (room.ext_bytes(), kept.form.words_bytes());
        for (word, of) in vacant.slot.words(ext_bytes, kept.form.words).iter().zip(record.words) {
            word.store(of.load(Ordering::Relaxed), Ordering::Relaxed);
        }
        vacant.slot.write(ext_bytes, words_bytes, record.bytes);
        self.with_arena(|arena| {
            arena.counts.born(header.length(), false);
            arena.counts.moved.add(1);
            arena.counts.moved_bytes.add(u64::from(header.length()));
        });
        let to = room.publish(header.length()).place();
        let copied = Header(vacant.slot.header().load(Ordering::Relaxed));
        let copy = kept.show(to, vacant.slot, copied, record.left_s, pinned);
        let copy = copy.expect("a copy has the words of its record");
        // After the copy is there: who ends the keep sees it, or we see that it has ended.
        fence(Ordering::SeqCst);
        let is_moved = !kept.is_over() && kept.keeper.moved(record, copy);
        if !is_moved {
            self.end(to, vacant.slot, copied, pinned);
            return Fate::Left;
        }
        self.end(record.place, slot, header, pinned);
        if let (Some(expiry_s), Some(of), Some(to_change)) = (expiry_s, record.expiry, copy.expiry)
        {
            // Who rejuvenated the former after it was copied either saw it dead, or is seen here.
            fence(Ordering::SeqCst);
            let last_s = of.load(Ordering::Relaxed);
            // What was taken over, or changed since, is later than that.
            let _unchanged =
                to_change.compare_exchange(expiry_s, last_s, Ordering::Relaxed, Ordering::Relaxed);
            self.note_expiry(to, to_change.load(Ordering::Relaxed));
        }
        Fate::Left
    }
}
