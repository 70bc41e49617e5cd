//! Random programs on the shared heap do what the same programs do on vectors, charges included.

mod check;
mod holding;
mod lender;
mod on_accounts;
mod on_buffers;
mod on_data;
mod on_references;
mod run;
mod step;
mod value;
mod world;

use std::io::Read;

use proptest::prelude::ProptestConfig;
use proptest::{prop_assert, prop_assert_eq, proptest};

use crate::step::steps;
use crate::world::World;

/// A hundred and fifty steps each, on average: together more than 10^5.
const CASES: u32 = if cfg!(miri) { 4 } else { 720 };

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_heap_agrees_with_vectors_and_charges_what_is_held(steps in steps()) {
        let mut world = World::new();
        for (number, step) in steps.iter().enumerate() {
            world.run(step);
            world.check_numbers();
            if number % 4 == 0 {
                world.check_all();
            }
        }
        world.check_all();
        let (heap, sent) = world.end();
        heap.validate();
        let gauges = heap.gauges();
        prop_assert_eq!((gauges.used_bytes, gauges.used_blocks, gauges.lost_bytes), (0, 0, 0));
        prop_assert_eq!((gauges.soft_bytes, gauges.soft_blocks, gauges.lines_nameless), (0, 0, 0));
        prop_assert_eq!((gauges.set_aside_bytes, gauges.lent_blocks, gauges.lent_bytes), (0, 0, 0));
        prop_assert!(heap.accounts().iter().all(|account| account.charged_bytes == 0));
        if !sent.is_empty() {
            write_over(&heap);
        }
        for (mut from, expected) in sent {
            let mut arrived = Vec::new();
            prop_assert!(from.read_to_end(&mut arrived).is_ok());
            prop_assert!(arrived == expected, "what was sent arrives as it was");
        }
    }
}

/// Writes to the places of freed blocks of every length that lies in the file, so far as steps fill blocks.
fn write_over(heap: &levada_shared::SharedHeap) {
    let account = heap.default_account();
    for quarters in (4..8).flat_map(|step| [step, 2 * step, 4 * step, 8 * step, 160]) {
        let bufs = (0..12).map_while(|_| account.kept_buf(quarters << 14).ok());
        for buf in &mut bufs.collect::<Vec<_>>() {
            buf.write(&[0xEE; 2000]).expect("64 KiB and more");
        }
    }
}
