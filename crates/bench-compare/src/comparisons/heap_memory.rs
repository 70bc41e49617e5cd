//! `heap-memory`: what many blocks take beside the bytes in them, by ours and by `Bytes` over three allocators.

use crate::blocks::block_work::{BlockSetting, numbers};
use crate::blocks::maker::Fill;
use crate::frame::comparison::{
    Bar, Case, Comparison, Contender, Entrant, Ground, Side, Yardstick,
};
use crate::frame::fault::Fault;
use crate::frame::manner::Manner;
use crate::frame::sample::Sample;
use crate::rivals::blocks::{ENTRANTS, start};

const FOUR_PERCENT: Yardstick = Yardstick::Rival("4 % of the data");
const MIMALLOC: Yardstick = Yardstick::Rival("mimalloc");

pub(crate) const COMPARISON: Comparison = Comparison {
    name: "heap-memory",
    manner: Manner::Fills,
    title: "heap-memory: memory beside the bytes in a block",
    unit: "B/block",
    rate_unit: "",
    other_units: &["resident of data"],
    yardsticks: &[FOUR_PERCENT, MIMALLOC],
    notes: &[
        "A fresh OS process takes the blocks, writes them whole and holds them; the figure is what its resident memory grew by, less the bytes asked for, for each block.",
        "The handles stand in a list that was there before and are not counted: 56 B for a SharedData, 32 B for a Bytes.",
        "Memory comes in steps of 2 MiB where huge pages back it, up to 21 B for each of 100,000 blocks; what an allocator had at its start, it may use first.",
        "Lengths of a mix are drawn evenly, the same for all.",
    ],
    cases,
};

const BAR: Bar = Bar { against: FOUR_PERCENT, first: Some(1.0), goal: Some(0.8) };

fn cases(ground: &Ground) -> Result<Vec<Case>, Fault> {
    let pages = case(ground, "100,000 of 4 KiB", (4096, 100_000, false), vec![BAR]);
    let more_pages = case(ground, "400,000 of 4 KiB", (4096, 400_000, false), vec![BAR]);
    let mixed = case(ground, "1,000,000 of 64 B to 1 KiB", (1024, 1_000_000, true), Vec::new());
    let small = case(ground, "1,000,000 of 64 B", (64, 1_000_000, false), Vec::new());
    Ok(vec![pages, more_pages, mixed, small])
}

fn case(
    ground: &Ground,
    point: &str,
    (block_bytes, held_count, mixed): (usize, u32, bool),
    bars: Vec<Bar>,
) -> Case {
    let workers = ENTRANTS.into_iter().map(|(name, side, by, allocator)| {
        let setting =
            BlockSetting { by, fill: Fill::Whole, block_bytes, core_count: 1, held_count, mixed };
        let ground = ground.clone();
        let get_ready = move || -> Result<Box<dyn Contender>, Fault> {
            Ok(Box::new(Filling { ground, allocator, setting }))
        };
        Entrant { name: name.to_owned(), side, get_ready: Box::new(get_ready) }
    });
    let yardstick = (!bars.is_empty()).then(|| {
        let get_ready = move || -> Result<Box<dyn Contender>, Fault> {
            Ok(Box::new(Share { beside_bytes: 0.04 * block_bytes as f64 }))
        };
        Entrant {
            name: "4 % of the data".to_owned(),
            side: Side::Rival("4 % of the data"),
            get_ready: Box::new(get_ready),
        }
    });
    Case {
        panel: "beside the data".to_owned(),
        point: point.to_owned(),
        entrants: workers.chain(yardstick).collect(),
        round_count: ground.pace.round_count,
        bars,
    }
}

/// Starts a worker each time: memory that was used once is not grown by.
struct Filling {
    ground: Ground,
    allocator: &'static str,
    setting: BlockSetting,
}

impl Contender for Filling {
    fn measure(&mut self) -> Result<Sample, Fault> {
        self.ground.stop.check()?;
        let mut worker = start(&self.ground.places, self.allocator, self.setting)?;
        let answer = worker.ask("hold");
        self.ground.stop.check()?;
        let answer = answer?;
        let Some([beside_bytes, share]) = numbers::<f64, 2>(&answer) else {
            return Err(Fault::Wrong(format!("the worker said: {answer}")));
        };
        Ok(sample(beside_bytes, vec![share]))
    }

    fn cpu_ns(&self) -> Result<Option<u64>, Fault> {
        Ok(None)
    }
}

/// What the bar allows: a figure that needs no measuring.
struct Share {
    beside_bytes: f64,
}

impl Contender for Share {
    fn measure(&mut self) -> Result<Sample, Fault> {
        Ok(sample(self.beside_bytes, vec![1.04]))
    }

    fn cpu_ns(&self) -> Result<Option<u64>, Fault> {
        Ok(None)
    }
}

fn sample(cost: f64, others: Vec<f64>) -> Sample {
    let (client_cost, busy_share, latency_ns) = (None, None, None);
    Sample { cost, client_cost, rate_per_s: None, busy_share, latency_ns, others }
}
