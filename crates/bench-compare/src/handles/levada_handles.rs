//! `SharedData`: ours, with one account or two.

use std::hint::black_box;

use levada_shared::{Account, Options, SharedData, SharedHeap};

use crate::handles::message::Message;
use crate::loops::looping::Prepared;
use crate::loops::turns::each;

const HEAP_BYTES_MAX: u64 = 256 << 20;

/// A limit that is looked at and not reached.
const ACCOUNT_BYTES_MAX: u64 = 128 << 20;

/// A heap with two accounts.
#[derive(Debug)]
struct Place {
    heap: SharedHeap,
    one: Account,
    other: Account,
}

impl Place {
    fn make() -> Self {
        let options = Options { bytes_max: HEAP_BYTES_MAX, arenas: 2, ..Options::default() };
        let heap = SharedHeap::new(options).expect("a small heap can be had");
        let account = |name| heap.account(name, ACCOUNT_BYTES_MAX).expect("a heap has accounts");
        let (one, other) = (account("one"), account("other"));
        Self { heap, one, other }
    }

    fn data(&self, length_bytes: usize) -> SharedData {
        self.one.copy_from(&vec![7; length_bytes]).expect("there is room")
    }
}

/// Whose the handles on two cores are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Accounts {
    One,
    /// Each core's own.
    Two,
}

/// A clone and its drop on one core.
pub(crate) fn clone_and_drop(piece_count: usize, length_bytes: usize) -> Prepared {
    let place = Place::make();
    let mut data = SharedData::new();
    for _ in 0..piece_count {
        data.append(place.data(length_bytes)).expect("a value has room for some pieces");
    }
    assert_eq!(data.piece_count(), piece_count, "blocks of their own are not joined");
    Prepared::of(vec![cloning(data, place)])
}

/// A clone and its drop on two cores at once, of one block.
pub(crate) fn clone_and_drop_on_two_cores(accounts: Accounts, length_bytes: usize) -> Prepared {
    let place = Place::make();
    let data = place.data(length_bytes);
    let second = match accounts {
        Accounts::One => data.clone(),
        Accounts::Two => data.share_with(&place.other).expect("there is room"),
    };
    let heap =
        Place { heap: place.heap.clone(), one: place.one.clone(), other: place.other.clone() };
    Prepared::of(vec![cloning(data, place), cloning(second, heap)])
}

fn cloning(data: SharedData, place: Place) -> Box<dyn crate::loops::turns::Loop> {
    let kept = (data, place); // in this order, so that the heap goes last
    each(move || {
        let twin = black_box(&kept).0.clone();
        black_box(&twin);
    })
}

/// A slice and its drop.
pub(crate) fn slice_and_drop(length_bytes: usize) -> Prepared {
    let place = Place::make();
    let kept = (place.data(length_bytes), place);
    Prepared::of(vec![each(move || {
        let range = black_box(16..length_bytes as u64 / 2);
        let part = black_box(&kept).0.slice(range);
        black_box(&part);
    })])
}

/// What finds the bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Reference {
    Soft,
    Weak,
}

/// Who keeps the bytes that are found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Keeper {
    /// Somebody of the same account holds them.
    Holder,
    /// Nobody does: they are kept softly.
    Nobody,
}

/// A reference is upgraded, and what was found dropped.
pub(crate) fn upgrade_and_drop(by: Reference, keeper: Keeper, length_bytes: usize) -> Prepared {
    let place = Place::make();
    let data = place.data(length_bytes);
    let (soft, weak) = (data.soft(), data.weak());
    let kept = (soft, weak, (keeper == Keeper::Holder).then_some(data), place);
    Prepared::of(vec![each(move || {
        let (soft, weak, ..) = black_box(&kept);
        let found = match by {
            Reference::Soft => soft.upgrade(),
            Reference::Weak => weak.upgrade(),
        };
        assert!(black_box(&found).is_some(), "nothing takes it");
    })])
}

/// How many blocks of 4 KiB a cache has that is as large as its heap, and more references than that.
const CACHED_COUNT: usize = 90_000;
const HELD_COUNT: usize = 40_000;
const CACHED_BYTES: usize = 4096;

/// A block is made in the place of the oldest, which is stolen by then: the heap is full of what is kept softly.
pub(crate) fn renew_by_stealing() -> Prepared {
    let place = Place::make();
    let make = |place: &Place| {
        let mut buffer = place.one.kept_buf(CACHED_BYTES).expect("soft ones give way");
        buffer.write(&[7; 64]).expect("there is room");
        buffer.freeze().soft()
    };
    let ring: Vec<_> = (0..CACHED_COUNT).map(|_| make(&place)).collect();
    let mut kept = (ring, 0, place);
    Prepared::of(vec![each(move || {
        let (ring, next, place) = black_box(&mut kept);
        ring[*next] = make(place);
        *next = (*next + 1) % CACHED_COUNT;
    })])
}

/// A block is made in the place of the oldest, which is freed by that.
pub(crate) fn renew_by_freeing() -> Prepared {
    let place = Place::make();
    let account = place.heap.default_account();
    let make = move || {
        let mut buffer = account.kept_buf(CACHED_BYTES).expect("there is room");
        buffer.write(&[7; 64]).expect("there is room");
        buffer.freeze()
    };
    let ring: Vec<_> = (0..HELD_COUNT).map(|_| make()).collect();
    let mut kept = (ring, 0, place);
    Prepared::of(vec![each(move || {
        let (ring, next, _place) = black_box(&mut kept);
        ring[*next] = make();
        *next = (*next + 1) % HELD_COUNT;
    })])
}

/// A second account comes to hold the block, and goes.
pub(crate) fn share_and_drop(length_bytes: usize) -> Prepared {
    let place = Place::make();
    let kept = (place.data(length_bytes), place);
    Prepared::of(vec![each(move || {
        let (data, place) = black_box(&kept);
        let shared = data.share_with(&place.other);
        black_box(&shared);
    })])
}

/// The one handle of a block goes to another account and comes back.
pub(crate) fn there_and_back(length_bytes: usize) -> Prepared {
    let place = Place::make();
    let mut kept = (place.data(length_bytes), place);
    Prepared::of(vec![each(move || {
        let (data, place) = black_box(&mut kept);
        let there = std::mem::take(data).transfer_to(&place.other).expect("there is room");
        black_box(&there);
        *data = there.transfer_to(&place.one).expect("there was room before");
    })])
}

/// As [`there_and_back`], while the block is still being filled.
pub(crate) fn buffer_there_and_back(length_bytes: usize) -> Prepared {
    let place = Place::make();
    let mut kept = (Some(place.one.buf(length_bytes).expect("there is room")), place);
    Prepared::of(vec![each(move || {
        let (buffer, place) = black_box(&mut kept);
        let here = buffer.take().expect("it came back");
        let there = here.transfer_to(&place.other).expect("there is room");
        black_box(&there);
        *buffer = Some(there.transfer_to(&place.one).expect("there was room before"));
    })])
}

/// Puts a head before a payload and an end behind it, then takes head and payload off again; all three stay whole.
pub(crate) fn join_and_split(message: Message) -> Prepared {
    let place = Place::make();
    let parts = [message.head_bytes, message.payload_bytes, message.end_bytes];
    let heap = place.heap.clone();
    let kept = (parts.map(|bytes| place.data(bytes)), place);
    let act = each(move || {
        let ([head, payload, end], _place) = black_box(&kept);
        let mut whole = payload.clone();
        whole.prepend(head.clone()).expect("three pieces have room");
        whole.append(end.clone()).expect("three pieces have room");
        black_box(&whole);
        let head = whole.split_to(message.head_bytes as u64);
        let payload = whole.split_to(message.payload_bytes as u64);
        black_box((&head, &payload, &whole));
    });
    let copied_bytes = move || heap.gauges().bytes_copied;
    Prepared { loops: vec![act], copied_bytes: Some(Box::new(copied_bytes)) }
}
