//! Random programs in heaps and pools that are too small: what is refused is refused, and what is kept is what was put there.

use levada_local::{
    Depth, Gc, GcSlice, GcWeak, Leaf, Limits, LocalHeap, Lock, Pacing, Pool, PoolOptions, RawBuf,
    Root, Stress, Trace,
};

type Link<'gc> = Lock<Option<(u64, Gc<'gc, Node<'gc>>)>>;

/// Says of each thing that it points to which number that has.
#[derive(Trace)]
struct Node<'gc> {
    number: u64,
    next: Link<'gc>,
    weak: Lock<Option<(u64, GcWeak<'gc, Self>)>>,
    row: Option<GcSlice<'gc, Link<'gc>>>,
    wide: Option<(u64, Gc<'gc, Wide>)>,
    #[trace(leaf)]
    text: String,
}

#[derive(Clone, Copy, Trace)]
#[repr(align(64))]
struct Wide(u64);

type Slots = Vec<Option<Gc<'static, Node<'static>>>>;

struct Dice(u64);

impl Dice {
    fn below(&mut self, count: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % count
    }
}

/// Looks at what can be reached from a node in a few steps.
fn look<'gc>(dice: &mut Dice, mut node: Gc<'gc, Node<'gc>>) {
    for _ in 0..20 {
        assert_eq!(node.text, node.number.to_string());
        assert!(node.wide.is_none_or(|(number, wide)| wide.0 == number));
        if let Some((number, weak)) = node.weak.get() {
            assert!(weak.upgrade().is_none_or(|found| {
                found.number == number && found.text == number.to_string()
            }));
        }
        let in_row = node.row.and_then(|row| row[dice.below(row.len())].get());
        let Some((number, next)) = in_row.or(node.next.get()) else { return };
        assert_eq!(next.number, number);
        node = next;
    }
}

fn run(seed: u64) -> u64 {
    let mut dice = Dice(seed);
    let pacing = Pacing {
        nursery_bytes: [16 << 10, 256 << 10][dice.below(2)],
        survivals: 1 + dice.below(3),
        rest_bytes: [0, 8 << 10][dice.below(2)],
        young_bytes_min: [1, 64 << 10][dice.below(2)],
        stable_survivals: [1, 3][dice.below(2)],
        old_bytes_min: [1, 128 << 10][dice.below(2)],
        slice_bytes: 1 << 10,
        hole_percent: [0, 25][dice.below(2)],
        ..Pacing::default()
    };
    let stress = Stress { every_turn: None, poisons: true, verifies: dice.below(2) == 0 };
    let mapped_bytes_max = [3 << 20, u64::MAX][dice.below(2)];
    let pool = Pool::new(PoolOptions { pacing, stress, mapped_bytes_max });
    let limits = Limits::up_to([192 << 10, 1 << 20, 1 << 30][dice.below(3)]);
    let mut heap = LocalHeap::<Slots>::new(&pool, limits, |_| vec![None; 12]);
    let mut hog = LocalHeap::<()>::new(&pool, Limits::default(), |_| ());
    let mut roots: Vec<Root<Node<'static>>> = Vec::new();
    let mut raws: Vec<RawBuf> = Vec::new();
    let (mut number, mut refused) = (0, 0);
    for _ in 0..60 {
        if dice.below(8) == 0 {
            hog.enter(|cx, ()| {
                while cx.try_alloc([0_u64; 32]).is_ok() && cx.raw(16).is_ok() && !cx.should_yield()
                {
                }
            });
        } else if dice.below(4) == 0 {
            hog.collect(Depth::Minor);
        }
        heap.enter(|cx, slots| {
            for _ in 0..dice.below(200) {
                let (to, from) = (dice.below(slots.len()), dice.below(slots.len()));
                let found = slots[from].map(|node| (node.number, node));
                match dice.below(10) {
                    0 => slots[to] = None,
                    1 => {
                        slots[to] = slots[to].and_then(|node| node.next.get()).map(|(_, next)| next)
                    }
                    2 | 3 => {
                        let Some(node) = slots[to] else { continue };
                        if let Some(row) = node.row.filter(|_| dice.below(2) == 0) {
                            row.write_at(cx, dice.below(row.len())).set(found);
                        } else {
                            node.write(cx).field(|node| &node.next).set(found);
                        }
                    }
                    4 => {
                        let (Some(node), Some((number, target))) = (slots[to], found) else {
                            continue;
                        };
                        let Ok(weak) = target.try_downgrade(cx) else { continue };
                        node.write(cx).field(|node| &node.weak).set(Some((number, weak)));
                    }
                    _ => {
                        number += 1;
                        let length = [0, 0, 0, 5, 400][dice.below(5)];
                        let items =
                            (0..length).map(|index| Lock::new(found.filter(|_| index % 40 == 3)));
                        let row = if length == 0 { None } else { cx.try_slice(items).ok() };
                        let wide = cx.try_alloc(Wide(number)).ok().map(|wide| (number, wide));
                        let node = Node {
                            number,
                            next: Lock::new(found),
                            weak: Lock::new(None),
                            row,
                            wide,
                            text: number.to_string(),
                        };
                        let node = if dice.below(3) == 0 {
                            cx.try_alloc_stable(node)
                        } else {
                            cx.try_alloc(node)
                        };
                        match node {
                            Ok(node) => slots[to] = Some(node),
                            Err(full) => refused += u64::from(full.0.number == number),
                        }
                    }
                }
                if let Some(node) = slots[to].filter(|_| dice.below(30) == 0) {
                    roots.push(cx.root(node));
                    raws.extend(cx.raw(dice.below(3_000)));
                    cx.try_alloc(Leaf([number; 40])).ok();
                }
            }
        });
        if dice.below(3) == 0 && !roots.is_empty() {
            let root = roots.swap_remove(dice.below(roots.len()));
            if let Ok(pinned) = heap.pin(&root) {
                roots.push(pinned.root().clone());
            }
            raws.truncate(dice.below(20));
            roots.truncate(30);
        }
        match dice.below(12) {
            0 => drop(heap.collect(Depth::Minor)),
            1 => drop(heap.collect(Depth::Stable)),
            2 => drop(heap.collect(Depth::Major)),
            3 => drop(heap.rest()),
            4 => {}
            _ => drop(heap.end_turn()),
        }
        heap.enter(|cx, slots| {
            slots.iter().flatten().for_each(|node| look(&mut dice, *node));
            roots.iter().for_each(|root| look(&mut dice, cx.get(root)));
        });
    }
    heap.validate();
    drop((heap, hog, raws));
    let gauges = pool.gauges();
    assert_eq!((gauges.lent_chunks, gauges.lent_units), (0, 0), "{gauges:?}");
    refused
}

#[test]
#[expect(clippy::print_stdout, reason = "the seed of a failure")]
fn what_is_kept_where_memory_is_scarce_is_what_was_put_there() {
    let said = |name| std::env::var(name).ok().and_then(|said| said.parse::<u64>().ok());
    let first = said("LEVADA_SEED").unwrap_or(1);
    let programs = said("LEVADA_OPS").unwrap_or(12);
    let mut refused = 0;
    for seed in first..first + programs {
        println!("seed {seed}");
        refused += run(seed);
    }
    assert!(refused > 0 || programs < 12, "nothing was scarce");
}
