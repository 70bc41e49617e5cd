//! What a record promises, through the face.

use levada_pile::{Budget, Full, Gone, Kind, Life, Pile, UpdateError};

fn pile() -> Pile {
    Pile::builder("records").limit_bytes(16 << 20).build().expect("addresses are there")
}

/// One test after the other: a guard of one keeps what another deleted, and it counts on having that back.
#[expect(clippy::disallowed_types, reason = "held by a test while it runs")]
fn alone() -> std::sync::MutexGuard<'static, ()> {
    static ONE: std::sync::Mutex<()> = std::sync::Mutex::new(());
    ONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[test]
fn a_record_of_any_length_reads_back_as_it_was_put() {
    let _alone = alone();
    let pile = Pile::builder("lengths").limit_bytes(64 << 20).build().unwrap();
    let lengths = [
        0,
        1,
        7,
        8,
        9,
        100,
        255,
        256,
        4088,
        4096,
        13_096,
        13_097,
        16_384,
        65_536,
        65_537,
        1 << 20,
        5 << 20,
    ];
    let bytes: Vec<u8> =
        (0..5 << 20).map(|at: u32| at.to_le_bytes()[0] ^ at.to_le_bytes()[1]).collect();
    let put: Vec<_> =
        lengths.map(|length| pile.put(&bytes[..length], Life::FOREVER).unwrap()).to_vec();
    for (at, length) in put.iter().zip(lengths) {
        assert_eq!(pile.pin().get(*at).unwrap(), &bytes[..length]);
        assert_eq!(pile.size_of(*at).unwrap().payload_bytes, length as u64);
    }
    for at in put {
        pile.delete(at).unwrap();
        assert_eq!(pile.pin().get(at), Err(Gone::Stale));
    }
    assert_eq!(pile.gauges().records, 0);
    assert_eq!(pile.gauges().used_bytes, 0);
}

#[test]
fn a_dead_pointer_is_refused_by_every_operation_though_its_slot_is_anothers() {
    let _alone = alone();
    let pile = pile();
    let first = pile.put(b"first", Life::FOREVER).unwrap();
    pile.delete(first).unwrap();
    let mut is_reused = false;
    for _ in 0..100_000 {
        let at = pile.put(b"other", Life::FOREVER).unwrap();
        is_reused |= at.place() == first.place();
        assert_ne!(at, first);
        assert_eq!(pile.pin().get(first), Err(Gone::Stale));
        pile.delete(at).unwrap();
    }
    assert!(is_reused, "the slot was used again");
    assert_eq!(pile.delete(first), Err(Gone::Stale));
    assert_eq!(pile.update(first, b"x"), Err(UpdateError::Gone(Gone::Stale)));
    assert_eq!(pile.rejuvenate(first, Life::secs(1)), Err(Gone::Stale));
    assert_eq!(pile.size_of(first), Err(Gone::Stale));
}

#[test]
fn each_kind_of_record_takes_updates_of_any_length() {
    let _alone = alone();
    let pile = pile();
    let plain = pile.put(b"a", Life::FOREVER).unwrap();
    let cell = pile.put_cell(b"a", Life::FOREVER).unwrap();
    let roomy = pile.put_roomy(b"a", 64, Life::FOREVER).unwrap();
    let long = vec![7; 1 << 20];
    for bytes in [&b"bb"[..], b"", &long, &[1; 64], &[2; 63], b"c"] {
        for at in [plain, cell, roomy] {
            let version = pile.update(at, bytes).unwrap();
            let guard = pile.pin();
            assert_eq!(guard.seen(at), Ok((bytes, version)));
        }
    }
    for at in [plain, cell, roomy] {
        pile.delete(at).unwrap();
        assert_eq!(pile.pin().get(at), Err(Gone::Stale));
    }
    assert_eq!(pile.gauges().used_bytes, 0);
}

#[test]
fn a_conditional_update_is_refused_once_another_came_first() {
    let _alone = alone();
    let pile = pile();
    let at = pile.put(b"one", Life::FOREVER).unwrap();
    let seen = pile.pin().seen(at).unwrap().1;
    let now = pile.compare_update(at, seen, b"two").unwrap();
    assert_eq!(pile.compare_update(at, seen, b"three"), Err(UpdateError::Changed { now }));
    assert_eq!(pile.pin().get(at), Ok(&b"two"[..]));
}

#[test]
fn a_pile_that_is_full_refuses_and_takes_again_what_was_freed() {
    let _alone = alone();
    let pile = Pile::builder("full").limit_bytes(1 << 20).build().unwrap();
    let mut put = Vec::new();
    let full = loop {
        match pile.put(&[7; 100], Life::FOREVER) {
            Ok(at) => put.push(at),
            Err(full) => break full,
        }
        assert!(pile.gauges().backed_bytes <= 1 << 20);
    };
    assert_eq!(full, Full::OutOfSpace { limit_bytes: 1 << 20, wanted_bytes: 108 });
    let first = put.len();
    assert!(first > 8500, "{first} records of 112 bytes under a limit of 2^20");
    for at in &put {
        pile.delete(*at).unwrap();
    }
    // Guards of other tests may be in the way for a moment.
    while pile.gauges().limbo_slots > 0 {
        pile.tend(Budget::unbounded());
    }
    let again = (0..).take_while(|_| pile.put(&[8; 100], Life::FOREVER).is_ok()).count();
    assert_eq!(again, first);
}

#[test]
fn a_purge_ends_every_pointer_and_the_room_comes_back() {
    let _alone = alone();
    let pile = Pile::builder("purged").limit_bytes(2 << 20).build().unwrap();
    let mut before = None;
    for _ in 0..5 {
        let put: Vec<_> = (0..).map_while(|_| pile.put(&[7; 1000], Life::FOREVER).ok()).collect();
        assert_eq!(*before.get_or_insert(put.len()), put.len());
        assert_eq!(pile.purge().unwrap().records, put.len() as u64);
        let guard = pile.pin();
        assert!(put.iter().all(|&at| guard.get(at) == Err(Gone::Stale)));
    }
}

#[test]
fn a_reservation_that_is_dropped_gives_its_room_back() {
    let _alone = alone();
    let pile = Pile::builder("reserved").limit_bytes(1 << 20).build().unwrap();
    for _ in 0..100 {
        let mut room = pile.reserve(500_000, Kind::Bytes, Life::FOREVER).unwrap();
        room.write(b"never a record").unwrap();
    }
    assert_eq!(pile.gauges().records, 0);
    let mut room = pile.reserve(4, Kind::Text, Life::FOREVER).unwrap();
    room.write(&[0xFF, 0xFE]).unwrap();
    assert!(room.commit(2).is_err());
    assert_eq!(pile.gauges().records, 0);
}

#[test]
fn what_the_last_record_of_a_pile_took_goes_back_within_two_tends() {
    let _alone = alone();
    for prefer in [levada_pile::Prefer::Space, levada_pile::Prefer::Speed] {
        let pile = Pile::builder("tended").limit_bytes(256 << 20).prefer(prefer).build().unwrap();
        let put: Vec<_> =
            (0..100_000).map(|_| pile.put(&[7; 500], Life::FOREVER).unwrap()).collect();
        let full = pile.gauges().backed_bytes;
        for at in put {
            pile.delete(at).unwrap();
        }
        pile.tend(Budget::unbounded());
        pile.tend(Budget::unbounded());
        let left = pile.gauges().backed_bytes;
        assert!(left <= 4 << 20, "{left} of {full}");
    }
}

#[test]
fn held_bytes_stay_through_delete_update_and_purge_and_are_charged_once_an_account() {
    let _alone = alone();
    let heap = levada_shared::SharedHeap::new(levada_shared::Options::default()).unwrap();
    let (first, second) =
        (heap.account("first", 1 << 20).unwrap(), heap.account("second", 100).unwrap());
    let pile = Pile::builder("held").limit_bytes(2 << 20).build().unwrap();
    let at = pile.put(&[1; 90], Life::FOREVER).unwrap();
    let held = pile.pin().hold(at, &first).unwrap();
    let again = pile.pin().hold(at, &first).unwrap();
    let others = pile.pin().hold(at, &second).unwrap();
    assert_eq!((first.charged_bytes(), second.charged_bytes()), (90, 90));
    assert_eq!(pile.gauges().held_records, 1);
    let more = pile.put(&[2; 90], Life::FOREVER).unwrap();
    assert!(matches!(pile.pin().hold(more, &second), Err(levada_pile::HoldError::Full(_))));
    pile.update(at, &[3; 10]).unwrap();
    let new = pile.pin().hold(at, &first).unwrap();
    pile.delete(at).unwrap();
    assert_eq!(pile.pin().hold(at, &first), Err(levada_pile::HoldError::Gone(Gone::Stale)));
    pile.purge().unwrap();
    while pile.put(&[255; 90], Life::FOREVER).is_ok() {}
    assert_eq!(held, [1; 90][..]);
    assert_eq!((again, others), (held.clone(), held));
    assert_eq!(new, [3; 10][..]);
    drop(new);
    assert_eq!(pile.gauges().held_records, 0);
    assert_eq!((first.charged_bytes(), second.charged_bytes()), (0, 0));
}

#[test]
fn a_slot_that_was_held_and_deleted_is_used_again_after_the_last_hold() {
    let _alone = alone();
    let heap = levada_shared::SharedHeap::new(levada_shared::Options::default()).unwrap();
    let account = heap.account("holder", u64::MAX).unwrap();
    let pile = Pile::builder("held").limit_bytes(1 << 20).build().unwrap();
    let fill = || (0..).map_while(|_| pile.put(&[1; 1000], Life::FOREVER).ok()).collect::<Vec<_>>();
    let first = fill();
    let held: Vec<_> = first.iter().map(|&at| pile.pin().hold(at, &account).unwrap()).collect();
    for &at in &first {
        pile.delete(at).unwrap();
    }
    assert_eq!(fill().len(), 0, "held slots are not free");
    drop(held);
    assert_eq!(fill().len(), first.len());
}

#[test]
fn a_lent_reservation_becomes_a_record_or_gives_its_slot_back() {
    let _alone = alone();
    let heap = levada_shared::SharedHeap::new(levada_shared::Options::default()).unwrap();
    let account = heap.account("filler", 10_000).unwrap();
    let pile = Pile::builder("lent").limit_bytes(1 << 20).build().unwrap();
    let room = || pile.reserve(5000, Kind::Text, Life::FOREVER).unwrap();
    for _ in 0..1000 {
        let mut buf = room().lend(&account).unwrap();
        buf.write(b"dropped").unwrap();
    }
    assert_eq!((account.charged_bytes(), pile.gauges().records), (0, 0));

    let mut half = room();
    half.write(b"one ").unwrap();
    let mut buf = half.lend(&account).unwrap();
    let error = pile.reserve(6000, Kind::Text, Life::FOREVER).unwrap().lend(&account).unwrap_err();
    assert!(error.reserved.commit(0).is_ok(), "given back as it was");
    buf.write(b"two").unwrap();
    let at = pile.commit_buf(buf).unwrap();
    assert_eq!(pile.pin().text(at), Ok("one two"));
    assert_eq!(account.charged_bytes(), 0);

    let mut bad = room().lend(&account).unwrap();
    bad.write(&[0xFF]).unwrap();
    assert!(matches!(pile.commit_buf(bad), Err(levada_pile::NotReserved::Invalid(_))));
    let strange = account.buf(10).unwrap();
    assert!(matches!(pile.commit_buf(strange), Err(levada_pile::NotReserved::Buffer(_))));
    let mut late = room().lend(&account).unwrap();
    late.write(b"late").unwrap();
    pile.purge().unwrap();
    assert!(matches!(
        pile.commit_buf(late),
        Err(levada_pile::NotReserved::Invalid(levada_pile::Invalid::Purged))
    ));
}

#[test]
fn a_reservation_at_the_limit_has_what_the_threads_other_spans_leave_free() {
    let pile = Pile::builder("other").limit_bytes(1 << 20).build().unwrap();
    let rooms = || {
        let mut kept = Vec::new();
        while let Ok(room) = pile.reserve(60_000, Kind::Bytes, Life::FOREVER) {
            kept.push(room);
        }
        kept.len()
    };
    let first = rooms();
    for length in [8, 100, 1000] {
        let at = pile.put(&vec![7; length], Life::FOREVER).unwrap();
        pile.delete(at).unwrap();
    }
    assert_eq!(rooms(), first);
}
