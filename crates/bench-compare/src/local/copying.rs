//! Copying survivors: a minor that finds everything alive, beside a copy of as many bytes.

use std::hint::black_box;

use levada_local::{Depth, Gc, Limits, LocalHeap, Pool, Trace};

use crate::frame::comparison::{Contender, Entrant, Ground, Side};
use crate::frame::fault::Fault;
use crate::frame::sample::Sample;
use crate::loops::looping::undisturbed;
use crate::loops::strokes::{Stroke, strike};

/// How many nodes survive, in a tree of which each is seen once.
const COUNT: usize = 6_000;

/// A node with its header.
const NODE_BYTES: usize = 40;

#[derive(Trace)]
struct Node<'gc> {
    left: Option<Gc<'gc, Node<'gc>>>,
    right: Option<Gc<'gc, Node<'gc>>>,
    words: [u64; 2],
}

/// An entrant that strikes.
pub(crate) fn striking(
    ground: &Ground,
    (name, side): (&str, Side),
    make: fn() -> Box<dyn Stroke>,
) -> Entrant {
    let ground = ground.clone();
    let get_ready = move || -> Result<Box<dyn Contender>, Fault> {
        Ok(Box::new(Striking { ground, strokes: [make()] }))
    };
    Entrant { name: name.to_owned(), side, get_ready: Box::new(get_ready) }
}

struct Striking {
    ground: Ground,
    strokes: [Box<dyn Stroke>; 1],
}

impl Contender for Striking {
    fn measure(&mut self) -> Result<Sample, Fault> {
        let window = self.ground.pace.window;
        let passed = undisturbed(|| {
            self.ground.stop.check()?;
            strike(&mut self.strokes, window)
        })?;
        Ok(Sample {
            cost: passed.turn_ns,
            client_cost: None,
            rate_per_s: Some(passed.rate_per_s),
            busy_share: Some(passed.share),
            latency_ns: None,
            others: Vec::new(),
        })
    }

    fn cpu_ns(&self) -> Result<Option<u64>, Fault> {
        Ok(None)
    }
}

/// A minor with all nodes alive.
pub(crate) fn surviving() -> Box<dyn Stroke> {
    let heap = LocalHeap::new(&Pool::default(), Limits::default(), |_| None);
    Box::new(Surviving(heap))
}

struct Surviving(LocalHeap<Option<Gc<'static, Node<'static>>>>);

impl Stroke for Surviving {
    fn get_ready(&mut self) {
        self.0.enter(|_, root| *root = None);
        self.0.collect(Depth::Major);
        self.0.enter(|cx, root| {
            // From the leaves on: the last is the root of a tree as deep as its logarithm.
            let mut row: Vec<Gc<'_, Node<'_>>> = Vec::with_capacity(COUNT);
            for index in (0..COUNT).rev() {
                let child = |place: usize| (place < COUNT).then(|| row[COUNT - 1 - place]);
                let (left, right) = (child(2 * index + 1), child(2 * index + 2));
                row.push(cx.alloc(Node { left, right, words: [index as u64; 2] }));
            }
            *root = row.last().copied();
        });
    }

    fn stroke(&mut self) -> u64 {
        let collected = self.0.collect(Depth::Minor);
        assert_eq!(
            collected.copied_bytes,
            (COUNT * NODE_BYTES) as u64,
            "all survive, and are copied"
        );
        1
    }
}

/// A copy of as many bytes to memory that was just used, as chunks are.
pub(crate) fn copying() -> Box<dyn Stroke> {
    let (from, to) = (vec![7; COUNT * NODE_BYTES], vec![0; COUNT * NODE_BYTES]);
    Box::new(Copying { from, to })
}

struct Copying {
    from: Vec<u8>,
    to: Vec<u8>,
}

impl Stroke for Copying {
    fn get_ready(&mut self) {
        self.from.fill(7);
        black_box(&mut self.from);
    }

    fn stroke(&mut self) -> u64 {
        self.to.copy_from_slice(black_box(&self.from));
        black_box(&mut self.to);
        1
    }
}
