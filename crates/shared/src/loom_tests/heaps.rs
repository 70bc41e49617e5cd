//! A whole heap: its lines are free once, and it stays for who still needs it.

use loom::thread;

use crate::heap::SharedHeap;
use crate::memory::home::set_home_arena;
use crate::options::Options;
use crate::values::data::SharedData;

/// A whole heap, whose home arena for all threads is the first: loom's threads share it.
fn heap_of(arenas: usize) -> SharedHeap {
    set_home_arena(0);
    let bytes_max = arenas as u64 * (8 << 20);
    SharedHeap::new(Options { bytes_max, arenas, ..Options::default() }).expect("a few addresses")
}

/// Nothing is out, and no line was given back twice: those of the next blocks are all different.
fn is_empty(heap: &SharedHeap) {
    heap.validate();
    let gauges = heap.gauges();
    assert_eq!((gauges.used_blocks, gauges.lines_nameless, gauges.soft_blocks), (0, 0, 0));
    let account = heap.default_account();
    let bufs: Vec<_> = (0..3).map(|_| account.buf(64).expect("room")).collect();
    heap.validate();
    drop(bufs);
    heap.validate();
}

#[test]
fn lines_are_free_once_when_the_last_weak_reference_goes_as_the_bytes_do() {
    loom::model(|| {
        let heap = heap_of(1);
        let data = heap.default_account().copy_from(b"known").unwrap();
        let weak = data.weak();
        let thread = thread::spawn(move || drop(weak));
        drop(data);
        thread.join().unwrap();
        is_empty(&heap);
    });
}

#[test]
fn lines_are_free_once_when_the_last_two_weak_references_go_after_the_bytes() {
    loom::model(|| {
        let heap = heap_of(1);
        let data = heap.default_account().copy_from(b"known").unwrap();
        let (weak, other) = (data.weak(), data.weak());
        drop(data);
        assert_eq!(heap.gauges().lines_nameless, 1);
        let thread = thread::spawn(move || drop(weak));
        drop(other);
        thread.join().unwrap();
        is_empty(&heap);
    });
}

#[test]
fn lines_are_free_once_when_the_last_soft_reference_goes_as_the_block_is_stolen() {
    loom::model(|| {
        let heap = heap_of(1);
        let soft = heap.default_account().copy_from(b"soft").unwrap().soft();
        let thread = thread::spawn(move || drop(soft));
        heap.steal(u64::MAX);
        thread.join().unwrap();
        is_empty(&heap);
    });
}

#[test]
fn a_heap_stays_for_who_takes_a_block_without_a_handle_of_it() {
    loom::model(|| {
        let heap = heap_of(2);
        set_home_arena(1);
        let data = heap.default_account().copy_from(b"kept").unwrap();
        set_home_arena(0);
        // A copy in the first arena, then the block in the second goes.
        let thread = thread::spawn(move || data.compact_if(0).unwrap());
        drop(heap);
        let copy: SharedData = thread.join().unwrap();
        assert_eq!(copy.to_vec(), b"kept");
    });
}
