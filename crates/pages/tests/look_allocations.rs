//! A look at the real machine allocates nothing. Alone in its OS process, whose allocations it counts.

use std::alloc::System;
use std::time::Duration;

use levada_pages::{MachinePressure, PressureSource};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

#[test]
fn a_look_allocates_nothing() {
    let mut source = MachinePressure::open();
    let allocations = |round: u64| {
        let region = Region::new(ALLOCATOR);
        for look in 0..100 {
            source.look(Duration::from_millis((round * 100 + look) * 100));
        }
        region.change().allocations
    };
    // The thread that waits for this test may allocate beside it; it does not go on doing so.
    let least = (0..10).map(allocations).min();
    assert_eq!(least, Some(0));
}
