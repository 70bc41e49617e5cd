//! The words in which a comparison is written: cases, entrants, and the bars that ours must pass.
//!
//! A comparison is a list of cases; a case is a list of entrants that do the same work. What an entrant is, a server under
//! load or a loop in this program, only its `Contender` knows.

use std::rc::Rc;

use crate::frame::fault::Fault;
use crate::frame::manner::Manner;
use crate::frame::pace::Pace;
use crate::frame::sample::Sample;
use crate::frame::stop::Stop;
use crate::machine::program::Places;

/// What every comparison is given.
#[derive(Clone, Debug)]
pub(crate) struct Ground {
    pub(crate) places: Rc<Places>,
    pub(crate) pace: Pace,
    pub(crate) stop: Stop,
    /// How many connections `social` keeps at most, if somebody said so.
    pub(crate) connection_count: Option<u64>,
}

/// Whose an entrant is; the ratios follow from that.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Side {
    /// The bars are for this one.
    Ours,
    /// Ours in another setting: shown, not judged.
    OursToo,
    /// The least that is possible: what ours is measured from.
    Floor,
    /// Another way to the least: shown only.
    FloorToo,
    /// A rival, and its name: of entrants with one name the one that costs least is the rival.
    Rival(&'static str),
}

/// What a cost is compared with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Yardstick {
    Floor,
    /// The best setting of the rival with this name.
    Rival(&'static str),
    /// The best of several rivals, each at its best, and what they are called together.
    Best {
        name: &'static str,
        rivals: &'static [&'static str],
    },
}

/// The highest ratio with which ours passes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bar {
    pub(crate) against: Yardstick,
    pub(crate) first: Option<f64>,
    pub(crate) goal: Option<f64>,
}

/// Something that can be measured again and again, and rests in between.
pub(crate) trait Contender {
    /// Does its work for one window.
    /// # Errors
    /// [`Fault::Wrong`] if the work was not done rightly: then none of its figures counts.
    fn measure(&mut self) -> Result<Sample, Fault>;

    /// What it has used of the machine so far, if it goes on existing while others are measured.
    /// # Errors
    /// If it has ended.
    fn cpu_ns(&self) -> Result<Option<u64>, Fault>;
}

/// How an entrant gets ready; called once, before the rounds of its case.
pub(crate) type GetReady = Box<dyn FnOnce() -> Result<Box<dyn Contender>, Fault>>;

/// One row of a case.
pub(crate) struct Entrant {
    pub(crate) name: String,
    pub(crate) side: Side,
    pub(crate) get_ready: GetReady,
}

/// One amount of one kind of work.
pub(crate) struct Case {
    /// What the plot shows in one picture: all that differs between its cases is `point`.
    pub(crate) panel: String,
    /// Where in the picture, from left to right in the order of the cases.
    pub(crate) point: String,
    pub(crate) entrants: Vec<Entrant>,
    pub(crate) round_count: usize,
    pub(crate) bars: Vec<Bar>,
}

/// One comparison.
pub(crate) struct Comparison {
    /// As it is called on the command line.
    pub(crate) name: &'static str,
    pub(crate) manner: Manner,
    /// What is compared, in a line.
    pub(crate) title: &'static str,
    /// What a cost is counted in.
    pub(crate) unit: &'static str,
    /// What a rate counts, for the head of its column.
    pub(crate) rate_unit: &'static str,
    /// What the samples' other figures count, where they have some.
    pub(crate) other_units: &'static [&'static str],
    /// The columns of ratios.
    pub(crate) yardsticks: &'static [Yardstick],
    /// What the reader must know to trust the figures.
    pub(crate) notes: &'static [&'static str],
    pub(crate) cases: fn(&Ground) -> Result<Vec<Case>, Fault>,
}

impl Yardstick {
    /// As it stands in a sentence: "1.2 of the floor".
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Floor => "the floor",
            Self::Rival(name) | Self::Best { name, .. } => name,
        }
    }
}
