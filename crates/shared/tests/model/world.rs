//! A world is a heap beside its model: which accounts hold which blocks, what values show, and what references may find.
//!
//! A value of more than three pieces that was sliced from a longer one shares its list, and so keeps blocks that it does
//! not show, until the list goes; the model knows such blocks as hidden, and is not sure of them.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use levada_plain::to_index;
use levada_shared::{
    Account, Charged, ExclusiveBuf, Full, Limit, Lost, Options, Reservation, SharedData,
    SharedHeap, SoftRef, WeakRef,
};
use rustix::fs::sendfile;

use crate::lender::Lent;
use crate::step::{Act, Step};

const LIMITS: [u64; 3] = [u64::MAX, 4 << 20, 4096];
const TAGS: [&str; 3] = ["", "head", "body"];

type AccountIndex = usize;
type BlockIndex = usize;

struct Owner {
    name: String,
    limit_bytes: u64,
    handle: Option<Account>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Life {
    Alive,
    /// It was hidden, and perhaps it went.
    Unsure,
    Gone,
}

struct Block {
    capacity_bytes: u64,
    tag: &'static str,
    is_retired: bool,
    /// Whether its bytes are lent: by its own number.
    is_lent: bool,
    /// Whether its lender took it back, and so is not told of its end.
    is_taken_back: bool,
    life: Life,
}

/// A range of a block, held by an account or referred to by it.
#[derive(Clone, Copy, Debug)]
struct Cut {
    block: BlockIndex,
    account: AccountIndex,
    length: usize,
}

#[derive(Clone, Default)]
struct Value {
    cuts: Vec<Cut>,
    bytes: Vec<u8>,
    hidden: BTreeSet<(AccountIndex, BlockIndex)>,
}

struct Filling {
    block: BlockIndex,
    account: AccountIndex,
    bytes: Vec<u8>,
    /// Whether some of it was frozen, so that it no longer begins where its block does.
    is_split: bool,
}

/// What an upgrade should come to.
enum Expected {
    Unsure,
    Held,
    Lost(Lost),
}

pub(crate) struct World {
    heap: SharedHeap,
    lent: Arc<Lent>,
    owners: Vec<Owner>,
    /// Which of them are open, by their limits.
    open: [AccountIndex; 3],
    blocks: Vec<Block>,
    bufs: Vec<(ExclusiveBuf, Filling)>,
    values: Vec<(SharedData, Value)>,
    softs: Vec<(SoftRef, Value)>,
    weaks: Vec<(WeakRef, Value)>,
    rooms: Vec<(Reservation, AccountIndex, u64)>,
    /// What was sent by its place in the file, not yet received.
    sent: Vec<(UnixStream, Vec<u8>)>,
    next_byte: u8,
}

/// Takes the one that `index` chooses out of `all`.
fn take<T>(all: &mut Vec<T>, index: usize) -> Option<T> {
    (!all.is_empty()).then(|| all.swap_remove(index % all.len()))
}

/// The one that `index` chooses.
fn choose<T>(all: &mut [T], index: usize) -> Option<&mut T> {
    let count = all.len().max(1);
    all.get_mut(index % count)
}

impl Value {
    /// What is shown from `from` to `to`, as a value of its own.
    fn part(&self, from: usize, to: usize) -> Self {
        let mut part = Self { bytes: self.bytes[from..to].to_vec(), ..Self::default() };
        let mut before = 0;
        for cut in &self.cuts {
            let after = before + cut.length;
            let length = after.min(to).saturating_sub(before.max(from));
            if length > 0 {
                part.cuts.push(Cut { length, ..*cut });
            }
            before = after;
        }
        part
    }

    /// As `part`, where `data` shows it: it keeps the rest too, if it shares the list.
    fn window(&self, from: usize, to: usize, data: &SharedData) -> Self {
        let mut part = self.part(from, to);
        if data.piece_count() > 3 {
            part.hidden = self.hidden.clone();
            part.hidden.extend(self.cuts.iter().map(|cut| (cut.account, cut.block)));
        }
        part
    }

    /// The same shown by references or other accounts: nothing is hidden.
    fn shown(&self) -> Self {
        Self { hidden: BTreeSet::new(), ..self.clone() }
    }

    fn moved_to(&self, account: AccountIndex) -> Self {
        let mut moved = self.shown();
        moved.cuts.iter_mut().for_each(|cut| cut.account = account);
        moved
    }
}

impl World {
    pub(crate) fn new() -> Self {
        // So much room that nothing is ever stolen to make some.
        let bytes_max = if cfg!(miri) { 64 << 20 } else { 2 << 30 };
        let heap = SharedHeap::new(Options { bytes_max, arenas: 2, ..Options::default() })
            .expect("addresses");
        let mut world = Self {
            heap,
            lent: Arc::new(Lent::new()),
            owners: Vec::new(),
            open: [0; 3],
            blocks: Vec::new(),
            bufs: Vec::new(),
            values: Vec::new(),
            softs: Vec::new(),
            weaks: Vec::new(),
            rooms: Vec::new(),
            sent: Vec::new(),
            next_byte: 0,
        };
        (0..LIMITS.len()).for_each(|slot| world.open_account(slot));
        world
    }

    fn open_account(&mut self, slot: usize) {
        let (name, limit_bytes) = (format!("account {}", self.owners.len()), LIMITS[slot]);
        let handle = Some(self.heap.account(&name, limit_bytes).expect("a number"));
        self.open[slot] = self.owners.len();
        self.owners.push(Owner { name, limit_bytes, handle });
    }

    /// An open account.
    fn account(&self, choice: usize) -> (AccountIndex, Account) {
        let index = self.open[choice % LIMITS.len()];
        let handle = self.owners[index].handle.as_ref().expect("it is open");
        (index, handle.clone())
    }

    fn add_block(&mut self, capacity_bytes: u64, tag: &'static str) -> BlockIndex {
        self.blocks.push(Block {
            capacity_bytes,
            tag,
            is_retired: false,
            is_lent: false,
            is_taken_back: false,
            life: Life::Alive,
        });
        self.blocks.len() - 1
    }

    fn lend(&mut self, step: &Step) {
        let (index, account) = self.account(step.with);
        let tag = TAGS[step.what % TAGS.len()];
        let (tagged, block) = (account.with_tag(tag), self.blocks.len());
        // A buffer without room is charged as one byte, and data without bytes not at all.
        let capacity_bytes = if let Act::LendBuf = step.act {
            let answer = self.lent.buf(&tagged, block, step.bytes);
            let capacity_bytes = (step.bytes as u64).max(1);
            self.check_room(index, capacity_bytes, &answer);
            let Ok(buf) = answer else { return };
            assert_eq!((buf.capacity(), buf.len()), (step.bytes, 0));
            let filling = Filling { block, account: index, bytes: Vec::new(), is_split: false };
            self.bufs.push((buf, filling));
            capacity_bytes
        } else {
            let bytes: Vec<u8> =
                (0..step.bytes % 700).map(|at| at.wrapping_mul(31).to_le_bytes()[0]).collect();
            let answer = self.lent.data(&tagged, block, &bytes);
            if bytes.is_empty() {
                assert!(answer.is_ok_and(|data| data.is_empty()));
                0
            } else {
                self.check_room(index, bytes.len() as u64, &answer);
                let Ok(data) = answer else { return };
                let capacity_bytes = bytes.len() as u64;
                assert_eq!(data.pinned_bytes(), capacity_bytes);
                self.add_frozen(data, &Filling { block, account: index, bytes, is_split: false });
                capacity_bytes
            }
        };
        assert_eq!(self.add_block(capacity_bytes, tag), block);
        self.blocks[block].is_lent = true;
    }

    fn take_back(&mut self, step: &Step) {
        let Some((buf, filling)) = take(&mut self.bufs, step.what) else { return };
        let is_whole = self.blocks[filling.block].is_lent && !filling.is_split;
        match self.lent.take_back(buf) {
            Ok((block, bytes)) => {
                assert!(is_whole && block == filling.block);
                assert_eq!(bytes, filling.bytes);
                self.blocks[block].is_taken_back = true;
            }
            Err(buf) => {
                assert!(!is_whole);
                self.bufs.push((buf, filling));
            }
        }
    }

    /// Who holds what for sure.
    fn held(&self) -> BTreeSet<(AccountIndex, BlockIndex)> {
        let filling = self.bufs.iter().map(|(_, filling)| (filling.account, filling.block));
        let cuts = self.values.iter().flat_map(|(_, value)| &value.cuts);
        filling.chain(cuts.map(|cut| (cut.account, cut.block))).collect()
    }

    fn is_held_by(&self, account: AccountIndex, block: BlockIndex) -> bool {
        self.held().contains(&(account, block))
    }

    fn has_hidden(&self) -> bool {
        self.values.iter().any(|(_, value)| !value.hidden.is_empty())
    }

    fn capacity_bytes(&self, block: BlockIndex) -> u64 {
        self.blocks[block].capacity_bytes
    }

    fn charged_bytes(&self, account: AccountIndex) -> u64 {
        let held = self.held();
        let blocks = held.range((account, 0)..(account + 1, 0));
        let rooms = self.rooms.iter().filter(|(_, owner, _)| *owner == account);
        blocks.map(|(_, block)| self.capacity_bytes(*block)).sum::<u64>()
            + rooms.map(|(_, _, left_bytes)| left_bytes).sum::<u64>()
    }

    /// What still fits an account, and what it says when that is not enough.
    fn room(&self, account: AccountIndex) -> (u64, Limit) {
        let owner = &self.owners[account];
        if owner.handle.is_none() {
            return (0, Limit::Closed);
        }
        (owner.limit_bytes.saturating_sub(self.charged_bytes(account)), Limit::Account)
    }

    /// Whether an answer about the room of an account is what it should be, if that can be told.
    fn check_room<T, E>(&self, account: AccountIndex, bytes: u64, answer: &Result<T, Full<E>>) {
        if self.has_hidden() {
            return;
        }
        let (room_bytes, limit) = self.room(account);
        match answer {
            Ok(_) => assert!(bytes <= room_bytes, "{bytes} in {room_bytes}"),
            Err(full) => {
                assert_eq!((full.limit, full.room_bytes), (limit, room_bytes));
                assert!(bytes > room_bytes, "{bytes} in {room_bytes}");
            }
        }
    }

    /// What an account must have room for to hold a value.
    fn need_bytes(&self, data: &SharedData, value: &Value, to: (AccountIndex, &Account)) -> u64 {
        let held = self.held();
        let blocks: BTreeSet<BlockIndex> = value.cuts.iter().map(|cut| cut.block).collect();
        let lacked = blocks.into_iter().filter(|block| !held.contains(&(to.0, *block)));
        let need_bytes = lacked.map(|block| self.capacity_bytes(block)).sum();
        let lacks_bytes = data.lacks_bytes(to.1);
        assert!(need_bytes <= lacks_bytes || data.piece_count() == 1 || self.has_hidden());
        if data.piece_count() == 1 { need_bytes } else { lacks_bytes }
    }

    fn expected(&self, value: &Value) -> Expected {
        let mut held = self.held();
        let mut paid_bytes: BTreeMap<AccountIndex, u64> = BTreeMap::new();
        for cut in &value.cuts {
            let block = &self.blocks[cut.block];
            if block.is_retired {
                return Expected::Lost(Lost::Retired);
            }
            match block.life {
                Life::Gone => return Expected::Lost(Lost::Gone),
                Life::Unsure => return Expected::Unsure,
                Life::Alive => {}
            }
            if held.insert((cut.account, cut.block)) {
                if self.has_hidden() {
                    return Expected::Unsure;
                }
                let paid_bytes = paid_bytes.entry(cut.account).or_default();
                let (room_bytes, limit) = self.room(cut.account);
                let room_bytes = room_bytes.saturating_sub(*paid_bytes);
                if block.capacity_bytes > room_bytes {
                    return Expected::Lost(Lost::Full { limit, room_bytes });
                }
                *paid_bytes += block.capacity_bytes;
            }
        }
        Expected::Held
    }

    fn upgraded(&mut self, answer: Result<SharedData, Lost>, value: &Value, expected: &Expected) {
        match (&answer, expected) {
            (_, Expected::Unsure) | (Ok(_), Expected::Held) => {}
            (Err(lost), Expected::Lost(expected)) => assert_eq!(lost, expected),
            (Ok(_), Expected::Lost(expected)) => panic!("upgraded what should be lost: {expected}"),
            (Err(lost), Expected::Held) => panic!("lost what should be there: {lost}"),
        }
        if let Ok(data) = answer {
            is_equal(&data, &value.bytes);
            for cut in &value.cuts {
                self.blocks[cut.block].life = Life::Alive;
            }
            self.values.push((data, value.shown()));
        }
    }

    /// Blocks that only soft references keep, as far as that is sure.
    fn soft_only(&self) -> BTreeSet<BlockIndex> {
        let held: BTreeSet<BlockIndex> = self.held().iter().map(|(_, block)| *block).collect();
        let named = self.named(&self.softs);
        let is_soft_only = |block: &BlockIndex| {
            let Block { is_retired, is_lent, life, .. } = self.blocks[*block];
            !is_retired && !is_lent && life != Life::Gone && !held.contains(block)
        };
        named.into_iter().filter(is_soft_only).collect()
    }

    fn named<T>(&self, references: &[(T, Value)]) -> BTreeSet<BlockIndex> {
        references.iter().flat_map(|(_, value)| value.cuts.iter().map(|cut| cut.block)).collect()
    }

    fn hidden_blocks(&self) -> BTreeSet<BlockIndex> {
        self.values
            .iter()
            .flat_map(|(_, value)| value.hidden.iter().map(|(_, block)| *block))
            .collect()
    }

    /// Ends the lives that nothing keeps any more.
    fn settle(&mut self) {
        let held: BTreeSet<BlockIndex> = self.held().iter().map(|(_, block)| *block).collect();
        let (soft_only, hidden) = (self.soft_only(), self.hidden_blocks());
        for (index, block) in self.blocks.iter_mut().enumerate() {
            if block.life == Life::Gone || held.contains(&index) || soft_only.contains(&index) {
                continue;
            }
            block.life = if hidden.contains(&index) { Life::Unsure } else { Life::Gone };
        }
    }

    pub(crate) fn run(&mut self, step: &Step) {
        match step.act {
            Act::Buf | Act::Write | Act::Freeze | Act::FreezeFilled | Act::Move | Act::DropBuf => {
                self.run_on_buf(step);
            }
            Act::LendData | Act::LendBuf => self.lend(step),
            Act::TakeBack => self.take_back(step),
            Act::Soft
            | Act::Weak
            | Act::UpgradeSoft
            | Act::CloneSoft
            | Act::RetireSoft
            | Act::DropSoft
            | Act::UpgradeWeak
            | Act::CloneWeak
            | Act::DropWeak => {
                self.run_on_reference(step);
            }
            Act::Reserve | Act::Rehome | Act::DropRoom | Act::Steal | Act::Close => {
                self.run_on_account(step);
            }
            _ => self.run_on_data(step),
        }
        self.settle();
    }

    fn run_on_buf(&mut self, step: &Step) {
        match step.act {
            Act::Buf => {
                let (index, account) = self.account(step.with);
                let tag = TAGS[step.what % TAGS.len()];
                let tagged = account.with_tag(tag);
                let answer =
                    if step.is_kept { tagged.kept_buf(step.bytes) } else { tagged.buf(step.bytes) };
                match answer {
                    Ok(buf) => {
                        assert!(buf.capacity() >= step.bytes && buf.is_empty());
                        let capacity_bytes = buf.capacity() as u64;
                        assert!(self.has_hidden() || capacity_bytes <= self.room(index).0);
                        let block = self.add_block(capacity_bytes, tag);
                        let bytes = Vec::new();
                        let filling = Filling { block, account: index, bytes, is_split: false };
                        self.bufs.push((buf, filling));
                    }
                    Err(full) => {
                        assert_eq!(full.limit, Limit::Account);
                        assert!(self.has_hidden() || full.room_bytes == self.room(index).0);
                    }
                }
            }
            Act::Write => {
                let first = self.next_byte;
                self.next_byte = first.wrapping_add(97);
                let Some((buf, filling)) = choose(&mut self.bufs, step.what) else { return };
                let text: Vec<u8> = (0..step.with % 200)
                    .map(|index| first.wrapping_add(index.to_le_bytes()[0]))
                    .collect();
                let fits = buf.room_bytes() >= text.len();
                assert_eq!(buf.write(&text).is_ok(), fits);
                if fits {
                    filling.bytes.extend(text);
                }
                assert_eq!(&buf[..], &filling.bytes[..]);
            }
            Act::Freeze => {
                let Some((buf, filling)) = take(&mut self.bufs, step.what) else { return };
                let address = buf.as_ptr();
                let data = buf.freeze();
                assert!(data.pieces().all(|piece| piece.as_ptr() == address));
                self.add_frozen(data, &filling);
            }
            Act::FreezeFilled => {
                let Some((buf, filling)) = choose(&mut self.bufs, step.what) else { return };
                let data = buf.freeze_filled();
                let bytes = std::mem::take(&mut filling.bytes);
                filling.is_split |= !bytes.is_empty();
                let filled = Filling { bytes, ..*filling };
                self.add_frozen(data, &filled);
            }
            Act::Move => {
                let Some((buf, mut filling)) = take(&mut self.bufs, step.what) else { return };
                let (to, account) = self.account(step.with);
                // As it is while the buffer is out of the model's hands: its own hold is not counted for who has it.
                let is_held = to == filling.account || self.is_held_by(to, filling.block);
                let need_bytes = if is_held { 0 } else { self.capacity_bytes(filling.block) };
                let answer = buf.transfer_to(&account);
                if to != filling.account {
                    self.check_room(to, need_bytes, &answer);
                }
                let buf = match answer {
                    Ok(buf) => {
                        filling.account = to;
                        buf
                    }
                    Err(full) => full.value,
                };
                self.bufs.push((buf, filling));
            }
            _ => drop(take(&mut self.bufs, step.what)),
        }
    }

    fn add_frozen(&mut self, data: SharedData, filling: &Filling) {
        let cut =
            Cut { block: filling.block, account: filling.account, length: filling.bytes.len() };
        let cuts = if cut.length > 0 { vec![cut] } else { Vec::new() };
        is_equal(&data, &filling.bytes);
        let value = Value { cuts, bytes: filling.bytes.clone(), ..Value::default() };
        self.values.push((data, value));
    }

    fn run_on_data(&mut self, step: &Step) {
        match step.act {
            Act::Clone => {
                let Some((data, value)) = choose(&mut self.values, step.what) else { return };
                let copy = (data.clone(), value.clone());
                self.values.push(copy);
            }
            Act::Slice => {
                let Some((data, value)) = choose(&mut self.values, step.what) else { return };
                let part = data.slice(step.from..step.to);
                let (from, to) = (to_index(step.from), to_index(step.to));
                assert_eq!(part.is_some(), value.bytes.get(from..to).is_some());
                if let Some(part) = part {
                    let expected = value.window(from, to, &part);
                    is_equal(&part, &expected.bytes);
                    self.values.push((part, expected));
                }
            }
            Act::Split => {
                let Some((data, value)) = choose(&mut self.values, step.what) else { return };
                let (at, length) = (to_index(step.from), value.bytes.len());
                let head = data.split_to(step.from);
                assert_eq!(head.is_some(), at <= length);
                if let Some(head) = head {
                    let front = value.window(0, at, &head);
                    *value = value.window(at, length, data);
                    is_equal(&head, &front.bytes);
                    is_equal(data, &value.bytes);
                    self.values.push((head, front));
                }
            }
            Act::Append | Act::Prepend => {
                let Some((mut other, mut joined)) = take(&mut self.values, step.with) else {
                    return;
                };
                let Some((data, value)) = choose(&mut self.values, step.what) else { return };
                if let Act::Append = step.act {
                    std::mem::swap(data, &mut other);
                    std::mem::swap(value, &mut joined);
                }
                // Now `other` comes first, with what `joined` says.
                let tail = std::mem::take(data);
                let hidden = if other.is_empty() { &value.hidden } else { &joined.hidden };
                let hidden = hidden.clone();
                if step.is_kept {
                    assert!(other.append(tail).is_ok(), "few steps make few pieces");
                    *data = other;
                } else {
                    *data = tail;
                    assert!(data.prepend(other).is_ok(), "few steps make few pieces");
                }
                let bytes = [&joined.bytes[..], &value.bytes].concat();
                let cuts = [&joined.cuts[..], &value.cuts].concat();
                let hidden = if data.piece_count() > 3 { hidden } else { BTreeSet::new() };
                *value = Value { cuts, bytes, hidden };
                is_equal(data, &value.bytes);
            }
            Act::Share | Act::Join => self.share(step),
            Act::Transfer => {
                let (to, account) = self.account(step.with);
                let Some(index) = step.what.checked_rem(self.values.len()) else { return };
                let (data, value) = &self.values[index];
                let need_bytes = self.need_bytes(data, value, (to, &account));
                let (data, value) = self.values.swap_remove(index);
                self.values.push((SharedData::new(), value.clone()));
                let answer = data.transfer_to(&account);
                self.check_room(to, need_bytes, &answer);
                let last = self.values.last_mut().expect("pushed above");
                *last = match answer {
                    Ok(data) => (data, value.moved_to(to)),
                    Err(full) => (full.value, value),
                };
                is_equal(&last.0, &last.1.bytes);
            }
            Act::Send => {
                let Some((data, _)) = choose(&mut self.values, step.what) else { return };
                self.sent.extend(send(data));
            }
            Act::Retire => {
                let Some((data, value)) = choose(&mut self.values, step.what) else { return };
                data.retire();
                assert!(data.is_retired() || data.is_empty());
                for cut in &value.cuts {
                    self.blocks[cut.block].is_retired = true;
                }
            }
            _ => drop(take(&mut self.values, step.what)),
        }
    }

    fn share(&mut self, step: &Step) {
        let (to, account) = self.account(step.with);
        let Some(index) = step.what.checked_rem(self.values.len()) else { return };
        let (data, value) = &self.values[index];
        if let Act::Join = step.act
            && data.piece_count() > 1
        {
            let Ok(joined) = data.copy_contiguous(&account) else { return };
            assert!(joined.piece_count() == 1);
            is_equal(&joined, &value.bytes);
            let (bytes, capacity_bytes) = (value.bytes.clone(), joined.pinned_bytes());
            assert!(self.has_hidden() || capacity_bytes <= self.room(to).0);
            let block = self.add_block(capacity_bytes, "");
            let cuts = vec![Cut { block, account: to, length: bytes.len() }];
            self.values.push((joined, Value { cuts, bytes, ..Value::default() }));
            return;
        }
        let need_bytes = self.need_bytes(data, value, (to, &account));
        let answer = data.share_with(&account);
        self.check_room(to, need_bytes, &answer);
        if let Ok(shared) = answer {
            is_equal(&shared, &value.bytes);
            let moved = value.moved_to(to);
            self.values.push((shared, moved));
        }
    }

    fn run_on_reference(&mut self, step: &Step) {
        match step.act {
            Act::Soft => {
                let Some((data, value)) = choose(&mut self.values, step.what) else { return };
                self.softs.push((data.soft(), value.shown()));
            }
            Act::Weak => {
                let Some((data, value)) = choose(&mut self.values, step.what) else { return };
                self.weaks.push((data.weak(), value.shown()));
            }
            Act::CloneSoft => {
                let Some((soft, value)) = choose(&mut self.softs, step.what) else { return };
                let copy = (soft.clone(), value.clone());
                assert_eq!(copy.0.len(), value.bytes.len() as u64);
                self.softs.push(copy);
            }
            Act::CloneWeak => {
                let Some((weak, value)) = choose(&mut self.weaks, step.what) else { return };
                let copy = (weak.clone(), value.clone());
                assert_eq!(copy.0.len(), value.bytes.len() as u64);
                self.weaks.push(copy);
            }
            Act::UpgradeSoft => {
                let Some(index) = step.what.checked_rem(self.softs.len()) else { return };
                let value = self.softs[index].1.clone();
                let expected = self.expected(&value);
                let answer = self.softs[index].0.try_upgrade();
                self.upgraded(answer, &value, &expected);
            }
            Act::UpgradeWeak => {
                let Some(index) = step.what.checked_rem(self.weaks.len()) else { return };
                let value = self.weaks[index].1.clone();
                let expected = self.expected(&value);
                let answer = self.weaks[index].0.try_upgrade();
                self.upgraded(answer, &value, &expected);
            }
            Act::RetireSoft => {
                let Some((soft, value)) = choose(&mut self.softs, step.what) else { return };
                soft.retire();
                for cut in &value.cuts {
                    self.blocks[cut.block].is_retired = true;
                }
            }
            Act::DropSoft => drop(take(&mut self.softs, step.what)),
            _ => drop(take(&mut self.weaks, step.what)),
        }
    }

    fn run_on_account(&mut self, step: &Step) {
        match step.act {
            Act::Reserve => {
                let (index, account) = self.account(step.with);
                let bytes = step.bytes as u64;
                let answer = account.reserve(bytes);
                self.check_room(index, bytes, &answer);
                if let Ok(room) = answer {
                    self.rooms.push((room, index, bytes));
                }
            }
            Act::Rehome => {
                if self.rooms.is_empty() || self.values.is_empty() {
                    return;
                }
                let (room, value) = (step.with % self.rooms.len(), step.what % self.values.len());
                self.rehome(room, value);
            }
            Act::DropRoom => drop(take(&mut self.rooms, step.what)),
            Act::Steal => {
                let (soft_only, hidden) = (self.soft_only(), self.hidden_blocks());
                let relief = self.heap.steal(u64::MAX);
                let is_exact = hidden.is_empty()
                    && soft_only.iter().all(|block| self.blocks[*block].life == Life::Alive);
                assert!(!is_exact || relief.blocks == soft_only.len() as u64);
                assert_eq!(self.heap.gauges().soft_bytes, 0);
                for block in soft_only {
                    let is_sure = !hidden.contains(&block);
                    self.blocks[block].life = if is_sure { Life::Gone } else { Life::Unsure };
                }
            }
            _ => {
                let slot = step.what % LIMITS.len();
                let index = self.open[slot];
                let expected = self.charged_bytes(index);
                let handle = self.owners[index].handle.take().expect("it is open");
                let left_bytes = handle.close();
                assert!(left_bytes == expected || self.has_hidden(), "{left_bytes} {expected}");
                self.open_account(slot);
            }
        }
    }

    fn rehome(&mut self, room: usize, value: usize) {
        let (to, mut left_bytes) = (self.rooms[room].1, self.rooms[room].2);
        let mut held = self.held();
        let mut moved = self.values[value].1.shown();
        for cut in &mut moved.cuts {
            let capacity_bytes = self.capacity_bytes(cut.block);
            if !held.contains(&(to, cut.block)) {
                if capacity_bytes > left_bytes {
                    continue;
                }
                left_bytes -= capacity_bytes;
                held.insert((to, cut.block));
            }
            cut.account = to;
        }
        let is_exact = !self.has_hidden();
        let (room, _, model_bytes) = &mut self.rooms[room];
        let (data, model) = &mut self.values[value];
        data.rehome(room);
        is_equal(data, &model.bytes);
        if is_exact {
            assert_eq!(room.left_bytes(), left_bytes);
        }
        *model_bytes = room.left_bytes();
        *model = moved;
    }

    /// Compares all numbers that can be told for sure.
    pub(crate) fn check_numbers(&self) {
        for (index, block) in self.blocks.iter().enumerate().filter(|(_, block)| block.is_lent) {
            let is_returned = block.life == Life::Gone && !block.is_taken_back;
            let is_right = self.lent.is_returned(index) == is_returned;
            assert!(is_right || block.life == Life::Unsure, "returned when nobody holds it");
        }
        for (index, owner) in self.owners.iter().enumerate() {
            let Some(handle) = &owner.handle else { continue };
            let expected = self.charged_bytes(index);
            let charged_bytes = handle.charged_bytes();
            assert!(charged_bytes == expected || charged_bytes > expected && self.has_hidden());
        }
        let is_unsure = |block: &Block| block.life == Life::Unsure;
        if self.has_hidden() || self.blocks.iter().any(is_unsure) {
            return;
        }
        let alive = || self.blocks.iter().filter(|block| block.life == Life::Alive);
        let is_gone = |block: &&BlockIndex| self.blocks[**block].life == Life::Gone;
        let (softly, weakly) = (self.named(&self.softs), self.named(&self.weaks));
        let gauges = self.heap.gauges();
        let counted = |is_lent: bool| {
            let blocks = || alive().filter(|block| block.is_lent == is_lent);
            (blocks().map(|block| block.capacity_bytes).sum::<u64>(), blocks().count() as u64)
        };
        assert_eq!((gauges.used_bytes, gauges.used_blocks), counted(false));
        assert_eq!((gauges.lent_bytes, gauges.lent_blocks), counted(true));
        let soft_only = self.soft_only();
        let soft_bytes: u64 = soft_only.iter().map(|block| self.capacity_bytes(*block)).sum();
        assert_eq!(gauges.soft_bytes, soft_bytes);
        let shelved = softly.len() - softly.iter().filter(is_gone).count();
        assert_eq!(gauges.soft_blocks, shelved as u64);
        let nameless = softly.union(&weakly).filter(is_gone).count();
        assert_eq!(gauges.lines_nameless, nameless as u64);
        let set_aside: u64 = self.rooms.iter().map(|(_, _, left_bytes)| left_bytes).sum();
        assert_eq!((gauges.set_aside_bytes, gauges.lost_bytes), (set_aside, 0));
    }

    /// Compares every byte, what each account is charged with and what the closed ones keep; the heap walks itself.
    pub(crate) fn check_all(&self) {
        for (buf, filling) in &self.bufs {
            assert_eq!(&buf[..], &filling.bytes[..]);
        }
        for (data, value) in &self.values {
            is_equal(data, &value.bytes);
            let middle = value.bytes.len() / 2;
            let run = data.longest_at(middle as u64);
            assert!(value.bytes[middle..].starts_with(run));
            assert_eq!(run.is_empty(), value.bytes.is_empty());
            assert_eq!(data.pinned_bytes() == 0, value.bytes.is_empty());
        }
        for (weak, value) in &self.weaks {
            let lives = || value.cuts.iter().map(|cut| &self.blocks[cut.block]);
            let is_alive = lives().all(|block| !block.is_retired && block.life == Life::Alive);
            let is_unsure = lives().any(|block| block.life == Life::Unsure);
            assert!(is_unsure || weak.is_alive() == is_alive);
        }
        self.heap.validate();
        if !self.has_hidden() {
            self.check_reports();
        }
    }

    fn check_reports(&self) {
        let reported: BTreeMap<String, u64> = self
            .heap
            .accounts()
            .into_iter()
            .map(|account| (account.name, account.charged_bytes))
            .collect();
        let mut kept: BTreeMap<(&str, &str), (u64, u64)> = BTreeMap::new();
        for (index, owner) in self.owners.iter().enumerate() {
            let charged_bytes = reported.get(&owner.name).copied().unwrap_or(0);
            assert_eq!(charged_bytes, self.charged_bytes(index), "{}", owner.name);
            if owner.handle.is_none() {
                for (_, block) in self.held().range((index, 0)..(index + 1, 0)) {
                    let Block { capacity_bytes, tag, .. } = self.blocks[*block];
                    let kept = kept.entry((&owner.name, tag)).or_default();
                    *kept = (kept.0 + 1, kept.1 + capacity_bytes);
                }
            }
        }
        let quarantine = self.heap.quarantine();
        assert_eq!(quarantine.len(), kept.len());
        for row in quarantine {
            let kept = kept.get(&(&row.account[..], row.tag)).copied();
            assert_eq!(Some((row.blocks, row.pinned_bytes)), kept, "{row:?}");
        }
    }

    /// Lets everything go but the heap, and what was sent.
    pub(crate) fn end(self) -> (SharedHeap, Vec<(UnixStream, Vec<u8>)>) {
        let copied = self.heap.gauges().bytes_copied;
        let Self { heap, lent, sent, bufs, values, softs, weaks, rooms, owners, .. } = self;
        drop((bufs, values, softs, weaks, rooms, owners));
        assert_eq!(heap.gauges().bytes_copied, copied);
        assert!(lent.has_all(), "all that was lent is its lender's again");
        assert_eq!(Arc::strong_count(&lent), 1, "nobody knows him any more");
        (heap, sent)
    }
}

fn is_equal(data: &SharedData, bytes: &[u8]) {
    assert_eq!(data.len(), bytes.len() as u64);
    let mut rest = bytes;
    for piece in data.pieces() {
        assert!(!piece.is_empty());
        let (here, behind) = rest.split_at(piece.len());
        assert!(piece == here, "bytes differ");
        rest = behind;
    }
}

/// Gives what lies in the file to sockets.
fn send(data: &SharedData) -> Vec<(UnixStream, Vec<u8>)> {
    let mut sent = Vec::new();
    assert!(data.parts().map(|part| part.bytes).eq(data.pieces()));
    for part in data.parts() {
        let Some((file, mut offset)) = part.file else { continue };
        let (to, from) = UnixStream::pair().expect("a pair of sockets");
        // What does not fit the socket stays unsent.
        to.set_nonblocking(true).expect("a socket can be told so");
        let count = sendfile(&to, file, Some(&mut offset), part.bytes.len());
        let count = count.expect("an empty socket has room");
        sent.push((from, part.bytes[..count].to_vec()));
    }
    sent
}
