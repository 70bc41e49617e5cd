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
use crate::stores::deleting::Deleting;
use crate::stores::filling::fill;
use crate::stores::getting::{Asking, getting};
use crate::stores::hopping::hopping;
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
    /// Once: all are put and held.
    Fill,
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
    match setting.by {
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
    let strokes = |one: Box<dyn Stroke>| answer_strokes(vec![one]);
    match setting.act {
        Act::Put => strokes(Box::new(Putting::new(make(), values))),
        Act::Delete => strokes(Box::new(Deleting::new(make(), values))),
        Act::Get => answer_passes(getting(make(), (Asking::Singly, setting.thread_count), values)),
        Act::GetTogether => {
            answer_passes(getting(make(), (Asking::Together, setting.thread_count), values))
        }
        Act::Hop => answer_passes(hopping(make, values).map_err(io::Error::other)?),
        Act::Replace => answer_passes(replacing(make(), values)),
        Act::Fill => {
            let mut store = make();
            answer(|_| {
                let filled = fill(&mut store, handle_bytes, values)?;
                Ok(format!("{} {}", filled.value_bytes, filled.share))
            })
        }
    }
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
        let mut store = make();
        let filled = fill(&mut store, 8, (64, 20_000)).unwrap();
        assert!(filled.value_bytes >= 8.0, "{filled:?}"); // memory that was used before may be used again
    }

    #[test]
    fn each_store_does_each_act_rightly() {
        each_act(BoxList::default);
        each_act(MapStore::<RandomState>::default);
        each_act(MapStore::<FastState>::default);
        each_act(SlotMapStore::default);
        each_act(SlabStore::default);
        each_act(|| BareStore::new(Pages::Small, 64, 20_000));
    }
}
