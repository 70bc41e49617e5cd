//! Random programs make the same graph in a heap as in a table without a collector, whatever is collected, and when.
//!
//! Each object has a number, under which the table has what it points to. After each turn both are walked from the same slots; a
//! token in each object says when its destructor runs: never while it is reached, once, and after a whole major at the latest.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};

use levada_local::{
    Cx, Depth, Gc, GcSlice, GcText, GcWeak, Limits, LocalHeap, Lock, Pacing, Pinned, Pool,
    PoolOptions, Root, Stress, Trace,
};

const LINKS: usize = 3;
const SLOTS: usize = 6;

/// Says when its object is undone.
#[derive(Debug)]
struct Token {
    number: u64,
    gone: Sender<u64>,
}

impl Drop for Token {
    fn drop(&mut self) {
        self.gone.send(self.number).expect("the world outlives its heap");
    }
}

type Link<'gc> = Lock<Option<Gc<'gc, Node<'gc>>>>;

#[derive(Trace)]
struct Node<'gc> {
    number: u64,
    links: [Link<'gc>; LINKS],
    row: Lock<Option<GcSlice<'gc, Link<'gc>>>>,
    text: GcText<'gc>,
    weak: Lock<Option<GcWeak<'gc, Self>>>,
    #[trace(leaf)]
    _token: Option<Token>,
}

#[derive(Default, Trace)]
struct Slots<'gc>([Option<Gc<'gc, Node<'gc>>>; SLOTS]);

/// What an object is, in the table.
#[derive(Clone, Debug, Default)]
struct Entry {
    links: [Option<u64>; LINKS],
    row: Option<Vec<Option<u64>>>,
    weak: Option<u64>,
    has_token: bool,
}

/// The same graph without a heap.
#[derive(Debug, Default)]
struct Oracle {
    entries: BTreeMap<u64, Entry>,
    slots: [Option<u64>; SLOTS],
    roots: Vec<u64>,
    pins: Vec<u64>,
}

impl Oracle {
    fn reached(&self) -> BTreeSet<u64> {
        let mut reached = BTreeSet::new();
        let mut left: Vec<u64> = self.slots.iter().flatten().copied().collect();
        left.extend(self.roots.iter().chain(&self.pins));
        while let Some(number) = left.pop() {
            if reached.insert(number) {
                let entry = &self.entries[&number];
                left.extend(entry.links.iter().flatten());
                left.extend(entry.row.iter().flatten().flatten());
            }
        }
        reached
    }
}

/// A generator of choices: the same seed makes the same program.
struct Dice(u64);

impl Dice {
    fn below(&mut self, count: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let high = usize::try_from(self.0 >> 33).expect("31 bits");
        high % count
    }
}

struct World {
    heap: LocalHeap<Slots<'static>>,
    oracle: Oracle,
    dice: Dice,
    next_number: u64,
    /// From the tokens, and for them.
    gone: Receiver<u64>,
    tokens: Sender<u64>,
    undone: BTreeSet<u64>,
    roots: Vec<(u64, Root<Node<'static>>)>,
    pins: Vec<(u64, Pinned<Node<'static>>, *const u8)>,
}

impl World {
    fn new(seed: u64) -> Self {
        let (tokens, gone) = channel();
        let mut dice = Dice(seed);
        let pacing = Pacing {
            nursery_bytes: 16 << 10,
            nursery_object_bytes_max: [256, 4 << 10, 32 << 10][dice.below(3)],
            survivals: 1 + dice.below(3),
            rest_bytes: [0, 1 << 10, 8 << 10][dice.below(3)],
            young_bytes_min: [1, 4 << 10, 64 << 10][dice.below(3)],
            young_percent: 50,
            stable_survivals: [1, 2, 3][dice.below(3)],
            old_bytes_min: [1, 8 << 10, 128 << 10][dice.below(3)],
            old_percent: 50,
            slice_bytes: [1 << 10, 8 << 10][dice.below(2)],
            hole_percent: [0, 25][dice.below(2)],
        };
        let every_turn = [None, None, Some(Depth::Minor), Some(Depth::Stable), Some(Depth::Major)];
        let every_turn = every_turn[dice.below(5)];
        let stress = Stress { every_turn, poisons: true, verifies: true };
        let pool = Pool::new(PoolOptions { pacing, stress, ..PoolOptions::default() });
        Self {
            heap: LocalHeap::new(&pool, Limits::default(), |_| Slots::default()),
            oracle: Oracle::default(),
            dice,
            next_number: 0,
            gone,
            tokens,
            undone: BTreeSet::new(),
            roots: Vec::new(),
            pins: Vec::new(),
        }
    }

    /// A turn of a few steps.
    fn turn(&mut self) {
        let Self { heap, oracle, dice, next_number, tokens, roots, .. } = self;
        heap.enter(|cx, slots| {
            for _ in 0..1 + dice.below(12) {
                let slot = dice.below(SLOTS);
                match dice.below(12) {
                    0..=3 => {
                        let number = *next_number;
                        *next_number += 1;
                        let (node, entry) = make(cx, dice, number, tokens, slots, oracle);
                        oracle.entries.insert(number, entry);
                        (slots.0[slot], oracle.slots[slot]) = (Some(node), Some(number));
                    }
                    4 => (slots.0[slot], oracle.slots[slot]) = (None, None),
                    5..=7 => {
                        let target = walk(dice, slots);
                        let Some(node) = walk(dice, slots) else { continue };
                        link(cx, dice, node, target, oracle);
                    }
                    8 => {
                        let Some(node) = walk(dice, slots) else { continue };
                        let target = walk(dice, slots);
                        let weak = target.map(|target| target.downgrade(cx));
                        node.write(cx).field(|node| &node.weak).set(weak);
                        let entry = oracle.entries.get_mut(&node.number).expect("it was made");
                        entry.weak = target.map(|target| target.number);
                    }
                    9 => {
                        let Some(node) = walk(dice, slots) else { continue };
                        roots.push((node.number, cx.root(node)));
                        oracle.roots.push(node.number);
                    }
                    10 if !roots.is_empty() => {
                        let index = dice.below(roots.len());
                        let (number, root) = &roots[index];
                        let node = cx.get(root);
                        assert_eq!(node.number, *number);
                        (slots.0[slot], oracle.slots[slot]) = (Some(node), Some(*number));
                    }
                    _ => {
                        let node = walk(dice, slots);
                        (slots.0[slot], oracle.slots[slot]) = (node, node.map(|node| node.number));
                    }
                }
            }
        });
        if self.dice.below(6) == 0 && !self.roots.is_empty() {
            let index = self.dice.below(self.roots.len());
            let (number, root) = self.roots.swap_remove(index);
            assert_eq!(self.oracle.roots.swap_remove(index), number);
            if self.dice.below(2) == 0 {
                let pinned = self.heap.pin(&root).expect("there is room");
                let address = pinned.as_ptr();
                self.pins.push((number, pinned, address));
                self.oracle.pins.push(number);
            }
        }
        if self.dice.below(8) == 0 && !self.pins.is_empty() {
            let index = self.dice.below(self.pins.len());
            drop(self.pins.swap_remove(index));
            self.oracle.pins.swap_remove(index);
        }
    }

    /// What may come between turns.
    fn between(&mut self) -> bool {
        match self.dice.below(12) {
            0 => drop(self.heap.collect(Depth::Minor)),
            1 => drop(self.heap.collect(Depth::Stable)),
            2 => {
                self.heap.collect(Depth::Major);
                return true;
            }
            3 => drop(self.heap.rest()),
            4 => {} // no collection at all
            _ => drop(self.heap.end_turn()),
        }
        false
    }

    /// Both graphs are the same, and nobody who is reached was undone.
    fn compare(&mut self, is_whole: bool) {
        let Self { heap, oracle, .. } = self;
        let reached = oracle.reached();
        heap.enter(|_, slots| {
            let mut seen = BTreeSet::new();
            let mut left = Vec::new();
            for (slot, expected) in slots.0.iter().zip(&oracle.slots) {
                assert_eq!(slot.map(|node| node.number), *expected);
                left.extend(*slot);
            }
            while let Some(node) = left.pop() {
                if !seen.insert(node.number) {
                    continue;
                }
                let entry = &oracle.entries[&node.number];
                assert_eq!(node.text.get(), text_of(node.number));
                for (link, expected) in node.links.iter().zip(&entry.links) {
                    assert_eq!(link.get().map(|node| node.number), *expected);
                    left.extend(link.get());
                }
                let row = node.row.get();
                assert_eq!(row.map(|row| row.len()), entry.row.as_ref().map(Vec::len));
                for (link, expected) in
                    row.iter().flat_map(|row| row.iter()).zip(entry.row.iter().flatten())
                {
                    assert_eq!(link.get().map(|node| node.number), *expected);
                    left.extend(link.get());
                }
                let weak = node.weak.get().and_then(GcWeak::upgrade).map(|node| node.number);
                assert!(weak.is_none() || weak == entry.weak);
                if entry.weak.is_some_and(|number| reached.contains(&number)) {
                    assert_eq!(weak, entry.weak, "a weak pointer leads to what is still reached");
                }
            }
        });
        for (_, pinned, address) in &self.pins {
            assert_eq!(pinned.as_ptr(), *address, "what is pinned stays");
        }
        for number in self.gone.try_iter() {
            assert!(!reached.contains(&number), "{number} was undone while it was reached");
            assert!(self.undone.insert(number), "{number} was undone twice");
        }
        if is_whole {
            let left = |(number, entry): (&u64, &Entry)| {
                entry.has_token && !reached.contains(number) && !self.undone.contains(number)
            };
            assert!(!self.oracle.entries.iter().any(left), "a major leaves no garbage");
        }
    }

    fn run(&mut self, turns: usize) {
        for _ in 0..turns {
            self.turn();
            let is_whole = self.between();
            self.compare(is_whole);
        }
        self.heap.collect(Depth::Major);
        self.compare(true);
        self.heap.validate();
    }
}

fn text_of(number: u64) -> String {
    "n".repeat(usize::try_from(number % 40).expect("few")) + &number.to_string()
}

/// An object, young, stable or long, that may point to others from its birth.
fn make<'gc>(
    cx: &Cx<'gc>,
    dice: &mut Dice,
    number: u64,
    tokens: &Sender<u64>,
    slots: &Slots<'gc>,
    oracle: &Oracle,
) -> (Gc<'gc, Node<'gc>>, Entry) {
    let first = walk(dice, slots);
    let has_token = dice.below(2) == 0;
    let row_length = [None, None, Some(3), Some(400), Some(3_000)][dice.below(5)];
    let in_row = walk(dice, slots);
    let row = row_length.map(|length| {
        cx.slice((0..length).map(|index| Lock::new(in_row.filter(|_| index % 300 == 2))))
    });
    let node = Node {
        number,
        links: [Lock::new(first), Lock::new(None), Lock::new(None)],
        row: Lock::new(row),
        text: cx.text(&text_of(number)),
        weak: Lock::new(None),
        _token: has_token.then(|| Token { number, gone: tokens.clone() }),
    };
    let node = if dice.below(3) == 0 { cx.alloc_stable(node) } else { cx.alloc(node) };
    let row = row_length.map(|length| {
        let number = in_row.map(|node| node.number);
        (0..length).map(|index| number.filter(|_| index % 300 == 2)).collect()
    });
    let first = first.map(|node| node.number);
    assert!(first.is_none_or(|number| oracle.entries.contains_key(&number)));
    (node, Entry { links: [first, None, None], row, weak: None, has_token })
}

/// Writes one pointer of an object.
fn link<'gc>(
    cx: &Cx<'gc>,
    dice: &mut Dice,
    node: Gc<'gc, Node<'gc>>,
    target: Option<Gc<'gc, Node<'gc>>>,
    oracle: &mut Oracle,
) {
    let number = target.map(|target| target.number);
    let entry = oracle.entries.get_mut(&node.number).expect("it was made");
    if let Some(row) = node.row.get()
        && let Some(expected) = &mut entry.row
        && dice.below(2) == 0
    {
        let index = dice.below(row.len());
        row.write_at(cx, index).set(target);
        expected[index] = number;
        return;
    }
    let index = dice.below(LINKS);
    node.write(cx).field(|node| &node.links[index]).set(target);
    entry.links[index] = number;
}

/// Some object that is reached, if chance finds one.
fn walk<'gc>(dice: &mut Dice, slots: &Slots<'gc>) -> Option<Gc<'gc, Node<'gc>>> {
    let mut node = slots.0[dice.below(SLOTS)]?;
    for _ in 0..dice.below(8) {
        let next = match node.row.get() {
            Some(row) if dice.below(3) == 0 => {
                let index = dice.below(row.len());
                row[if dice.below(2) == 0 { 2.min(row.len() - 1) } else { index }].get()
            }
            _ => node.links[dice.below(LINKS)].get(),
        };
        node = next.unwrap_or(node);
    }
    Some(node)
}

/// How many programs: `LEVADA_OPS` says another number.
fn programs() -> u64 {
    let said = std::env::var("LEVADA_OPS").ok().and_then(|ops| ops.parse().ok());
    said.unwrap_or(if cfg!(miri) { 2 } else { 15 })
}

#[test]
fn a_random_program_makes_the_same_graph_as_a_table() {
    let said = std::env::var("LEVADA_SEED").ok().and_then(|seed| seed.parse::<u64>().ok());
    let base = said.unwrap_or(1);
    for program in 0..programs() {
        let seed = base.wrapping_mul(1_000_003).wrapping_add(program);
        let turns = if cfg!(miri) { 12 } else { 120 };
        let ran = catch_unwind(AssertUnwindSafe(|| World::new(seed).run(turns)));
        assert!(ran.is_ok(), "program {program} of LEVADA_SEED={base} went wrong");
    }
}
