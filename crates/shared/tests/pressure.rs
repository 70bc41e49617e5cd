//! Pressure: what only soft references keep gives way as the machine runs short, and grows back slowly.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use levada_pages::{Pressure, PressureScript, ScriptedPressure};
use levada_shared::{Account, Options, SharedData, SharedHeap, SoftRef};

struct Rig {
    heap: SharedHeap,
    account: Account,
    script: PressureScript,
    looks: u64,
}

impl Rig {
    fn new(slabs: u64) -> Self {
        let (source, script) = ScriptedPressure::new();
        let options = Options { bytes_max: slabs << 21, ..Options::default() };
        let heap = SharedHeap::with_pressure(options, Box::new(source)).expect("some MiB");
        Self { account: heap.default_account(), heap, script, looks: 0 }
    }

    fn filled(&self, length: usize, fill: u8) -> SharedData {
        let mut buf = self.account.kept_buf(length).expect("room");
        buf.write(&vec![fill; length]).expect("room");
        buf.freeze()
    }

    fn soft(&self, count: usize, length: usize) -> Vec<SoftRef> {
        (0..count).map(|_| self.filled(length, 9).soft()).collect()
    }

    /// Lets the heap look, a tenth of a second after the last time, with this to be seen.
    fn look(&mut self, pressure: Pressure) -> levada_shared::Relief {
        self.script.say(pressure);
        self.looks += 1;
        self.heap.poll_pressure(Duration::from_millis(100 * self.looks))
    }

    fn soft_bytes(&self) -> u64 {
        self.heap.gauges().soft_bytes
    }

    fn ceiling_bytes(&self) -> u64 {
        self.heap.gauges().soft_ceiling_bytes
    }
}

fn fill_of(number: usize) -> u8 {
    u8::try_from(number % 256).expect("a byte")
}

#[test]
fn the_ceiling_falls_by_the_table_and_the_pool_with_it() {
    let mut rig = Rig::new(64);
    let _soft = rig.soft(4096, 8192);
    let all = 4096 * 8192;
    assert_eq!((rig.soft_bytes(), rig.ceiling_bytes()), (all, u64::MAX));
    assert_eq!(rig.look(Pressure::Unchanged).blocks, 0);
    assert_eq!((rig.look(Pressure::Quiet).blocks, rig.ceiling_bytes()), (0, u64::MAX));
    assert_eq!((rig.look(Pressure::Tight).blocks, rig.ceiling_bytes()), (0, all));
    let low = rig.look(Pressure::Low);
    assert_eq!(rig.ceiling_bytes(), all / 8 * 7);
    assert!(rig.soft_bytes() <= all / 8 * 7 && low.bytes == all - rig.soft_bytes(), "{low:?}");
    let before = rig.soft_bytes();
    let critical = rig.look(Pressure::Critical);
    assert_eq!(rig.ceiling_bytes(), before / 2);
    assert!(rig.soft_bytes() <= before / 2 && critical.slabs_returned > 0, "{critical:?}");
    rig.heap.validate();
    // What was got back is with the machine: no more is committed than is used, but for the slabs of each life.
    let gauges = rig.heap.gauges();
    assert!(gauges.committed_bytes <= gauges.used_bytes + (8 << 20), "{gauges:?}");
    assert_eq!(gauges.stolen_bytes, all - rig.soft_bytes());
    assert!(gauges.steals_for_pressure > 0 && gauges.steals_for_allocation == 0);
}

#[test]
fn after_quiet_windows_it_grows_back_by_a_twentieth_each() {
    let mut rig = Rig::new(64);
    let mut soft = rig.soft(2560, 8192);
    rig.look(Pressure::Critical);
    let ceiling = rig.ceiling_bytes();
    // While the ceiling holds, new ones take the place of old ones.
    let committed_bytes = rig.heap.gauges().committed_bytes;
    soft.extend(rig.soft(2560, 8192));
    let grown_bytes = rig.heap.gauges().committed_bytes - committed_bytes;
    assert!(grown_bytes <= 4 << 20, "{grown_bytes} for what should have taken old room");
    rig.look(Pressure::Unchanged);
    assert!(rig.soft_bytes() <= ceiling, "{} above {ceiling}", rig.soft_bytes());
    rig.look(Pressure::Quiet);
    assert_eq!(rig.ceiling_bytes(), ceiling + (2 << 20), "at least a slab");
    let mut windows = 0;
    while rig.ceiling_bytes() != u64::MAX {
        let before = rig.ceiling_bytes();
        rig.look(Pressure::Quiet);
        let after = rig.ceiling_bytes();
        assert!(after == u64::MAX || after - before == (before / 20).max(2 << 20));
        windows += 1;
    }
    assert!(windows > 20, "{windows}");
    let before = rig.soft_bytes();
    soft.extend(rig.soft(512, 8192));
    assert_eq!(rig.soft_bytes(), before + 512 * 8192);
    rig.heap.validate();
}

#[test]
fn what_is_held_is_not_touched_and_counts_as_nobody_s_to_give() {
    let mut rig = Rig::new(64);
    let held: Vec<SharedData> = (0..200).map(|fill| rig.filled(30_000, fill)).collect();
    let _also_soft: Vec<SoftRef> = held.iter().map(SharedData::soft).collect();
    for _ in 0..5 {
        assert_eq!(rig.look(Pressure::Critical).blocks, 0);
    }
    for (fill, data) in (0..).zip(&held) {
        assert!(data.pieces().flatten().all(|byte| *byte == fill));
    }
}

#[test]
fn what_a_reader_holds_stays_intact_while_everything_else_is_stolen_again_and_again() {
    let rig = Rig::new(16);
    let soft: Arc<Vec<SoftRef>> =
        Arc::new((0..400).map(|number| rig.filled(20_000, fill_of(number)).soft()).collect());
    let is_over = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..2)
        .map(|reader| {
            let (soft, is_over) = (Arc::clone(&soft), Arc::clone(&is_over));
            std::thread::spawn(move || {
                let (mut number, mut read) = (reader, 0_u64);
                while !is_over.load(Ordering::Relaxed) {
                    number = (number * 31 + 7) % 400;
                    let Some(data) = soft[number].upgrade() else { continue };
                    read += 1;
                    assert!(data.pieces().flatten().all(|byte| *byte == fill_of(number)));
                }
                read
            })
        })
        .collect();
    for _ in 0..50 {
        rig.heap.steal(160_000);
        // What is stolen is written over at once.
        let _noise = rig.filled(20_000, 0xAA);
        std::thread::park_timeout(Duration::from_millis(2));
    }
    is_over.store(true, Ordering::Relaxed);
    let read: u64 = readers.into_iter().map(|reader| reader.join().unwrap()).sum();
    assert!(read > 0);
    rig.heap.validate();
    assert!(rig.heap.gauges().steals_for_pressure > 100);
}

#[test]
fn above_the_watermark_soft_slabs_are_given_up_before_others_need_them() {
    let mut rig = Rig::new(40);
    let _soft = rig.soft(9_000, 8192); // 71 MiB of 80
    let mut held = Vec::new();
    while rig.heap.gauges().slab_bytes < 77 << 20 {
        held.push(rig.account.buf(60_000).unwrap());
    }
    rig.look(Pressure::Unchanged);
    let gauges = rig.heap.gauges();
    assert!(gauges.slab_bytes <= 72 << 20, "{gauges:?}");
    assert!(gauges.steals_for_watermark > 0 && gauges.soft_ceiling_bytes == u64::MAX);
    rig.heap.validate();
}

#[test]
fn whole_files_of_memory_go_back_too() {
    let mut rig = Rig::new(64);
    let _soft = rig.soft(300, 100_000); // laid in the heap's file, where there is one
    let before = rig.soft_bytes();
    for _ in 0..4 {
        rig.look(Pressure::Critical);
    }
    assert!(rig.soft_bytes() <= before / 16 + 102_400);
    assert!(rig.heap.gauges().committed_bytes <= rig.heap.gauges().used_bytes + (8 << 20));
    rig.heap.validate();
}
