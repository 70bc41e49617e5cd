//! A walk through a whole pile that finds what does not agree: between slots and bitmaps, spans and lists, references and
//! their values, counts and what is counted.

use std::collections::{HashMap, HashSet};

use crate::naming::generation::Generation;
use crate::naming::header::{Header, Kind};
use crate::naming::life::{FOREVER, MIXED};
use crate::naming::pointer::{Place, Pointer};
use crate::pile::Pile;
use crate::places::class::{CLASS_COUNT, Class, SPAN_BYTES};
use crate::places::page_spans::PAGES;
use crate::places::pages::run_mask;
use crate::places::segment::{GROUP_SPANS, Memory, split};
use crate::places::span::{SpanIndex, SpanStanding};
use crate::sync::Ordering;
use crate::threads::arena::Lane;

impl Pile {
    /// For tests: walks the whole pile while nobody else uses it, and compares what is said twice. It takes some
    /// milliseconds for each segment in use. A pile that was mounted must have been looked through by upkeep.
    ///
    /// # Panics
    /// If anything does not agree.
    pub fn validate(&self) {
        let mut walk = Walk::begin(self);
        let opened = self.store.spans.supply.spans_opened();
        for span in (0..opened).map(SpanIndex) {
            walk.span(span);
        }
        walk.end(opened);
    }
}

/// What was found so far.
struct Walk<'p> {
    pile: &'p Pile,
    lanes: HashMap<SpanIndex, Lane>,
    listed: HashMap<SpanIndex, Class>,
    retiring: HashSet<SpanIndex>,
    /// Places that wait, and that are dead while they are held.
    limbo: HashSet<Place>,
    held: HashMap<Place, bool>,
    records: u64,
    used_bytes: u64,
    backed_bytes: u64,
    spent_spans: u32,
    values: HashSet<Pointer>,
    references: Vec<(Place, u64)>,
    forwards: HashSet<u32>,
}

impl<'p> Walk<'p> {
    fn begin(pile: &'p Pile) -> Self {
        let store = &pile.store;
        let (mut lanes, mut limbo) = (HashMap::new(), HashSet::new());
        for arena in &store.arenas() {
            // Spans that were purged may be others' by now, until the arena hears of it.
            let is_its = |lane: &Lane| {
                let line = store.spans.memory.line(lane.span);
                line.arena.load(Ordering::Relaxed) == arena.number
                    && line.standing() == SpanStanding::Owned
            };
            for lane in arena.spans().into_iter().filter(is_its) {
                let others = lanes.insert(lane.span, lane);
                assert!(others.is_none(), "{:?} has two owners", lane.span);
            }
            for place in arena.limbo.places() {
                let leads = store.spans.leads_somewhere(split(place).0);
                assert!(!leads || limbo.insert(place), "{place:?} waits twice");
            }
        }
        let mut listed = HashMap::new();
        for number in 1..=CLASS_COUNT {
            let class = Class(u8::try_from(number).expect("fewer than 254 classes"));
            let keepers = store.spans.owners();
            for (keeper, bucket) in keepers.flat_map(|keeper| [(keeper, FOREVER), (keeper, MIXED)])
            {
                for are_thin in [false, true] {
                    for span in store.spans.listed(class, bucket, keeper, are_thin) {
                        assert!(listed.insert(span, class).is_none(), "{span:?} is listed twice");
                        let line = store.spans.memory.line(span);
                        assert_eq!(line.bucket().min(MIXED), bucket, "{span:?}");
                        assert_eq!(line.keeper.load(Ordering::Relaxed), keeper, "{span:?}");
                        assert_eq!(line.absent_bytes() > 0, are_thin, "{span:?}");
                    }
                }
            }
        }
        let mut held = HashMap::new();
        store.each_held(|place, is_dead| {
            let others = held.insert(place, is_dead);
            assert!(others.is_none(), "{place:?} is held in two tables");
        });
        Self {
            pile,
            lanes,
            listed,
            retiring: store.spans.supply.retiring().into_iter().collect(),
            limbo,
            held,
            records: 0,
            used_bytes: 0,
            backed_bytes: 0,
            spent_spans: 0,
            values: HashSet::new(),
            references: Vec::new(),
            forwards: HashSet::new(),
        }
    }

    fn span(&mut self, span: SpanIndex) {
        let spans = &self.pile.store.spans;
        let supply = &spans.supply;
        let (class, line) = (spans.memory.class(span), spans.memory.line(span));
        if span.0.is_multiple_of(GROUP_SPANS) && supply.is_given_back(span) != Some(false) {
            self.backed_bytes += supply.table_bytes(span.0 / GROUP_SPANS);
        }
        if supply.is_given_back(span).is_some() {
            assert_eq!(class, Class::NONE, "{span:?} has no memory");
            return;
        }
        let spare = supply.is_spare(span);
        let standing = line.standing();
        assert_eq!(spare.is_some(), standing == SpanStanding::Spare, "{span:?} is {standing:?}");
        if class == Class::NONE {
            let is_spent = standing == SpanStanding::Spent;
            assert!(
                spare.is_some() || is_spent || standing == SpanStanding::Retiring,
                "{span:?} is nobody's, and {standing:?}"
            );
            self.spent_spans += u32::from(is_spent);
            let is_backed = spare.unwrap_or(!is_spent);
            self.backed_bytes +=
                u64::from(is_backed) * (u64::from(SPAN_BYTES) - line.absent_bytes());
            return;
        }
        self.backed_bytes += u64::from(SPAN_BYTES) - line.absent_bytes();
        assert!(!self.retiring.contains(&span), "{span:?} retires and is in use");
        match class {
            Class::PAGES => self.pages(span),
            Class::TAIL => {
                let owner = (0..span.0).rev().map(SpanIndex);
                let first = owner.into_iter().find(|&at| spans.memory.class(at) != Class::TAIL);
                let first = first.expect("a record's further spans have a first");
                assert_eq!(spans.memory.class(first), Class::PAGES, "{span:?} follows its record");
                assert!(spans.memory.line(first).parts(first).any(|part| part == span), "{span:?}");
            }
            _ => self.slots(span, class),
        }
    }

    fn slots(&mut self, span: SpanIndex, class: Class) {
        let spans = &self.pile.store.spans;
        let (line, shape) = (spans.memory.line(span), class.shape());
        let lane = self.lanes.get(&span).copied();
        let (mut free, mut spent, mut held) = (0, 0, 0);
        for index in 0..shape.slots {
            let place = Memory::place(span, class, index);
            let header =
                Header(spans.memory.slot_of(span, class, index).header().load(Ordering::Acquire));
            let word = spans.memory.bitmap_word(span, class, index / 64).load(Ordering::Acquire);
            let is_free = word >> (index % 64) & 1 != 0;
            let is_taken = lane
                .is_some_and(|lane| lane.index == index / 64 && lane.word >> (index % 64) & 1 != 0);
            assert!(!(is_free && is_taken), "{place:?} is free and taken");
            free += u32::from(is_free);
            if is_free || is_taken {
                assert!(header.is_free(), "{place:?} is free, and {header:?}");
                assert!(header.generation() < Generation::LAST, "{place:?} has a generation left");
                assert!(!self.limbo.contains(&place), "{place:?} is free and waits");
            } else if header.is_free() {
                let is_absent = line.absent_bytes() > 0;
                assert!(is_absent || header.generation() == Generation::LAST, "{place:?} is lost");
                spent += 1;
            } else {
                held += self.slot(span, class, index);
            }
        }
        let vacancy = line.vacancy();
        assert_eq!((vacancy.free, vacancy.spent), (free, spent), "{span:?} counts its free slots");
        assert_eq!(line.held.load(Ordering::Acquire), held, "{span:?} counts what keeps it");
        assert_eq!(line.parts(span).count(), 1, "{span:?} is no part of a long record");
        let standing = line.standing();
        let is_listed = self.listed.get(&span) == Some(&class);
        let is_offered = matches!(standing, SpanStanding::Listed | SpanStanding::Thin);
        assert_eq!(is_listed, is_offered, "{span:?} is {standing:?}");
        assert_eq!(lane.is_some(), standing == SpanStanding::Owned, "{span:?} is {standing:?}");
        assert!(lane.is_none_or(|lane| lane.class == class), "{span:?} is put into as it is cut");
        if lane.is_none() {
            assert!(!vacancy.is_empty(class), "{span:?} has no record and no way back");
            let is_waiting = standing == SpanStanding::Drained;
            assert!(
                is_listed || is_waiting || !vacancy.is_roomy(class),
                "{span:?} has room and is not offered"
            );
        }
    }

    fn pages(&mut self, span: SpanIndex) {
        let spans = &self.pile.store.spans;
        let line = spans.memory.line(span);
        let used = line.pages_used.load(Ordering::Relaxed);
        let firsts = line.pages_first.load(Ordering::Relaxed);
        let (mut seen, mut held) = (0, 0);
        for page in 0..PAGES {
            let header = Header(
                spans.memory.slot_of(span, Class::PAGES, page).header().load(Ordering::Acquire),
            );
            if firsts >> page & 1 == 0 {
                assert!(header.is_free(), "page {page} of {span:?} is {header:?}");
                continue;
            }
            let mask = run_mask(used, firsts, page);
            assert_eq!(mask & seen, 0, "a page of {span:?} is of two records");
            seen |= mask;
            held += self.slot(span, Class::PAGES, page);
        }
        assert_eq!(seen, used, "{span:?} uses the pages of its records");
        assert_ne!(used, 0, "{span:?} has no record and no way back");
        assert_eq!(line.held.load(Ordering::Acquire), held, "{span:?} counts what keeps it");
        let parts = line.parts(span).count();
        assert!(parts == 1 || (used, firsts) == (u16::MAX, 1), "{span:?} is one record's alone");
        assert!(
            spans.pages.lock().is_filed_rightly(span, used, line),
            "{span:?} is offered for what it has"
        );
    }

    /// A slot or pages that are not free. How often it keeps its span.
    fn slot(&mut self, span: SpanIndex, class: Class, index: u32) -> u32 {
        let store = &self.pile.store;
        let memory = &store.spans.memory;
        let (place, line) = (Memory::place(span, class, index), memory.line(span));
        let slot = memory.slot_of(span, class, index);
        let header = Header(slot.header().load(Ordering::Acquire));
        let generation = header.generation();
        assert!(
            // Of a span that was thin it may be below what comes next.
            Generation(0) < generation && generation <= line.top(),
            "{place:?} is of {generation:?}, up to {:?}",
            line.top()
        );
        let held = self.held.remove(&place);
        assert_eq!(header.is_held(), held.is_some(), "{place:?} is {header:?}");
        if header.is_busy() {
            assert!(!self.limbo.contains(&place), "{place:?} is reserved and waits");
            return 1;
        }
        if !header.is_live() {
            let waits = self.limbo.remove(&place);
            assert_eq!(waits, held.is_none(), "{place:?} is dead");
            assert!(held != Some(false), "{place:?} is dead, and its holder does not know");
            return u32::from(held.is_some());
        }
        assert!(held != Some(true) && !self.limbo.contains(&place), "{place:?} is alive");
        if header.is_inner() {
            self.values.insert(Pointer::new(place, generation));
        } else {
            self.records += 1;
        }
        if header.is_forwarded() {
            let number = header.length();
            assert!(self.forwards.insert(number), "forward {number} is of two records");
            assert_eq!(store.forwards.home(number), place, "a forward knows its record");
            let target = store.forwards.at(number).target.load(Ordering::Acquire);
            self.references.push((place, target));
            return u32::from(held.is_some());
        }
        assert!(
            u64::from(header.length()) <= store.spans.slot_bytes(place),
            "{place:?} is longer than its slot"
        );
        self.used_bytes += u64::from(header.length());
        if header.kind() == Kind::Cell {
            let target = slot.word(header.ext_bytes(), 0).load(Ordering::Acquire);
            self.references.push((place, target));
        }
        u32::from(held.is_some())
    }

    fn end(mut self, opened: u32) {
        let store = &self.pile.store;
        for (place, target) in self.references {
            let target = Pointer::from_bits(target);
            let is_there = target.is_some_and(|target| self.values.remove(&target));
            assert!(is_there, "{place:?} leads to {target:?}, which is not there for it");
        }
        assert!(self.values.is_empty(), "nothing leads to {:?}", self.values);
        let leads = |place: Place| store.spans.leads_somewhere(split(place).0);
        assert!(!self.limbo.iter().any(|&place| !leads(place)), "limbo was looked at");
        assert!(self.limbo.is_empty(), "{:?} wait and are not dead", self.limbo);
        assert!(!self.held.keys().any(|&place| leads(place)), "{:?} are held", self.held);
        assert!(self.lanes.keys().all(|span| span.0 < opened), "arenas have spans of the pile");
        let (given, _left) = store.forwards.numbers();
        for number in given {
            let is_used = self.forwards.remove(&number);
            assert!(is_used || !leads(store.forwards.home(number)), "forward {number} is lost");
        }
        assert!(self.forwards.is_empty(), "{:?} were not given out", self.forwards);
        let gauges = self.pile.gauges();
        // What a purge ended is counted as of an instant before it.
        if store.purged_before().records == 0 {
            assert_eq!(gauges.records, self.records, "records are counted");
            assert_eq!(gauges.used_bytes, self.used_bytes, "their bytes are counted");
        }
        assert_eq!(gauges.spent_spans, self.spent_spans, "spent spans are counted");
        let beside_bytes = store.forwards.table_bytes() + gauges.beside_bytes;
        let backed_bytes = self.backed_bytes + beside_bytes;
        assert_eq!(gauges.backed_bytes, backed_bytes, "what stands behind the pile is counted");
    }
}
