//! What the first pile got wrong, each as what this one promises instead.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use levada_pile::{Budget, Full, Gone, Life, OpenError, Pile, Pointer, Prefer};

/// One test after the other: a guard of one keeps what another deleted, and it counts on having that back.
#[expect(clippy::disallowed_types, reason = "held by a test while it runs")]
fn alone() -> std::sync::MutexGuard<'static, ()> {
    static ONE: std::sync::Mutex<()> = std::sync::Mutex::new(());
    ONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn pile(limit_bytes: u64) -> Pile {
    Pile::builder("defects").limit_bytes(limit_bytes).build().expect("addresses are there")
}

fn fill(pile: &Pile, bytes: &[u8]) -> Vec<Pointer> {
    (0..).map_while(|_| pile.put(bytes, Life::FOREVER).ok()).collect()
}

#[test]
fn d1_a_deleted_pointer_is_stale_although_another_record_lives_in_its_slot() {
    let _alone = alone();
    let pile = pile(1 << 20);
    let before = fill(&pile, &[1; 500]);
    let first = before[0];
    for at in before {
        pile.delete(at).unwrap();
    }
    let others = fill(&pile, &[2; 500]);
    let other = others.iter().find(|at| at.place() == first.place());
    assert_ne!(other, None, "all room is used");
    assert_eq!(pile.pin().get(first), Err(Gone::Stale));
    assert_eq!(pile.delete(first), Err(Gone::Stale));
}

#[test]
fn d2_a_deleted_pointer_is_stale_although_its_span_was_emptied_and_opened_again() {
    let _alone = alone();
    let pile = pile(1 << 20);
    // Other lengths, so that the span is cut anew, and long ones, which lie in pages.
    for (length, other) in [(500, 100), (500, 500), (20_000, 500), (500, 20_000), (300_000, 20_000)]
    {
        let before = fill(&pile, &vec![1; length]);
        for &at in &before {
            pile.delete(at).unwrap();
        }
        let after = fill(&pile, &vec![2; other]);
        assert!(!after.is_empty(), "{length}, then {other}");
        for at in before {
            assert_eq!(pile.pin().get(at), Err(Gone::Stale), "{at:?}");
        }
        for at in after {
            pile.delete(at).unwrap();
        }
    }
}

#[test]
fn d3_a_pointer_is_stale_although_the_pile_was_purged_and_refilled() {
    let _alone = alone();
    let pile = pile(1 << 20);
    let before = fill(&pile, &[1; 100]);
    pile.purge().unwrap();
    let after = fill(&pile, &[2; 100]);
    assert_eq!(after.len(), before.len());
    assert!(before.iter().all(|&at| pile.pin().get(at) == Err(Gone::Stale)));
    assert!(after.iter().all(|&at| pile.pin().get(at) == Ok(&[2; 100])));
}

#[test]
fn d4_a_pointer_into_a_record_whose_bytes_spell_a_live_header_is_refused() {
    let _alone = alone();
    let pile = pile(1 << 20);
    // Every word is the header of a live record of 24 bytes: state 1, length from bit 12, generation from bit 40.
    let header = 1_u64 | 24 << 12 | 1 << 40;
    let at = pile.put(&header.to_le_bytes().repeat(100), Life::FOREVER).unwrap();
    let long = pile.put(&header.to_le_bytes().repeat(5000), Life::FOREVER).unwrap();
    for at in [at, long] {
        for words in 1..5000 {
            let forged = Pointer::from_bits(at.to_bits() + words).unwrap();
            let guard = pile.pin();
            assert!(matches!(guard.get(forged), Err(Gone::Stale | Gone::BadPointer)), "{forged:?}");
            assert!(pile.delete(forged).is_err());
        }
    }
    assert_eq!(pile.pin().get(at).map(<[u8]>::len), Ok(800));
}

#[test]
fn d5_a_growing_update_that_finds_no_space_leaves_the_record_and_the_pile_as_they_were() {
    let _alone = alone();
    let pile = pile(1 << 20);
    let put = fill(&pile, &[1; 100]);
    for &at in &put[..50] {
        assert!(pile.update(at, &[2; 50_000]).is_err());
        assert_eq!(pile.pin().get(at), Ok(&[1; 100][..]));
    }
    pile.validate();
}

#[test]
fn d6_a_record_of_one_byte_is_updated_to_a_mebibyte_through_the_same_pointer() {
    let _alone = alone();
    let pile = pile(4 << 20);
    let at = pile.put(&[1], Life::FOREVER).unwrap();
    let long = vec![2; 1 << 20];
    pile.update(at, &long).unwrap();
    assert!(pile.pin().get(at) == Ok(&long));
    pile.update(at, &[3]).unwrap();
    assert_eq!(pile.pin().get(at), Ok(&[3][..]));
}

#[test]
fn d7_what_the_last_record_took_goes_back_within_two_tends_whatever_is_preferred() {
    let _alone = alone();
    for prefer in [Prefer::Space, Prefer::Speed] {
        let pile = Pile::builder("tended").limit_bytes(128 << 20).prefer(prefer).build().unwrap();
        for length in [30, 500, 40_000] {
            let put: Vec<_> = (0..(20 << 20) / length)
                .map(|_| pile.put(&vec![7; length], Life::FOREVER).unwrap())
                .collect();
            let full = pile.gauges().backed_bytes;
            for at in put {
                pile.delete(at).unwrap();
            }
            pile.tend(Budget::unbounded());
            pile.tend(Budget::unbounded());
            let left = pile.gauges().backed_bytes;
            assert!(full > 20 << 20 && left <= 6 << 20, "{left} of {full}");
        }
    }
}

#[test]
fn d8_to_put_and_delete_for_long_takes_no_more_memory() {
    let _alone = alone();
    let pile = pile(256 << 20);
    let pairs = if cfg!(debug_assertions) { 200_000 } else { 10_000_000 };
    let mut after_some = None;
    for number in 0..pairs {
        let at = pile.put(&[7; 8], Life::FOREVER).unwrap();
        pile.delete(at).unwrap();
        if number == pairs / 10 {
            after_some = Some(pile.gauges().backed_bytes);
        }
    }
    assert_eq!(Some(pile.gauges().backed_bytes), after_some);
}

#[test]
fn d9_fill_delete_all_and_fill_again_gives_the_same_count() {
    let _alone = alone();
    let limit_bytes = if cfg!(debug_assertions) { 4 << 20 } else { 400 << 20 };
    let pile = pile(limit_bytes);
    let mut first = None;
    for _ in 0..3 {
        let put = fill(&pile, &[7; 30]);
        assert_eq!(*first.get_or_insert(put.len()), put.len());
        for at in put {
            pile.delete(at).unwrap();
        }
        pile.tend(Budget::unbounded());
    }
}

#[test]
fn d10_bytes_past_a_records_length_are_read_by_no_operation() {
    let _alone = alone();
    let pile = pile(16 << 20);
    // Each slot has held other bytes before.
    for at in fill(&pile, &[0xEE; 200]) {
        pile.delete(at).unwrap();
    }
    for length in 0..=200 {
        let at = pile.put(&vec![1; length], Life::FOREVER).unwrap();
        let cell = pile.put_cell(&vec![1; length], Life::FOREVER).unwrap();
        let roomy = pile.put_roomy(&vec![1; length], 200, Life::FOREVER).unwrap();
        for at in [at, cell, roomy] {
            let guard = pile.pin();
            assert!(guard.get(at) == Ok(&vec![1; length]));
            assert!(guard.seen(at).unwrap().0.len() == length);
            assert_eq!(pile.size_of(at).unwrap().payload_bytes, length as u64);
        }
        let _end = pile.scan(Default::default(), u32::MAX, &mut |_, seen| {
            assert!(seen.bytes.iter().all(|&byte| byte == 1));
        });
        for at in [at, cell, roomy] {
            pile.delete(at).unwrap();
        }
    }
    let mut room = pile.reserve(200, levada_pile::Kind::Bytes, Life::FOREVER).unwrap();
    room.write(&[1; 10]).unwrap();
    assert_eq!(room.written(), [1; 10]);
    assert!(room.commit(11).is_err(), "what was not written is no record's");
}

#[test]
fn d11_a_thread_that_opens_new_memory_all_the_time_holds_up_no_put_of_another() {
    let _alone = alone();
    let pile = pile(512 << 20);
    let is_over = Arc::new(AtomicBool::new(false));
    thread::scope(|threads| {
        let (pile, is_over) = (&pile, &is_over);
        let opener = threads.spawn(move || {
            while !is_over.load(Ordering::Relaxed) {
                let at = pile.put(&vec![1; 100 << 20], Life::FOREVER).unwrap();
                pile.delete(at).unwrap();
                pile.tend(Budget::unbounded());
            }
        });
        // Each of these finds room where it put before, whatever the other does: none is refused.
        for _ in 0..20_000 {
            let at = pile.try_put(&[2; 100], Life::FOREVER);
            let at = at.map_or_else(|| pile.put(&[2; 100], Life::FOREVER), Ok).unwrap();
            pile.delete(at).unwrap();
        }
        is_over.store(true, Ordering::Relaxed);
        opener.join().unwrap();
    });
}

#[test]
fn d17_a_setting_is_checked_by_its_new_value_and_a_refused_one_changes_nothing() {
    let _alone = alone();
    for limit_bytes in [0, 1, (1 << 20) - 1] {
        let refused = Pile::builder("small").limit_bytes(limit_bytes).build();
        assert!(matches!(refused, Err(OpenError::Setting { key: "limit", .. })));
    }
    for segments in [0, 1 << 15] {
        let refused = Pile::builder("segments").segments_max(segments).build();
        assert!(matches!(refused, Err(OpenError::Setting { key: "segments_max", .. })));
    }
    let pile = pile(4 << 20);
    let put = fill(&pile, &[1; 1000]);
    assert_eq!(pile.set_limit(8 << 20), 0);
    assert!(fill(&pile, &[1; 1000]).len() >= put.len(), "a raised limit is used");
    let over = pile.set_limit(2 << 20);
    assert!(over >= 5 << 20, "{over} bytes are over the lowered one");
    assert!(matches!(
        pile.put(&[1; 100_000], Life::FOREVER),
        Err(Full::OutOfSpace { limit_bytes, .. }) if limit_bytes == 2 << 20
    ));
    assert!(put.iter().all(|&at| pile.pin().get(at) == Ok(&[1; 1000])));
}
