//! What compaction gives back, counted: backed bytes over live bytes, after the patterns that leave holes. A thread that was
//! stopped while it read keeps every pile of the OS process from using again what was deleted, so one test runs at a time.
#![expect(clippy::disallowed_types, reason = "whose turn it is, for the length of a test")]

use std::sync::{Mutex, MutexGuard, PoisonError};

use levada_pile::{Budget, Life, Pile, Pointer};

fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn pile(limit_bytes: u64) -> Pile {
    Pile::builder("holes").limit_bytes(limit_bytes).build().expect("addresses are there")
}

fn fill(pile: &Pile, records: usize, length: usize) -> Vec<Pointer> {
    let bytes = vec![7; length];
    (0..records).map(|_| pile.put(&bytes, Life::FOREVER).expect("room")).collect()
}

/// Deletes the records whose number `goes`, and gives the others.
fn delete(pile: &Pile, put: &[Pointer], goes: impl Fn(usize) -> bool) -> Vec<Pointer> {
    let mut left = Vec::new();
    for (number, &at) in put.iter().enumerate() {
        if goes(number) {
            pile.delete(at).expect("it is there");
        } else {
            left.push(at);
        }
    }
    left
}

/// Compacts until the backed bytes are at most so many.
fn compact_below(pile: &Pile, bound_bytes: u64) -> u64 {
    let backed = || pile.gauges().backed_bytes;
    for _ in 0..100 {
        pile.tend(Budget::unbounded());
        pile.compact(Budget::unbounded());
        if backed() <= bound_bytes {
            break;
        }
        std::thread::yield_now();
    }
    backed()
}

fn all_there(pile: &Pile, left: &[Pointer], length: usize) {
    pile.validate();
    let guard = pile.pin();
    let bytes = vec![7; length];
    assert!(left.iter().all(|&at| guard.get(at) == Ok(&bytes[..])));
}

#[test]
fn free_pages_between_live_records_go_back() {
    let _alone = alone();
    for limit_bytes in [60 << 20, 256 << 20] {
        for (records, length) in [(200_000, 100), (12_000, 2000), (300_000, 8)] {
            let pile = pile(limit_bytes);
            let put = fill(&pile, records, length);
            let full_bytes = pile.gauges().backed_bytes;
            // One record of a hundred stays, in stretches: what lies between them are whole pages.
            let left = delete(&pile, &put, |number| number % 10_000 >= 100);
            let backed_bytes = compact_below(&pile, full_bytes / 10);
            assert!(backed_bytes <= full_bytes / 10, "{backed_bytes} of {full_bytes}");
            all_there(&pile, &left, length);
        }
    }
}

#[test]
fn what_comes_into_thin_spans_is_backed_and_counted_again() {
    let _alone = alone();
    let pile = pile(32 << 20);
    let mut left = Vec::new();
    let mut peaks = Vec::new();
    for round in 0..6 {
        left.extend(fill(&pile, 100_000, 100));
        peaks.push(pile.gauges().backed_bytes);
        left = delete(&pile, &left, |number| number % 5000 >= 50);
        let small_bytes = peaks[0] / 5;
        let backed_bytes = compact_below(&pile, small_bytes);
        assert!(backed_bytes <= small_bytes, "{backed_bytes} in round {round}");
        all_there(&pile, &left, 100);
    }
    // Those that are left are few: each round needs what the first one did, and an eighth.
    let most = peaks[0] + peaks[0] / 8;
    assert!(peaks.iter().all(|&peak| peak <= most), "{peaks:?}");
}

#[test]
fn a_checkerboard_is_filled_again_before_anything_grows() {
    let _alone = alone();
    for (each, length) in [(2, 100), (3, 100), (3, 1000), (2, 30)] {
        let pile = pile(256 << 20);
        let put = fill(&pile, 60_000, length);
        let full_bytes = pile.gauges().backed_bytes;
        let left = delete(&pile, &put, |number| number % each != 0);
        pile.tend(Budget::unbounded());
        let holes = put.len() - left.len();
        let again = fill(&pile, holes, length);
        let backed_bytes = pile.gauges().backed_bytes;
        // A group of memory ahead, and spans of which less than an eighth was free.
        assert!(backed_bytes <= full_bytes + full_bytes / 8 + (4 << 20), "{backed_bytes}");
        all_there(&pile, &left, length);
        all_there(&pile, &again, length);
    }
}

#[test]
fn a_pattern_that_repeats_does_not_grow() {
    let _alone = alone();
    let pile = pile(256 << 20);
    let mut backed = Vec::new();
    for _ in 0..8 {
        let mut put: Vec<Pointer> =
            (1..40).flat_map(|step| fill(&pile, 500, step * step * 3)).collect();
        backed.push(pile.gauges().backed_bytes);
        // Every second goes, half as many come, then all go.
        put = delete(&pile, &put, |number| number % 2 == 0);
        put.extend((1..40).flat_map(|step| fill(&pile, 250, step * step * 3)));
        delete(&pile, &put, |_| true);
        pile.tend(Budget::unbounded());
    }
    let most = backed[0] + backed[0] / 8;
    assert!(backed.iter().all(|&bytes| bytes <= most), "{backed:?}");
    assert_eq!(pile.gauges().records, 0);
    let left = compact_below(&pile, 1 << 20);
    assert!(left <= 1 << 20, "{left} without a record");
}

#[test]
fn random_growing_records_stay_within_a_half_of_what_lives() {
    let _alone = alone();
    let pile = pile(256 << 20);
    let mut state = 88_172_645_463_325_252_u64;
    let mut random = |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % below).unwrap()
    };
    let mut live = Vec::new();
    for round in 1..=40_u64 {
        for _ in 0..2000 {
            let length = random(round * 30);
            live.push(pile.put(&vec![1; length], Life::FOREVER).unwrap());
        }
        for _ in 0..1000 {
            let at = live.swap_remove(random(live.len() as u64));
            pile.delete(at).unwrap();
        }
    }
    let live_bytes: u64 = live.iter().map(|&at| pile.size_of(at).unwrap().slot_bytes).sum();
    let bound_bytes = live_bytes * 3 / 2;
    let backed_bytes = compact_below(&pile, bound_bytes);
    assert!(backed_bytes <= bound_bytes, "{backed_bytes} for {live_bytes}");
}

#[test]
fn a_lowered_limit_is_reached_at_once_where_nothing_is_in_the_way() {
    let _alone = alone();
    let pile = pile(256 << 20);
    let put = fill(&pile, 100_000, 400);
    let left = delete(&pile, &put, |number| number >= 1000);
    let mut over_bytes = pile.set_limit(4 << 20);
    for _ in 0..1000 {
        over_bytes = pile.set_limit(4 << 20);
        if over_bytes == 0 {
            break;
        }
    }
    assert_eq!(over_bytes, 0);
    assert!(pile.gauges().backed_bytes <= 4 << 20);
    all_there(&pile, &left, 400);
    // And one that cannot be reached refuses growth, and says how far it is away.
    let backed_bytes = pile.gauges().backed_bytes;
    let over_bytes = pile.set_limit(100_000);
    assert_eq!(over_bytes, pile.gauges().backed_bytes - 100_000);
    assert!(over_bytes <= backed_bytes);
    assert!((0..100_000).any(|_| pile.put(&[1; 1000], Life::FOREVER).is_err()));
    let tended = pile.tend(Budget::unbounded());
    assert_eq!(tended.over_bytes, pile.gauges().backed_bytes - 100_000);
}

#[test]
fn slices_of_compaction_come_to_the_same_end() {
    let _alone = alone();
    let pile = Pile::builder("slices").limit_bytes(256 << 20).tend_slice_us(20).build().unwrap();
    let put = fill(&pile, 200_000, 100);
    let full_bytes = pile.gauges().backed_bytes;
    let left = delete(&pile, &put, |number| number % 10_000 >= 100);
    let mut slices = 0;
    while pile.gauges().backed_bytes > full_bytes / 10 {
        pile.compact(Budget::slice());
        pile.tend(Budget::slice());
        slices += 1;
        assert!(slices < 1_000_000, "each slice does something");
    }
    all_there(&pile, &left, 100);
}

#[test]
fn nothing_is_lost_while_others_compact() {
    let _alone = alone();
    let pile = pile(256 << 20);
    let done = std::sync::atomic::AtomicU32::new(0);
    std::thread::scope(|scope| {
        for writer in 0..2_u8 {
            let (pile, done) = (&pile, &done);
            scope.spawn(move || {
                for round in 0..30 {
                    let bytes = [writer ^ round; 60];
                    let put: Vec<Pointer> =
                        (0..5000).map(|_| pile.put(&bytes, Life::FOREVER).unwrap()).collect();
                    let left = delete(pile, &put, |number| number % 1000 >= 30);
                    for _ in 0..20 {
                        assert!(left.iter().all(|&at| pile.pin().get(at) == Ok(&bytes[..])));
                    }
                    delete(pile, &left, |_| true);
                    assert!(left.iter().all(|&at| pile.pin().get(at).is_err()));
                }
                done.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            });
        }
        while done.load(std::sync::atomic::Ordering::Relaxed) < 2 {
            pile.compact(Budget::slice());
            pile.tend(Budget::slice());
        }
    });
    assert_eq!((pile.gauges().records, pile.gauges().used_bytes), (0, 0));
    let backed_bytes = compact_below(&pile, 1 << 20);
    assert!(backed_bytes <= 1 << 20, "{backed_bytes}");
}
