//! What a user of the heap relies on, by example.

use std::collections::BTreeMap;

use levada_shared::{Options, SharedData, SharedHeap};

fn heap() -> SharedHeap {
    SharedHeap::new(Options { bytes_max: 64 << 20, arenas: 2, ..Options::default() })
        .expect("64 MiB of addresses")
}

#[test]
fn each_of_two_accounts_pays_for_what_both_hold() {
    let heap = heap();
    let [first, second] = &["first", "second"].map(|name| heap.account(name, u64::MAX).unwrap());
    let data = first.copy_from(&[7; 1 << 20]).unwrap();
    let shared = data.share_with(second).unwrap();
    assert_eq!([first.charged_bytes(), second.charged_bytes()], [1 << 20; 2]);
    assert_eq!(heap.gauges().used_bytes, 1 << 20);
    drop(data);
    assert_eq!([first.charged_bytes(), second.charged_bytes()], [0, 1 << 20]);
    let back = shared.transfer_to(first).unwrap();
    assert_eq!([first.charged_bytes(), second.charged_bytes()], [1 << 20, 0]);
    assert_eq!(back.len(), 1 << 20);
}

#[test]
fn a_thousand_pieces_are_one_value_and_one_more_comes_back() {
    let heap = heap();
    let account = heap.default_account();
    let mut data = SharedData::new();
    let mut model = BTreeMap::new();
    for index in 0..1024_u64 {
        let piece = account.copy_from(&index.to_le_bytes()).unwrap();
        model.insert(index, piece.clone());
        data.append(piece).unwrap();
    }
    let full = data.append(model[&3].clone()).unwrap_err();
    assert_eq!((full.room_bytes, full.value.to_vec()), (0, 3_u64.to_le_bytes().to_vec()));
    drop(full);
    let full = data.prepend(model[&3].clone()).unwrap_err();
    assert_eq!((full.room_bytes, full.value.to_vec()), (0, 3_u64.to_le_bytes().to_vec()));
    assert_eq!((data.piece_count(), data.len()), (1024, 8192));
    let part = data.slice(7 * 8 + 3..900 * 8 + 1).unwrap();
    assert_eq!(part.to_vec(), data.to_vec()[7 * 8 + 3..900 * 8 + 1]);
    assert_eq!(data.read::<[u8; 24]>(4).unwrap()[..4], data.to_vec()[4..8]);
    assert_eq!(data.view::<u64>(16), Some(&2));
    assert_eq!(data.view::<u64>(17), None);
    // What is sliced of it shares its list, and so keeps all; what is no longer than three pieces does not.
    drop((data, model, full));
    let charged = account.charged_bytes();
    assert_eq!((charged, part.pinned_bytes()), (1024 * 64, 1024 * 64));
    let own = part.slice(..20).unwrap();
    drop(part);
    assert_eq!((account.charged_bytes(), own.pinned_bytes()), (3 * 64, 3 * 64));
}

#[test]
#[cfg_attr(miri, ignore = "thousands of blocks take the interpreter hours")]
fn a_heap_that_is_full_says_so_and_gives_room_again() {
    let heap =
        SharedHeap::new(Options { bytes_max: 8 << 20, arenas: 1, ..Options::default() }).unwrap();
    let account = heap.account("all", u64::MAX).unwrap();
    let mut bufs = Vec::new();
    let full = loop {
        match account.buf(4096) {
            Ok(buf) => bufs.push(buf),
            Err(full) => break full,
        }
    };
    assert_eq!((bufs.len(), full.limit), (2048, levada_shared::Limit::Heap));
    assert!(account.buf(3 << 20).is_err());
    bufs.clear();
    heap.validate();
    // What one class held serves another class, and runs.
    let large = account.buf(7 << 20).unwrap();
    assert_eq!(large.capacity(), 7 << 20);
    drop(large);
    let small: Vec<_> = (0..1000).map(|_| account.kept_buf(64).unwrap()).collect();
    drop(small);
    heap.validate();
    assert_eq!(account.charged_bytes(), 0);
}

#[test]
fn blocks_dropped_on_other_threads_come_home_and_outlive_their_heap() {
    let heap =
        SharedHeap::new(Options { bytes_max: 16 << 20, arenas: 2, ..Options::default() }).unwrap();
    let account = heap.account("sender", u64::MAX).unwrap();
    let rounds = if cfg!(miri) { 3 } else { 200 };
    std::thread::scope(|scope| {
        let (sender, receiver) = std::sync::mpsc::sync_channel::<(SharedData, u8)>(64);
        scope.spawn(move || {
            levada_shared::set_home_arena(1);
            for (data, byte) in receiver {
                assert!(data.pieces().flatten().all(|found| *found == byte));
            }
        });
        levada_shared::set_home_arena(0);
        for byte in (0..=250).cycle().take(rounds) {
            for bytes in [64_usize, 4096, 20_000] {
                sender.send((account.copy_from(&vec![byte; bytes]).unwrap(), byte)).unwrap();
            }
        }
    });
    heap.validate();
    assert_eq!((account.charged_bytes(), heap.gauges().used_blocks), (0, 0));
    let orphan = account.copy_from(b"still here").unwrap();
    drop((heap, account));
    assert_eq!(orphan.clone().to_vec(), b"still here");
}
