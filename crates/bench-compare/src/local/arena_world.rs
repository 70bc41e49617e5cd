//! Nodes in an arena of `gc-arena`.
#![expect(single_use_lifetimes, reason = "written by the derive of `Collect`")]
#![expect(unsafe_code, reason = "an arena goes from thread to thread as a whole")]

use std::hint::black_box;

use gc_arena::barrier::field;
use gc_arena::{Arena, Collect, Gc, Lock, Mutation, Rootable};

use crate::local::world::{
    BUCKET_NODES, BUCKETS, Depths, Draw, Fate, SURVIVING, TURN_NODES, World,
};

#[derive(Collect)]
#[collect(no_drop)]
struct Node<'gc> {
    next: Option<Gc<'gc, Node<'gc>>>,
    words: [u64; 3],
}

#[derive(Collect)]
#[collect(no_drop)]
struct Bucket<'gc> {
    nodes: [Lock<Option<Gc<'gc, Node<'gc>>>>; BUCKET_NODES],
}

#[derive(Collect)]
#[collect(no_drop)]
struct Root<'gc> {
    lists: Vec<Option<Gc<'gc, Node<'gc>>>>,
    table: Gc<'gc, Box<[Gc<'gc, Bucket<'gc>>]>>,
}

/// When it collects, at the end of a turn.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Collects {
    /// A whole cycle.
    ACycle,
    /// What its own pacing says is due.
    ItsDebt,
}

/// Nodes that are marked and swept.
///
/// # Invariants
/// 1. All handles to what the arena counts by are inside of it.
pub(crate) struct ArenaWorld {
    fate: Fate,
    collects: Collects,
    arena: Arena<Rootable![Root<'_>]>,
    draw: Draw,
    turn: usize,
}

// SAFETY: invariant 1: what is in it without being `Send` is reached through it only, by one thread at a time.
unsafe impl Send for ArenaWorld {}

#[inline]
fn node<'gc>(
    mc: &Mutation<'gc>,
    next: Option<Gc<'gc, Node<'gc>>>,
    word: usize,
) -> Gc<'gc, Node<'gc>> {
    let node = Gc::new(mc, Node { next, words: [word as u64; 3] });
    black_box(&node);
    node
}

impl ArenaWorld {
    /// A world without old nodes.
    pub(crate) fn young(fate: Fate, collects: Collects) -> Self {
        const { assert!(size_of::<Node<'_>>() == 32) };
        let turns = if let Fate::List { turns } = fate { turns } else { 0 };
        let arena =
            Arena::new(|mc| Root { lists: vec![None; turns], table: Gc::new(mc, Box::default()) });
        Self { fate, collects, arena, draw: Draw::default(), turn: 0 }
    }

    /// A world with a million old nodes.
    pub(crate) fn old(fate: Fate, collects: Collects) -> Self {
        let mut arena = Arena::<Rootable![Root<'_>]>::new(|mc| {
            let bucket = |_| {
                let nodes = std::array::from_fn(|place| Lock::new(Some(node(mc, None, place))));
                Gc::new(mc, Bucket { nodes })
            };
            Root { lists: Vec::new(), table: Gc::new(mc, (0..BUCKETS).map(bucket).collect()) }
        });
        arena.finish_cycle();
        Self { fate, collects, arena, draw: Draw::default(), turn: 0 }
    }
}

impl World for ArenaWorld {
    fn turn(&mut self) {
        let draw = &mut self.draw;
        match self.fate {
            Fate::Die => self.arena.mutate(|mc, _| {
                for index in 0..TURN_NODES {
                    node(mc, None, index);
                }
            }),
            Fate::List { turns } => {
                let place = self.turn % turns;
                self.arena.mutate_root(|mc, root| {
                    let mut list = None;
                    for group in 0..TURN_NODES / SURVIVING {
                        list = Some(node(mc, list, group));
                        for index in 1..SURVIVING {
                            node(mc, None, index);
                        }
                    }
                    root.lists[place] = list;
                });
            }
            Fate::Replace => self.arena.mutate(|mc, root| {
                for group in 0..TURN_NODES / SURVIVING {
                    let new = node(mc, None, group);
                    let (bucket, place) = draw.next();
                    let bucket = Gc::write(mc, root.table[bucket]);
                    field!(bucket, Bucket, nodes)[place].unlock().set(Some(new));
                    for index in 1..SURVIVING {
                        node(mc, None, index);
                    }
                }
            }),
        }
        self.turn += 1;
    }

    fn end(&mut self) -> bool {
        match self.collects {
            Collects::ACycle => self.arena.finish_cycle(),
            Collects::ItsDebt => self.arena.collect_debt(),
        }
        true
    }

    fn depths(&self) -> Option<Depths> {
        None
    }
}
