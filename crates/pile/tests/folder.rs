//! What a pile that is kept in a folder promises, through the face.

use std::fs::{self, DirEntry, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use levada_pile::{
    Budget, Clock, Cursor, FolderError, FolderFault, Form, Full, Gauges, Gone, Keeper, KeptRecord,
    Kind, Life, OpenError, Pile, Pointer, Raw, Stamp, Text, Verdict, Why,
};

fn kept(folder: &Path) -> Pile {
    mount(folder, 256 << 20).expect("it can be opened")
}

fn mount(folder: &Path, limit_bytes: u64) -> Result<Pile, OpenError> {
    Pile::builder("kept").limit_bytes(limit_bytes).segments_max(64).folder(folder).build()
}

fn fault(folder: &Path) -> FolderFault {
    match mount(folder, 256 << 20) {
        Err(OpenError::Folder(FolderError { fault, .. })) => fault,
        other => unreachable!("{other:?}"),
    }
}

fn pattern(length: usize, seed: u64) -> Vec<u8> {
    (0..length as u64)
        .map(|at| {
            let mixed = (at ^ seed << 20).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            b'a' + mixed.to_be_bytes()[0] % 26
        })
        .collect()
}

/// Nothing is left of any record.
fn is_empty(gauges: &Gauges) -> bool {
    gauges.records == 0 && gauges.forwards == 0 && gauges.spans.is_empty()
}

/// Looks through all that was inherited, and lets what was freed come back. Guards of other tests may be in the way of that
/// for a while, but not for ever.
fn settle(pile: &Pile, is_done: impl Fn(&Gauges) -> bool) {
    for _ in 0..100_000 {
        pile.tend(Budget::unbounded());
        let gauges = pile.gauges();
        if gauges.inherited_spans == 0 && gauges.limbo_slots == 0 && is_done(&gauges) {
            break;
        }
        std::thread::yield_now();
    }
    pile.validate();
}

fn scanned(pile: &Pile) -> Vec<Pointer> {
    let (mut found, mut next) = (Vec::new(), Some(Cursor::START));
    while let Some(from) = next {
        next = pile.scan(from, 1000, &mut |at, _seen| found.push(at));
    }
    found
}

const LENGTHS: [usize; 13] =
    [0, 1, 40, 100, 1000, 5000, 13_000, 13_097, 20_000, 65_536, 65_537, 300_000, 3 << 20];

#[test]
fn every_kind_of_record_is_there_again_behind_the_same_pointer() {
    let folder = tempfile::tempdir().unwrap();
    let mut records = Vec::new();
    let pile = kept(folder.path());
    for (seed, length) in (0..).zip(LENGTHS) {
        let bytes = pattern(length, seed);
        let text = std::str::from_utf8(&bytes).unwrap();
        records.push((pile.put(&bytes, Life::FOREVER).unwrap(), bytes.clone()));
        records.push((pile.put(&bytes, Life::secs(1000)).unwrap(), bytes.clone()));
        records.push((pile.put_str(text, Life::FOREVER).unwrap(), bytes.clone()));
        records.push((pile.put_cell(&bytes, Life::FOREVER).unwrap(), bytes.clone()));
        records.push((pile.put_cell(&bytes, Life::secs(1000)).unwrap(), bytes.clone()));
        if length <= 1 << 20 {
            let roomy = pile.put_roomy(&bytes, length, Life::FOREVER).unwrap();
            records.push((roomy, bytes.clone()));
        }
        let forwarded = pile.put(b"short", Life::FOREVER).unwrap();
        pile.update(forwarded, &bytes).unwrap();
        records.push((forwarded, bytes.clone()));
        let mut reserved = pile.reserve(length, Kind::Bytes, Life::FOREVER).unwrap();
        reserved.write(&bytes).unwrap();
        records.push((reserved.commit(length).unwrap(), bytes));
    }
    let before = pile.gauges();
    let mut pile = Some(pile);
    for _ in 0..3 {
        drop(pile.take());
        let mounted = kept(folder.path());
        let guard = mounted.pin();
        for (at, bytes) in &records {
            assert!(guard.get(*at).unwrap() == bytes, "{at:?} of {} bytes", bytes.len());
        }
        drop(guard);
        assert_eq!(scanned(&mounted).len(), records.len());
        settle(&mounted, |_| true);
        let now = mounted.gauges();
        assert_eq!((now.records, now.used_bytes), (before.records, before.used_bytes));
        assert_eq!((now.forwards, now.limbo_slots), (before.forwards, 0));
        pile = Some(mounted);
    }
    let pile = pile.unwrap();
    for (at, bytes) in &mut records {
        *bytes = pattern(bytes.len() / 2 + 1, 99);
        pile.update(*at, bytes).unwrap();
    }
    for (at, bytes) in &records {
        assert!(pile.pin().get(*at).unwrap() == bytes);
        pile.delete(*at).unwrap();
    }
    settle(&pile, is_empty);
    let now = pile.gauges();
    assert_eq!((now.records, now.used_bytes, now.forwards), (0, 0, 0));
    assert_eq!(now.spans, [], "no span is in use");
}

#[test]
fn a_deleted_pointer_stays_stale_and_generations_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut dead: Vec<Pointer> = Vec::new();
    for round in 0..20_u64 {
        let pile = kept(folder.path());
        let guard = pile.pin();
        assert!(dead.iter().all(|&at| guard.get(at) == Err(Gone::Stale)), "in round {round}");
        drop(guard);
        let put = |length| pile.put(&pattern(length, round), Life::FOREVER).unwrap();
        let more: Vec<_> = [16, 16, 1000, 20_000, 100_000].map(put).to_vec();
        assert!(more.iter().all(|at| !dead.contains(at)));
        for &at in &more {
            pile.delete(at).unwrap();
        }
        dead.extend(more);
        if round % 3 == 0 {
            settle(&pile, |_| true);
        }
    }
    let places: std::collections::HashSet<_> = dead.iter().map(|at| at.place()).collect();
    assert!(places.len() < dead.len(), "places were used again");
}

#[test]
fn values_are_updated_after_a_mount_before_and_after_their_spans_are_looked_through() {
    let folder = tempfile::tempdir().unwrap();
    let pile = kept(folder.path());
    let put: Vec<Pointer> = (0..300_u64)
        .map(|seed| match seed % 3 {
            0 => pile.put(&pattern(30, seed), Life::FOREVER).unwrap(),
            1 => pile.put_cell(&pattern(30, seed), Life::FOREVER).unwrap(),
            _ => pile.put_roomy(&pattern(30, seed), 64, Life::FOREVER).unwrap(),
        })
        .collect();
    drop(pile);
    for round in 1..6_usize {
        let pile = kept(folder.path());
        for (seed, &at) in (0..).zip(&put) {
            if round % 2 == 1 {
                // Nothing was looked through before the first of these.
                pile.update(at, &pattern(30 + round, seed)).unwrap();
                continue;
            }
            let (bytes, version) = {
                let guard = pile.pin();
                let (bytes, version) = guard.seen(at).unwrap();
                (bytes.to_vec(), version)
            };
            assert_eq!(bytes, pattern(29 + round, seed));
            let now = pile.compare_update(at, version, &pattern(30 + round, seed)).unwrap();
            assert!(pile.compare_update(at, version, b"too late").is_err());
            assert_eq!(pile.pin().seen(at).unwrap().1, now);
        }
        settle(&pile, |_| true);
        let now = pile.gauges();
        // The plain ones were updated elsewhere; a roomy one finds its other half free in each life.
        assert_eq!((now.records, now.forwards), (300, 100));
        let in_slots: u64 =
            scanned(&pile).iter().map(|&at| pile.size_of(at).unwrap().payload_bytes).sum();
        assert_eq!(in_slots, 300 * (30 + round as u64));
    }
    let pile = kept(folder.path());
    for at in put {
        pile.delete(at).unwrap();
    }
    settle(&pile, is_empty);
    let now = pile.gauges();
    assert_eq!((now.records, now.used_bytes, now.forwards, now.spans), (0, 0, 0, vec![]));
}

#[test]
fn a_mount_touches_no_page_of_a_segment() {
    let folder = tempfile::tempdir().unwrap();
    let pile = kept(folder.path());
    let put: Vec<_> =
        (0..20_000).map(|seed| pile.put(&pattern(1000, seed), Life::FOREVER).unwrap()).collect();
    drop(pile);
    let pile = kept(folder.path());
    let name = folder.path().join("segment-00000");
    assert_eq!(resident_kib(&name), 0, "after the mount");
    assert!(pile.pin().get(put[7000]).unwrap() == pattern(1000, 7000));
    assert!((1..1000).contains(&resident_kib(&name)), "after a get");
    let at = pile.put(b"at once", Life::FOREVER).unwrap();
    assert_eq!(pile.pin().get(at), Ok(&b"at once"[..]));
    assert!((1..2000).contains(&resident_kib(&name)), "after a put");
    assert!(pile.gauges().inherited_spans > 300);
}

/// How much of the mapping of a file this OS process has touched.
fn resident_kib(name: &Path) -> u64 {
    let maps = fs::read_to_string("/proc/self/smaps").expect("the kernel tells");
    let mut is_its = false;
    let mut kib = 0;
    for line in maps.lines() {
        if line.contains(" r") && line.contains('-') && line.contains(':') && !line.contains(" kB")
        {
            is_its = line.ends_with(name.to_str().expect("plain letters"));
        } else if let (true, Some(rest)) = (is_its, line.strip_prefix("Rss:")) {
            kib += rest.trim().trim_end_matches(" kB").parse::<u64>().expect("a number");
        }
    }
    kib
}

#[test]
fn a_folder_is_open_once() {
    let folder = tempfile::tempdir().unwrap();
    let pile = kept(folder.path());
    assert_eq!(fault(folder.path()), FolderFault::Mounted);
    let at = pile.put(b"x", Life::FOREVER).unwrap();
    let other = pile.clone();
    drop(pile);
    assert_eq!(fault(folder.path()), FolderFault::Mounted);
    drop(other);
    assert_eq!(kept(folder.path()).pin().get(at), Ok(&b"x"[..]));
}

#[test]
fn a_pile_has_a_number_of_its_own() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let id = kept(one.path()).folder_id().unwrap();
    assert_eq!(kept(one.path()).folder_id(), Some(id));
    assert_ne!(kept(other.path()).folder_id(), Some(id));
    assert_eq!(Pile::builder("memory").limit_bytes(1 << 20).build().unwrap().folder_id(), None);
}

#[test]
fn any_flipped_bit_of_the_super_block_and_any_file_cut_off_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let pile = kept(folder.path());
    let at = pile.put(&[7; 40], Life::FOREVER).unwrap();
    pile.update(at, &[8; 50]).unwrap();
    drop(pile);
    let block = folder.path().join("pile.super");
    let bytes = fs::read(&block).unwrap();
    let mut seed = 1_u64;
    for _ in 0..200 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let bit = usize::try_from(seed >> 33).unwrap() % (8 * bytes.len());
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        fs::write(&block, &flipped).unwrap();
        let error = mount(folder.path(), 256 << 20).unwrap_err();
        assert!(error.to_string().contains("pile.super"), "{error}");
    }
    fs::write(&block, &bytes).unwrap();
    for name in ["pile.super", "spans", "forward", "segment-00000"] {
        let path = folder.path().join(name);
        let whole = fs::metadata(&path).unwrap().len();
        for part in [0, whole / 2, whole - 1] {
            let copy = folder.path().join("copy");
            fs::rename(&path, &copy).unwrap();
            // A sparse copy of what is kept of it.
            fs::write(
                &path,
                &fs::read(&copy).unwrap()[..usize::try_from(part.min(1 << 20)).unwrap()],
            )
            .unwrap();
            OpenOptions::new().write(true).open(&path).unwrap().set_len(part).unwrap();
            let wanted = FolderFault::Truncated { bytes: part, wanted_bytes: whole };
            assert_eq!(fault(folder.path()), wanted, "{name}");
            fs::rename(&copy, &path).unwrap();
        }
    }
    assert_eq!(kept(folder.path()).pin().get(at), Ok(&[8; 50][..]));
}

#[test]
fn a_folder_that_cannot_be_written_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a file");
    fs::write(&file, b"").unwrap();
    let error = mount(&file, 1 << 20).unwrap_err();
    assert!(error.to_string().contains("a file"), "{error}");
}

#[test]
fn a_pile_of_more_segments_than_are_allowed_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let pile = mount(folder.path(), 2 << 30).unwrap();
    // Each has most of a segment, of which little is written.
    let put = [(); 3].map(|()| {
        let mut room = pile.reserve(200 << 20, Kind::Bytes, Life::FOREVER).unwrap();
        room.write(b"long").unwrap();
        room.commit(4).unwrap()
    });
    drop(pile);
    let refused =
        Pile::builder("kept").limit_bytes(2 << 30).segments_max(2).folder(folder.path()).build();
    let Err(OpenError::Folder(FolderError { fault, .. })) = refused else { unreachable!() };
    assert_eq!(fault, FolderFault::Segments { there_are: 3, most: 2 });
    let pile = mount(folder.path(), 2 << 30).unwrap();
    assert!(put.iter().all(|&at| pile.pin().get(at) == Ok(&b"long"[..])));
}

#[test]
fn the_limit_counts_what_the_files_take() {
    let folder = tempfile::tempdir().unwrap();
    for limit_bytes in [4 << 20, 100 << 20] {
        let pile = mount(folder.path(), limit_bytes).unwrap();
        let full = loop {
            if let Err(full) = pile.put(&[7; 5000], Life::FOREVER) {
                break full;
            }
        };
        assert!(matches!(full, Full::OutOfSpace { .. }));
        let backed_bytes = pile.gauges().backed_bytes;
        assert!(backed_bytes <= limit_bytes && backed_bytes > limit_bytes / 100 * 95);
        pile.flush().unwrap();
        let taken = taken_bytes(folder.path());
        assert!(taken <= backed_bytes + (256 << 10), "{taken} on the disk, {backed_bytes} counted");
        drop(pile);
        let pile = mount(folder.path(), limit_bytes).unwrap();
        let mounted_bytes = pile.gauges().backed_bytes;
        assert!(mounted_bytes <= backed_bytes, "{mounted_bytes} of {backed_bytes}");
        for at in scanned(&pile).into_iter().step_by(2) {
            pile.delete(at).unwrap();
        }
        let again =
            (0..).take_while(|_| pile.put(&[8; 5000], Life::FOREVER).is_ok()).count() as u64;
        assert!(again > limit_bytes / 5000 / 2 / 10 * 9, "{again}");
        for at in scanned(&pile) {
            pile.delete(at).unwrap();
        }
        settle(&pile, is_empty);
        let (left, taken) = (pile.gauges().backed_bytes, taken_bytes(folder.path()));
        assert!(
            left <= 4 << 20 && taken <= left + (256 << 10),
            "{taken} on the disk, {left} counted"
        );
    }
}

fn taken_bytes(folder: &Path) -> u64 {
    let blocks = |file: io::Result<DirEntry>| file.and_then(|file| Ok(file.metadata()?.blocks()));
    let files = fs::read_dir(folder).expect("it is there");
    files.map(|file| 512 * blocks(file).expect("it is there")).sum()
}

#[test]
fn a_pile_that_was_full_takes_again_what_is_free_in_spans_of_an_earlier_life() {
    let folder = tempfile::tempdir().unwrap();
    let pile = mount(folder.path(), 8 << 20).unwrap();
    let put: Vec<_> = (0..).map_while(|_| pile.put(&[7; 100], Life::FOREVER).ok()).collect();
    for at in put.iter().step_by(2) {
        pile.delete(*at).unwrap();
    }
    drop(pile);
    let pile = mount(folder.path(), 8 << 20).unwrap();
    let again = (0..).take_while(|_| pile.put(&[8; 100], Life::FOREVER).is_ok()).count();
    assert!(again.abs_diff(put.len() / 2) < 700, "{again} of {}", put.len());
    let guard = pile.pin();
    for (number, &at) in put.iter().enumerate() {
        let wanted = if number % 2 == 0 { Err(Gone::Stale) } else { Ok(&[7; 100][..]) };
        assert_eq!(guard.get(at), wanted);
    }
}

#[test]
fn a_life_goes_on_from_mount_to_mount_and_ends_on_the_second() {
    let folder = tempfile::tempdir().unwrap();
    let open = |now_ms: &Arc<AtomicU64>| {
        let clock = Clock::shared(Arc::clone(now_ms));
        let builder = Pile::builder("kept").limit_bytes(1 << 20).folder(folder.path());
        builder.clock(clock).build().unwrap()
    };
    let now_ms = Arc::new(AtomicU64::new(5_000_000));
    let pile = open(&now_ms);
    let at = pile.put(b"x", Life::secs(10_000)).unwrap();
    now_ms.fetch_add(6_000_000, Ordering::Relaxed);
    drop(pile);
    // The machine's own clock says that hardly a moment has passed; the pile's said more, and is not set back.
    let now_ms = Arc::new(AtomicU64::new(0));
    let pile = open(&now_ms);
    now_ms.store(3_999_000, Ordering::Relaxed);
    assert_eq!(pile.pin().get(at), Ok(&b"x"[..]));
    now_ms.store(4_002_000, Ordering::Relaxed);
    assert_eq!(pile.pin().get(at), Err(Gone::Expired));
    drop(pile);
    assert_eq!(open(&now_ms).pin().get(at), Err(Gone::Expired));
}

#[test]
fn a_purge_after_a_mount_ends_what_nobody_has_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let pile = kept(folder.path());
    let put: Vec<_> = (0..1000)
        .map(|seed| pile.put_cell(&pattern(100 + 20 * seed, 1), Life::FOREVER).unwrap())
        .collect();
    for &at in &put {
        pile.update(at, b"other").unwrap();
    }
    drop(pile);
    let pile = kept(folder.path());
    let _purged = pile.purge();
    settle(&pile, is_empty);
    let now = pile.gauges();
    assert_eq!((now.records, now.forwards, now.spans), (0, 0, vec![]));
    drop(pile);
    let pile = kept(folder.path());
    assert!(put.iter().all(|&at| pile.pin().get(at) == Err(Gone::Stale)));
}

/// The super block as the machine would have left it that went down while the pile was open: of an earlier run, and not clean.
fn block_of_another_boot(open: &[u8]) -> Vec<u8> {
    let mut bytes = open.to_vec();
    bytes[32] ^= 1; // the number of the machine's run
    let (all, sum_bytes) = bytes.split_at_mut(4088);
    let sum = all.iter().fold(0xCBF2_9CE4_8422_2325_u64, |sum, &byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
    });
    sum_bytes.copy_from_slice(&sum.to_le_bytes());
    bytes
}

#[test]
fn a_pile_that_was_open_when_the_machine_went_down_is_refused_or_emptied() {
    let folder = tempfile::tempdir().unwrap();
    let block = folder.path().join("pile.super");
    let pile = kept(folder.path());
    let at = pile.put(b"who knows", Life::FOREVER).unwrap();
    let (id, open) = (pile.folder_id(), fs::read(&block).unwrap());
    drop(pile);
    let closed = fs::read(&block).unwrap();
    fs::write(&block, block_of_another_boot(&closed)).unwrap();
    assert_eq!(kept(folder.path()).pin().get(at), Ok(&b"who knows"[..]), "it was closed before");
    fs::write(&block, &open).unwrap();
    assert_eq!(kept(folder.path()).pin().get(at), Ok(&b"who knows"[..]), "it was only killed");
    fs::write(&block, block_of_another_boot(&open)).unwrap();
    assert_eq!(fault(folder.path()), FolderFault::Unclean);
    let builder = Pile::builder("kept").limit_bytes(256 << 20).folder(folder.path());
    let pile = builder.empty_if_unclean(true).build().unwrap();
    assert_ne!(pile.folder_id(), id);
    assert_eq!(pile.pin().get(at), Err(Gone::BadPointer));
    let at = pile.put(b"anew", Life::FOREVER).unwrap();
    drop(pile);
    assert_eq!(kept(folder.path()).pin().get(at), Ok(&b"anew"[..]));
}

#[test]
fn forwards_of_records_that_went_are_given_again_in_later_lives() {
    let folder = tempfile::tempdir().unwrap();
    for _ in 0..12 {
        let pile = kept(folder.path());
        let put: Vec<_> = (0..1000).map(|_| pile.put(b"short", Life::FOREVER).unwrap()).collect();
        for &at in &put {
            pile.update(at, &[7; 100]).unwrap();
        }
        drop(pile);
        let pile = kept(folder.path());
        for &at in &put {
            pile.delete(at).unwrap();
        }
        settle(&pile, is_empty);
        assert_eq!(pile.gauges().forwards, 0);
    }
    assert_eq!(fs::metadata(folder.path().join("forward")).unwrap().len(), 64 << 10);
}

#[test]
fn a_kept_pile_that_is_closed_takes_nothing_more_and_keeps_what_it_has() {
    let folder = tempfile::tempdir().unwrap();
    let pile = kept(folder.path());
    let at = pile.put(b"kept", Life::FOREVER).unwrap();
    pile.close();
    assert_eq!(pile.put(b"late", Life::FOREVER), Err(Full::Closed));
    drop(pile);
    assert_eq!(kept(folder.path()).pin().get(at), Ok(&b"kept"[..]));
}

#[test]
fn pointers_of_a_pile_that_was_purged_in_its_last_moment_stay_stale() {
    let folder = tempfile::tempdir().unwrap();
    let mut dead: Vec<Pointer> = Vec::new();
    for _ in 0..4 {
        let pile = kept(folder.path());
        let put: Vec<_> = [10, 1000, 20_000, 100_000]
            .map(|length| pile.put(&pattern(length, 1), Life::FOREVER).unwrap())
            .to_vec();
        let guard = pile.pin();
        assert!(dead.iter().all(|at| !put.contains(at) && guard.get(*at) == Err(Gone::Stale)));
        drop(guard);
        let _purged = pile.purge();
        dead.extend(put);
    }
}

#[test]
fn typed_records_are_there_again_and_looked_through_before_they_are_believed() {
    let folder = tempfile::tempdir().unwrap();
    let names = |pile: &Pile| pile.typed::<Text>(Stamp::new("folder.name", 1)).unwrap();
    let pile = kept(folder.path());
    let (plain, updated) = (
        names(&pile).put("Ann", Life::FOREVER).unwrap(),
        names(&pile).put("?", Life::FOREVER).unwrap(),
    );
    names(&pile).update(updated, "Bob of the long name").unwrap();
    drop(pile);
    let pile = kept(folder.path());
    let others = pile.typed::<Raw>(Stamp::new("folder.other", 1)).unwrap();
    {
        let guard = pile.pin();
        assert_eq!(names(&pile).get(&guard, plain), Ok("Ann"));
        assert_eq!(names(&pile).get(&guard, updated), Ok("Bob of the long name"));
        assert_eq!(others.get(&guard, plain), Err(Gone::WrongType));
    }
    names(&pile).update(plain, "Ann of Green Gables").unwrap();
    assert_eq!(names(&pile).load(plain), Ok("Ann of Green Gables".to_owned()));
    settle(&pile, |_| true);
    drop((pile, others));
    let segment = folder.path().join("segment-00000");
    let mut bytes = vec![0; 1 << 20];
    let file = OpenOptions::new().read(true).write(true).open(&segment).unwrap();
    file.read_exact_at(&mut bytes, 0).unwrap();
    let at = bytes.windows(3).position(|some| some == b"Bob").unwrap();
    file.write_all_at(&[0xFF], at as u64).unwrap();
    let pile = kept(folder.path());
    assert_eq!(names(&pile).load(updated), Err(Gone::Invalid));
}

#[test]
fn a_name_of_an_earlier_life_is_taken() {
    // The two have the same 24 bits; the names are found by trying.
    let stamp = |name: &'static str| Stamp::new(name, 1);
    let mut seen = std::collections::HashMap::new();
    let (one, other) = (0_u32..)
        .find_map(|number| {
            let name: &'static str = Box::leak(format!("name.{number}").into_boxed_str());
            seen.insert(stamp(name).tag(), name).map(|former| (former, name))
        })
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    assert!(kept(folder.path()).typed::<Text>(stamp(one)).is_ok());
    let pile = kept(folder.path());
    assert_eq!(pile.typed::<Text>(stamp(other)).unwrap_err().by, one);
    assert!(pile.typed::<Raw>(stamp(one)).is_ok(), "with what codec is today's program's to say");
    drop(pile);
    fs::write(folder.path().join("types"), b"anything").unwrap();
    assert_eq!(fault(folder.path()), FolderFault::Damaged);
}

#[test]
fn lives_that_ended_in_between_are_swept_after_a_mount() {
    let folder = tempfile::tempdir().unwrap();
    let open = |now_ms: u64| {
        let now_ms = Arc::new(AtomicU64::new(now_ms));
        let builder = Pile::builder("kept").limit_bytes(4 << 20).folder(folder.path());
        (builder.clock(Clock::shared(Arc::clone(&now_ms))).build().unwrap(), now_ms)
    };
    let (pile, _) = open(0);
    for length in [10, 1000, 20_000] {
        pile.put(&pattern(length, 1), Life::secs(100)).unwrap();
        pile.put(&pattern(length, 2), Life::secs(1000)).unwrap();
        pile.put(&pattern(length, 3), Life::FOREVER).unwrap();
    }
    drop(pile);
    let (pile, now_ms) = open(0);
    now_ms.store(200_000, Ordering::Relaxed);
    settle(&pile, |gauges| gauges.swept == 3);
    now_ms.store(2_000_000, Ordering::Relaxed);
    settle(&pile, |gauges| gauges.swept == 6);
    let gauges = pile.gauges();
    assert_eq!((gauges.swept, gauges.records), (6, 3));
}

/// Lets nothing move.
struct Nailed;

impl Keeper for Nailed {
    fn verdict(&self, _: KeptRecord<'_>) -> Verdict {
        Verdict::Stay
    }

    fn moved(&self, _: KeptRecord<'_>, _: KeptRecord<'_>) -> bool {
        false
    }

    fn dropped(&self, _: KeptRecord<'_>, _: Why) -> bool {
        true
    }
}

#[test]
fn what_a_keeper_kept_ends_with_its_life_of_the_pile() {
    let folder = tempfile::tempdir().unwrap();
    let pile = kept(folder.path());
    let at = pile.put(&pattern(20_000, 1), Life::FOREVER).unwrap();
    let keep = pile.keeper(Arc::new(Nailed), Form::default()).unwrap();
    let lengths = [10, 1000, 20_000, 100_000];
    let put = |length| keep.put(&[], &[&pattern(length, 2)], Life::FOREVER).unwrap();
    let places = lengths.map(put);
    // As after a kill: who drops a keep ends its records himself.
    let copy = tempfile::tempdir().unwrap();
    pile.flush().unwrap();
    for file in fs::read_dir(folder.path()).unwrap() {
        let file = file.unwrap();
        let mut cp = Command::new("cp");
        let copied = cp.arg("--sparse=always").arg(file.path()).arg(copy.path()).status();
        assert!(copied.unwrap().success());
    }
    let again = kept(copy.path());
    let keep = again.keeper(Arc::new(Nailed), Form::default()).unwrap();
    // Nobody has looked through it yet, and the keeper has the number of the former.
    for place in places {
        assert!(keep.at(&again.pin(), place).is_none() && !keep.delete(place));
    }
    keep.put(&[], &[b"new"], Life::FOREVER).unwrap();
    drop(keep);
    settle(&again, |gauges| gauges.records == 1);
    assert_eq!(again.gauges().records, 1);
    assert!(again.pin().get(at).unwrap() == pattern(20_000, 1));
}
