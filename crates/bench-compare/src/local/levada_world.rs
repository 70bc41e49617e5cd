//! Nodes in our heap.

use std::hint::black_box;

use levada_local::{
    Cx, Depth, Gc, GcSlice, Limits, LocalHeap, Lock, Pacing, Pool, PoolOptions, Trace,
};

use crate::local::world::{
    BUCKET_NODES, BUCKETS, Depths, Draw, Fate, SURVIVING, TURN_NODES, World,
};

/// What may lie beneath the nodes of a turn.
const LIMIT_BYTES: u64 = 1 << 30;

/// How many buckets are filled in a turn.
const FILL_BUCKETS: usize = 100;

#[derive(Trace)]
pub(crate) struct Node<'gc> {
    next: Option<Gc<'gc, Node<'gc>>>,
    words: [u64; 3],
}

const _: () = assert!(size_of::<Node<'_>>() == 32);

#[derive(Trace)]
struct Bucket<'gc> {
    nodes: [Lock<Option<Gc<'gc, Node<'gc>>>>; BUCKET_NODES],
}

type Table<'gc> = GcSlice<'gc, Lock<Option<Gc<'gc, Bucket<'gc>>>>>;

/// The lists of the last turns, and a table of old ones.
#[derive(Trace)]
struct Root<'gc> {
    lists: Vec<Option<Gc<'gc, Node<'gc>>>>,
    table: Option<Table<'gc>>,
}

/// Which ends of turns are pauses.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Pauses {
    /// Each.
    Every,
    /// Those that collected the nursery and nothing else.
    Minor,
    /// Those with a slice of a major.
    Slice,
}

/// Nodes that are collected.
pub(crate) struct LevadaWorld {
    fate: Fate,
    pauses: Pauses,
    heap: LocalHeap<Root<'static>>,
    draw: Draw,
    turn: usize,
}

#[inline]
fn node<'gc>(cx: &Cx<'gc>, next: Option<Gc<'gc, Node<'gc>>>, word: usize) -> Gc<'gc, Node<'gc>> {
    let node = cx.alloc(Node { next, words: [word as u64; 3] });
    black_box(&node);
    node
}

impl LevadaWorld {
    /// A world without old nodes.
    pub(crate) fn young(fate: Fate, pauses: Pauses) -> Self {
        let turns = if let Fate::List { turns } = fate { turns } else { 0 };
        let pool = Pool::default();
        let heap = LocalHeap::new(&pool, Limits::up_to(LIMIT_BYTES), |_| Root {
            lists: vec![None; turns],
            table: None,
        });
        Self { fate, pauses, heap, draw: Draw::default(), turn: 0 }
    }

    /// A world with a million old nodes.
    pub(crate) fn old(fate: Fate, pauses: Pauses, pacing: Pacing) -> Self {
        let pool = Pool::new(PoolOptions { pacing, ..PoolOptions::default() });
        let mut heap = LocalHeap::<Root<'static>>::new(&pool, Limits::up_to(LIMIT_BYTES), |cx| {
            let table = cx.slice((0..BUCKETS).map(|_| Lock::new(None)));
            Root { lists: Vec::new(), table: Some(table) }
        });
        for first in (0..BUCKETS).step_by(FILL_BUCKETS) {
            heap.enter(|cx, root| {
                let table = root.table.expect("made above");
                for index in first..BUCKETS.min(first + FILL_BUCKETS) {
                    let nodes = std::array::from_fn(|place| Lock::new(Some(node(cx, None, place))));
                    table.write_at(cx, index).set(Some(cx.alloc(Bucket { nodes })));
                }
            });
            heap.end_turn();
        }
        for _ in 0..8 {
            heap.collect(Depth::Stable);
        }
        heap.collect(Depth::Major);
        Self { fate, pauses, heap, draw: Draw::default(), turn: 0 }
    }
}

impl World for LevadaWorld {
    fn turn(&mut self) {
        let (fate, turn) = (self.fate, self.turn);
        let draw = &mut self.draw;
        self.heap.enter(|cx, root| match fate {
            Fate::Die => {
                for index in 0..TURN_NODES {
                    node(cx, None, index);
                }
            }
            Fate::List { turns } => {
                let mut list = None;
                for group in 0..TURN_NODES / SURVIVING {
                    list = Some(node(cx, list, group));
                    for index in 1..SURVIVING {
                        node(cx, None, index);
                    }
                }
                root.lists[turn % turns] = list;
            }
            Fate::Replace => {
                let table = root.table.expect("made at the start");
                for group in 0..TURN_NODES / SURVIVING {
                    let new = node(cx, None, group);
                    let (bucket, place) = draw.next();
                    let bucket = table[bucket].get().expect("all are filled");
                    bucket.write(cx).field(|bucket| &bucket.nodes[place]).set(Some(new));
                    for index in 1..SURVIVING {
                        node(cx, None, index);
                    }
                }
            }
        });
        self.turn += 1;
    }

    fn end(&mut self) -> bool {
        let collected = self.heap.end_turn();
        match self.pauses {
            Pauses::Every => true,
            Pauses::Minor => collected.depth == Some(Depth::Minor),
            Pauses::Slice => collected.depth == Some(Depth::Major),
        }
    }

    fn depths(&self) -> Option<Depths> {
        let gauges = self.heap.gauges();
        let (minors, stables, majors) = (gauges.minors, gauges.stables, gauges.majors);
        Some(Depths { minors, stables, majors })
    }
}
