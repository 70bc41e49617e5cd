//! `work-social`: this program again, as one who keeps a network and walks through it.

use std::ffi::OsString;
use std::io;
use std::time::Duration;

use clap::{Args, Command, FromArgMatches, ValueEnum};

use crate::frame::ratio::Spread;
use crate::machine::clock::{now_ns, own_cpu_ns};
use crate::machine::cores::move_to;
use crate::machine::worker::answer;
use crate::social::connection::Connection;
use crate::social::graph::Graph;
use crate::social::list_network::ListNetwork;
use crate::social::network::{Loading, Network};
use crate::social::pile_network::PileNetwork;
use crate::social::redis_network::RedisNetwork;
use crate::social::walk::Walker;
use crate::stores::dice::Dice;

/// The word by which this program is asked to keep a network.
pub(crate) const WORD: &str = "work-social";

/// What ours may have: more than 200 million connections shall take.
const LIMIT_BYTES: u64 = 14 << 30;

/// Who keeps the network.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum NetworkBy {
    Levada,
    Lists,
    BoxLists,
    Redis,
}

/// What is asked of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Errand {
    /// Once, and first.
    Load,
    /// From one connection to another that it names.
    Hop,
    /// At connections whose handles are known.
    Look,
    /// Friends-of-friends of somebody to whose there lead about ten thousand connections.
    Circle,
    /// Friends-of-friends of anybody.
    AnyCircle,
    /// The shortest way from one to another, up to four steps.
    Steps,
}

/// What the worker is told; a person has no need to type it.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct SocialSetting {
    #[arg(long, value_enum)]
    pub(crate) by: NetworkBy,
    #[arg(long)]
    pub(crate) connection_count: u64,
}

impl SocialSetting {
    /// As arguments of this program.
    pub(crate) fn to_arguments(self) -> Vec<OsString> {
        let by = self.by.to_possible_value().expect("none is hidden");
        let words = [
            WORD.to_owned(),
            format!("--by={}", by.get_name()),
            format!("--connection-count={}", self.connection_count),
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
}

/// The line that asks for an errand.
pub(crate) fn ask_for(errand: Errand, window: Duration) -> String {
    let errand = errand.to_possible_value().expect("none is hidden");
    format!("{} {}", errand.get_name(), window.as_nanos())
}

fn asked(line: &str) -> io::Result<(Errand, u64)> {
    let parts = || {
        let (errand, window) = line.split_once(' ')?;
        Some((Errand::from_str(errand, false).ok()?, window.trim().parse().ok()?))
    };
    parts().ok_or_else(|| io::Error::other("an errand and a number of ns"))
}

/// Works until nobody asks.
/// # Errors
/// If nobody hears the answers, or a core cannot be had.
pub(crate) fn work(setting: SocialSetting) -> io::Result<()> {
    move_to(0).map_err(|fault| io::Error::other(fault.to_string()))?;
    match setting.by {
        NetworkBy::Levada => work_by(PileNetwork::with_limit(LIMIT_BYTES)?, setting),
        NetworkBy::Lists => work_by(ListNetwork::<Connection>::default(), setting),
        NetworkBy::BoxLists => work_by(ListNetwork::<Box<Connection>>::default(), setting),
        NetworkBy::Redis => work_by(RedisNetwork::start()?, setting),
    }
}

fn work_by<N: Network>(network: N, setting: SocialSetting) -> io::Result<()> {
    let mut guide = Guide::of(network, setting.connection_count);
    answer(|line| {
        let (errand, window_ns) = asked(line)?;
        guide.run(errand, window_ns)
    })
}

/// So many persons are looked at for those to whose friends-of-friends there lead about ten thousand connections.
const LOOKED_AT: usize = 50_000;

const CHOSEN_MAX: usize = 200;

/// About ten thousand.
const CIRCLE_CONNECTIONS: std::ops::RangeInclusive<u64> = 9_000..=11_000;

/// So many steps are timed together, where one is too short.
const BATCH: u64 = 4096;

/// One who knows the way about a network.
struct Guide<N> {
    network: N,
    connection_count: u64,
    walker: Walker,
    /// With how many connections lead to their friends-of-friends.
    chosen: Vec<(u32, u64)>,
    anybody: Vec<(u32, u64)>,
    turn: usize,
}

impl<N: Network> Guide<N> {
    fn of(network: N, connection_count: u64) -> Self {
        let (chosen, anybody) = (Vec::new(), Vec::new());
        let walker = Walker::default();
        Self { network, connection_count, walker, chosen, anybody, turn: 0 }
    }

    fn run(&mut self, errand: Errand, window_ns: u64) -> io::Result<String> {
        match errand {
            Errand::Load => self.load(),
            Errand::Hop => timed(window_ns, || Ok(self.network.hop(BATCH))),
            Errand::Look => timed(window_ns, || Ok(self.network.look(BATCH))),
            Errand::Circle | Errand::AnyCircle => timed(window_ns, || {
                let list = if errand == Errand::Circle { &self.chosen } else { &self.anybody };
                let Some((person, expected)) = list.get(self.turn % list.len().max(1)) else {
                    return Ok(None);
                };
                self.turn += 1;
                self.walker.circle(&mut self.network, *person, *expected)?;
                Ok(Some(1))
            }),
            Errand::Steps => timed(window_ns, || {
                let at = self.turn % self.chosen.len().max(2);
                let Some([(from, _), (to, _)]) = self.chosen.get(at.saturating_sub(1)..=at.max(1))
                else {
                    return Ok(None);
                };
                self.turn += 1;
                self.walker.steps(&mut self.network, *from, *to)?;
                Ok(Some(1))
            }),
        }
    }

    /// Loads, and finds out whose walks are measured: the same persons for all who load the same graph.
    fn load(&mut self) -> io::Result<String> {
        let graph = Graph::of(self.connection_count);
        let person_count = u64::from(graph.person_count());
        let mut loading = Loading::of(&graph);
        let begun_ns = now_ns();
        self.network.load(graph, &mut loading)?;
        let took_ns = (now_ns() - begun_ns) as f64;
        let resident_bytes = self.network.resident_bytes()? as f64;
        let mut dice = Dice::from_seed(8);
        for _ in 0..LOOKED_AT {
            let person = u32::try_from(dice.below(person_count)).expect("a person");
            let mut expected = 0;
            let degrees = &loading.degrees;
            self.network.peers(&[person], &mut |peer| {
                expected += u64::from(degrees[peer as usize]);
            })?;
            if self.anybody.len() < CHOSEN_MAX {
                self.anybody.push((person, expected));
            }
            if CIRCLE_CONNECTIONS.contains(&expected) {
                self.chosen.push((person, expected));
            }
            if self.chosen.len() == CHOSEN_MAX {
                break;
            }
        }
        if self.chosen.len() < 2 {
            self.chosen.clone_from(&self.anybody); // of a graph too small for such
        }
        self.network.get_ready();
        let count = self.connection_count as f64;
        Ok(format!("{} {}", took_ns / count, resident_bytes / count))
    }
}

/// Works for a window; the answer has what a turn took in the middle, what of its core it had, and what each took.
fn timed(window_ns: u64, mut once: impl FnMut() -> io::Result<Option<u64>>) -> io::Result<String> {
    let (begun_ns, begun_cpu_ns) = (now_ns(), own_cpu_ns());
    let (mut turns_ns, mut words) = (Vec::new(), String::new());
    loop {
        let before_ns = now_ns();
        let count = once()?.ok_or_else(|| io::Error::other("it does not do that"))?;
        let turn_ns = (now_ns() - before_ns) as f64 / count.max(1) as f64;
        turns_ns.push(turn_ns);
        words.push_str(&format!(" {turn_ns:.0}"));
        let elapsed_ns = now_ns() - begun_ns;
        if elapsed_ns >= window_ns {
            let share = (own_cpu_ns() - begun_cpu_ns) as f64 / elapsed_ns as f64;
            let middle = Spread::of(&turns_ns).expect("there was a turn").median;
            return Ok(format!("{middle} {share}{words}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_worker_is_told_is_what_it_understands() {
        let setting = SocialSetting { by: NetworkBy::BoxLists, connection_count: 77 };
        let understood = SocialSetting::from_arguments(setting.to_arguments()).unwrap();
        assert_eq!(format!("{understood:?}"), format!("{setting:?}"));
        let line = ask_for(Errand::AnyCircle, Duration::from_micros(3));
        assert_eq!(asked(&line).unwrap(), (Errand::AnyCircle, 3_000));
        assert!(asked("load").is_err() && asked("walk 3").is_err());
    }

    #[test]
    fn each_errand_is_run_or_refused() {
        let mut guide = Guide::of(ListNetwork::<Connection>::default(), 20_000);
        assert!(guide.run(Errand::Steps, 1).is_err(), "nothing is loaded");
        guide.run(Errand::Load, 0).unwrap();
        for errand in [Errand::Circle, Errand::AnyCircle, Errand::Steps] {
            let told = guide.run(errand, 100_000).unwrap();
            assert!(told.split(' ').count() >= 3, "{told}");
        }
        assert!(guide.run(Errand::Hop, 1).is_err(), "a list has no hops");
    }
}
