//! Accounts pay for what they hold, also when nobody has a handle of them any more.

use levada_shared::{Account, Limit, Lost, Options, SharedData, SharedHeap};

fn heap() -> SharedHeap {
    SharedHeap::new(Options { bytes_max: 16 << 20, arenas: 2, ..Options::default() })
        .expect("16 MiB of addresses")
}

fn names(heap: &SharedHeap) -> Vec<String> {
    heap.accounts().into_iter().map(|account| account.name).collect()
}

/// Opens and ends accounts, so that every number that is free comes up.
fn turn_over(heap: &SharedHeap) {
    let next: Vec<Account> =
        (0..20).map(|_| heap.account("next", u64::MAX).expect("a number")).collect();
    drop(next);
}

#[test]
fn a_forgotten_handle_of_a_closed_account_reads_on_and_the_report_names_it() {
    let heap = heap();
    let account = heap.account("tenant", 1 << 20).unwrap();
    let bytes: Vec<u8> = (0..100_000_u32).map(|index| index.to_le_bytes()[1]).collect();
    let lost: &'static SharedData =
        Box::leak(Box::new(account.with_tag("lost").copy_from(&bytes).unwrap()));
    let other = account.with_tag("other").copy_from(&[1; 64]).unwrap();
    let capacity_bytes = lost.pinned_bytes();
    assert_eq!(account.clone().close(), capacity_bytes + 64);
    assert_eq!(account.copy_from(b"more").unwrap_err().limit, Limit::Closed);
    drop((account, other));
    heap.steal(u64::MAX);
    turn_over(&heap);
    let rows = heap.quarantine();
    assert_eq!(rows.len(), 1);
    assert_eq!((rows[0].account.as_str(), rows[0].tag), ("tenant", "lost"));
    assert_eq!((rows[0].blocks, rows[0].pinned_bytes), (1, capacity_bytes));
    assert!(*lost == bytes[..]);
    heap.validate();
}

#[test]
fn two_accounts_that_share_a_mebibyte_show_one_each_and_the_heap_one() {
    let heap = heap();
    let [first, second] = ["first", "second"].map(|name| heap.account(name, u64::MAX).unwrap());
    let data = first.copy_from(&vec![7; 1 << 20]).unwrap();
    let shared = data.share_with(&second).unwrap();
    assert_eq!((first.charged_bytes(), second.charged_bytes()), (1 << 20, 1 << 20));
    assert_eq!(heap.gauges().used_bytes, 1 << 20);
    drop(data);
    assert_eq!(first.close(), 0);
    assert_eq!((second.charged_bytes(), heap.gauges().used_bytes), (1 << 20, 1 << 20));
    assert!(heap.quarantine().is_empty());
    drop(shared);
    assert_eq!((second.charged_bytes(), heap.gauges().used_bytes), (0, 0));
    heap.validate();
}

#[test]
fn a_number_is_another_s_only_when_nothing_is_left_of_its_account() {
    let heap = heap();
    let keeper = heap.default_account();
    let kept = keeper.copy_from(b"kept by another").unwrap();
    let account = heap.account("leaving", u64::MAX).unwrap();
    let held = kept.share_with(&account).unwrap();
    let room = account.reserve(64).unwrap();
    drop(account);
    turn_over(&heap);
    assert!(names(&heap).contains(&"leaving".to_owned()), "it holds, and has a room");
    drop(held);
    turn_over(&heap);
    assert!(names(&heap).contains(&"leaving".to_owned()), "it has a room");
    let (soft, weak) = {
        let held = kept.share_with(room.account()).unwrap();
        (held.soft(), held.weak())
    };
    drop(room);
    turn_over(&heap);
    // Whoever is upgraded now is still charged to it, and to nobody else.
    for reference in [&|| soft.upgrade(), &|| weak.upgrade()] as [&dyn Fn() -> _; 2] {
        let found: SharedData = reference().expect("another holds it");
        let charged: Vec<_> =
            heap.accounts().into_iter().filter(|row| row.charged_bytes > 0).collect();
        let charged: Vec<&str> = charged.iter().map(|row| row.name.as_str()).collect();
        assert_eq!(charged, ["default", "leaving"]);
        drop(found);
    }
    drop(soft);
    turn_over(&heap);
    assert!(names(&heap).contains(&"leaving".to_owned()), "it has a weak reference");
    let again = weak.clone();
    drop(weak);
    turn_over(&heap);
    assert!(names(&heap).contains(&"leaving".to_owned()), "it has a weak reference");
    drop(again);
    turn_over(&heap);
    assert!(!names(&heap).contains(&"leaving".to_owned()), "nothing is left");
    heap.validate();
}

#[test]
fn a_closed_account_keeps_what_it_has_and_gets_nothing_by_any_way() {
    let heap = heap();
    let account = heap.account("closed", u64::MAX).unwrap();
    let other = heap.account("other", u64::MAX).unwrap();
    let (held, soft) = {
        let data = account.copy_from(b"soft").unwrap();
        (account.copy_from(b"held").unwrap(), data.soft())
    };
    let handle = account.clone();
    assert_eq!(account.close(), 64);
    let full = Lost::Full { limit: Limit::Closed, room_bytes: 0 };
    assert_eq!(soft.try_upgrade(), Err(full));
    let offered = other.copy_from(b"offered").unwrap();
    assert_eq!(offered.share_with(&handle).unwrap_err().limit, Limit::Closed);
    let offered = offered.transfer_to(&handle).unwrap_err();
    assert_eq!((offered.limit, offered.value.to_vec()), (Limit::Closed, b"offered".to_vec()));
    assert_eq!(handle.reserve(1).unwrap_err().limit, Limit::Closed);
    handle.set_limit_bytes(u64::MAX);
    assert_eq!(handle.buf(1).unwrap_err().limit, Limit::Closed);
    // What it holds already it may hold once more.
    let again = held.share_with(&handle).unwrap();
    assert_eq!((handle.charged_bytes(), again.to_vec()), (64, b"held".to_vec()));
    drop((held, again));
    assert_eq!(handle.charged_bytes(), 0);
    heap.validate();
}
