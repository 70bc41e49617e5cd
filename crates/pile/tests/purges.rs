//! What a purge ends, and what it leaves to those who still have it.

use levada_pile::{Gone, Invalid, Kind, Life, Pile};
use levada_shared::{Options, SharedHeap};

const LONG_BYTES: usize = 300_000;

/// Puts records of every length until the pile refuses, after what a purge left has come back.
fn fill(pile: &Pile) {
    for length in [LONG_BYTES, 60_000, 20_000, 1000, 90, 8] {
        while pile.put(&vec![255; length], Life::FOREVER).is_ok() {}
    }
}

/// One test after the other: a guard of one keeps what another deleted, and it counts on having that back.
#[expect(clippy::disallowed_types, reason = "held by a test while it runs")]
fn alone() -> std::sync::MutexGuard<'static, ()> {
    static ONE: std::sync::Mutex<()> = std::sync::Mutex::new(());
    ONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[test]
fn a_long_record_that_is_held_keeps_all_its_bytes_through_a_purge() {
    let _alone = alone();
    let heap = SharedHeap::new(Options::default()).unwrap();
    let account = heap.account("holder", u64::MAX).unwrap();
    let pile = Pile::builder("held").limit_bytes(4 << 20).build().unwrap();
    let at = pile.put(&vec![1; LONG_BYTES], Life::FOREVER).unwrap();
    let held = pile.pin().hold(at, &account).unwrap();
    pile.purge().unwrap();
    fill(&pile);
    assert!(held == vec![1; LONG_BYTES][..], "bytes that are held stay");
    drop(held);
    pile.purge().unwrap();
    let longs = (0..).take_while(|_| pile.put(&vec![1; LONG_BYTES], Life::FOREVER).is_ok());
    assert_eq!(longs.count(), 12, "all 64 spans came back, for five each");
}

#[test]
fn room_that_is_reserved_is_nobody_elses_though_the_pile_is_purged() {
    let _alone = alone();
    let pile = Pile::builder("reserved").limit_bytes(4 << 20).build().unwrap();
    let mut room = pile.reserve(LONG_BYTES, Kind::Bytes, Life::FOREVER).unwrap();
    pile.purge().unwrap();
    fill(&pile);
    let others: Vec<_> = {
        let mut others = Vec::new();
        let _end = pile.scan(Default::default(), u32::MAX, &mut |at, _| others.push(at));
        others
    };
    room.write(&vec![1; LONG_BYTES]).unwrap();
    for at in others {
        // A copy: a guard that is kept keeps the other tests' memory as well.
        let bytes = pile.pin().get(at).unwrap().to_vec();
        assert!(bytes.iter().all(|&byte| byte == 255), "{at:?}");
    }
    assert_eq!(room.commit(LONG_BYTES), Err(Invalid::Purged));
}

#[test]
fn a_closed_pile_gives_and_takes_nothing() {
    let _alone = alone();
    let pile = Pile::builder("closed").limit_bytes(4 << 20).build().unwrap();
    let at = pile.put(&[1; 40], Life::FOREVER).unwrap();
    pile.close();
    assert_eq!(pile.pin().get(at), Err(Gone::Closed));
    assert_eq!(pile.delete(at), Err(Gone::Closed));
    assert!(pile.put(b"x", Life::FOREVER).is_err());
}
