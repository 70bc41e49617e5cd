//! Random numbers that a seed repeats, and the bytes that records are made of.

use std::io::Write;
use std::ops::Range;
use std::sync::OnceLock;

/// A source of numbers.
pub(crate) struct Dice {
    state: u64,
    seed: u64,
    thrown: u64,
}

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1, seed, thrown: 0 }
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.thrown += 1;
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        (self.number() >> 11) % end
    }

    pub(crate) fn index(&mut self, end: usize) -> usize {
        usize::try_from(self.below(end as u64)).expect("64 bits")
    }

    /// True once in `times`.
    pub(crate) fn one_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }
}

impl Drop for Dice {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let (seed, thrown) = (self.seed, self.thrown);
            let said = writeln!(
                std::io::stderr(),
                "after {thrown} numbers; seen again by: LEVADA_SEED={seed} cargo test -p levada-pile --test model"
            );
            said.expect("a line on standard error");
        }
    }
}

/// The longest record of a model.
pub(crate) const LENGTH_MAX: usize = 300_000;

/// What all records are cut from: text of which no two stretches are alike.
fn letters() -> &'static [u8] {
    static LETTERS: OnceLock<Vec<u8>> = OnceLock::new();
    LETTERS.get_or_init(|| {
        let mut dice = Dice::new(4711);
        (0..LENGTH_MAX + (1 << 16)).map(|_| b' ' + dice.number().to_le_bytes()[3] % 90).collect()
    })
}

/// Bytes of a record: where they stand among the letters.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Cut(Range<usize>);

impl Cut {
    pub(crate) fn random(dice: &mut Dice, length: usize) -> Self {
        let first = dice.index(1 << 16);
        Self(first..first + length)
    }

    pub(crate) fn first(&self, length: usize) -> Self {
        Self(self.0.start..self.0.start + length)
    }

    pub(crate) fn bytes(&self) -> &'static [u8] {
        &letters()[self.0.clone()]
    }

    pub(crate) fn text(&self) -> &'static str {
        std::str::from_utf8(self.bytes()).expect("letters are text")
    }
}

/// A length: mostly short, often on the border of a class, sometimes of pages or of several spans.
pub(crate) fn length(dice: &mut Dice) -> usize {
    match dice.below(1000) {
        0..500 => dice.index(200),
        500..700 => (8 * dice.index(18)).saturating_sub(dice.index(3)),
        700..950 => {
            let power = 7 + dice.index(7);
            ((8 + dice.index(9)) << (power - 3)) + 9 - dice.index(26)
        }
        950..995 => dice.index(40_000),
        995..999 => 65_536 - 2 + dice.index(5),
        _ => dice.index(LENGTH_MAX),
    }
}
