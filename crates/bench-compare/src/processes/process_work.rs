//! `work-processes`: this program again, as a world of processes for `processes` and `processes-memory`.
//!
//! It reads `run COUNT` and answers `NS WAKES ALLOCATIONS`, and the latencies behind that where each piece has one; `count COUNT`
//! is the same with allocations counted. Idle processes answer `BYTES RESIDENT`: what they took, and what there is in all.

use std::ffi::OsString;
use std::io;
use std::panic;
use std::time::Duration;

use clap::{Args, Command, FromArgMatches, ValueEnum};

use crate::machine::allocator::count_allocations;
use crate::machine::cores::move_to;
use crate::machine::resident::own_resident_bytes;
use crate::machine::worker::answer;
use crate::processes::levada_across::Taking;
use crate::processes::levada_driven::Driven;
use crate::processes::tokio_across::Placed;
use crate::processes::tokio_world::Scheduler;
use crate::processes::waking::Bell;
use crate::processes::world::{Order, Ran, World};
use crate::processes::{
    kameo_world, levada_across, levada_world, ractor_world, tokio_across, tokio_world, waking,
};

/// The word by which this program is asked to be a world.
pub(crate) const WORD: &str = "work-processes";

/// By what processes are made.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum WorldOf {
    Levada,
    /// Ours, where the receiver takes many at once.
    LevadaMany,
    Tokio,
    TokioMulti,
    /// tokio on two cores, where the receiver takes many at once.
    TokioMany,
    Ractor,
    Kameo,
    Eventfd,
    Futex,
}

/// What they do.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Work {
    Spawn,
    Message,
    Call,
    Restart,
    Stream,
    Lone,
    Idle,
}

/// What the worker is told; a person has no need to type it.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct ProcessSetting {
    #[arg(long, value_enum)]
    pub(crate) of: WorldOf,
    #[arg(long, value_enum)]
    pub(crate) work: Work,
    /// Receivers of messages, messages of a batch, microseconds between lone messages.
    #[arg(long, default_value_t = 1)]
    pub(crate) number: u32,
    /// To receivers at random.
    #[arg(long)]
    pub(crate) at_random: bool,
}

impl ProcessSetting {
    /// As arguments of this program.
    pub(crate) fn to_arguments(self) -> Vec<OsString> {
        let of = self.of.to_possible_value().expect("none is hidden");
        let work = self.work.to_possible_value().expect("none is hidden");
        let mut words = vec![
            WORD.to_owned(),
            format!("--of={}", of.get_name()),
            format!("--work={}", work.get_name()),
            format!("--number={}", self.number),
        ];
        words.extend(self.at_random.then(|| "--at-random".to_owned()));
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
}

/// Works until nobody asks.
/// # Errors
/// If nobody hears the answers, a core cannot be had, or nobody does such work.
pub(crate) fn work(setting: ProcessSetting) -> io::Result<()> {
    // Those that fail do so because they are told to.
    panic::set_hook(Box::new(|_| ()));
    if !matches!(setting.work, Work::Stream | Work::Lone) {
        move_to(0).map_err(|fault| io::Error::other(fault.to_string()))?;
    }
    if setting.work == Work::Idle {
        return answer(|line| {
            let count = asked(line).map(|(_, count)| count).unwrap_or_default();
            let count = usize::try_from(count).map_err(io::Error::other)?;
            hold(setting.of, count)
        });
    }
    let mut world = world(setting)?;
    answer(|line| {
        let (is_counted, count) = asked(line).ok_or_else(|| io::Error::other("run COUNT"))?;
        let mut ran = Ran::default();
        let allocations = if is_counted {
            count_allocations(|| ran = world.run(count)).unwrap_or_default()
        } else {
            ran = world.run(count);
            0
        };
        let mut words = vec![ran.took_ns, ran.wakes, allocations];
        words.extend(ran.latencies_ns);
        Ok(words.iter().map(u64::to_string).collect::<Vec<_>>().join(" "))
    })
}

fn asked(line: &str) -> Option<(bool, u64)> {
    let (word, count) = line.split_once(' ')?;
    Some((word == "count", count.parse().ok()?))
}

fn boxed(world: impl World + 'static) -> Box<dyn World> {
    Box::new(world)
}

fn world(setting: ProcessSetting) -> io::Result<Box<dyn World>> {
    let ProcessSetting { of, work, number, at_random } = setting;
    let order = if at_random { Order::AtRandom } else { Order::InTurn };
    let gap = Duration::from_micros(number.into());
    let scheduler = match of {
        WorldOf::TokioMulti => Scheduler::Workers(1),
        _ => Scheduler::OfThisThread,
    };
    let placed = match of {
        WorldOf::TokioMulti => Placed::Together,
        _ => Placed::Apart,
    };
    let world = match (of, work) {
        (WorldOf::Levada, Work::Spawn) => boxed(levada_world::spawn()),
        (WorldOf::Levada, Work::Message) => boxed(levada_world::messages(number, order)),
        (WorldOf::Levada, Work::Call) => boxed(levada_world::calls()),
        (WorldOf::Levada, Work::Restart) => boxed(levada_world::restarts()),
        (WorldOf::Levada, Work::Stream) => {
            boxed(levada_across::stream(number.into(), Taking::OneByOne))
        }
        (WorldOf::LevadaMany, Work::Stream) => {
            boxed(levada_across::stream(number.into(), Taking::Many))
        }
        (WorldOf::Levada, Work::Lone) => boxed(levada_across::lone(gap)),
        (WorldOf::Tokio | WorldOf::TokioMulti, Work::Spawn) => boxed(tokio_world::spawn(scheduler)),
        (WorldOf::Tokio | WorldOf::TokioMulti, Work::Message) => {
            boxed(tokio_world::messages(scheduler, number, order))
        }
        (WorldOf::Tokio | WorldOf::TokioMulti, Work::Call) => boxed(tokio_world::calls(scheduler)),
        (WorldOf::Tokio | WorldOf::TokioMulti, Work::Restart) => {
            boxed(tokio_world::restarts(scheduler))
        }
        (WorldOf::Tokio | WorldOf::TokioMulti | WorldOf::TokioMany, Work::Stream) => {
            boxed(tokio_across::stream(placed, number.into(), of == WorldOf::TokioMany))
        }
        (WorldOf::Tokio | WorldOf::TokioMulti, Work::Lone) => {
            boxed(tokio_across::lone(placed, gap))
        }
        (WorldOf::Ractor, Work::Spawn) => boxed(ractor_world::spawn(scheduler)),
        (WorldOf::Ractor, Work::Message) => boxed(ractor_world::messages(scheduler, number, order)),
        (WorldOf::Ractor, Work::Call) => boxed(ractor_world::calls(scheduler)),
        (WorldOf::Ractor, Work::Restart) => boxed(ractor_world::restarts(scheduler)),
        (WorldOf::Kameo, Work::Spawn) => boxed(kameo_world::spawn(scheduler)),
        (WorldOf::Kameo, Work::Message) => boxed(kameo_world::messages(scheduler, number, order)),
        (WorldOf::Kameo, Work::Call) => boxed(kameo_world::calls(scheduler)),
        (WorldOf::Kameo, Work::Restart) => boxed(kameo_world::restarts(scheduler)),
        (WorldOf::Eventfd, Work::Lone) => boxed(waking::lone(Bell::Eventfd, gap)),
        (WorldOf::Futex, Work::Lone) => boxed(waking::lone(Bell::Futex, gap)),
        _ => return Err(io::Error::other("nobody does such work")),
    };
    Ok(world)
}

/// Makes so many idle processes, looks, and lets them go again with the OS process.
fn hold(of: WorldOf, count: usize) -> io::Result<String> {
    let before_bytes;
    let kept: Box<dyn std::any::Any> = match of {
        WorldOf::Levada => {
            let (driven, senders) = (Driven::new(), touched(count));
            before_bytes = own_resident_bytes()?;
            Box::new(levada_world::idle(driven, senders, count))
        }
        WorldOf::Tokio => {
            let senders = touched(count);
            before_bytes = own_resident_bytes()?;
            Box::new(tokio_world::idle(senders, count))
        }
        WorldOf::Ractor => {
            let actors = touched(count);
            before_bytes = own_resident_bytes()?;
            Box::new(ractor_world::idle(actors, count))
        }
        WorldOf::Kameo => {
            let actors = touched(count);
            before_bytes = own_resident_bytes()?;
            Box::new(kameo_world::idle(actors, count))
        }
        _ => return Err(io::Error::other("nobody idles so")),
    };
    let after_bytes = own_resident_bytes()?;
    drop(kept);
    Ok(format!("{} {after_bytes}", after_bytes.saturating_sub(before_bytes)))
}

/// Room for so many handles, resident already.
fn touched<T>(count: usize) -> Vec<T> {
    let mut room = Vec::with_capacity(count);
    room.spare_capacity_mut().fill_with(std::mem::MaybeUninit::zeroed);
    room
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_worker_is_told_is_what_it_understands() {
        let setting = ProcessSetting {
            of: WorldOf::TokioMulti,
            work: Work::Message,
            number: 7,
            at_random: true,
        };
        let understood = ProcessSetting::from_arguments(setting.to_arguments()).unwrap();
        assert_eq!(format!("{understood:?}"), format!("{setting:?}"));
        assert!(ProcessSetting::from_arguments([WORD.into(), "--of=magic".into()]).is_err());
        assert_eq!(asked("count 12"), Some((true, 12)));
        assert_eq!(asked("run"), None);
    }

    #[test]
    fn every_world_that_stays_on_one_core_does_its_pieces() {
        let worlds =
            [WorldOf::Levada, WorldOf::Tokio, WorldOf::TokioMulti, WorldOf::Ractor, WorldOf::Kameo];
        for of in worlds {
            for work in [Work::Spawn, Work::Message, Work::Call, Work::Restart] {
                let setting = ProcessSetting { of, work, number: 3, at_random: false };
                let mut world = world(setting).unwrap();
                assert!(world.run(20).took_ns > 0, "{setting:?}");
                assert!(world.run(5).took_ns > 0, "{setting:?}");
            }
        }
    }
}
