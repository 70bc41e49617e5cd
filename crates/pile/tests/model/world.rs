//! A pile, and beside it all that it should hold.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use levada_pile::{
    Budget, Clock, Cursor, Full, Gone, HoldError, Kind, Life, Pile, PilePointer, Pointer,
    UpdateError, Version,
};
use levada_shared::{Account, Options, SharedData, SharedHeap};

use crate::dice::{Cut, Dice, length};

/// What a record should be.
#[derive(Clone, Debug)]
struct Record {
    at: Pointer,
    kind: Kind,
    cut: Cut,
    expiry_s: Option<u64>,
    /// The version before the present one, if it was updated.
    former: Option<Version>,
}

/// How many pointers of records that are gone are asked for again.
const REMEMBERED: usize = 2000;

pub(crate) struct World {
    pile: Pile,
    clock: Arc<AtomicU64>,
    account: Account,
    dice: Dice,
    /// Whether nobody else puts into the pile.
    is_alone: bool,
    records: Vec<Record>,
    gone: Vec<Pointer>,
    issued: HashSet<Pointer>,
    held: Vec<(SharedData, Cut)>,
    /// Puts and updates that were refused.
    pub(crate) refused: u64,
}

/// A pile for worlds, and its clock.
pub(crate) fn pile(limit_bytes: u64) -> (Pile, Arc<AtomicU64>) {
    let clock = Arc::new(AtomicU64::new(5000));
    let pile = Pile::builder("model").limit_bytes(limit_bytes);
    (pile.clock(Clock::shared(Arc::clone(&clock))).build().expect("addresses"), clock)
}

impl World {
    pub(crate) fn new(pile: &Pile, clock: &Arc<AtomicU64>, seed: u64, is_alone: bool) -> Self {
        let heap = SharedHeap::new(Options::default()).expect("addresses");
        Self {
            pile: pile.clone(),
            clock: Arc::clone(clock),
            account: heap.account("holder", u64::MAX).expect("an account"),
            dice: Dice::new(seed),
            is_alone,
            records: Vec::new(),
            gone: Vec::new(),
            issued: HashSet::new(),
            held: Vec::new(),
            refused: 0,
        }
    }

    fn now_s(&self) -> u64 {
        (self.clock.load(Ordering::Relaxed) - 5000) / 1000
    }

    fn life(&mut self) -> (Life, Option<u64>) {
        if self.dice.one_in(4) {
            let seconds = 1 + self.dice.below(50);
            let life = Life::secs(u32::try_from(seconds).expect("a short life"));
            (life, Some(self.now_s() + seconds + 1))
        } else {
            (Life::FOREVER, None)
        }
    }

    fn has_expired(&self, record: &Record) -> bool {
        record.expiry_s.is_some_and(|expiry_s| expiry_s <= self.now_s())
    }

    /// Does one thing, and compares.
    pub(crate) fn step(&mut self) {
        match self.dice.below(1000) {
            0..330 => self.put(),
            330..370 => self.reserve(),
            370..500 => self.update(),
            500..550 => self.compare_update(),
            550..700 => self.delete(),
            700..730 => self.rejuvenate(),
            730..780 => self.hold(),
            780..820 => self.let_go(),
            820..930 => self.read(),
            930..980 => self.read_gone(),
            980..993 => self.forge(),
            993..996 => self.text_of_another_kind(),
            996 => {
                self.pile.tend(Budget::unbounded());
            }
            997 if self.is_alone => self.pass_time(),
            998 if self.dice.one_in(10) => self.scan(),
            999 if self.is_alone && self.dice.one_in(20) => self.purge(),
            _ => self.read(),
        }
    }

    fn born(&mut self, at: Pointer, kind: Kind, cut: Cut, expiry_s: Option<u64>) {
        assert!(self.issued.insert(at), "{at:?} is given twice");
        assert_eq!(Pointer::try_from(PilePointer::from(at)), Ok(at));
        assert_eq!(Pointer::from_bits(at.to_bits()), Some(at));
        self.records.push(Record { at, kind, cut, expiry_s, former: None });
    }

    fn put(&mut self) {
        let bytes = length(&mut self.dice);
        let cut = Cut::random(&mut self.dice, bytes);
        let (life, expiry_s) = self.life();
        let (kind, put) = match self.dice.below(8) {
            0 => (Kind::Text, self.pile.put_str(cut.text(), life)),
            1 => (Kind::Cell, self.pile.put_cell(cut.bytes(), life)),
            2 => {
                let room = bytes + self.dice.index(100);
                (Kind::Roomy, self.pile.put_roomy(cut.bytes(), room, life))
            }
            3 => match self.pile.try_put(cut.bytes(), life) {
                Some(at) => (Kind::Bytes, Ok(at)),
                None => return,
            },
            _ => (Kind::Bytes, self.pile.put(cut.bytes(), life)),
        };
        match put {
            Ok(at) => self.born(at, kind, cut, expiry_s),
            Err(full) => self.make_room(full),
        }
    }

    /// The pile refused for lack of room.
    fn make_room(&mut self, full: Full) {
        let gauges = self.pile.gauges();
        let Full::OutOfSpace { limit_bytes, .. } = full else { panic!("{full:?}") };
        assert_eq!(limit_bytes, gauges.limit_bytes);
        assert!(gauges.backed_bytes * 2 > limit_bytes, "{full:?} of {gauges:?}");
        self.refused += 1;
        for _ in 0..1 + self.records.len() / 4 {
            self.delete();
        }
        self.held.truncate(self.held.len() / 2);
    }

    fn reserve(&mut self) {
        let room = length(&mut self.dice);
        let written = if self.dice.one_in(2) { room } else { self.dice.index(room + 1) };
        let cut = Cut::random(&mut self.dice, written);
        let (life, expiry_s) = self.life();
        let kind = if self.dice.one_in(2) { Kind::Text } else { Kind::Bytes };
        let pile = self.pile.clone();
        let mut reserved = match pile.reserve(room, kind, life) {
            Ok(reserved) => reserved,
            Err(full) => return self.make_room(full),
        };
        let head = self.dice.index(written + 1);
        reserved.write(&cut.bytes()[..head]).expect("there is room");
        match self.dice.below(4) {
            0 => drop(reserved),
            1 => {
                let mut buf = reserved.lend(&self.account).expect("no limit");
                buf.write(&cut.bytes()[head..]).expect("there is room");
                let at = pile.commit_buf(buf).expect("a buffer of this pile");
                self.born(at, kind, cut, expiry_s);
            }
            2 => drop(reserved.lend(&self.account).expect("no limit")),
            _ => {
                reserved.write(&cut.bytes()[head..]).expect("there is room");
                let kept = if self.dice.one_in(2) { written } else { self.dice.index(written + 1) };
                let at = reserved.commit(kept).expect("it was written");
                self.born(at, kind, cut.first(kept), expiry_s);
            }
        }
    }

    /// A record that lives, if the first that comes does; what has expired is looked at and ended.
    fn pick(&mut self) -> Option<usize> {
        if self.records.is_empty() {
            return None;
        }
        let index = self.dice.index(self.records.len());
        let record = &self.records[index];
        if !self.has_expired(record) {
            return Some(index);
        }
        let at = record.at;
        let is_over = |gone| matches!(gone, Gone::Expired | Gone::Stale);
        assert!(self.pile.pin().get(at).is_err_and(is_over), "{at:?}");
        assert!(self.pile.size_of(at).is_err_and(is_over));
        assert!(self.pile.rejuvenate(at, Life::secs(9)).is_err_and(is_over));
        assert!(
            self.pile
                .update(at, b"x")
                .is_err_and(|e| matches!(e, UpdateError::Gone(gone) if is_over(gone)))
        );
        assert!(self.pile.delete(at).is_err_and(is_over));
        self.forget(index);
        None
    }

    fn forget(&mut self, index: usize) {
        let record = self.records.swap_remove(index);
        if self.gone.len() < REMEMBERED {
            self.gone.push(record.at);
        } else {
            let index = self.dice.index(REMEMBERED);
            self.gone[index] = record.at;
        }
    }

    fn new_cut(&mut self, index: usize) -> Cut {
        let bytes = if self.dice.one_in(2) {
            self.records[index].cut.bytes().len()
        } else {
            length(&mut self.dice)
        };
        Cut::random(&mut self.dice, bytes)
    }

    fn updated(
        &mut self,
        index: usize,
        cut: Cut,
        before: Version,
        done: Result<Version, UpdateError>,
    ) {
        let record = &mut self.records[index];
        match done {
            Ok(version) => {
                assert!(version != before && Some(version) != record.former, "{record:?}");
                record.former = Some(before);
                record.cut = cut;
                let guard = self.pile.pin();
                assert_eq!(guard.seen(record.at).map(|seen| seen.1), Ok(version));
            }
            Err(UpdateError::Full(full)) => {
                self.look(index);
                self.make_room(full);
            }
            Err(other) => panic!("{record:?}: {other:?}"),
        }
    }

    fn version(&self, index: usize) -> Version {
        self.pile.pin().seen(self.records[index].at).expect("it lives").1
    }

    fn update(&mut self) {
        let Some(index) = self.pick() else { return };
        let (cut, before) = (self.new_cut(index), self.version(index));
        let done = self.pile.update(self.records[index].at, cut.bytes());
        self.updated(index, cut, before, done);
    }

    fn compare_update(&mut self) {
        let Some(index) = self.pick() else { return };
        let (cut, before) = (self.new_cut(index), self.version(index));
        let Record { at, former, .. } = self.records[index].clone();
        if let Some(former) = former.filter(|_| self.dice.one_in(2)) {
            let now = before;
            let done = self.pile.compare_update(at, former, cut.bytes());
            assert_eq!(done, Err(UpdateError::Changed { now }));
        } else {
            let done = self.pile.compare_update(at, before, cut.bytes());
            self.updated(index, cut, before, done);
        }
    }

    fn delete(&mut self) {
        let Some(index) = self.pick() else { return };
        let at = self.records[index].at;
        assert_eq!(self.pile.delete(at), Ok(()));
        self.forget(index);
    }

    fn rejuvenate(&mut self) {
        let Some(index) = self.pick() else { return };
        let (life, expiry_s) = self.life();
        let record = &mut self.records[index];
        assert_eq!(self.pile.rejuvenate(record.at, life), Ok(record.expiry_s.is_some()));
        if record.expiry_s.is_some() {
            record.expiry_s = Some(expiry_s.unwrap_or(u64::MAX));
        }
    }

    fn hold(&mut self) {
        let Some(index) = self.pick() else { return };
        let record = &self.records[index];
        let held = self.pile.pin().hold(record.at, &self.account).expect("no limit");
        assert!(held == record.cut.bytes()[..], "{record:?}");
        self.held.push((held, record.cut.clone()));
    }

    fn let_go(&mut self) {
        if !self.held.is_empty() {
            let index = self.dice.index(self.held.len());
            let (held, cut) = self.held.swap_remove(index);
            assert!(held == cut.bytes()[..], "what is held stays");
        }
    }

    fn read(&mut self) {
        if let Some(index) = self.pick() {
            self.look(index);
        }
    }

    fn look(&self, index: usize) {
        let record = &self.records[index];
        let (at, bytes) = (record.at, record.cut.bytes());
        let guard = self.pile.pin();
        assert!(guard.get(at) == Ok(bytes), "{record:?}");
        assert!(guard.seen(at).map(|seen| seen.0) == Ok(bytes), "{record:?}");
        let is_text = record.kind == Kind::Text;
        assert!(
            guard.text(at) == if is_text { Ok(record.cut.text()) } else { Err(Gone::WrongType) }
        );
        let footprint = self.pile.size_of(at).expect("it lives");
        assert_eq!(footprint.payload_bytes, bytes.len() as u64, "{record:?}");
        assert!(footprint.slot_bytes >= footprint.payload_bytes, "{record:?}");
    }

    /// A pointer whose record is gone is refused by everything, for ever.
    fn read_gone(&mut self) {
        if self.gone.is_empty() {
            return;
        }
        let at = self.gone[self.dice.index(self.gone.len())];
        let guard = self.pile.pin();
        assert_eq!(guard.get(at), Err(Gone::Stale));
        assert_eq!(guard.text(at), Err(Gone::Stale));
        assert_eq!(guard.seen(at).err(), Some(Gone::Stale));
        assert_eq!(guard.hold(at, &self.account), Err(HoldError::Gone(Gone::Stale)));
        assert_eq!(self.pile.delete(at), Err(Gone::Stale));
        assert_eq!(self.pile.update(at, b"x"), Err(UpdateError::Gone(Gone::Stale)));
        assert_eq!(self.pile.rejuvenate(at, Life::FOREVER), Err(Gone::Stale));
        assert_eq!(self.pile.size_of(at).err(), Some(Gone::Stale));
    }

    /// A made-up pointer leads to nothing, unless it happens to be one that was given.
    fn forge(&mut self) {
        let near = match self.records.len() {
            0 => 1,
            records => self.records[self.dice.index(records)].at.to_bits(),
        };
        let bits = match self.dice.below(4) {
            0 => self.dice.number(),
            1 => near ^ 1 << self.dice.below(64),
            2 => near.wrapping_add(self.dice.below(64)),
            _ => near.wrapping_add(self.dice.below(4) << 40),
        };
        let Some(at) = Pointer::from_bits(bits) else { return };
        if self.is_alone && !self.issued.contains(&at) {
            let guard = self.pile.pin();
            assert!(matches!(guard.get(at), Err(Gone::Stale | Gone::BadPointer)), "{at:?}");
            assert!(self.pile.size_of(at).is_err() && guard.text(at).is_err(), "{at:?}");
            assert!(self.pile.update(at, b"x").is_err() && self.pile.delete(at).is_err(), "{at:?}");
            assert!(guard.hold(at, &self.account).is_err(), "{at:?}");
        } else {
            // Another's, perhaps: to look is safe.
            let _looked = self.pile.pin().try_get(at).map(<[u8]>::len);
        }
    }

    fn text_of_another_kind(&mut self) {
        let Some(index) = self.pick() else { return };
        let record = &self.records[index];
        if record.kind == Kind::Text {
            let refused = self.pile.update(record.at, &[0xFF]);
            assert_eq!(refused, Err(UpdateError::Gone(Gone::WrongType)));
            self.look(index);
        }
    }

    /// Lets some time pass.
    pub(crate) fn pass_time(&mut self) {
        self.clock.fetch_add(self.dice.below(4000), Ordering::Relaxed);
    }

    /// All that lives is seen, once, as it is.
    fn scan(&mut self) {
        let mut seen: HashMap<Pointer, usize> = HashMap::new();
        let mut next = Some(Cursor::START);
        let expected: HashMap<Pointer, &Record> =
            self.records.iter().map(|record| (record.at, record)).collect();
        while let Some(from) = next {
            let budget = u32::try_from(1 + self.dice.below(5000)).expect("a small number");
            next = self.pile.scan(from, budget, &mut |at, found| {
                *seen.entry(at).or_default() += 1;
                match expected.get(&at) {
                    Some(record) => {
                        assert!(found.bytes == record.cut.bytes(), "{record:?}");
                        assert_eq!(found.kind, record.kind);
                    }
                    None => assert!(!self.is_alone, "{at:?} is there and should not"),
                }
            });
        }
        assert!(seen.values().all(|&times| times == 1), "each is seen once");
        for record in self.records.iter().filter(|record| !self.has_expired(record)) {
            assert!(seen.contains_key(&record.at), "{record:?} is not seen");
        }
    }

    fn purge(&mut self) {
        let live = self.records.iter().filter(|record| !self.has_expired(record)).count() as u64;
        let purged = self.pile.purge().expect("there are no keepers").records;
        assert!((live..=self.records.len() as u64).contains(&purged), "{purged} of {live}");
        while !self.records.is_empty() {
            self.forget(0);
        }
    }

    /// Looks at everything.
    pub(crate) fn check_all(&self) {
        for index in 0..self.records.len() {
            if !self.has_expired(&self.records[index]) {
                self.look(index);
            }
        }
        for (held, cut) in &self.held {
            assert!(*held == cut.bytes()[..], "what is held stays");
        }
        if self.is_alone {
            let live =
                self.records.iter().filter(|record| !self.has_expired(record)).count() as u64;
            let records = self.pile.gauges().records;
            assert!((live..=self.records.len() as u64).contains(&records), "{records} of {live}");
        }
        self.pile.validate();
    }

    /// Ends all that it has.
    pub(crate) fn end(&mut self) {
        self.held.clear();
        while !self.records.is_empty() {
            self.delete();
        }
    }
}
