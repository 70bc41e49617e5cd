//! Writing into an old node, again and again in one turn: what the barrier costs, with the store behind it.
#![expect(single_use_lifetimes, reason = "written by the derive of `Collect`")]
#![expect(unsafe_code, reason = "an arena goes from thread to thread as a whole")]

use std::hint::black_box;

use gc_arena::barrier::unlock;
use gc_arena::{Arena, Collect, Rootable};
use levada_local::{Depth, Limits, LocalHeap, Pool, Trace};

use crate::loops::looping::Prepared;
use crate::loops::turns::Loop;

type Gc<'gc> = levada_local::Gc<'gc, Linked<'gc>>;

#[derive(Trace)]
struct Linked<'gc> {
    next: levada_local::Lock<Option<Gc<'gc>>>,
    words: [u64; 3],
}

type ArenaGc<'gc> = gc_arena::Gc<'gc, ArenaLinked<'gc>>;

#[derive(Collect)]
#[collect(no_drop)]
struct ArenaLinked<'gc> {
    next: gc_arena::Lock<Option<ArenaGc<'gc>>>,
    words: [u64; 3],
}

/// Into a node of ours that has become old.
pub(crate) fn into_ours() -> Prepared {
    let mut heap = LocalHeap::<Gc<'static>>::new(&Pool::default(), Limits::default(), |cx| {
        cx.alloc_stable(Linked { next: levada_local::Lock::new(None), words: [7; 3] })
    });
    for _ in 0..8 {
        heap.collect(Depth::Stable);
    }
    Prepared::of(vec![Box::new(Ours(heap))])
}

struct Ours(LocalHeap<Gc<'static>>);

impl Loop for Ours {
    fn run(&mut self, count: u64) {
        self.0.enter(|cx, node| {
            for _ in 0..count {
                let node = *black_box(&*node);
                node.write(cx).field(|node| &node.next).set(Some(node));
            }
            black_box(node.words);
        });
        self.0.end_turn();
    }
}

/// Into a node of an arena.
pub(crate) fn into_arena() -> Prepared {
    let mut arena = Arena::<Rootable![ArenaGc<'_>]>::new(|mc| {
        let linked = ArenaLinked { next: gc_arena::Lock::new(None), words: [7; 3] };
        gc_arena::Gc::new(mc, linked)
    });
    arena.finish_cycle();
    Prepared::of(vec![Box::new(InArena(arena))])
}

struct InArena(Arena<Rootable![ArenaGc<'_>]>);

// SAFETY: all handles to what the arena counts by are inside of it, and one thread at a time has it.
unsafe impl Send for InArena {}

impl Loop for InArena {
    fn run(&mut self, count: u64) {
        self.0.mutate(|mc, node| {
            for _ in 0..count {
                let node = *black_box(node);
                let write = gc_arena::Gc::write(mc, node);
                unlock!(write, ArenaLinked, next).set(Some(node));
            }
            black_box(node.words);
        });
        self.0.collect_debt();
    }
}
