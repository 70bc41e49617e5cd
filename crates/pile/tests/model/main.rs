//! Random operations on a pile do what the same do on a table of bytes. `LEVADA_OPS` says how many, `LEVADA_SEED` which.

mod dice;
mod world;

use std::thread;

use levada_pile::{Budget, Pile};

use crate::world::{World, pile};

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn seed() -> u64 {
    number("LEVADA_SEED").unwrap_or(1)
}

/// How many operations a test does.
fn ops() -> u64 {
    number("LEVADA_OPS").unwrap_or(24_000)
}

/// All that was put is gone, and so is what it took.
fn is_empty(pile: &Pile) {
    // Two calls are enough, unless a thread of another test was stopped while it read.
    for _ in 0..1000 {
        pile.tend(Budget::unbounded());
        if pile.gauges().spans.is_empty() {
            break;
        }
        thread::yield_now();
    }
    pile.validate();
    let gauges = pile.gauges();
    assert_eq!((gauges.records, gauges.used_bytes, gauges.limbo_slots), (0, 0, 0));
    assert!(gauges.spans.is_empty(), "{:?}", gauges.spans);
}

fn alone(limit_bytes: u64, seed: u64) {
    let (pile, clock) = pile(limit_bytes);
    let mut world = World::new(&pile, &clock, seed, true);
    for step in 0..ops() / 2 {
        world.step();
        if step % 5000 == 0 {
            world.check_all();
        }
    }
    world.check_all();
    assert!(world.refused > 0 || ops() < 1_000_000 || limit_bytes > 64 << 20);
    world.end();
    is_empty(&pile);
}

#[test]
fn a_small_pile_that_is_often_full_agrees_with_a_table() {
    alone(3 << 20, seed());
}

#[test]
fn a_large_pile_agrees_with_a_table() {
    alone(80 << 20, seed() + 1);
}

#[test]
fn two_threads_with_records_of_their_own_agree_with_a_table_each() {
    const OPS_A_ROUND: u64 = 5000;
    for limit_bytes in [8 << 20, 80 << 20] {
        let (pile, clock) = pile(limit_bytes);
        let mut worlds = [2, 3].map(|number| World::new(&pile, &clock, seed() + number, false));
        for _ in 0..(ops() / 4).div_ceil(OPS_A_ROUND) {
            thread::scope(|threads| {
                for world in &mut worlds {
                    threads.spawn(|| (0..OPS_A_ROUND).for_each(|_| world.step()));
                }
            });
            worlds[0].pass_time();
            worlds.iter().for_each(World::check_all);
        }
        for world in &mut worlds {
            world.end();
        }
        is_empty(&pile);
        assert!(pile.gauges().arenas <= 3);
    }
}
