//! Long kept blocks lie in a file, and what a socket was given of them is nobody's to change.
#![cfg(not(miri))] // the interpreter has no files in memory

use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::sync_channel;

use levada_shared::{Account, Limit, Options, Part, SharedData, SharedHeap, set_home_arena};
use rustix::fs::{Mode, OFlags, SealFlags, fcntl_add_seals, fstat, open, sendfile};
use rustix::io::pread;

fn heap() -> (SharedHeap, Account) {
    let heap = SharedHeap::new(Options { bytes_max: 16 << 20, arenas: 2, ..Options::default() })
        .expect("16 MiB of addresses");
    let account = heap.account("all", u64::MAX).expect("an account");
    (heap, account)
}

fn kept(account: &Account, bytes: usize, fill: u8) -> SharedData {
    let mut buf = account.kept_buf(bytes).expect("the heap has room");
    buf.write(&vec![fill; bytes]).expect("as long as was asked for");
    buf.freeze()
}

fn offsets(data: &SharedData) -> Vec<Option<u64>> {
    data.parts().map(|part| part.file.map(|(_, offset)| offset)).collect()
}

fn first_of(data: &SharedData) -> Part<'_> {
    data.parts().next().expect("a value with bytes has a part")
}

/// The heap's file, past the life of what lies in it.
fn file_of(data: &SharedData) -> OwnedFd {
    let (file, _) = first_of(data).file.expect("it lies in the file");
    file.try_clone_to_owned().expect("one more descriptor")
}

fn used_bytes(file: &OwnedFd) -> i64 {
    fstat(file).expect("a file tells its size").st_blocks * 512
}

/// Sends the first bytes of what lies in the file; as many as a socket has room for.
fn send(data: &SharedData) -> (UnixStream, usize) {
    let (to, from) = UnixStream::pair().expect("a pair of sockets");
    to.set_nonblocking(true).expect("a socket can be told so");
    let part = first_of(data);
    let (file, mut offset) = part.file.expect("it lies in the file");
    let count = sendfile(&to, file, Some(&mut offset), part.bytes.len());
    (from, count.expect("an empty socket has room"))
}

fn receive((mut from, count): (UnixStream, usize)) -> Vec<u8> {
    let mut arrived = Vec::new();
    from.read_to_end(&mut arrived).expect("the sender has closed");
    assert_eq!(arrived.len(), count);
    assert!(count >= 16 << 10, "a socket has room for some pages");
    arrived
}

#[test]
fn blocks_that_are_kept_and_long_lie_in_the_file_and_no_others() {
    let (_heap, account) = heap();
    // 57 KiB get a block of 64 KiB; above 512 KiB stand runs.
    for bytes in [57 << 10, 64 << 10, 100_000, 512 << 10, 600 << 10, 5 << 20] {
        let data = kept(&account, bytes, 7);
        let part = data.parts().next().unwrap();
        let (file, offset) = part.file.unwrap();
        let mut found = vec![0; bytes];
        assert_eq!(pread(file, &mut found, offset), Ok(bytes));
        assert!(found == part.bytes && offset % 4096 == 0, "{bytes}");
        let mut brief = account.buf(bytes).unwrap();
        brief.write(&[7]).unwrap();
        assert_eq!(offsets(&brief.freeze()), [None], "{bytes}");
    }
    for bytes in [1, 4096, 56 << 10] {
        assert_eq!(offsets(&kept(&account, bytes, 7)), [None], "{bytes}");
    }
}

#[test]
fn a_part_of_a_value_knows_its_place_however_it_was_cut_and_joined() {
    let (heap, account) = heap();
    let other = heap.account("other", u64::MAX).unwrap();
    let first = kept(&account, 100_000, 1);
    let at = offsets(&first)[0].unwrap();
    assert_eq!(offsets(&first.slice(5000..6000).unwrap()), [Some(at + 5000)]);
    assert_eq!(offsets(&first.share_with(&other).unwrap()), [Some(at)]);
    let mut joined = account.copy_from(b"head").unwrap();
    for index in 0..5 {
        joined.append(first.slice(index * 10..index * 10 + 5).unwrap()).unwrap();
    }
    let expected = [None, Some(at), Some(at + 10), Some(at + 20), Some(at + 30), Some(at + 40)];
    assert_eq!(offsets(&joined), expected);
    let window = joined.slice(6..27).unwrap(); // a window on the list: its first and last piece are seen in part
    assert_eq!(offsets(&window), [at + 2, at + 10, at + 20, at + 30, at + 40].map(Some));
    let lengths: Vec<usize> = window.parts().map(|part| part.bytes.len()).collect();
    assert_eq!(lengths, [3, 5, 5, 5, 3]);
    assert!(SharedData::new().parts().next().is_none());
}

#[test]
fn what_was_sent_of_a_freed_block_arrives_though_its_place_has_a_new_owner() {
    let (heap, account) = heap();
    for bytes in [64 << 10, 300 << 10, 3 << 20] {
        let old = kept(&account, bytes, 1);
        let (place, sent) = (offsets(&old), send(&old));
        drop(old);
        heap.validate();
        let fresh = account.kept_buf(bytes).unwrap();
        let new = kept(&account, bytes, 2);
        drop(fresh); // one of the two has the place
        let again = kept(&account, bytes, 3);
        assert!(offsets(&new) == place || offsets(&again) == place, "{bytes}");
        assert!(new.pieces().flatten().all(|byte| *byte == 2));
        assert!(again.pieces().flatten().all(|byte| *byte == 3));
        assert!(receive(sent).iter().all(|byte| *byte == 1), "{bytes}");
    }
}

#[test]
fn a_block_that_another_core_frees_is_cleared_before_its_place_is_given_out() {
    let (heap, account) = heap();
    let (give, take) = sync_channel::<SharedData>(0);
    let (say, hear) = sync_channel(0);
    set_home_arena(0);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            set_home_arena(1);
            for data in take {
                drop(data);
                say.send(()).unwrap();
            }
        });
        for round in 0..20 {
            let old = kept(&account, 200 << 10, round);
            let (place, sent) = (offsets(&old), send(&old));
            give.send(old).unwrap();
            hear.recv().unwrap();
            // More than a chunk has: only then the arena looks at what came back from afar.
            let new: Vec<_> = (0..20).map(|_| kept(&account, 200 << 10, round + 100)).collect();
            assert!(new.iter().any(|data| offsets(data) == place));
            assert!(receive(sent).iter().all(|byte| *byte == round));
        }
        drop(give);
    });
    heap.validate();
    assert!(heap.gauges().frees_remote > 0);
    assert_eq!((heap.gauges().used_bytes, account.charged_bytes()), (0, 0));
}

#[test]
fn a_frozen_beginning_can_be_sent_while_the_rest_of_its_page_is_filled() {
    let (_heap, account) = heap();
    let mut buf = account.kept_buf(64 << 10).unwrap();
    buf.write(&[1; 20_001]).unwrap();
    let head = buf.freeze_filled();
    let sent = send(&head);
    buf.write(&[2; 20_000]).unwrap();
    let (head_at, rest) = (offsets(&head)[0].unwrap(), buf.freeze());
    assert_eq!(offsets(&rest), [Some(head_at + 20_001)]);
    assert!(receive(sent).iter().all(|byte| *byte == 1));
}

#[test]
fn what_is_freed_gives_its_memory_back_and_nothing_stays_counted() {
    let (heap, account) = heap();
    let data = kept(&account, 100_000, 1);
    let file = file_of(&data);
    let run = kept(&account, 1 << 20, 2);
    assert_eq!(used_bytes(&file), (100 << 10) + (1 << 20));
    let gauges = heap.gauges();
    assert_eq!((gauges.used_bytes, gauges.slab_bytes), ((112 << 10) + (1 << 20), 4 << 20));
    drop((data, run));
    heap.validate();
    let gauges = heap.gauges();
    assert_eq!((gauges.used_bytes, gauges.used_blocks, gauges.lost_bytes), (0, 0, 0));
    assert_eq!((used_bytes(&file), account.charged_bytes()), (0, 0));
}

#[test]
fn the_limit_holds_over_kept_and_brief_blocks_together() {
    let (heap, account) = heap();
    let mut bufs = Vec::new();
    let full = loop {
        let both = [account.kept_buf(1 << 20), account.buf(1 << 20)];
        match both.into_iter().collect::<Result<Vec<_>, _>>() {
            Ok(both) => bufs.extend(both),
            Err(full) => break full,
        }
    };
    assert_eq!((bufs.len(), full.limit), (8, Limit::Heap)); // each a slab of its own
    heap.validate();
    bufs.clear();
    // All of it was brief or kept; now all of it is the other, and the memory of the one goes to the other.
    for _ in 0..2 {
        let kept = account.kept_buf(16 << 20).unwrap();
        assert!(account.buf(1).is_err() && account.kept_buf(1).is_err());
        heap.validate();
        drop(kept);
        let brief = account.buf(16 << 20).unwrap();
        assert!(account.kept_buf(64 << 10).is_err());
        heap.validate();
        assert_eq!(heap.gauges().committed_bytes, 16 << 20);
        drop(brief);
    }
    let (classes, small) = (kept(&account, 64 << 10, 1), account.kept_buf(64).unwrap());
    drop((classes, small));
    // What the arena keeps empty of each area serves a run that needs all.
    assert!(account.kept_buf(16 << 20).is_ok());
    heap.validate();
}

#[test]
fn a_block_that_the_kernel_does_not_clear_is_lost_and_counted() {
    let (heap, account) = heap();
    let (block, run) = (kept(&account, 64 << 10, 1), kept(&account, 600 << 10, 2));
    let (file, places) = (file_of(&block), [offsets(&block), offsets(&run)]);
    // A way round the reading descriptor, to forbid what the heap relies on.
    let path = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&file));
    let writing = open(path, OFlags::RDWR, Mode::empty()).unwrap();
    fcntl_add_seals(&writing, SealFlags::FUTURE_WRITE).unwrap();
    drop((block, run));
    heap.validate();
    let gauges = heap.gauges();
    assert_eq!((gauges.used_bytes, gauges.used_blocks, gauges.lost_bytes), (0, 0, 664 << 10));
    assert_eq!((gauges.slab_bytes, account.charged_bytes()), (4 << 20, 0));
    // From now on the heap does without the file.
    for (bytes, place) in [64 << 10, 600 << 10].into_iter().zip(places) {
        let data = kept(&account, bytes, 3);
        assert!(offsets(&data) == [None] && place != [None]);
    }
    heap.validate();
    assert_eq!(heap.gauges().lost_bytes, 664 << 10);
}
