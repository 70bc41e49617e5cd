//! The spans of a pile: those in use, by class, and the way of each from the supply into use and back.
//!
//! A span that an arena gives up with room in it goes on the list of its class, and so does one in which enough was freed
//! since. A span without a record leaves: its class becomes none, and two epochs later it is anybody's. Who freed the last
//! slot sees that and does it; each such step looks at the span anew under the lock of its class's list, so that it does not
//! matter who comes late.

use crate::class::{CLASS_COUNT, Class};
use crate::header::Header;
use crate::lock::Lock;
use crate::page_spans::PageSpans;
use crate::pointer::Place;
use crate::segment::{Memory, split};
use crate::span::{SpanIndex, SpanStanding, Vacancy};
use crate::supply::Supply;
use crate::sync::{AtomicU32, Ordering, fence};

/// Buckets of lives: for ever, and mixed; further ones hold records of like life and are on no list.
pub(crate) const FOREVER: u8 = 0;
pub(crate) const MIXED: u8 = 1;
const LISTED_BUCKETS: usize = 2;

/// Whether a span that is partly free is preferred to one that is empty.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Prefer {
    /// Partly free spans first: the fewest bytes.
    Space,
    /// Empty spans first: the fewest lines touched.
    Speed,
}

/// The spans of a pile.
#[derive(Debug)]
pub(crate) struct Spans {
    pub(crate) memory: Memory,
    pub(crate) supply: Supply,
    lists: Vec<Lock<List>>,
    /// The pages of long records.
    pub(crate) pages: Lock<PageSpans>,
    /// How many spans an earlier life left that nobody has looked through; changed under the locks of their lists.
    pub(crate) inherited: AtomicU32,
}

/// Spans of one class, linked by their lines.
#[derive(Debug, Default)]
struct List {
    first: Option<SpanIndex>,
    spans: u32,
}

/// The end of a list in a line's link.
const END: u32 = u32::MAX;

impl Spans {
    pub(crate) fn new(memory: Memory, supply: Supply) -> Self {
        let lists = (0..(CLASS_COUNT + 1) * LISTED_BUCKETS).map(|_| Lock::default()).collect();
        Self { memory, supply, lists, pages: Lock::default(), inherited: AtomicU32::new(0) }
    }

    fn list(&self, class: Class, bucket: u8) -> &Lock<List> {
        let bucket = usize::from(bucket).min(LISTED_BUCKETS - 1);
        &self.lists[usize::from(class.0) * LISTED_BUCKETS + bucket]
    }

    /// A span of this class for an arena to put into. `None` at the limit; without `may_commit` also where none is ready.
    pub(crate) fn acquire(
        &self,
        class: Class,
        bucket: u8,
        prefer: Prefer,
        may_commit: bool,
    ) -> Option<SpanIndex> {
        let is_empty_first = prefer == Prefer::Speed;
        if is_empty_first && let Some(span) = self.supply.try_take(&self.memory) {
            return Some(self.open(span, class, bucket));
        }
        if bucket <= MIXED
            && let Some(span) = self.take_listed(class, bucket)
        {
            return Some(span);
        }
        let span = if may_commit {
            self.supply.take(&self.memory)
        } else {
            self.supply.try_take(&self.memory)
        };
        span.map(|span| self.open(span, class, bucket))
    }

    /// Cuts a zeroed span into free slots.
    fn open(&self, span: SpanIndex, class: Class, bucket: u8) -> SpanIndex {
        // A purge has all lists: no span is opened while it goes through them, so what it leaves was opened after it.
        let _list = self.list(class, bucket).lock();
        let shape = class.shape();
        for index in 0..shape.bitmap_words() {
            self.memory
                .bitmap_word(span, class, index)
                .store(shape.bits_of_word(index), Ordering::Relaxed);
        }
        self.memory.line(span).begin(class, bucket, SpanStanding::Owned);
        self.memory.set_class(span, class);
        span
    }

    fn take_listed(&self, class: Class, bucket: u8) -> Option<SpanIndex> {
        let mut list = self.list(class, bucket).lock();
        let span = list.first?;
        self.unlink(&mut list, span);
        self.memory.line(span).set_standing(SpanStanding::Owned);
        Some(span)
    }

    fn unlink(&self, list: &mut List, span: SpanIndex) {
        let line = self.memory.line(span);
        let (next, previous) =
            (line.next.load(Ordering::Relaxed), line.previous.load(Ordering::Relaxed));
        if previous == END {
            list.first = (next != END).then_some(SpanIndex(next));
        } else {
            self.memory.line(SpanIndex(previous)).next.store(next, Ordering::Relaxed);
        }
        if next != END {
            self.memory.line(SpanIndex(next)).previous.store(previous, Ordering::Relaxed);
        }
        list.spans -= 1;
    }

    fn push(&self, list: &mut List, span: SpanIndex) {
        let line = self.memory.line(span);
        let next = list.first.map_or(END, |first| first.0);
        line.next.store(next, Ordering::Relaxed);
        line.previous.store(END, Ordering::Relaxed);
        if let Some(first) = list.first {
            self.memory.line(first).previous.store(span.0, Ordering::Relaxed);
        }
        list.first = Some(span);
        list.spans += 1;
    }

    /// An arena puts no more into the span; `word` are the slots of bitmap word `index` that it had taken and not used.
    pub(crate) fn release(&self, span: SpanIndex, class: Class, bucket: u8, index: u32, word: u64) {
        if word != 0 {
            // Release: the bits are there before the count says so.
            self.memory.bitmap_word(span, class, index).fetch_or(word, Ordering::Release);
            self.memory.line(span).add_free(word.count_ones());
        }
        let mut list = self.list(class, bucket).lock();
        let line = self.memory.line(span);
        if line.standing() == SpanStanding::Owned && self.memory.class(span) == class {
            line.set_standing(SpanStanding::Full);
            // SeqCst, with that of `after_free`: either this sees what was freed last, or he who freed it sees the standing.
            fence(Ordering::SeqCst);
            self.settle(&mut list, span, class);
        }
    }

    /// Does for a span that nobody owns what its vacancy asks for. Under the lock of its list.
    fn settle(&self, list: &mut List, span: SpanIndex, class: Class) {
        let line = self.memory.line(span);
        let vacancy = line.vacancy();
        match line.standing() {
            SpanStanding::Full if vacancy.is_empty(class) => self.retire(span),
            SpanStanding::Full if vacancy.is_roomy(class) && line.bucket() <= MIXED => {
                line.set_standing(SpanStanding::Listed);
                self.push(list, span);
            }
            SpanStanding::Listed if vacancy.is_empty(class) => {
                self.unlink(list, span);
                self.retire(span);
            }
            _ => {}
        }
    }

    /// The span's records are gone, and no way leads in; nor into the further spans of a long record.
    pub(crate) fn retire(&self, span: SpanIndex) {
        for part in self.memory.line(span).parts(span) {
            self.memory.set_class(part, Class::NONE);
            self.memory.line(part).set_standing(SpanStanding::Retiring);
        }
        self.supply.retire(&self.memory, span);
    }

    /// A slot is free, whose record no reader sees any more.
    pub(crate) fn free_slot(&self, span: SpanIndex, class: Class, index: u32) {
        if self.empty_slot(span, class, index) {
            self.add_free(span, class, index / 64, 1 << (index % 64));
        } else {
            let word = self.memory.slot_of(span, class, index).header();
            word.store(Header(word.load(Ordering::Relaxed)).freed().0, Ordering::Release);
            let (before, now) = self.memory.line(span).add_spent();
            self.after_free(span, class, before, now);
        }
    }

    /// Marks a slot free, unless it has had its last generation.
    pub(crate) fn empty_slot(&self, span: SpanIndex, class: Class, index: u32) -> bool {
        let word = self.memory.slot_of(span, class, index).header();
        let freed = Header(word.load(Ordering::Relaxed)).freed();
        let has_next = freed.generation().next().is_some();
        if has_next {
            word.store(freed.0, Ordering::Release);
        }
        has_next
    }

    /// Slots that were marked free are anybody's: those of word `index` of the bitmap that `bits` name.
    pub(crate) fn add_free(&self, span: SpanIndex, class: Class, index: u32, bits: u64) {
        // Release: the arena that takes a bit sees the header free; the bits come before the count.
        self.memory.bitmap_word(span, class, index).fetch_or(bits, Ordering::Release);
        let (before, now) = self.memory.line(span).add_free(bits.count_ones());
        self.after_free(span, class, before, now);
    }

    fn after_free(&self, span: SpanIndex, class: Class, before: Vacancy, now: Vacancy) {
        let line = self.memory.line(span);
        let asks = now.is_empty(class) || (now.is_roomy(class) && !before.is_roomy(class));
        if !asks {
            return;
        }
        fence(Ordering::SeqCst); // see `release`
        if line.standing() != SpanStanding::Owned {
            let mut list = self.list(class, line.bucket()).lock();
            // It may be another's by now, under another class: then this is none of our lists.
            if self.memory.class(span) == class {
                self.settle(&mut list, span, class);
            }
        }
    }

    /// Lets `look` see an inherited span of slots, once: it sets the bitmap, and says what is vacant.
    pub(crate) fn take_in(&self, span: SpanIndex, class: Class, look: impl FnOnce() -> Vacancy) {
        let line = self.memory.line(span);
        let mut list = self.list(class, line.bucket()).lock();
        if line.standing() != SpanStanding::Inherited || self.memory.class(span) != class {
            return; // another was faster, or it was purged
        }
        line.set_vacancy(look());
        line.set_standing(SpanStanding::Full);
        self.inherited.fetch_sub(1, Ordering::Relaxed);
        self.settle(&mut list, span, class);
    }

    /// Keeps the span of a place from being used again, though it be purged.
    pub(crate) fn hold(&self, place: Place) {
        self.memory.line(split(place).0).held.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether anything keeps the span.
    pub(crate) fn is_held(&self, span: SpanIndex) -> bool {
        self.memory.line(span).held.load(Ordering::Relaxed) > 0
    }

    /// Ends what `hold` began.
    pub(crate) fn let_go(&self, place: Place) {
        // Release: who uses the span again sees all that was done before.
        self.memory.line(split(place).0).held.fetch_sub(1, Ordering::Release);
    }

    /// Whether the span is in use.
    pub(crate) fn leads_somewhere(&self, span: SpanIndex) -> bool {
        self.memory.class(span) != Class::NONE
    }

    /// The spans on the list of a class, in order.
    pub(crate) fn listed(&self, class: Class, bucket: u8) -> Vec<SpanIndex> {
        let list = self.list(class, bucket).lock();
        let (mut spans, mut previous, mut next) = (Vec::new(), END, list.first);
        while let Some(span) = next {
            let line = self.memory.line(span);
            assert_eq!(line.previous.load(Ordering::Relaxed), previous, "a list is whole");
            spans.push(span);
            let link = line.next.load(Ordering::Relaxed);
            (previous, next) = (span.0, (link != END).then_some(SpanIndex(link)));
        }
        assert_eq!(spans.len(), list.spans as usize, "a list is counted");
        spans
    }

    /// Ends every span: no place leads anywhere, and each span comes back when nobody sees it.
    pub(crate) fn purge(&self) -> u32 {
        let mut lists: Vec<_> = self.lists.iter().map(Lock::lock).collect();
        for list in &mut lists {
            **list = List::default();
        }
        let mut pages = self.pages.lock();
        *pages = PageSpans::default();
        self.inherited.store(0, Ordering::Relaxed);
        let mut purged = 0;
        for span in (0..self.supply.spans_opened()).map(SpanIndex) {
            if self.memory.class(span) != Class::NONE {
                self.retire(span);
                purged += self.memory.line(span).spans_of_run.load(Ordering::Relaxed);
            }
        }
        purged
    }
}
