//! `Bytes` and `BytesMut`: what most services share bytes by.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::{Bytes, BytesMut};

use crate::handles::message::Message;
use crate::loops::looping::Prepared;
use crate::loops::turns::{Loop, each};

/// Bytes whose count is made already, as after the first clone.
fn shared(length_bytes: usize) -> Bytes {
    let data = Bytes::from(vec![7; length_bytes]);
    drop(data.clone());
    data
}

/// A clone and its drop, on so many cores at once, of one count.
pub(crate) fn clone_and_drop(core_count: usize, length_bytes: usize) -> Prepared {
    let data = shared(length_bytes);
    let one = |data: Bytes| {
        each(move || {
            let twin = black_box(&data).clone();
            black_box(&twin);
        })
    };
    Prepared::of((0..core_count).map(|_| one(data.clone())).collect())
}

/// A slice and its drop.
pub(crate) fn slice_and_drop(length_bytes: usize) -> Prepared {
    let data = shared(length_bytes);
    Prepared::of(vec![each(move || {
        let range = black_box(16..length_bytes / 2);
        let part = black_box(&data).slice(range);
        black_box(&part);
    })])
}

/// A clone and its drop of a value of several pieces, for which `Bytes` knows no better than a list of them.
pub(crate) fn clone_and_drop_pieces(piece_count: usize, length_bytes: usize) -> Prepared {
    let pieces: Vec<_> = (0..piece_count).map(|_| shared(length_bytes)).collect();
    Prepared::of(vec![each(move || {
        let twin = black_box(&pieces).clone();
        black_box(&twin);
    })])
}

/// Where the joined message is put.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Joins {
    /// In a buffer of its own, of the very length.
    InAFresh,
    /// In a buffer that is kept, and whose memory is used again when all views of it have gone.
    InAKept,
}

/// Joins three parts by copying them together, then takes head and payload off again.
pub(crate) fn join_and_split(joins: Joins, message: Message) -> Prepared {
    let part = |bytes: usize| Bytes::from(vec![7; bytes]);
    let parts = [message.head_bytes, message.payload_bytes, message.end_bytes].map(part);
    let act = match joins {
        Joins::InAFresh => each(move || {
            let mut buffer = BytesMut::with_capacity(message.whole_bytes());
            fill(&mut buffer, black_box(&parts));
            take_apart(buffer.freeze(), message);
        }),
        Joins::InAKept => {
            let mut kept = BytesMut::new();
            each(move || {
                kept.reserve(message.whole_bytes());
                fill(&mut kept, black_box(&parts));
                take_apart(kept.split().freeze(), message);
            })
        }
    };
    // Nobody counts what is copied here, so it is counted by turns.
    let turns = Arc::new(AtomicU64::new(0));
    let counted = Counted { act, turns: Arc::clone(&turns) };
    let whole_bytes = message.whole_bytes() as u64;
    let copied_bytes = move || turns.load(Ordering::Relaxed) * whole_bytes;
    Prepared { loops: vec![Box::new(counted)], copied_bytes: Some(Box::new(copied_bytes)) }
}

fn fill(buffer: &mut BytesMut, parts: &[Bytes; 3]) {
    for part in parts {
        buffer.extend_from_slice(part);
    }
}

fn take_apart(mut whole: Bytes, message: Message) {
    black_box(&whole);
    let head = whole.split_to(message.head_bytes);
    let payload = whole.split_to(message.payload_bytes);
    black_box((&head, &payload, &whole));
}

/// A loop that knows how many turns it took.
struct Counted {
    act: Box<dyn Loop>,
    turns: Arc<AtomicU64>,
}

impl Loop for Counted {
    fn run(&mut self, count: u64) {
        self.act.run(count);
        self.turns.fetch_add(count, Ordering::Relaxed);
    }
}
