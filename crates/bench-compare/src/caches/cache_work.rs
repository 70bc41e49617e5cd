//! `work-cache`: this program again, as an entrant of `cache` with a memory and an allocator of its own.

use std::ffi::OsString;
use std::io;
use std::time::Duration;

use clap::{Args, Command, FromArgMatches, ValueEnum};

use crate::blocks::block_work::numbers;
use crate::caches::foyer_cache::{ByLfu, ByLru, ByS3Fifo, FoyerCache};
use crate::caches::giving_back::give_back;
use crate::caches::hitting::{Asking, hitting};
use crate::caches::holding::hold;
use crate::caches::keyed_cache::{KeyedCache, Room};
use crate::caches::levada_cache::{Digits, LevadaCache, Number};
use crate::caches::loading::load_together;
use crate::caches::map_cache::MapCache;
use crate::caches::moka_cache::MokaCache;
use crate::caches::quick_cache::QuickCache;
use crate::caches::replaying::{VALUE_BYTES, misses, misses_of_policy, replay};
use crate::frame::fault::Fault;
use crate::loops::looping::undisturbed;
use crate::loops::pass::pass;
use crate::machine::cores::{move_to, on_both_cores};
use crate::machine::worker::answer;
use crate::oracle::lru::Lru;
use crate::oracle::policy::Policy;
use crate::oracle::s3_fifo::S3Fifo;
use crate::oracle::sieve::Sieve;
use crate::traces::catalogue::ALL;
use crate::traces::trace::Trace;

/// The word by which this program is asked to work on a cache.
pub(crate) const WORD: &str = "work-cache";

/// Whose cache it is, or whose policy alone.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum CacheBy {
    Levada,
    /// With keys of 16 B.
    LevadaDigits,
    Moka,
    QuickCache,
    FoyerS3Fifo,
    FoyerLru,
    FoyerLfu,
    Map,
    S3FifoAlone,
    SieveAlone,
    LruAlone,
}

/// What is done each time that somebody asks.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Act {
    /// A trace is replayed, and misses are counted.
    Misses,
    /// A trace is replayed, and timed.
    Replay,
    Gets,
    LoneGets,
    GetsAndPuts,
    /// Once: entries are held.
    Hold,
    /// Many ask for one key.
    Load,
    /// Ours alone, once: memory goes back; the limit is as many bytes as there are said to be entries.
    GiveBack,
}

/// What the worker is told; a person has no need to type it.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct CacheSetting {
    #[arg(long, value_enum)]
    pub(crate) by: CacheBy,
    #[arg(long, value_enum)]
    pub(crate) act: Act,
    #[arg(long)]
    pub(crate) value_bytes: usize,
    #[arg(long)]
    pub(crate) entry_count: usize,
    #[arg(long)]
    pub(crate) thread_count: usize,
}

impl CacheSetting {
    /// To replay traces.
    pub(crate) fn replaying(by: CacheBy, act: Act) -> Self {
        Self { by, act, value_bytes: VALUE_BYTES, entry_count: 0, thread_count: 1 }
    }

    /// As arguments of this program.
    pub(crate) fn to_arguments(self) -> Vec<OsString> {
        let by = self.by.to_possible_value().expect("none is hidden");
        let act = self.act.to_possible_value().expect("none is hidden");
        let words = [
            WORD.to_owned(),
            format!("--by={}", by.get_name()),
            format!("--act={}", act.get_name()),
            format!("--value-bytes={}", self.value_bytes),
            format!("--entry-count={}", self.entry_count),
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

    fn room(self) -> Room {
        let Self { value_bytes, entry_count, thread_count, .. } = self;
        Room { entry_count, value_bytes, thread_count }
    }
}

/// A part of a trace, and the share of its keys for which there is room.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Part {
    /// In the catalogue.
    pub(crate) trace_index: usize,
    pub(crate) request_count_max: usize,
    pub(crate) permille: u64,
}

impl Part {
    /// The line that asks for it.
    pub(crate) fn to_line(self) -> String {
        format!("{} {} {}", self.trace_index, self.request_count_max, self.permille)
    }

    fn from_line(line: &str) -> io::Result<Self> {
        let asked = numbers::<usize, 3>(line).ok_or_else(|| io::Error::other("three numbers"))?;
        let [trace_index, request_count_max, permille] = asked;
        Ok(Self { trace_index, request_count_max, permille: permille as u64 })
    }
}

/// The trace that was asked for last.
#[derive(Debug, Default)]
struct Shown(Option<((usize, usize), Trace)>);

impl Shown {
    fn trace(&mut self, part: Part) -> io::Result<&Trace> {
        let name = (part.trace_index, part.request_count_max);
        let kept = self.0.take().filter(|(other, _)| *other == name);
        let kept = match kept {
            Some(kept) => kept,
            None => {
                let known = ALL.get(part.trace_index);
                let known = known.ok_or_else(|| io::Error::other("no such trace"))?;
                (name, known.read()?.beginning(part.request_count_max))
            }
        };
        Ok(&self.0.insert(kept).1)
    }
}

/// Works until nobody asks.
/// # Errors
/// If nobody hears the answers, a core or a trace cannot be had, or a cache does not what it should.
pub(crate) fn work(setting: CacheSetting) -> io::Result<()> {
    move_to(0).map_err(told)?;
    match setting.by {
        CacheBy::Levada => work_by::<LevadaCache<Number>>(setting),
        CacheBy::LevadaDigits => work_by::<LevadaCache<Digits>>(setting),
        CacheBy::Moka => work_by::<MokaCache>(setting),
        CacheBy::QuickCache => work_by::<QuickCache>(setting),
        CacheBy::FoyerS3Fifo => work_by::<FoyerCache<ByS3Fifo>>(setting),
        CacheBy::FoyerLru => work_by::<FoyerCache<ByLru>>(setting),
        CacheBy::FoyerLfu => work_by::<FoyerCache<ByLfu>>(setting),
        CacheBy::Map => work_by::<MapCache>(setting),
        CacheBy::S3FifoAlone => answer_policy(S3Fifo::with_room),
        CacheBy::SieveAlone => answer_policy(Sieve::with_room),
        CacheBy::LruAlone => answer_policy(Lru::with_room),
    }
}

fn work_by<C: KeyedCache>(setting: CacheSetting) -> io::Result<()> {
    let room = setting.room();
    match setting.act {
        Act::Misses => answer_parts(|trace, entry_count| {
            let cache = C::with_room(Room { entry_count, ..room });
            let missed = misses(&cache, entry_count, trace);
            Ok((missed, cache.entry_count()))
        }),
        Act::Replay => {
            let mut shown = Shown::default();
            answer(|line| {
                let part = Part::from_line(line)?;
                let trace = shown.trace(part)?;
                let entry_count = trace.entry_count(part.permille);
                let cache = C::with_room(Room { entry_count, ..room });
                let replayed = replay(&cache, trace);
                Ok(format!("{} {}", replayed.request_ns, replayed.share))
            })
        }
        Act::Gets => answer_passes::<C>(Asking::Gets, room),
        Act::LoneGets => answer_passes::<C>(Asking::LoneGets, room),
        Act::GetsAndPuts => answer_passes::<C>(Asking::GetsAndPuts, room),
        Act::Hold => answer(|_| {
            let held = hold::<C>(room, setting.by != CacheBy::Map)?;
            Ok(format!("{} {}", held.entry_bytes, held.entry_count))
        }),
        Act::GiveBack => answer(|_| {
            let given = give_back(room.entry_count as u64)?;
            Ok(format!("{} {}", given.byte_ns, given.given_bytes))
        }),
        Act::Load => answer(|line| {
            let [window] = numbers(line).ok_or_else(|| io::Error::other("a number of ns"))?;
            let together =
                || load_together::<C>(Duration::from_nanos(window)).map_err(Fault::Wrong);
            let time_ns = on_both_cores(together).map_err(told)?;
            Ok(format!("{time_ns}"))
        }),
    }
}

/// Of a policy the misses are all there is to ask for.
fn answer_policy<P: Policy>(make: impl Fn(usize) -> P) -> io::Result<()> {
    answer_parts(|trace, entry_count| {
        let mut policy = make(entry_count);
        Ok((misses_of_policy(&mut policy, trace), policy.len()))
    })
}

/// The answer has the share of misses in a hundred.
fn answer_parts(once: impl Fn(&Trace, usize) -> io::Result<(u64, usize)>) -> io::Result<()> {
    let mut shown = Shown::default();
    answer(|line| {
        let part = Part::from_line(line)?;
        let trace = shown.trace(part)?;
        let room = trace.entry_count(part.permille);
        let (missed, entry_count) = once(trace, room)?;
        if entry_count > room {
            let said = format!("it holds {entry_count} and has room for {room}");
            return Err(io::Error::other(said));
        }
        Ok(format!("{} {entry_count}", missed as f64 * 100.0 / trace.keys.len() as f64))
    })
}

fn answer_passes<C: KeyedCache>(asking: Asking, room: Room) -> io::Result<()> {
    let mut loops = hitting::<C>(asking, room);
    answer(|line| {
        let asked = numbers(line).ok_or_else(|| io::Error::other("two numbers of ns"))?;
        let [warm_up, window] = asked.map(Duration::from_nanos);
        let passed = undisturbed(|| pass(&mut loops, warm_up, window)).map_err(told)?;
        Ok(format!("{} {} {}", passed.turn_ns, passed.rate_per_s, passed.share))
    })
}

fn told(fault: Fault) -> io::Error {
    io::Error::other(fault.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loops::turns::Loop;

    const ROOM: Room = Room { entry_count: 1_000, value_bytes: VALUE_BYTES, thread_count: 1 };

    #[test]
    fn what_a_worker_is_told_is_what_it_understands() {
        let setting = CacheSetting::replaying(CacheBy::FoyerS3Fifo, Act::LoneGets);
        let understood = CacheSetting::from_arguments(setting.to_arguments()).unwrap();
        assert_eq!(format!("{understood:?}"), format!("{setting:?}"));
        assert!(CacheSetting::from_arguments([WORD.into(), "--by=magic".into()]).is_err());
        let part = Part { trace_index: 3, request_count_max: 70, permille: 10 };
        assert_eq!(Part::from_line(&part.to_line()).unwrap(), part);
        assert!(Part::from_line("3 4").is_err());
    }

    #[test]
    fn a_trace_is_shown_as_often_as_it_is_asked_for_and_then_the_next() {
        let index = ALL.iter().position(|one| one.name == "loop").unwrap();
        let mut shown = Shown::default();
        for request_count_max in [7, 7, 9] {
            let part = Part { trace_index: index, request_count_max, permille: 10 };
            assert_eq!(shown.trace(part).unwrap().keys.len(), request_count_max);
        }
        let none = Part { trace_index: ALL.len(), request_count_max: 1, permille: 1 };
        assert!(shown.trace(none).is_err());
    }

    fn each_act<C: KeyedCache>(lets_go: bool) {
        let trace = Trace::of((0..5_000).map(|at| at * at % 1_777).collect());
        let cache = C::with_room(ROOM);
        let missed = misses(&cache, ROOM.entry_count, &trace);
        let least = if lets_go { trace.unique_count as u64 } else { 1 };
        assert!(missed >= least.min(trace.unique_count as u64) && missed < 5_000, "{missed}");
        assert!(!lets_go || cache.entry_count() <= ROOM.entry_count);
        assert!(replay(&C::with_room(ROOM), &trace).request_ns > 0.0);
        for asking in [Asking::Gets, Asking::LoneGets, Asking::GetsAndPuts] {
            let mut loops = hitting::<C>(asking, Room { thread_count: 2, ..ROOM });
            loops.iter_mut().for_each(|one: &mut Box<dyn Loop>| one.run(2_500));
        }
        let held = hold::<C>(Room { entry_count: 20_000, ..ROOM }, lets_go).unwrap();
        assert!(held.entry_count >= 19_800, "{held:?}");
    }

    #[test]
    fn each_cache_does_each_act_rightly() {
        each_act::<LevadaCache<Number>>(true);
        each_act::<LevadaCache<Digits>>(true);
        each_act::<MokaCache>(true);
        each_act::<QuickCache>(true);
        each_act::<FoyerCache<ByS3Fifo>>(true);
        each_act::<FoyerCache<ByLru>>(true);
        each_act::<FoyerCache<ByLfu>>(true);
        each_act::<MapCache>(false);
    }
}
