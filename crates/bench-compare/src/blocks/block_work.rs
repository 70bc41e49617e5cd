//! `work-blocks`: this program again, as an entrant of `heap` with an allocator of its own.

use std::ffi::OsString;
use std::io;
use std::time::Duration;

use clap::{Args, Command, FromArgMatches, ValueEnum};

use crate::blocks::bytes_blocks::BytesBlocks;
use crate::blocks::handing_on::hand_on;
use crate::blocks::holding::{Held, hold};
use crate::blocks::in_flight::InFlight;
use crate::blocks::levada_blocks::LevadaBlocks;
use crate::blocks::maker::{Fill, LINE, LINE_BYTES, Maker};
use crate::loops::looping::undisturbed;
use crate::loops::pass::{Passed, pass};
use crate::loops::turns::Loop;
use crate::machine::cores::move_to;
use crate::machine::worker::answer;

/// The word by which this program is asked to work on blocks.
pub(crate) const WORD: &str = "work-blocks";

/// Before it is asked for the first time: the memory of all blocks in flight was touched once then.
const FIRST_WINDOW: Duration = Duration::from_millis(30);

/// By what blocks are made.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum BlocksBy {
    Levada,
    Bytes,
}

/// What the worker is told; a person has no need to type it.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct BlockSetting {
    #[arg(long, value_enum)]
    pub(crate) by: BlocksBy,
    #[arg(long, value_enum)]
    pub(crate) fill: Fill,
    #[arg(long)]
    pub(crate) block_bytes: usize,
    #[arg(long)]
    pub(crate) core_count: usize,
    /// Holds so many at once, from 64 B to `block_bytes` if `mixed`, instead of handing them on.
    #[arg(long, default_value_t = 0)]
    pub(crate) held_count: u32,
    #[arg(long)]
    pub(crate) mixed: bool,
}

impl BlockSetting {
    /// As arguments of this program.
    pub(crate) fn to_arguments(self) -> Vec<OsString> {
        let by = self.by.to_possible_value().expect("none is hidden");
        let fill = self.fill.to_possible_value().expect("none is hidden");
        let mut words = vec![
            WORD.to_owned(),
            format!("--by={}", by.get_name()),
            format!("--fill={}", fill.get_name()),
            format!("--block-bytes={}", self.block_bytes),
            format!("--core-count={}", self.core_count),
            format!("--held-count={}", self.held_count),
        ];
        words.extend(self.mixed.then(|| "--mixed".to_owned()));
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

    fn held(self) -> Held {
        let least_bytes = if self.mixed { LINE_BYTES } else { self.block_bytes };
        Held { count: self.held_count, least_bytes, most_bytes: self.block_bytes }
    }
}

/// Works until nobody asks.
/// # Errors
/// If nobody hears the answers, or a core cannot be had.
pub(crate) fn work(setting: BlockSetting) -> io::Result<()> {
    match setting.by {
        BlocksBy::Levada => work_by(LevadaBlocks::on(setting.core_count), setting),
        BlocksBy::Bytes => work_by(BytesBlocks, setting),
    }
}

fn work_by<M: Maker + 'static>(mut maker: M, setting: BlockSetting) -> io::Result<()> {
    if setting.held_count > 0 {
        move_to(0).map_err(|fault| io::Error::other(fault.to_string()))?;
        return answer(|_| {
            let took = hold(&mut maker, setting.held())?;
            Ok(format!("{} {}", took.beside_bytes, took.share))
        });
    }
    let mut source = vec![1; setting.block_bytes];
    source[..LINE_BYTES].copy_from_slice(&LINE);
    if setting.core_count > 1 {
        hand_on(&mut maker, (&source, setting.fill), FIRST_WINDOW, FIRST_WINDOW)
            .map_err(|fault| io::Error::other(fault.to_string()))?;
        return answer_passes(|warm_up, window| {
            hand_on(&mut maker, (&source, setting.fill), warm_up, window)
        });
    }
    let mut loops: [Box<dyn Loop>; 1] = [Box::new(InFlight::new(maker, source, setting.fill))];
    pass(&mut loops, FIRST_WINDOW, FIRST_WINDOW)
        .map_err(|fault| io::Error::other(fault.to_string()))?;
    answer_passes(|warm_up, window| pass(&mut loops, warm_up, window))
}

fn answer_passes(
    mut once: impl FnMut(Duration, Duration) -> Result<Passed, crate::frame::fault::Fault>,
) -> io::Result<()> {
    answer(|line| {
        let (warm_up, window) = asked(line).ok_or_else(|| io::Error::other("two numbers of ns"))?;
        let passed = undisturbed(|| once(warm_up, window));
        let passed = passed.map_err(|fault| io::Error::other(fault.to_string()))?;
        Ok(format!("{} {} {}", passed.turn_ns, passed.rate_per_s, passed.share))
    })
}

/// The line that asks for a pass.
pub(crate) fn ask_for_pass(warm_up: Duration, window: Duration) -> String {
    format!("{} {}", warm_up.as_nanos(), window.as_nanos())
}

fn asked(line: &str) -> Option<(Duration, Duration)> {
    let [warm_up, window] = numbers(line)?;
    Some((Duration::from_nanos(warm_up), Duration::from_nanos(window)))
}

/// The numbers of a line, if there are so many.
pub(crate) fn numbers<T: std::str::FromStr, const N: usize>(line: &str) -> Option<[T; N]> {
    let numbers: Option<Vec<T>> =
        line.split_whitespace().map(|number| number.parse().ok()).collect();
    numbers?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_worker_is_told_is_what_it_understands() {
        for (by, fill) in [(BlocksBy::Levada, Fill::ByKernel), (BlocksBy::Bytes, Fill::Whole)] {
            let setting = BlockSetting {
                by,
                fill,
                block_bytes: 4096,
                core_count: 2,
                held_count: 3,
                mixed: fill == Fill::Whole,
            };
            let understood = BlockSetting::from_arguments(setting.to_arguments()).unwrap();
            assert_eq!(format!("{understood:?}"), format!("{setting:?}"));
        }
        assert!(BlockSetting::from_arguments([WORD.into(), "--by=magic".into()]).is_err());
    }

    #[test]
    fn a_pass_is_asked_for_by_two_numbers() {
        let (warm_up, window) = (Duration::from_micros(1), Duration::from_millis(2));
        assert_eq!(asked(&ask_for_pass(warm_up, window)), Some((warm_up, window)));
        assert_eq!(asked("1"), None);
        assert_eq!(numbers::<f64, 2>("1.5 x"), None);
    }

    #[test]
    fn each_maker_fills_each_way_and_hands_on() {
        for fill in Fill::value_variants() {
            let mut source = vec![1; 4096];
            source[..LINE_BYTES].copy_from_slice(&LINE);
            let window = Duration::from_millis(1);
            let passes = [
                hand_on(&mut LevadaBlocks::on(2), (&source, *fill), window, window),
                hand_on(&mut BytesBlocks, (&source, *fill), window, window),
            ];
            assert!(passes.iter().flatten().all(|passed| passed.turn_ns > 0.0));
            InFlight::new(LevadaBlocks::on(1), source.clone(), *fill).run(200);
            InFlight::new(BytesBlocks, source, *fill).run(200);
        }
    }

    #[test]
    fn blocks_take_no_less_than_the_bytes_in_them() {
        let held = Held { count: 2_000, least_bytes: 4096, most_bytes: 4096 };
        let took = hold(&mut BytesBlocks, held).unwrap();
        assert!(took.share > 0.5, "{took:?}");
    }
}
