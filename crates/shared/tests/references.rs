//! The three rules of a block's lifetime, as a user of the crate sees them.

use levada_shared::{Account, Lost, Options, SharedData, SharedHeap, SoftRef};

fn heap_of(slabs: u64) -> SharedHeap {
    SharedHeap::new(Options { bytes_max: slabs << 21, ..Options::default() }).expect("a few MiB")
}

fn filled(account: &Account, length: usize, fill: u8) -> SharedData {
    let mut buf = account.kept_buf(length).expect("room");
    buf.write(&vec![fill; length]).expect("room");
    buf.freeze()
}

fn fill_of(number: usize) -> u8 {
    u8::try_from(number % 256).expect("a byte")
}

fn is_filled(data: &SharedData, fill: u8) -> bool {
    data.pieces().flatten().all(|byte| *byte == fill)
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
        (0..1000).map(|number| filled(&account, 8000, fill_of(number)).soft()).collect();
    assert_eq!((account.charged_bytes(), heap.gauges().soft_bytes), (0, 1000 * 8192));
    heap.validate();
    for round in 0..20 {
        for (number, soft) in soft.iter().enumerate() {
            assert!(is_filled(&soft.upgrade().unwrap(), fill_of(number)), "{round}");
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
fn an_allocation_of_another_kind_costs_one_slab_of_what_is_kept_and_no_more() {
    let heap = heap_of(8);
    let account = heap.default_account();
    let soft: Vec<SoftRef> = (0..2000).map(|_| filled(&account, 8192, 1).soft()).collect();
    assert!(heap.gauges().stolen_bytes > 0, "the heap is full of it");
    let before = heap.gauges().soft_bytes;
    let brief = account.buf(100).unwrap();
    assert!(before - heap.gauges().soft_bytes <= 2 << 20, "{}", before - heap.gauges().soft_bytes);
    drop((brief, soft));
    heap.validate();
}

#[test]
fn even_what_does_not_help_is_stolen_before_an_allocation_fails() {
    let heap = heap_of(8);
    let account = heap.default_account();
    // In every slab something is held, so that none can be emptied, and no soft block has the wanted length.
    let (mut held, mut soft) = (Vec::new(), Vec::new());
    while heap.gauges().slab_bytes < 12 << 20 {
        held.push(filled(&account, 4096, 1));
        soft.push(filled(&account, 4096, 2).soft());
    }
    while let Ok(mut buf) = account.kept_buf(20_000) {
        buf.write(b"held").unwrap();
        held.push(buf.freeze());
    }
    assert_eq!(heap.gauges().soft_bytes, 0);
    heap.validate();
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

#[test]
#[cfg_attr(miri, ignore = "10^6 upgrades take the interpreter hours")]
fn a_million_soft_upgrades_without_pressure_all_succeed() {
    let heap = heap_of(16);
    let account = heap.default_account();
    let soft: Vec<SoftRef> =
        (0..1000).map(|number| filled(&account, 64, fill_of(number)).soft()).collect();
    for round in 0..1000 {
        for (number, soft) in soft.iter().enumerate() {
            let found = soft.upgrade().expect("nothing is short");
            assert_eq!(found.longest_at(0)[0], fill_of(number), "{round}");
        }
    }
    heap.validate();
    assert_eq!((heap.gauges().soft_bytes, account.charged_bytes()), (1000 * 64, 0));
    assert_eq!(heap.gauges().stolen_bytes, 0);
}
