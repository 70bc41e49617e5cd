//! `work-store`: this program again, as an entrant of `pile` with a memory and an allocator of its own.

use std::collections::hash_map::RandomState;
use std::ffi::OsString;
use std::io;
use std::time::Duration;

use clap::{Args, Command, FromArgMatches, ValueEnum};
use foldhash::fast::RandomState as FastState;

use crate::blocks::block_work::numbers;
use crate::frame::fault::Fault;
use crate::loops::looping::undisturbed;
use crate::loops::pass::{Passed, pass};
use crate::loops::strokes::{Stroke, strike};
use crate::loops::turns::Loop;
use crate::machine::cores::move_to;
use crate::machine::worker::answer;
use crate::stores::bare_store::{BareStore, Pages};
use crate::stores::box_list::BoxList;
use crate::stores::checkerboard::{Board, Moment, lay_out};
use crate::stores::churning::Churning;
use crate::stores::deleting::Deleting;
use crate::stores::filling::fill;
use crate::stores::getting::{Asking, getting};
use crate::stores::hopping::hopping;
use crate::stores::levada_store::{Kind, LevadaStore};
use crate::stores::map_store::MapStore;
use crate::stores::putting::Putting;
use crate::stores::replacing::replacing;
use crate::stores::slab_store::SlabStore;
use crate::stores::slot_map_store::SlotMapStore;
use crate::stores::store::Store;

/// The word by which this program is asked to work on a store.
pub(crate) const WORD: &str = "work-store";

/// Whose store it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum StoreBy {
    Levada,
    LevadaCell,
    LevadaRoomy,
    Boxes,
    Map,
    FastMap,
    SlotMap,
    Slab,
    Bare,
    BareSmallPages,
}

/// What is done over and over.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Act {
    Put,
    Get,
    GetTogether,
    Hop,
    Replace,
    Delete,
    /// Gets one by one, each timed.
    GetQuietly,
    /// As that, while another thread puts and deletes.
    GetInChurn,
    /// Once: all are put and held.
    Fill,
    /// Once: two of three are deleted again; `count` is bytes of data, and `value_bytes` the longest.
    Thin,
    /// Once: as that, and others are put in their stead.
    Refill,
}

/// What the worker is told; a person has no need to type it.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct StoreSetting {
    #[arg(long, value_enum)]
    pub(crate) by: StoreBy,
    #[arg(long, value_enum)]
    pub(crate) act: Act,
    #[arg(long)]
    pub(crate) value_bytes: usize,
    #[arg(long)]
    pub(crate) count: u64,
    #[arg(long)]
    pub(crate) thread_count: usize,
}

impl StoreSetting {
    /// As arguments of this program.
    pub(crate) fn to_arguments(self) -> Vec<OsString> {
        let by = self.by.to_possible_value().expect("none is hidden");
        let act = self.act.to_possible_value().expect("none is hidden");
        let words = [
            WORD.to_owned(),
            format!("--by={}", by.get_name()),
            format!("--act={}", act.get_name()),
            format!("--value-bytes={}", self.value_bytes),
            format!("--count={}", self.count),
            format!("--thread-count={}", self.thread_count),
        ];
        words.into_iter().map(OsString::from).collect()
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

    fn values(self) -> (usize, u64) {
        (self.value_bytes, self.count)
    }
}

/// Works until nobody asks.
/// # Errors
/// If nobody hears the answers, or a core cannot be had.
pub(crate) fn work(setting: StoreSetting) -> io::Result<()> {
    move_to(0).map_err(told)?;
    let (value_bytes, count) = setting.values();
    let bare = |pages| move || BareStore::new(pages, value_bytes, count);
    // A handle that the store does not keep itself is kept by the program; a map keeps its keys.
    let ours = |putting| move || LevadaStore::new(putting);
    match setting.by {
        StoreBy::Levada => work_by(ours(Kind::Plain), 8, setting),
        StoreBy::LevadaCell => work_by(ours(Kind::Cell), 8, setting),
        StoreBy::LevadaRoomy => work_by(ours(Kind::Roomy), 8, setting),
        StoreBy::Boxes => work_by(BoxList::default, 0, setting),
        StoreBy::Map => work_by(MapStore::<RandomState>::default, 0, setting),
        StoreBy::FastMap => work_by(MapStore::<FastState>::default, 0, setting),
        StoreBy::SlotMap => work_by(SlotMapStore::default, 8, setting),
        StoreBy::Slab => work_by(SlabStore::default, 8, setting),
        StoreBy::Bare => work_by(bare(Pages::Huge), 8, setting),
        StoreBy::BareSmallPages => work_by(bare(Pages::Small), 8, setting),
    }
}

fn work_by<S: Store + 'static>(
    make: impl Fn() -> S,
    handle_bytes: usize,
    setting: StoreSetting,
) -> io::Result<()> {
    let values = setting.values();
    match setting.act {
        Act::Put => {
            let stores = twins(make(), setting.thread_count)?;
            let one = |store| -> Box<dyn Stroke> { Box::new(Putting::new(store, values)) };
            answer_strokes(stores.into_iter().map(one).collect())
        }
        Act::Delete => answer_strokes(vec![Box::new(Deleting::new(make(), values))]),
        Act::Get => answer_passes(getting(make(), (Asking::Singly, setting.thread_count), values)),
        Act::GetTogether => {
            answer_passes(getting(make(), (Asking::Together, setting.thread_count), values))
        }
        Act::Hop => answer_passes(hopping(make, values).map_err(io::Error::other)?),
        Act::Replace => answer_passes(replacing(make(), values)),
        Act::Fill => {
            let mut stores = twins(make(), setting.thread_count)?;
            answer(|_| {
                let filled = fill(&mut stores, handle_bytes, values)?;
                Ok(format!("{} {} {}", filled.value_bytes, filled.share, filled.value_ns))
            })
        }
        Act::Thin => answer_board(make(), Moment::Thinned, values),
        Act::Refill => answer_board(make(), Moment::Refilled, values),
        Act::GetQuietly => answer_times(Churning::new(make(), None, values)),
        Act::GetInChurn => {
            let store = make();
            let twin = store.twin().ok_or_else(|| io::Error::other("it has one owner"))?;
            answer_times(Churning::new(store, Some(twin), values))
        }
    }
}

/// A store for each thread, all the same one.
fn twins<S: Store>(store: S, count: usize) -> io::Result<Vec<S>> {
    let others: Option<Vec<S>> = (1..count).map(|_| store.twin()).collect();
    let mut stores = others.ok_or_else(|| io::Error::other("it has one owner"))?;
    stores.push(store);
    Ok(stores)
}

fn answer_board<S: Store>(mut store: S, moment: Moment, values: (usize, u64)) -> io::Result<()> {
    answer(|_| {
        let Board { live_bytes, resident_bytes } = lay_out(&mut store, moment, values)?;
        Ok(format!("{live_bytes} {resident_bytes}"))
    })
}

/// Times in pairs: how long, and how often.
fn answer_times<S: Store>(mut churning: Churning<S>) -> io::Result<()> {
    answer(|line| {
        let asked = numbers(line).ok_or_else(|| io::Error::other("two numbers of ns"))?;
        let [_, window] = asked.map(Duration::from_nanos);
        let mut times_ns = churning.time_gets(window).map_err(told)?;
        times_ns.sort_unstable();
        let pairs = times_ns.chunk_by(|one, next| one == next);
        let words: Vec<_> = pairs.map(|same| format!("{} {}", same[0], same.len())).collect();
        Ok(words.join(" "))
    })
}

fn answer_passes(mut loops: Vec<Box<dyn Loop>>) -> io::Result<()> {
    answer_each(|warm_up, window| pass(&mut loops, warm_up, window))
}

fn answer_strokes(mut strokes: Vec<Box<dyn Stroke>>) -> io::Result<()> {
    answer_each(|_, window| strike(&mut strokes, window))
}

fn answer_each(
    mut once: impl FnMut(Duration, Duration) -> Result<Passed, Fault>,
) -> io::Result<()> {
    answer(|line| {
        let asked = numbers(line).ok_or_else(|| io::Error::other("two numbers of ns"))?;
        let [warm_up, window] = asked.map(Duration::from_nanos);
        let passed = undisturbed(|| once(warm_up, window)).map_err(told)?;
        Ok(format!("{} {} {}", passed.turn_ns, passed.rate_per_s, passed.share))
    })
}

fn told(fault: Fault) -> io::Error {
    io::Error::other(fault.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTING: StoreSetting = StoreSetting {
        by: StoreBy::FastMap,
        act: Act::GetTogether,
        value_bytes: 64,
        count: 1_000,
        thread_count: 1,
    };

    #[test]
    fn what_a_worker_is_told_is_what_it_understands() {
        let understood = StoreSetting::from_arguments(SETTING.to_arguments()).unwrap();
        assert_eq!(format!("{understood:?}"), format!("{SETTING:?}"));
        assert!(StoreSetting::from_arguments([WORD.into(), "--by=magic".into()]).is_err());
    }

    fn each_act<S: Store + 'static>(make: impl Fn() -> S) {
        let values = SETTING.values();
        let mut strokes: [Box<dyn Stroke>; 2] =
            [Box::new(Putting::new(make(), values)), Box::new(Deleting::new(make(), values))];
        for one in &mut strokes {
            for _ in 0..50 {
                one.get_ready();
                assert!(one.stroke() > 0);
            }
        }
        let single = getting(make(), (Asking::Singly, 2), values);
        let together = getting(make(), (Asking::Together, 1), values);
        let hopping = hopping(&make, values).unwrap();
        let replacing = replacing(make(), values);
        for mut one in single.into_iter().chain(together).chain(hopping).chain(replacing) {
            one.run(2_500);
        }
        let filled = fill(&mut [make()], 8, (64, 20_000)).unwrap();
        assert!(filled.value_bytes >= 8.0, "{filled:?}"); // memory that was used before may be used again
    }

    #[test]
    fn a_board_has_the_data_that_was_asked_for() {
        for (moment, share) in [(Moment::Thinned, 3), (Moment::Refilled, 1)] {
            let board = lay_out(&mut BoxList::default(), moment, (1_024, 1 << 20)).unwrap();
            let expected = (1 << 20) / share;
            assert!(board.live_bytes.abs_diff(expected) < expected / 20, "{board:?}");
        }
    }

    #[test]
    fn gets_are_timed_one_by_one() {
        let quiet = BareStore::new(Pages::Small, 64, 1_000);
        let mut churning = Churning::new(quiet, None, (64, 1_000));
        let Ok(times_ns) = churning.time_gets(Duration::from_micros(100)) else { return };
        assert!(!times_ns.is_empty());
        let ours = LevadaStore::new(Kind::Plain);
        let mut churning = Churning::new(ours.clone(), ours.twin(), (64, 1_000));
        let Ok(times_ns) = churning.time_gets(Duration::from_micros(100)) else { return };
        assert!(!times_ns.is_empty());
    }

    #[test]
    fn each_store_does_each_act_rightly() {
        for kind in [Kind::Plain, Kind::Cell, Kind::Roomy] {
            each_act(|| LevadaStore::new(kind));
        }
        each_act(BoxList::default);
        each_act(MapStore::<RandomState>::default);
        each_act(MapStore::<FastState>::default);
        each_act(SlotMapStore::default);
        each_act(SlabStore::default);
        each_act(|| BareStore::new(Pages::Small, 64, 20_000));
    }
}
