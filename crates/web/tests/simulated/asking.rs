//! A client asks a few things in one of several manners, good and bad, and is a script of a simulated peer.

use core::ops::Range;
use core::time::Duration;

use levada_sim::{Dice, Step};

use crate::stage::Files;

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) is_head: bool,
    /// The name of a file, or of none.
    pub(crate) name: String,
    pub(crate) range: Option<Range<usize>>,
}

/// How a client asks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    /// A request after most of the reply before was read.
    KeptAlive,
    /// All requests at once.
    Pipelined,
    /// All requests at once, and it ends its direction.
    HalfClosed,
    /// A byte, a pause, a byte.
    Slow,
    /// It reads some of the reply, and resets the connection.
    Resets,
    /// It closes in the middle of a head.
    Leaves,
}

/// A client: what it does, and what it ought to read.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) kind: Kind,
    pub(crate) asked: Vec<Asked>,
    pub(crate) script: Vec<Step>,
    /// It may go before it has all.
    pub(crate) breaks_off: bool,
    /// When it comes, after the one before.
    pub(crate) comes_after: Duration,
}

/// What no file has as its name.
const NOTHING: &str = "nothing-there";

/// No reply's head is so short: to read as much and its body is not to wait for what does not come.
const HEAD_BYTES_MIN: usize = 64;

impl Asked {
    fn any(dice: &mut Dice, files: &Files) -> Self {
        let index = dice.index(files.0.len() + 1);
        let (name, bytes) =
            files.0.get(index).map_or((NOTHING, 0), |(name, bytes)| (name, bytes.len()));
        let range = (bytes > 0 && dice.one_in(4)).then(|| {
            let start = dice.index(bytes);
            start..start + dice.length(1, bytes - start)
        });
        Self { is_head: dice.one_in(5), name: name.to_owned(), range }
    }

    fn text(&self, is_last: bool) -> String {
        let method = if self.is_head { "HEAD" } else { "GET" };
        let range = self.range.as_ref().map_or_else(String::new, |range| {
            format!("Range: bytes={}-{}\r\n", range.start, range.end - 1)
        });
        let close = if is_last { "Connection: close\r\n" } else { "" };
        format!("{method} /{} HTTP/1.1\r\nHost: site.test\r\n{range}{close}\r\n", self.name)
    }

    /// How long the reply is at least.
    fn reply_bytes_min(&self, files: &Files) -> usize {
        let body = match (&self.range, files.bytes_of(&self.name)) {
            _ if self.is_head => 0,
            (Some(range), Some(_)) => range.len(),
            (None, Some(bytes)) => bytes.len(),
            (_, None) => 0,
        };
        HEAD_BYTES_MIN + body
    }
}

/// The clients of a seed.
pub(crate) fn clients(seed: u64, files: &Files) -> Vec<Client> {
    let mut dice = Dice::of(seed ^ 0xC11E);
    (0..dice.between(1, 8)).map(|_| Client::any(&mut dice, files)).collect()
}

impl Client {
    fn any(dice: &mut Dice, files: &Files) -> Self {
        let kinds = [
            Kind::KeptAlive,
            Kind::Pipelined,
            Kind::HalfClosed,
            Kind::Slow,
            Kind::Resets,
            Kind::Leaves,
        ];
        let kind = kinds[dice.index(kinds.len())];
        let asked: Vec<Asked> = (0..dice.between(1, 4)).map(|_| Asked::any(dice, files)).collect();
        let says_close = kind != Kind::HalfClosed || dice.one_in(2);
        let last = asked.len() - 1;
        let texts: Vec<Vec<u8>> = asked
            .iter()
            .enumerate()
            .map(|(index, asked)| asked.text(says_close && index == last).into_bytes())
            .collect();
        let all = texts.concat();
        let script = match kind {
            Kind::KeptAlive => {
                let read = asked.iter().map(|asked| Step::Read(asked.reply_bytes_min(files)));
                let steps = texts.into_iter().map(Step::Write).zip(read);
                steps.flat_map(|(write, read)| [write, read]).chain([Step::ReadToEnd]).collect()
            }
            Kind::Pipelined => vec![Step::Write(all), Step::ReadToEnd],
            Kind::HalfClosed => vec![Step::Write(all), Step::ShutdownWrite, Step::ReadToEnd],
            Kind::Slow => {
                let bytes = all.into_iter();
                let slow = bytes.flat_map(|byte| {
                    let pause = Duration::from_micros(dice.below(20_000));
                    [Step::Write(vec![byte]), Step::Wait(pause)]
                });
                slow.chain([Step::ReadToEnd]).collect()
            }
            Kind::Resets => {
                let first = dice.length(0, asked[0].reply_bytes_min(files));
                vec![Step::Write(all), Step::Read(first), Step::Reset]
            }
            Kind::Leaves => {
                let part = all[..dice.index(all.len())].to_vec();
                vec![Step::Write(part), Step::Close]
            }
        };
        let breaks_off = matches!(kind, Kind::Resets | Kind::Leaves);
        let comes_after = Duration::from_micros(dice.below(30_000));
        Self { kind, asked, script, breaks_off, comes_after }
    }
}
