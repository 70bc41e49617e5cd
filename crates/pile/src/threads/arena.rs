//! An arena is a thread's own supply of slots: it has a span of each class that it puts into, so that a put shares no line
//! with another thread.
//!
//! Its owner is who leased it, or whoever has its lock where all threads share one (under a small limit). All its fields are
//! atomics that are read and written plainly: that only the owner writes them is a rule, and breaking it would lose slots,
//! not memory safety. A thread that ends leaves its arena for the next; what an idle arena keeps, who tends the pile takes.
//!
//! Cost: a slot is one bit of a cached word; each 64 slots one exchange with the span's bitmap.

use std::sync::OnceLock;
use std::sync::atomic::AtomicU32 as NumberSource;

use crate::lock::Lock;
use crate::naming::generation::Generation;
use crate::naming::header::Header;
use crate::naming::life::{BUCKETS, MIXED, shortest_s};
use crate::naming::pointer::Place;
use crate::places::class::{CLASS_COUNT, Class};
use crate::places::segment::{Memory, Slot, split};
use crate::places::span::SpanIndex;
use crate::places::spans::{Spans, Want};
use crate::sync::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use crate::threads::counts::Counts;
use crate::threads::epoch::{Epoch, Pinned};
use crate::threads::limbo::Limbo;

/// How many spans the lives of one bucket must fill in one of them to have spans of their own.
const SPANS_OF_OWN: u32 = 4;

/// What one thread puts from.
#[derive(Debug)]
pub(crate) struct Arena {
    pub(crate) number: u32,
    /// Whose records it puts: nobody's, or those of a keeper.
    pub(crate) keeper: u16,
    /// Whether a thread has it, for itself.
    is_leased: AtomicBool,
    /// Whether its spans are asked back: a purge, or nobody has used them for a while.
    recalled: AtomicBool,
    /// In which epoch they were.
    recalled_in: AtomicU64,
    /// How many records had been put when the arena was last looked at.
    puts_seen: AtomicU64,
    /// For who gives the spans back, its owner or another.
    handing: Lock<()>,
    /// In the one arena of a small pile, for who uses it.
    pub(crate) sharing: Option<Lock<()>>,
    lanes: [OnceLock<Box<[Current]>>; BUCKETS],
    pub(crate) limbo: Limbo,
    pub(crate) counts: Counts,
}

/// The span of one class that an arena puts into.
#[derive(Debug, Default)]
struct Current {
    /// The span's number plus one, or zero.
    span: AtomicU32,
    /// Which word of the bitmap is cached.
    index: AtomicU32,
    /// How many words were looked at since one had a free slot.
    looked: AtomicU32,
    /// The free slots of that word which this arena has taken out.
    word: AtomicU64,
    /// For lives of one bucket: how many were put since `since_s`, and whether that is enough for spans of their own.
    puts: AtomicU32,
    since_s: AtomicU32,
    is_own: AtomicBool,
}

/// A span that an arena puts into, as it stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lane {
    pub(crate) span: SpanIndex,
    pub(crate) class: Class,
    pub(crate) index: u32,
    pub(crate) word: u64,
}

/// Tells arenas apart, over all piles.
static NEXT_NUMBER: NumberSource = NumberSource::new(1);

/// A slot for a record that is to come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Vacant<'m> {
    pub(crate) slot: Slot<'m>,
    pub(crate) place: Place,
    pub(crate) generation: Generation,
}

impl Arena {
    pub(crate) fn new(keeper: u16, is_shared: bool) -> Self {
        Self {
            // Relaxed: numbers that differ are all that is asked.
            number: NEXT_NUMBER.fetch_add(1, Ordering::Relaxed),
            keeper,
            is_leased: AtomicBool::new(false),
            recalled: AtomicBool::new(false),
            recalled_in: AtomicU64::new(0),
            puts_seen: AtomicU64::new(0),
            handing: Lock::default(),
            sharing: is_shared.then(Lock::default),
            lanes: [const { OnceLock::new() }; BUCKETS],
            limbo: Limbo::new(),
            counts: Counts::default(),
        }
    }

    /// Makes it a thread's, if it is nobody's.
    pub(crate) fn lease(&self) -> bool {
        // Acquire: with the arena come the words that its former owner left.
        !self.is_leased.load(Ordering::Relaxed)
            && self
                .is_leased
                .compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed)
                .is_ok()
    }

    /// Leaves it for another thread.
    pub(crate) fn leave(&self) {
        self.is_leased.store(false, Ordering::Release);
    }

    fn current(&self, class: Class, bucket: u8) -> &Current {
        let lane = self.lanes[usize::from(bucket)]
            .get_or_init(|| (0..=CLASS_COUNT).map(|_| Current::default()).collect());
        &lane[usize::from(class.0)]
    }

    /// Where a record of this life is put now: with all lives, until so many come that spans of their own fill.
    #[inline]
    pub(crate) fn lane(&self, spans: &Spans, class: Class, bucket: u8, now_s: u32) -> u8 {
        let current = self.current(class, bucket);
        let puts = current.puts.load(Ordering::Relaxed).saturating_add(1);
        current.puts.store(puts, Ordering::Relaxed);
        if puts == SPANS_OF_OWN * class.shape().slots {
            current.is_own.store(true, Ordering::Relaxed);
        }
        if now_s.wrapping_sub(current.since_s.load(Ordering::Relaxed)) > shortest_s(bucket) {
            self.count_anew(spans, current, class, now_s);
        }
        if current.is_own.load(Ordering::Relaxed) { bucket } else { MIXED }
    }

    /// A life has passed since the puts were counted.
    #[cold]
    fn count_anew(&self, spans: &Spans, current: &Current, class: Class, now_s: u32) {
        let is_own = current.puts.swap(0, Ordering::Relaxed) >= SPANS_OF_OWN * class.shape().slots;
        current.since_s.store(now_s, Ordering::Relaxed);
        current.is_own.store(is_own, Ordering::Relaxed);
        if !is_own {
            self.put_back(spans, current, class);
        }
    }

    /// A free slot as it is wanted, for the owner, who is pinned. `None` at the limit.
    #[inline]
    pub(crate) fn take<'m>(&self, spans: &'m Spans, want: Want) -> Option<Vacant<'m>> {
        // Acquire: see `give_spans`.
        if self.recalled.load(Ordering::Acquire) {
            self.answer(spans);
        }
        let class = want.class;
        let current = self.current(class, want.lane);
        let mut word = current.word.load(Ordering::Relaxed);
        if word == 0 {
            word = self.refill(spans, current, want)?;
        }
        current.word.store(word & (word - 1), Ordering::Relaxed);
        let span = SpanIndex(current.span.load(Ordering::Relaxed) - 1);
        let index = current.index.load(Ordering::Relaxed) * 64 + word.trailing_zeros();
        let slot = spans.memory.slot_of(span, class, index);
        let former = Header(slot.header().load(Ordering::Relaxed)).generation();
        let line = spans.memory.line(span);
        let generation = former.max(line.low()).next().expect("a slot that is spent has no bit");
        line.raise_top(generation);
        if want.life < line.shortest() {
            spans.shorten(span, want);
        }
        Some(Vacant { slot, place: Memory::place(span, class, index), generation })
    }

    /// Caches the next word that has a free slot: of the present span, on one round through it, or of another.
    #[cold]
    fn refill(&self, spans: &Spans, current: &Current, want: Want) -> Option<u64> {
        let class = want.class;
        let words = class.shape().bitmap_words();
        loop {
            if let Some(span) = current.span.load(Ordering::Relaxed).checked_sub(1).map(SpanIndex) {
                while current.looked.load(Ordering::Relaxed) < words {
                    current.looked.fetch_add(1, Ordering::Relaxed);
                    let index = (current.index.load(Ordering::Relaxed) + 1) % words;
                    current.index.store(index, Ordering::Relaxed);
                    let bits = spans.memory.bitmap_word(span, class, index);
                    if bits.load(Ordering::Relaxed) == 0 {
                        continue;
                    }
                    // Acquire: with a bit comes the freed header of its slot.
                    let word = bits.swap(0, Ordering::Acquire);
                    spans.memory.line(span).take_free(word.count_ones());
                    current.looked.store(0, Ordering::Relaxed);
                    current.word.store(word, Ordering::Relaxed);
                    return Some(word);
                }
                current.span.store(0, Ordering::Relaxed);
                spans.release(span, class, 0, 0);
            }
            let span = spans.acquire(want, self.keeper)?;
            spans.memory.line(span).arena.store(self.number, Ordering::Relaxed);
            current.span.store(span.0 + 1, Ordering::Relaxed);
            // The next word is the first: a round begins there.
            current.index.store(words - 1, Ordering::Relaxed);
            current.looked.store(0, Ordering::Relaxed);
        }
    }

    /// Asks the arena's spans back. Two epochs later nobody puts into them who has not heard.
    pub(crate) fn recall(&self) {
        let _one = self.handing.lock();
        if !self.recalled.load(Ordering::Relaxed) {
            // The epoch after the flag: an owner who is pinned two epochs later has seen it.
            self.recalled_in.store(Epoch::NEVER.0, Ordering::Relaxed);
            self.recalled.store(true, Ordering::Release);
            self.recalled_in.store(Epoch::sealed().0, Ordering::Relaxed);
        }
    }

    /// Whether the owner has heard of a recall by now, or does not put.
    pub(crate) fn is_recalled_long_ago(&self) -> bool {
        self.recalled.load(Ordering::Acquire)
            && Epoch(self.recalled_in.load(Ordering::Relaxed)).is_over()
    }

    /// Whether nothing was put since this was asked last. For who tends the pile.
    pub(crate) fn is_idle(&self) -> bool {
        let puts = self.counts.puts.get();
        self.puts_seen.swap(puts, Ordering::Relaxed) == puts
    }

    /// Gives all spans back, so that what is free in one lane is found by another. For the owner.
    pub(crate) fn give_up(&self, spans: &Spans) {
        self.recall();
        self.answer(spans);
    }

    /// Gives all spans back, for the owner, who heard of the recall.
    #[cold]
    fn answer(&self, spans: &Spans) {
        let _pinned = Pinned::new();
        let _one = self.handing.lock();
        if self.recalled.load(Ordering::Relaxed) {
            self.give_spans(spans);
        }
    }

    /// Gives all spans back for an owner who does not put, two epochs after the recall.
    pub(crate) fn hand_over(&self, spans: &Spans) {
        let _pinned = Pinned::new();
        let _one = self.handing.lock();
        // Under the lock: the recall that was long ago may have been answered, and another be under way.
        if self.is_recalled_long_ago() {
            self.give_spans(spans);
        }
    }

    fn give_spans(&self, spans: &Spans) {
        for lane in self.lanes.iter().filter_map(OnceLock::get) {
            for (class, current) in (0..).map(Class).zip(lane) {
                self.put_back(spans, current, class);
            }
        }
        // Release: who finds the recall over sees that the arena has nothing.
        self.recalled.store(false, Ordering::Release);
    }

    /// Gives the span of a class back, with what was taken out of it.
    fn put_back(&self, spans: &Spans, current: &Current, class: Class) {
        let Some(span) = current.span.load(Ordering::Relaxed).checked_sub(1).map(SpanIndex) else {
            return;
        };
        let word = current.word.load(Ordering::Relaxed);
        let index = current.index.load(Ordering::Relaxed);
        current.span.store(0, Ordering::Relaxed);
        current.word.store(0, Ordering::Relaxed);
        // A span that was purged has another class by now, and is let be.
        let is_ours = spans.memory.line(span).arena.load(Ordering::Relaxed) == self.number;
        if is_ours && spans.memory.class(span) == class {
            spans.release(span, class, index, word);
        }
    }

    /// The spans that it puts into: each with its class, and the slots of which bitmap word it has taken out.
    pub(crate) fn spans(&self) -> Vec<Lane> {
        let lanes = self.lanes.iter().filter_map(OnceLock::get);
        let currents = lanes.flat_map(|lane| (0..).zip(lane));
        let kept = currents.filter_map(|(class, current)| {
            Some(Lane {
                span: SpanIndex(current.span.load(Ordering::Relaxed).checked_sub(1)?),
                class: Class(class),
                index: current.index.load(Ordering::Relaxed),
                word: current.word.load(Ordering::Relaxed),
            })
        });
        kept.collect()
    }

    /// Whether any span is kept.
    pub(crate) fn has_spans(&self) -> bool {
        let lanes = self.lanes.iter().filter_map(OnceLock::get);
        lanes.flat_map(|lane| lane.iter()).any(|current| current.span.load(Ordering::Relaxed) != 0)
    }
}

/// Whether the place leads to no slot.
pub(crate) fn leads_nowhere(memory: &Memory, place: Place) -> bool {
    memory.class(split(place).0) == Class::NONE
}
