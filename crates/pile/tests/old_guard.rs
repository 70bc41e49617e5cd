//! What a reader who sleeps under a guard does to others. It keeps every pile of the OS process from using again what was
//! deleted, so this test is a program of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::channel;

use levada_pile::{Budget, Clock, Full, Life, Pile};

#[test]
fn a_reader_asleep_brings_writers_to_full_and_all_recovers_when_it_wakes() {
    let hand = Arc::new(AtomicU64::new(0));
    let pile = Pile::builder("asleep")
        .limit_bytes(2 << 20)
        .clock(Clock::shared(Arc::clone(&hand)))
        .build()
        .unwrap();
    let first = pile.put(&[1; 1000], Life::FOREVER).unwrap();
    let (wake, sleeping) = channel::<()>();
    let (pinned, is_pinned) = channel();
    let reader = std::thread::Builder::new().name("sleeper".to_owned()).spawn({
        let pile = pile.clone();
        move || {
            let guard = pile.pin();
            let bytes = guard.get(first).unwrap();
            pinned.send(()).unwrap();
            assert!(sleeping.recv().is_err());
            assert_eq!(bytes, [1; 1000]);
        }
    });
    is_pinned.recv().unwrap();
    pile.delete(first).unwrap();
    // Each record is deleted at once, and yet there is no room in the end.
    let mut puts = 1;
    let full = loop {
        match pile.put(&[2; 1000], Life::FOREVER) {
            Ok(at) => pile.delete(at).unwrap(),
            Err(full) => break full,
        }
        puts += 1;
        assert!(pile.gauges().backed_bytes <= 2 << 20);
    };
    assert!(matches!(full, Full::OutOfSpace { .. }));
    assert!(puts < 2100, "{puts} records of 1,000 bytes in 2 MiB");
    assert_eq!(pile.gauges().limbo_slots, puts);
    for (now_ms, age_ms) in [(999, None), (1500, Some(1500)), (9000, None)] {
        hand.store(now_ms, Ordering::Relaxed);
        let told = pile.tend(Budget::unbounded()).old_guard;
        assert_eq!(told.as_ref().map(|guard| guard.age_ms), age_ms);
        assert!(told.is_none_or(|guard| guard.thread == "sleeper"));
        assert_eq!(pile.gauges().oldest_guard_ms, now_ms);
    }
    assert_eq!(pile.gauges().guards_told, 1);
    drop(wake);
    reader.unwrap().join().unwrap();
    for _ in 0..10_000 {
        let at = pile.put(&[3; 1000], Life::FOREVER).unwrap();
        pile.delete(at).unwrap();
    }
    pile.tend(Budget::unbounded());
    assert_eq!((pile.gauges().limbo_slots, pile.gauges().oldest_guard_ms), (0, 0));
}
