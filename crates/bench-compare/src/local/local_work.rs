//! `work-local`: this program again, as an entrant of `local-heap-memory` with a memory of its own.

use std::ffi::OsString;
use std::hint::black_box;
use std::io;

use clap::{Args, Command, FromArgMatches, ValueEnum};
use levada_local::{Gc, GcSlice, Limits, LocalHeap, Pool, Trace};

use crate::machine::resident::own_resident_bytes;
use crate::machine::worker::answer;

/// The word by which this program is asked to work on a local heap.
pub(crate) const WORD: &str = "work-local";

/// How many heaps rest at once.
pub(crate) const RESTING: usize = 100_000;

/// How many values of 32 B each of them keeps.
pub(crate) const KEPT: usize = 9;

/// How many turns with a long value are taken, and after how many it is looked at for the first time.
const LONG_TURNS: usize = 10_000;
const FIRST_TURNS: usize = 1_000;

/// How many words of 8 B a long value has.
const LONG_WORDS: usize = 8 << 10;

/// What is done, once.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Deed {
    /// Heaps that rest.
    Rest,
    /// Lists of boxes that do.
    RestInBoxes,
    /// Turns in which something long lives.
    LongTurns,
}

/// What the worker is told; a person has no need to type it.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct LocalSetting {
    #[arg(long, value_enum)]
    pub(crate) deed: Deed,
}

impl LocalSetting {
    /// As arguments of this program.
    pub(crate) fn to_arguments(self) -> Vec<OsString> {
        let deed = self.deed.to_possible_value().expect("none is hidden");
        [WORD.to_owned(), format!("--deed={}", deed.get_name())].map(OsString::from).to_vec()
    }

    /// From this program's arguments; the first is the word.
    /// # Errors
    /// What is wrong with them.
    pub(crate) fn from_arguments(
        words: impl IntoIterator<Item = OsString>,
    ) -> Result<Self, clap::Error> {
        let command = Self::augment_args(Command::new(WORD));
        Self::from_arg_matches(&command.try_get_matches_from(words)?)
    }
}

/// Works until nobody asks: says what of its memory a heap, or all, takes, and two figures that belong to it.
/// # Errors
/// If nobody hears the answers, or the kernel does not tell what is resident.
pub(crate) fn work(setting: LocalSetting) -> io::Result<()> {
    answer(|_| {
        let [cost, one, other] = match setting.deed {
            Deed::Rest => rest()?,
            Deed::RestInBoxes => rest_in_boxes()?,
            Deed::LongTurns => take_long_turns()?,
        };
        Ok(format!("{cost} {one} {other}"))
    })
}

#[derive(Trace)]
struct Node<'gc> {
    next: Option<Gc<'gc, Node<'gc>>>,
    words: [u64; 3],
}

fn rest() -> io::Result<[f64; 3]> {
    own_resident_bytes()?; // what looking itself takes, it takes now
    let before_bytes = own_resident_bytes()?;
    let pool = Pool::default();
    let mut heaps = Vec::with_capacity(RESTING);
    for word in 0..RESTING as u64 {
        let mut heap = LocalHeap::<Option<Gc<'static, Node<'static>>>>::new(
            &pool,
            Limits::up_to(1 << 20),
            |_| None,
        );
        heap.enter(|cx, root| {
            for _ in 0..KEPT {
                *root = Some(cx.alloc(Node { next: *root, words: [word; 3] }));
                black_box(cx.alloc(Node { next: None, words: [word; 3] })); // what does not survive
            }
        });
        heap.end_turn();
        heap.rest();
        heaps.push(heap);
    }
    let grown_bytes = own_resident_bytes()?.saturating_sub(before_bytes) as f64;
    for (word, heap) in heaps.iter_mut().enumerate() {
        let mut kept = 0;
        heap.enter(|_, root| {
            let mut next = *root;
            while let Some(node) = next {
                assert_eq!(node.words, [word as u64; 3], "a heap keeps what was put in");
                (next, kept) = (node.next, kept + 1);
            }
        });
        assert_eq!(kept, KEPT, "and all of it");
    }
    let lent_chunks = pool.gauges().lent_chunks as f64;
    Ok([grown_bytes / RESTING as f64, lent_chunks, 0.0])
}

fn rest_in_boxes() -> io::Result<[f64; 3]> {
    own_resident_bytes()?;
    let before_bytes = own_resident_bytes()?;
    let mut lists = Vec::with_capacity(RESTING);
    for word in 0..RESTING as u64 {
        let list: Vec<_> = (0..KEPT).map(|_| Box::new([word; 4])).collect();
        lists.push(list);
    }
    let grown_bytes = own_resident_bytes()?.saturating_sub(before_bytes) as f64;
    black_box(&lists);
    Ok([grown_bytes / RESTING as f64, 0.0, 0.0])
}

fn take_long_turns() -> io::Result<[f64; 3]> {
    own_resident_bytes()?;
    let before_bytes = own_resident_bytes()?;
    let mut heap = LocalHeap::<Option<GcSlice<'static, u64>>>::new(
        &Pool::default(),
        Limits::default(),
        |_| None,
    );
    let mut first_bytes = 0;
    for turn in 0..LONG_TURNS {
        heap.enter(|cx, root| *root = Some(cx.slice((0..LONG_WORDS).map(|_| turn as u64))));
        heap.end_turn();
        if turn + 1 == FIRST_TURNS {
            first_bytes = own_resident_bytes()?.saturating_sub(before_bytes);
        }
    }
    let grown_bytes = own_resident_bytes()?.saturating_sub(before_bytes);
    Ok([grown_bytes as f64, first_bytes as f64, heap.gauges().majors as f64])
}
