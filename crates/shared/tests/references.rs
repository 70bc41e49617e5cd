//! The three rules of a block's lifetime, as a user of the crate sees them.

use levada_shared::{Account, Lost, Options, SharedData, SharedHeap, SoftRef};

fn heap_of(slabs: u64) -> SharedHeap {
    SharedHeap::new(Options { bytes_max: slabs << 21, ..Options::default() })
        .expect("a few addresses")
}

fn filled(account: &Account, length: usize, fill: u8) -> SharedData {
    let mut buf = account.kept_buf(length).expect("room");
    buf.write(&vec![fill; length]).expect("it has that room");
    buf.freeze()
}

fn is_filled(data: &SharedData, fill: u8) -> bool {
    data.pieces().flatten().all(|byte| *byte == fill)
}

fn low(index: usize) -> u8 {
    index.to_le_bytes()[0]
}

#[test]
fn what_is_held_survives_any_pressure_with_its_bytes_intact() {
    let heap = heap_of(8);
    let account = heap.default_account();
    let held: Vec<SharedData> = (0..100).map(|fill| filled(&account, 5000, fill)).collect();
    let soft: Vec<SoftRef> = held.iter().map(SharedData::soft).collect();
    assert_eq!(heap.steal(u64::MAX).blocks, 0);
    heap.validate();
    for ((fill, data), soft) in (0..).zip(&held).zip(&soft) {
        assert!(is_filled(data, fill) && soft.upgrade().unwrap() == *data);
    }
    assert_eq!(heap.gauges().soft_bytes, 0);
}

#[test]
fn without_soft_references_the_last_holder_frees_in_the_same_call_though_weak_ones_exist() {
    let heap = heap_of(8);
    let account = heap.default_account();
    let data = filled(&account, 5000, 1);
    let weak = data.weak();
    assert!(weak.upgrade().unwrap() == data);
    assert_eq!(heap.gauges().used_bytes, 8192);
    drop(data);
    assert_eq!((heap.gauges().used_bytes, account.charged_bytes()), (0, 0));
    assert_eq!((weak.try_upgrade().unwrap_err(), weak.is_alive()), (Lost::Gone, false));
    assert_eq!(heap.gauges().lines_nameless, 1);
    heap.validate();
    // The room is another's at once, and the reference does not find that one.
    let next = filled(&account, 5000, 2);
    assert_eq!(weak.upgrade(), None);
    drop((weak, next));
    heap.validate();
    assert_eq!((heap.gauges().used_bytes, heap.gauges().lines_nameless), (0, 0));
}

#[test]
fn what_is_only_softly_kept_is_all_there_without_pressure_and_goes_under_it() {
    let heap = heap_of(16);
    let account = heap.default_account();
    let soft: Vec<SoftRef> =
        (0..1000).map(|index| filled(&account, 8000, low(index)).soft()).collect();
    assert_eq!((account.charged_bytes(), heap.gauges().soft_bytes), (0, 1000 * 8192));
    heap.validate();
    for round in 0..20 {
        for (index, soft) in soft.iter().enumerate() {
            assert!(is_filled(&soft.upgrade().unwrap(), low(index)), "{round}");
        }
    }
    heap.validate();
    let relief = heap.steal(300 * 8192);
    assert!(relief.blocks >= 300, "{relief:?}");
    let lost = soft.iter().filter(|soft| soft.upgrade().is_none()).count();
    assert_eq!(lost as u64, relief.blocks);
    assert!(
        lost < 1000
            && soft
                .iter()
                .all(|soft| soft.upgrade().is_some() || soft.try_upgrade() == Err(Lost::Gone))
    );
    heap.validate();
    drop(soft);
    heap.validate();
    assert_eq!(heap.gauges().used_bytes, 0);
}

#[test]
fn an_allocation_never_fails_while_soft_bytes_exist() {
    for (kept, wanted) in
        [(4000, 4000), (100, 300_000), (60_000, 64), (20_000, 5 << 20), (100_000, 4000)]
    {
        let heap = heap_of(4);
        let account = heap.default_account();
        let mut soft = Vec::new();
        for _ in 0..100_000 {
            soft.push(filled(&account, kept, 7).soft());
            if heap.gauges().stolen_bytes > 0 {
                break;
            }
        }
        let mut held = Vec::new();
        while let Ok(buf) = account.buf(wanted) {
            held.push(buf);
        }
        assert_eq!(heap.gauges().soft_bytes, 0, "{kept} kept, {wanted} wanted, {} got", held.len());
        assert!(!held.is_empty());
        heap.validate();
    }
}

#[test]
fn what_was_used_outlives_what_was_not() {
    let heap = heap_of(8);
    let account = heap.default_account();
    let soft: Vec<SoftRef> = (0..200).map(|fill| filled(&account, 4096, fill).soft()).collect();
    for soft in soft.iter().step_by(2) {
        drop(soft.upgrade());
    }
    // One strong block in the slab, so that it cannot be emptied whole.
    let _held = filled(&account, 4096, 1);
    let relief = heap.steal(100 * 4096);
    assert_eq!(relief.blocks, 100 / 32 * 32 + 32);
    let survivors = soft.iter().step_by(2).filter(|soft| soft.upgrade().is_some()).count();
    assert!(survivors >= 72, "{survivors} of 100");
}

#[test]
fn after_retire_nobody_new_holds_it_and_who_does_reads_on() {
    let heap = heap_of(8);
    let account = heap.default_account();
    let data = filled(&account, 5000, 3);
    let (soft, weak) = (data.soft(), data.weak());
    data.retire();
    assert_eq!((soft.try_upgrade(), weak.try_upgrade()), (Err(Lost::Retired), Err(Lost::Retired)));
    assert!(is_filled(&data.clone(), 3) && data.is_retired());
    drop(data);
    assert_eq!(heap.gauges().used_bytes, 0);
    heap.validate();
    let other = filled(&account, 5000, 4);
    let soft = other.soft();
    drop(other);
    assert_eq!(heap.gauges().soft_bytes, 8192);
    soft.retire();
    assert_eq!((heap.gauges().soft_bytes, heap.gauges().used_bytes), (0, 0));
    drop((soft, weak));
    heap.validate();
}
