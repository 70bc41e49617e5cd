//! What a life promises: read to the second, and its memory back in time. The clock is a number that the tests set. A thread
//! that was stopped while it read keeps every pile of the OS process from sweeping, so one test runs at a time.
#![expect(clippy::disallowed_types, reason = "whose turn it is, for the length of a test")]

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use levada_pile::{Budget, Builder, Clock, Gone, Life, Pile, Pointer};

fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A clock that stands until it is set.
struct Hand(Arc<AtomicU64>);

impl Hand {
    fn of(builder: Builder) -> (Pile, Self) {
        let hand = Self(Arc::new(AtomicU64::new(0)));
        let pile = builder.clock(Clock::shared(Arc::clone(&hand.0))).build();
        (pile.expect("addresses are there"), hand)
    }

    fn set_s(&self, seconds: u64) {
        self.0.store(seconds * 1000, Ordering::Relaxed);
    }
}

fn pile(limit_bytes: u64) -> (Pile, Hand) {
    Hand::of(Pile::builder("lives").limit_bytes(limit_bytes))
}

/// Numbers that look random, and are the same in each run.
fn numbers() -> impl FnMut(u64) -> u64 {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    move |below| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    }
}

fn secs(life_s: u64) -> Life {
    Life::secs(u32::try_from(life_s).expect("a short life"))
}

#[test]
fn a_record_is_read_in_its_last_second_and_not_in_the_next() {
    let _alone = alone();
    let (pile, hand) = pile(1 << 20);
    let at = pile.put(b"mayfly", Life::secs(10)).unwrap();
    hand.set_s(10);
    pile.tend(Budget::unbounded());
    assert_eq!(pile.pin().get(at), Ok(&b"mayfly"[..]));
    hand.set_s(11);
    assert_eq!(pile.pin().get(at), Err(Gone::Expired));
    assert_eq!(pile.rejuvenate(at, Life::secs(10)), Err(Gone::Expired));
    assert_eq!(pile.delete(at), Err(Gone::Expired));
    assert_eq!(pile.pin().get(at), Err(Gone::Stale));
}

#[test]
fn memory_of_an_expired_record_is_back_within_three_eighths_of_its_life_and_a_minute() {
    let _alone = alone();
    for limit_bytes in [32 << 20, 256 << 20] {
        let (pile, hand) = pile(limit_bytes);
        let mut below = numbers();
        let mut ends: Vec<(u64, u64)> = Vec::new();
        for now_s in 0..3000_u64 {
            hand.set_s(now_s);
            if now_s < 1500 {
                for _ in 0..20 {
                    let most = 1 << below(11);
                    let life_s = 1 + below(most);
                    // Now and then one that has pages of its own.
                    let bytes = if below(100) == 0 { 20_000 } else { below(300) };
                    let bytes = vec![7; usize::try_from(bytes).unwrap()];
                    pile.put(&bytes, secs(life_s)).unwrap();
                    ends.push((now_s + life_s + 1, now_s + life_s + 1 + life_s * 3 / 8 + 60));
                }
            }
            pile.tend(Budget::unbounded());
            let alive = ends.iter().filter(|&&(end_s, _)| now_s < end_s).count() as u64;
            let due = ends.iter().filter(|&&(_, back_s)| now_s < back_s).count() as u64;
            let records = pile.gauges().records;
            assert!((alive..=due).contains(&records), "{records} of {alive}..={due} at {now_s}");
        }
        pile.validate();
        assert_eq!(pile.gauges().swept, ends.len() as u64);
        assert_eq!(pile.gauges().deletes, 0);
    }
}

#[test]
fn spans_of_like_lives_empty_and_go_back_to_the_machine() {
    let _alone = alone();
    let (pile, hand) = pile(256 << 20);
    for _ in 0..200_000 {
        pile.put(&[7; 200], Life::secs(1000)).unwrap();
    }
    let full = pile.gauges().backed_bytes;
    hand.set_s(1400);
    // Twice: by the second time nobody has used the arena.
    pile.tend(Budget::unbounded());
    pile.tend(Budget::unbounded());
    let left = pile.gauges().backed_bytes;
    assert!(left <= 4 << 20, "{left} of {full}");
}

#[test]
fn a_rejuvenated_record_stays_and_ends_when_its_new_life_does() {
    let _alone = alone();
    let (pile, hand) = pile(64 << 20);
    let put: Vec<Pointer> =
        (0..50_000_u32).map(|n| pile.put(&n.to_be_bytes(), Life::secs(100)).unwrap()).collect();
    for round in 1..=10 {
        hand.set_s(round * 100);
        for at in put.iter().step_by(7) {
            assert_eq!(pile.rejuvenate(*at, Life::secs(100)), Ok(true));
        }
        pile.tend(Budget::unbounded());
    }
    let kept = put.iter().step_by(7).count() as u64;
    assert_eq!(pile.gauges().records, kept);
    for (n, at) in (0..).step_by(7).zip(put.iter().step_by(7)) {
        assert_eq!(pile.pin().get(*at), Ok(&u32::to_be_bytes(n)[..]));
    }
    hand.set_s(1000 + 101 + 100 * 3 / 8 + 60);
    pile.tend(Budget::unbounded());
    assert_eq!(pile.gauges().records, 0);
}

#[test]
fn records_for_ever_stay_beside_those_that_end() {
    let _alone = alone();
    let (pile, hand) = pile(1 << 20);
    let (mut kept, mut lives) = (Vec::new(), 0);
    // To the brim, so that both come into the same spans.
    for number in 0_u32.. {
        let life = if number.is_multiple_of(3) { Life::FOREVER } else { Life::secs(number % 50) };
        let Ok(at) = pile.put(&number.to_be_bytes(), life) else { break };
        if life == Life::FOREVER { kept.push((at, number)) } else { lives += 1 }
    }
    hand.set_s(200);
    pile.tend(Budget::unbounded());
    assert_eq!(pile.gauges().swept, lives);
    assert!(kept.iter().all(|&(at, n)| pile.pin().get(at) == Ok(&n.to_be_bytes()[..])));
    let again = (0_u64..).take_while(|_| pile.put(&[0; 4], Life::FOREVER).is_ok()).count() as u64;
    assert!(again * 10 > lives * 9, "{again} where {lives} were");
}

#[test]
fn slices_of_upkeep_come_to_the_same_end() {
    let _alone = alone();
    let (pile, hand) = Hand::of(Pile::builder("slices").limit_bytes(256 << 20).tend_slice_us(20));
    for _ in 0..100_000 {
        pile.put(&[7; 100], Life::secs(60)).unwrap();
    }
    hand.set_s(200);
    let mut slices = 0;
    while pile.gauges().records > 0 {
        pile.tend(Budget::slice());
        slices += 1;
        assert!(slices < 1_000_000, "each slice does something");
    }
    // A hundred thousand ends in twenty microseconds would be a slice that has no end.
    assert!(slices > 10, "{slices}");
}

#[test]
fn lives_of_which_few_come_share_their_spans() {
    let _alone = alone();
    let (pile, _hand) = pile(256 << 20);
    for life in 0..25 {
        for _ in 0..10 {
            pile.put(&[7; 100], Life::secs(1 << life)).unwrap();
        }
    }
    let spans: u32 = pile.gauges().spans.iter().map(|of_class| of_class.spans).sum();
    assert_eq!(spans, 1);
}

#[test]
fn a_setting_outside_of_its_bounds_is_refused() {
    let _alone = alone();
    for builder in [
        Pile::builder("p").tend_slice_us(19),
        Pile::builder("p").tend_slice_us(10_001),
        Pile::builder("p").guard_warn_ms(9),
    ] {
        assert!(builder.limit_bytes(1 << 20).build().is_err());
    }
}
