//! Turning is an entrant that takes turns in a world: what it costs is a node of them, a turn, or the longest end of one.

use std::thread;
use std::time::Duration;

use crate::frame::comparison::{Contender, Entrant, Ground, Side};
use crate::frame::fault::Fault;
use crate::frame::histogram::Histogram;
use crate::frame::sample::Sample;
use crate::local::world::{Depths, TURN_NODES, World};
use crate::loops::looping::{Prepared, entrant};
use crate::loops::turns::Loop;
use crate::machine::clock::own_cpu_ns;
use crate::machine::cores::move_to;

/// Pauses come seldom: they are waited for so many windows long.
const WINDOWS: u32 = 20;

/// And for the first so many times as long as that.
const PATIENCE: u64 = 10;

/// An entrant that takes turns in the world that `make` makes, and tells what a node of them costs.
pub(crate) fn by_node<W: World + 'static>(
    ground: &Ground,
    (name, side): (&str, Side),
    make: impl FnOnce() -> W + 'static,
) -> Entrant {
    let turns = entrant(ground, name, side, || Prepared::of(vec![Box::new(Turns(make()))]));
    let get_ready =
        move || -> Result<Box<dyn Contender>, Fault> { Ok(Box::new(ByNode((turns.get_ready)()?))) };
    Entrant { get_ready: Box::new(get_ready), ..turns }
}

/// A loop of whole turns: what is timed in one go has as many pauses as another.
struct Turns<W>(W);

impl<W: World> Loop for Turns<W> {
    fn run(&mut self, count: u64) {
        for _ in 0..count {
            self.0.turn();
            self.0.end();
        }
    }
}

/// One whose turns are of so many nodes.
struct ByNode(Box<dyn Contender>);

impl Contender for ByNode {
    fn measure(&mut self) -> Result<Sample, Fault> {
        let sample = self.0.measure()?;
        Ok(Sample { cost: sample.cost / TURN_NODES as f64, ..sample })
    }

    fn cpu_ns(&self) -> Result<Option<u64>, Fault> {
        self.0.cpu_ns()
    }
}

/// What of the turns is the cost.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Costs {
    /// CPU time of a turn with its end.
    ATurn,
    /// CPU time of the end in the middle of those that were pauses.
    MiddlePause,
    /// That of the longest.
    LongestPause,
}

/// An entrant that takes turns in the world that `make` makes.
pub(crate) fn turning<W: World + 'static>(
    ground: &Ground,
    (name, side): (&str, Side),
    costs: Costs,
    make: impl FnOnce() -> W + 'static,
) -> Entrant {
    let ground = ground.clone();
    let get_ready = move || -> Result<Box<dyn Contender>, Fault> {
        ground.stop.check()?;
        let mut world = make();
        for _ in 0..100 {
            world.turn();
            world.end();
        }
        Ok(Box::new(Turning { ground, costs, world }))
    };
    Entrant { name: name.to_owned(), side, get_ready: Box::new(get_ready) }
}

struct Turning<W> {
    ground: Ground,
    costs: Costs,
    world: W,
}

impl<W: World> Contender for Turning<W> {
    fn measure(&mut self) -> Result<Sample, Fault> {
        self.ground.stop.check()?;
        let length = self.ground.pace.window * WINDOWS;
        let (world, costs) = (&mut self.world, self.costs);
        let before = world.depths();
        let taken = thread::scope(|scope| {
            let taken = scope.spawn(|| {
                move_to(0)?;
                Ok(if costs == Costs::ATurn {
                    untimed(world, length)
                } else {
                    timed(world, length)
                })
            });
            taken.join().expect("no turn panics")
        })?;
        let others = match (before, self.world.depths()) {
            (Some(before), Some(after)) => in_1000(before, after, taken.turns),
            _ => Vec::new(),
        };
        let quantile = |permille| taken.pauses.quantile_ns(permille).map(|ns| ns as f64);
        let pause = |permille| {
            quantile(permille).ok_or_else(|| Fault::Wrong("there was no pause in time".to_owned()))
        };
        let cost = match costs {
            Costs::ATurn => taken.cpu_ns as f64 / taken.turns as f64,
            Costs::MiddlePause => pause(500)?,
            Costs::LongestPause => pause(1000)?,
        };
        let latency_ns = (costs != Costs::ATurn).then_some(taken.pauses);
        let (client_cost, busy_share) = (None, None);
        let rate_per_s = Some(taken.turns as f64 / (taken.cpu_ns as f64 / 1e9));
        Ok(Sample { cost, client_cost, rate_per_s, busy_share, latency_ns, others })
    }

    fn cpu_ns(&self) -> Result<Option<u64>, Fault> {
        Ok(None)
    }
}

struct Taken {
    turns: u64,
    cpu_ns: u64,
    pauses: Histogram,
}

fn in_1000(before: Depths, after: Depths, turns: u64) -> Vec<f64> {
    let pairs = [
        (before.minors, after.minors),
        (before.stables, after.stables),
        (before.majors, after.majors),
    ];
    pairs.map(|(before, after)| (after - before) as f64 * 1000.0 / turns as f64).to_vec()
}

/// Looks at the clock now and then only.
fn untimed(world: &mut impl World, length: Duration) -> Taken {
    let length_ns = u64::try_from(length.as_nanos()).expect("windows are short");
    let (begun_ns, mut turns) = (own_cpu_ns(), 0);
    loop {
        for _ in 0..16 {
            world.turn();
            world.end();
        }
        turns += 16;
        let cpu_ns = own_cpu_ns() - begun_ns;
        if cpu_ns >= length_ns {
            return Taken { turns, cpu_ns, pauses: Histogram::default() };
        }
    }
}

/// By the thread's own clock: who has the core for a moment makes no pause.
fn timed(world: &mut impl World, length: Duration) -> Taken {
    let length_ns = u64::try_from(length.as_nanos()).expect("windows are short");
    let (begun_ns, mut turns, mut pauses) = (own_cpu_ns(), 0, Histogram::default());
    let mut has_paused = false;
    loop {
        world.turn();
        turns += 1;
        let before_ns = own_cpu_ns();
        let is_pause = world.end();
        let after_ns = own_cpu_ns();
        if is_pause {
            pauses.add(after_ns - before_ns);
        }
        let cpu_ns = after_ns - begun_ns;
        has_paused |= is_pause;
        let enough_ns = if has_paused { length_ns } else { PATIENCE * length_ns };
        if cpu_ns >= enough_ns {
            return Taken { turns, cpu_ns, pauses };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Played {
        ends: u64,
    }

    impl World for Played {
        fn turn(&mut self) {
            std::hint::black_box(&self.ends);
        }

        fn end(&mut self) -> bool {
            self.ends += 1;
            self.ends.is_multiple_of(2)
        }

        fn depths(&self) -> Option<Depths> {
            Some(Depths { minors: self.ends, stables: 0, majors: 0 })
        }
    }

    struct Fixed;

    impl Contender for Fixed {
        fn measure(&mut self) -> Result<Sample, Fault> {
            let (client_cost, busy_share, latency_ns) = (None, None, None);
            let (rate_per_s, others) = (Some(5.0), Vec::new());
            Ok(Sample { cost: 4000.0, client_cost, rate_per_s, busy_share, latency_ns, others })
        }

        fn cpu_ns(&self) -> Result<Option<u64>, Fault> {
            Ok(None)
        }
    }

    #[test]
    fn a_turn_s_cost_is_told_for_a_node() {
        let sample = ByNode(Box::new(Fixed)).measure().ok().unwrap();
        assert!((sample.cost - 2.0).abs() < 1e-9 && sample.rate_per_s == Some(5.0));
        let mut turns = Turns(Played { ends: 0 });
        turns.run(3);
        assert_eq!(turns.0.ends, 3);
    }

    #[test]
    fn only_ends_that_are_pauses_are_told_as_such() {
        let mut world = Played { ends: 0 };
        let taken = timed(&mut world, Duration::from_millis(1));
        assert_eq!(taken.turns, world.ends);
        assert!(taken.pauses.quantile_ns(500).is_some());
        let once = timed(&mut Played { ends: 0 }, Duration::ZERO);
        assert_eq!(once.pauses.quantile_ns(500), None, "the first is none");
        let in_1000 = in_1000(Depths::default(), world.depths().unwrap(), world.ends);
        assert_eq!(in_1000, [1000.0, 0.0, 0.0]);
    }
}
