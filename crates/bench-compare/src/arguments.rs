//! What a person types.

use clap::Parser;
use clap::builder::PossibleValuesParser;

use crate::comparisons::catalogue::{ALL, ALL_WORD};

/// Runs Levada beside its rivals, in turns and in one run, and says how far apart they are.
///
/// Figures and a plot are written to target/compare/NAME.json, NAME.svg and NAME.md. Servers run on core 0, the client on core 1, and loops on one or both:
/// leave the machine alone meanwhile. A rival that is not installed is named in the table, with what brings it.
#[derive(Debug, Parser)]
#[command(name = "levada-bench-compare")]
pub(crate) struct Arguments {
    /// Which comparison to run.
    #[arg(value_name = "NAME", value_parser = names())]
    pub(crate) name: String,

    /// Takes about a minute for each comparison: fewer and shorter rounds.
    #[arg(long)]
    pub(crate) quick: bool,

    /// How many connections `social` keeps, instead of 200 million.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(100_000..=1_000_000_000))]
    pub(crate) connections: Option<u64>,
}

fn names() -> PossibleValuesParser {
    PossibleValuesParser::new(ALL.map(|one| one.name).into_iter().chain([ALL_WORD]))
}
