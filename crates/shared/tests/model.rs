//! Random programs on the shared heap do what the same programs do on vectors, charges included.

use std::collections::BTreeMap;
use std::io::Read;
use std::os::unix::net::UnixStream;

use levada_plain::to_index;
use levada_shared::{Account, ExclusiveBuf, Options, SharedData, SharedHeap};
use proptest::prelude::{ProptestConfig, Strategy, any};
use proptest::{collection, prop_assert, prop_assert_eq, prop_oneof, proptest};
use rustix::fs::sendfile;

/// One step of a program; numbers choose among what there is, modulo how much there is.
#[derive(Clone, Debug)]
enum Step {
    Buf { account: usize, bytes: usize, kept: bool },
    Write { buf: usize, bytes: usize },
    Freeze { buf: usize },
    FreezeFilled { buf: usize },
    Move { buf: usize, account: usize },
    Clone { data: usize },
    Slice { data: usize, from: u64, to: u64 },
    Split { data: usize, at: u64 },
    Append { data: usize, tail: usize },
    Prepend { data: usize, head: usize },
    Share { data: usize, account: usize },
    Transfer { data: usize, account: usize },
    Join { data: usize, account: usize },
    Send { data: usize },
    DropBuf { buf: usize },
    DropData { data: usize },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let pick = 0_usize..1000;
    let at = 0_u64..1000;
    let bytes = prop_oneof![4 => 0_usize..300, 2 => 300_usize..9000, 2 => 57_000_usize..400_000, 1 => 500_000_usize..3_000_000];
    let step = prop_oneof![
        3 => (pick.clone(), bytes, any::<bool>()).prop_map(|(account, bytes, kept)| Step::Buf { account, bytes, kept }),
        4 => (pick.clone(), 0_usize..200).prop_map(|(buf, bytes)| Step::Write { buf, bytes }),
        2 => pick.clone().prop_map(|buf| Step::Freeze { buf }),
        2 => pick.clone().prop_map(|buf| Step::FreezeFilled { buf }),
        1 => (pick.clone(), pick.clone()).prop_map(|(buf, account)| Step::Move { buf, account }),
        2 => pick.clone().prop_map(|data| Step::Clone { data }),
        3 => (pick.clone(), at.clone(), at.clone()).prop_map(|(data, from, to)| Step::Slice { data, from, to }),
        2 => (pick.clone(), at).prop_map(|(data, at)| Step::Split { data, at }),
        4 => (pick.clone(), pick.clone()).prop_map(|(data, tail)| Step::Append { data, tail }),
        2 => (pick.clone(), pick.clone()).prop_map(|(data, head)| Step::Prepend { data, head }),
        2 => (pick.clone(), pick.clone()).prop_map(|(data, account)| Step::Share { data, account }),
        2 => (pick.clone(), pick.clone()).prop_map(|(data, account)| Step::Transfer { data, account }),
        1 => (pick.clone(), pick.clone()).prop_map(|(data, account)| Step::Join { data, account }),
        2 => pick.clone().prop_map(|data| Step::Send { data }),
        1 => pick.clone().prop_map(|buf| Step::DropBuf { buf }),
        2 => pick.prop_map(|data| Step::DropData { data }),
    ];
    collection::vec(step, 1..120)
}

/// The heap beside its model.
struct Pair {
    heap: SharedHeap,
    accounts: Vec<Account>,
    bufs: Vec<(ExclusiveBuf, Vec<u8>)>,
    data: Vec<(SharedData, Vec<u8>)>,
    /// What was sent by its place in the file, not yet received.
    sent: Vec<(UnixStream, Vec<u8>)>,
    next_byte: u8,
}

impl Pair {
    fn new() -> Self {
        let heap = SharedHeap::new(Options {
            bytes_max: if cfg!(miri) { 16 << 20 } else { 64 << 20 },
            arenas: 2,
            ..Options::default()
        })
        .expect("64 MiB of addresses");
        let accounts = [("free", u64::MAX), ("large", 4 << 20), ("small", 4096)];
        let accounts = accounts
            .iter()
            .map(|(name, limit)| heap.account(name, *limit).expect("three accounts"))
            .collect();
        Self { heap, accounts, bufs: Vec::new(), data: Vec::new(), sent: Vec::new(), next_byte: 0 }
    }

    fn account(&self, index: usize) -> Account {
        self.accounts[index % self.accounts.len()].clone()
    }

    fn take_data(&mut self, index: usize) -> Option<(SharedData, Vec<u8>)> {
        (!self.data.is_empty()).then(|| self.data.swap_remove(index % self.data.len()))
    }

    fn data_at(&mut self, index: usize) -> Option<&mut (SharedData, Vec<u8>)> {
        let count = self.data.len().max(1);
        self.data.get_mut(index % count)
    }

    fn buf_at(&mut self, index: usize) -> Option<&mut (ExclusiveBuf, Vec<u8>)> {
        let count = self.bufs.len().max(1);
        self.bufs.get_mut(index % count)
    }

    fn run(&mut self, step: &Step) {
        match *step {
            Step::Buf { account, bytes, kept } => {
                let account = self.account(account);
                let room = account.limit_bytes() - account.charged_bytes();
                match if kept { account.kept_buf(bytes) } else { account.buf(bytes) } {
                    Ok(buf) => {
                        assert!(buf.capacity() >= bytes && buf.is_empty());
                        self.bufs.push((buf, Vec::new()));
                    }
                    Err(full) => {
                        assert!(full.room_bytes == room || room > 32 << 20, "{full:?} with {room}")
                    }
                }
            }
            Step::Write { buf, bytes } => {
                let first = self.next_byte;
                self.next_byte = first.wrapping_add(97);
                let Some((buf, model)) = self.buf_at(buf) else { return };
                let text: Vec<u8> =
                    (0..bytes).map(|index| first.wrapping_add(index.to_le_bytes()[0])).collect();
                let fits = buf.room_bytes() >= bytes;
                assert_eq!(buf.write(&text).is_ok(), fits);
                if fits {
                    model.extend(text);
                }
            }
            Step::Freeze { buf } => {
                if !self.bufs.is_empty() {
                    let (buf, model) = self.bufs.swap_remove(buf % self.bufs.len());
                    self.data.push((buf.freeze(), model));
                }
            }
            Step::FreezeFilled { buf } => {
                let Some((buf, model)) = self.buf_at(buf) else { return };
                let frozen = (buf.freeze_filled(), std::mem::take(model));
                self.data.push(frozen);
            }
            Step::Move { buf, account } => {
                let account = self.account(account);
                if !self.bufs.is_empty() {
                    let (buf, model) = self.bufs.swap_remove(buf % self.bufs.len());
                    let buf = buf.transfer_to(&account).unwrap_or_else(|full| full.value);
                    self.bufs.push((buf, model));
                }
            }
            Step::Clone { data } => {
                let Some((data, model)) = self.data_at(data) else { return };
                let copy = (data.clone(), model.clone());
                self.data.push(copy);
            }
            Step::Slice { data, from, to } => {
                let Some((data, model)) = self.data_at(data) else { return };
                let part = data.slice(from..to);
                let expected = model.get(to_index(from)..to_index(to));
                assert_eq!(part.as_ref().map(SharedData::to_vec).as_deref(), expected);
                if let (Some(part), Some(expected)) = (part, expected.map(<[u8]>::to_vec)) {
                    self.data.push((part, expected));
                }
            }
            Step::Split { data, at } => {
                let Some((data, model)) = self.data_at(data) else { return };
                let head = data.split_to(at);
                assert_eq!(head.is_some(), at <= model.len() as u64);
                if let Some(head) = head {
                    let rest = model.split_off(to_index(at));
                    let head = (head, std::mem::replace(model, rest));
                    self.data.push(head);
                }
            }
            Step::Append { data, tail } => {
                let Some((tail, behind)) = self.take_data(tail) else { return };
                let Some((data, model)) = self.data_at(data) else { return };
                assert!(data.append(tail).is_ok(), "few steps make few pieces");
                model.extend(behind);
            }
            Step::Prepend { data, head } => {
                let Some((head, before)) = self.take_data(head) else { return };
                let Some((data, model)) = self.data_at(data) else { return };
                assert!(data.prepend(head).is_ok(), "few steps make few pieces");
                model.splice(..0, before);
            }
            Step::Share { data, account } => {
                let account = self.account(account);
                let Some((data, model)) = self.data_at(data) else { return };
                if let Ok(shared) = data.share_with(&account) {
                    let shared = (shared, model.clone());
                    self.data.push(shared);
                }
            }
            Step::Transfer { data, account } => {
                let account = self.account(account);
                let Some((data, model)) = self.take_data(data) else { return };
                let data = data.transfer_to(&account).unwrap_or_else(|full| full.value);
                self.data.push((data, model));
            }
            Step::Join { data, account } => {
                let account = self.account(account);
                let Some((data, model)) = self.data_at(data) else { return };
                if let Ok(joined) = data.copy_contiguous(&account) {
                    let joined = (joined, model.clone());
                    assert!(joined.0.piece_count() <= 1);
                    self.data.push(joined);
                }
            }
            Step::Send { data } => {
                let Some((data, _)) = self.data_at(data) else { return };
                let mut sent = Vec::new();
                for part in data.parts() {
                    let Some((file, mut offset)) = part.file else { continue };
                    let (to, from) = UnixStream::pair().expect("a pair of sockets");
                    // What does not fit the socket stays unsent.
                    to.set_nonblocking(true).expect("a socket can be told so");
                    let count = sendfile(&to, file, Some(&mut offset), part.bytes.len());
                    let count = count.expect("an empty socket has room");
                    sent.push((from, part.bytes[..count].to_vec()));
                }
                self.sent.extend(sent);
            }
            Step::DropBuf { buf } => {
                if !self.bufs.is_empty() {
                    self.bufs.swap_remove(buf % self.bufs.len());
                }
            }
            Step::DropData { data } => drop(self.take_data(data)),
        }
    }

    /// Writes to the places of freed blocks of every length that lies in the file, so far as steps fill blocks.
    fn write_over(&self) {
        let account = &self.accounts[0];
        for quarters in (4..8).flat_map(|step| [step, 2 * step, 4 * step, 8 * step, 160]) {
            let bufs = (0..12).map_while(|_| account.kept_buf(quarters << 14).ok());
            for buf in &mut bufs.collect::<Vec<_>>() {
                buf.write(&[0xEE; 2000]).expect("64 KiB and more");
            }
        }
    }

    fn check(&self) {
        for (buf, model) in &self.bufs {
            assert_eq!(&buf[..], &model[..]);
        }
        for (data, model) in &self.data {
            assert_eq!(data.len(), model.len() as u64);
            assert!(*data == model[..], "bytes differ");
            assert!(data.pieces().all(|piece| !piece.is_empty()));
            assert!(data.parts().map(|part| part.bytes).eq(data.pieces()));
            let middle = model.len() / 2;
            let run = data.longest_at(middle as u64);
            assert!(model[middle..].starts_with(run) && run.is_empty() == model.is_empty());
            assert_eq!(data.pinned_bytes() == 0, model.is_empty());
        }
        self.heap.validate();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: if cfg!(miri) { 4 } else { 400 }, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_heap_agrees_with_vectors_and_charges_what_is_held(steps in steps()) {
        let mut pair = Pair::new();
        for step in &steps {
            pair.run(step);
            pair.check();
        }
        let copied = pair.heap.gauges().bytes_copied;
        pair.bufs.clear();
        pair.data.clear();
        pair.check();
        let gauges = pair.heap.gauges();
        prop_assert_eq!((gauges.used_bytes, gauges.used_blocks, gauges.lost_bytes), (0, 0, 0));
        prop_assert_eq!(gauges.bytes_copied, copied);
        for account in &pair.accounts {
            prop_assert_eq!(account.charged_bytes(), 0);
        }
        if !pair.sent.is_empty() {
            pair.write_over();
        }
        for (mut from, expected) in pair.sent.drain(..) {
            let mut arrived = Vec::new();
            prop_assert!(from.read_to_end(&mut arrived).is_ok());
            prop_assert!(arrived == expected, "what was sent arrives as it was");
        }
    }
}

#[test]
fn each_of_two_accounts_pays_for_what_both_hold() {
    let pair = Pair::new();
    let [first, second] = [&pair.accounts[0], &pair.accounts[1]];
    let data = first.copy_from(&[7; 1 << 20]).unwrap();
    let shared = data.share_with(second).unwrap();
    assert_eq!([first.charged_bytes(), second.charged_bytes()], [1 << 20; 2]);
    assert_eq!(pair.heap.gauges().used_bytes, 1 << 20);
    drop(data);
    assert_eq!([first.charged_bytes(), second.charged_bytes()], [0, 1 << 20]);
    let back = shared.transfer_to(first).unwrap();
    assert_eq!([first.charged_bytes(), second.charged_bytes()], [1 << 20, 0]);
    assert_eq!(back.len(), 1 << 20);
}

#[test]
fn a_thousand_pieces_are_one_value_and_one_more_comes_back() {
    let pair = Pair::new();
    let mut data = SharedData::new();
    let mut model = BTreeMap::new();
    for index in 0..1024_u64 {
        let piece = pair.accounts[0].copy_from(&index.to_le_bytes()).unwrap();
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
    let charged = pair.accounts[0].charged_bytes();
    assert_eq!((charged, part.pinned_bytes()), (1024 * 64, 1024 * 64));
    let own = part.slice(..20).unwrap();
    drop(part);
    assert_eq!((pair.accounts[0].charged_bytes(), own.pinned_bytes()), (3 * 64, 3 * 64));
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
