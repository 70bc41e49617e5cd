//! `queues`: what a value costs between two pinned threads, by how many are shown at once, beside the channels of others.

use std::time::Duration;

use crate::frame::comparison::{
    Bar, Case, Comparison, Contender, Entrant, Ground, Side, Yardstick,
};
use crate::frame::fault::Fault;
use crate::frame::manner::Manner;
use crate::frame::sample::Sample;
use crate::loops::looping::undisturbed;
use crate::loops::pass::Passed;
use crate::queues::crossbeam_roads::{Crossbeam, CrossbeamBlocking};
use crate::queues::crossfire_roads::{Crossfire, CrossfireBlocking, CrossfireMany};
use crate::queues::flume_road::Flume;
use crate::queues::kanal_roads::{Kanal, KanalBlocking};
use crate::queues::levada_roads::{LevadaMpsc, LevadaSpsc};
use crate::queues::ping::ping;
use crate::queues::road::Road;
use crate::queues::rtrb_roads::{Rtrb, RtrbChunks};
use crate::queues::stream::stream;

const BEST: Yardstick = Yardstick::Best {
    name: "the best",
    rivals: &["rtrb", "crossbeam-channel", "crossfire", "kanal", "flume"],
};

pub(crate) const COMPARISON: Comparison = Comparison {
    name: "queues",
    manner: Manner::Loops,
    title: "queues: time of a value between two pinned threads",
    unit: "ns/value",
    rate_unit: "values/s",
    other_units: &[],
    yardsticks: &[BEST, Yardstick::Rival("rtrb")],
    notes: &[
        "A value is 32 B, every queue has 1,024 places. In a stream core 0 sends batch after batch and core 1 takes what is there, at most 256 at a time; in a ping core 0 waits until a batch has come back, and the time is that of a value there and back.",
        "Each value is looked at: whether it is whole, and the next.",
        "Who has batches sends and takes by them: ours, the chunks of rtrb, the drains of flume and kanal. The others go value by value, awake by trying again, and where it says `waits` by the queue's own waiting; the best of a rival's manners is the rival.",
        "Many to one has one sender here, since the second core is the receiver's: it is what the thread-safety of the sending end costs when nobody contends.",
    ],
    cases,
};

const BATCHES: [usize; 5] = [1, 4, 16, 64, 256];

/// The batch for which there is a goal.
const JUDGED: usize = 64;

type Once = fn(usize, Duration, Duration) -> Result<Passed, Fault>;

fn cases(ground: &Ground) -> Result<Vec<Case>, Fault> {
    let streams = BATCHES.into_iter().map(|batch| {
        let rows = one_to_one(ground, batch, Way::Stream);
        case(ground, ("stream, one to one", batch), rows)
    });
    let pings = BATCHES.into_iter().map(|batch| {
        let rows = one_to_one(ground, batch, Way::Ping);
        case(ground, ("ping, one to one", batch), rows)
    });
    let many = [Way::Stream, Way::Ping].map(|way| {
        let panel = match way {
            Way::Stream => "stream, many to one",
            Way::Ping => "ping, many to one",
        };
        case(ground, (panel, 1), many_to_one(ground, way))
    });
    Ok(streams.chain(pings).chain(many).collect())
}

#[derive(Clone, Copy, Debug)]
enum Way {
    Stream,
    Ping,
}

impl Way {
    fn by<R: Road>(self) -> Once {
        match self {
            Self::Stream => stream::<R>,
            Self::Ping => ping::<R>,
        }
    }
}

fn one_to_one(ground: &Ground, batch: usize, way: Way) -> Vec<Entrant> {
    let row = |name: &str, side, once| entrant(ground, (name, side), batch, once);
    vec![
        row("levada", Side::Ours, way.by::<LevadaSpsc>()),
        row("rtrb, chunks", Side::Rival("rtrb"), way.by::<RtrbChunks>()),
        row("rtrb", Side::Rival("rtrb"), way.by::<Rtrb>()),
        row("crossbeam-channel", CROSSBEAM, way.by::<Crossbeam>()),
        row("crossbeam-channel, waits", CROSSBEAM, way.by::<CrossbeamBlocking>()),
        row("crossfire", Side::Rival("crossfire"), way.by::<Crossfire>()),
        row("crossfire, waits", Side::Rival("crossfire"), way.by::<CrossfireBlocking>()),
        row("kanal, drained", Side::Rival("kanal"), way.by::<Kanal>()),
        row("kanal, waits", Side::Rival("kanal"), way.by::<KanalBlocking>()),
        row("flume, drained", Side::Rival("flume"), way.by::<Flume>()),
    ]
}

fn many_to_one(ground: &Ground, way: Way) -> Vec<Entrant> {
    let row = |name: &str, side, once| entrant(ground, (name, side), 1, once);
    vec![
        row("levada", Side::Ours, way.by::<LevadaMpsc>()),
        row("crossbeam-channel", CROSSBEAM, way.by::<Crossbeam>()),
        row("crossbeam-channel, waits", CROSSBEAM, way.by::<CrossbeamBlocking>()),
        row("crossfire", Side::Rival("crossfire"), way.by::<CrossfireMany>()),
        row("kanal, drained", Side::Rival("kanal"), way.by::<Kanal>()),
        row("kanal, waits", Side::Rival("kanal"), way.by::<KanalBlocking>()),
        row("flume, drained", Side::Rival("flume"), way.by::<Flume>()),
    ]
}

const CROSSBEAM: Side = Side::Rival("crossbeam-channel");

fn case(ground: &Ground, (panel, batch): (&str, usize), entrants: Vec<Entrant>) -> Case {
    Case {
        panel: panel.to_owned(),
        point: format!("{batch} a batch"),
        entrants,
        round_count: ground.pace.round_count,
        bars: vec![Bar { against: BEST, first: Some(1.0), goal: (batch == JUDGED).then_some(0.8) }],
    }
}

fn entrant(ground: &Ground, (name, side): (&str, Side), batch: usize, once: Once) -> Entrant {
    let ground = ground.clone();
    let get_ready = move || -> Result<Box<dyn Contender>, Fault> {
        Ok(Box::new(Crossing { ground, batch, once }))
    };
    Entrant { name: name.to_owned(), side, get_ready: Box::new(get_ready) }
}

/// Two threads, made anew for each window.
struct Crossing {
    ground: Ground,
    batch: usize,
    once: Once,
}

impl Contender for Crossing {
    fn measure(&mut self) -> Result<Sample, Fault> {
        let pace = self.ground.pace;
        let passed = undisturbed(|| {
            self.ground.stop.check()?;
            (self.once)(self.batch, pace.warm_up, pace.window)
        })?;
        Ok(Sample {
            cost: passed.turn_ns,
            client_cost: None,
            rate_per_s: Some(passed.rate_per_s),
            busy_share: Some(passed.share),
            latency_ns: None,
            others: Vec::new(),
        })
    }

    fn cpu_ns(&self) -> Result<Option<u64>, Fault> {
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ours_crosses_both_ways_for_each_batch() {
        let window = Duration::from_millis(1);
        for batch in BATCHES {
            for once in [Way::Stream.by::<LevadaSpsc>(), Way::Ping.by::<LevadaSpsc>()] {
                let passed = once(batch, window, window);
                assert!(passed.is_ok_and(|passed| passed.turn_ns > 0.0), "{batch}");
            }
        }
    }
}
