//! Prints what a value costs on its way between two pinned threads: `cargo run --release -p levada-queue --example figures`.
#![expect(clippy::print_stdout, reason = "the figures are what this program is for")]
#![expect(clippy::disallowed_methods, reason = "it measures time")]

use levada_queue::{mpsc, spsc};
use rustix::thread::{CpuSet, sched_setaffinity};
use std::hint::{black_box, spin_loop};
use std::time::Instant;

type Value = [u64; 4];

const VALUES: usize = 6_400_000;
const ROOM: usize = 1024;

fn pin(core: usize) {
    let mut set = CpuSet::new();
    set.set(core);
    // Not allowed, or one core only: the figures then say so by their size.
    sched_setaffinity(None, &set).unwrap_or_default();
}

/// Sends `VALUES` values in batches; the consumer takes at most 256 at a time, as a core does in one pass.
fn one_to_one(batch: usize) -> f64 {
    let (mut producer, mut consumer) = spsc::<Value>(ROOM);
    let consuming = std::thread::spawn(move || {
        pin(1);
        let (mut taken, mut sum) = (0, 0);
        while taken < VALUES {
            let now = consumer.take(256, |value| sum += black_box(value)[0]);
            taken += now;
            if now == 0 {
                spin_loop();
            }
        }
        sum
    });
    let start = Instant::now();
    let mut sent = 0;
    while sent < VALUES {
        let Some(mut room) = producer.reserve(batch) else {
            spin_loop();
            continue;
        };
        (sent..sent + batch).for_each(|number| room.push([number as u64; 4]));
        sent += batch;
        producer.publish();
    }
    let sum = consuming.join().expect("the consumer does not panic");
    assert_eq!(sum, (VALUES as u64 - 1) * VALUES as u64 / 2);
    start.elapsed().as_nanos() as f64 / VALUES as f64
}

fn many_to_one() -> f64 {
    let values = VALUES / 8;
    let (submitter, mut collector) = mpsc::<Value>(4096);
    let collecting = std::thread::spawn(move || {
        pin(1);
        let mut collected = 0;
        while collected < values {
            let mut now = 0;
            while now < 256 && collector.collect().map(black_box).is_some() {
                now += 1;
            }
            collector.release(now);
            collected += now;
        }
    });
    let start = Instant::now();
    for number in 0..values {
        let mut value = [number as u64; 4];
        while let Err(back) = submitter.submit(value) {
            value = back;
            spin_loop();
        }
    }
    collecting.join().expect("the collector does not panic");
    start.elapsed().as_nanos() as f64 / values as f64
}

fn main() {
    pin(0);
    println!("{} B a value, room {ROOM}, best and middle of 7 runs", size_of::<Value>());
    for batch in [1, 4, 16, 64] {
        let mut runs: Vec<_> = (0..7).map(|_| one_to_one(batch)).collect();
        runs.sort_by(f64::total_cmp);
        println!("spsc, batch {batch:>2}: {:6.2} {:6.2} ns a value", runs[0], runs[3]);
    }
    let mut runs: Vec<_> = (0..7).map(|_| many_to_one()).collect();
    runs.sort_by(f64::total_cmp);
    println!("mpsc, one by one: {:6.2} {:6.2} ns a value", runs[0], runs[3]);
}
