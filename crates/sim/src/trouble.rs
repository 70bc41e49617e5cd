//! Trouble decides, at each opportunity, whether a trick is played: as the seed has it, or as a script says.
//!
//! Of the tricks that are allowed a seed takes about half, and plays each at a rate of its own: so some seeds are cruel
//! in one way only, which finds more than a little of everything.

use crate::dice::Dice;
use crate::mischief::{Mischief, Played};
use crate::script::Cue;
use crate::trick::Trick;

/// Who decides, at each opportunity, whether a trick is played.
#[derive(Clone, Debug)]
pub(crate) struct Trouble {
    pub(crate) dice: Dice,
    /// Once in so many times; zero for never.
    one_in: [u64; Trick::ALL.len()],
    asked: [u64; Trick::ALL.len()],
    played: Played,
    /// With a script, these and no others are played.
    cues: Vec<Cue>,
}

impl Trouble {
    pub(crate) fn of(seed: u64, mischief: Mischief) -> Self {
        let mut dice = Dice::of(seed);
        let mut one_in = [0; Trick::ALL.len()];
        let is_single = mischief.is_single();
        for trick in Trick::ALL.iter().filter(|trick| mischief.has(**trick)) {
            let rates = [2, 4, 8, 16, 64];
            let rate = rates[dice.index(rates.len())];
            if dice.one_in(2) || is_single {
                one_in[*trick as usize] = rate;
            }
        }
        let zero = [0; Trick::ALL.len()];
        Self { dice, one_in, asked: zero, played: Played(zero), cues: Vec::new() }
    }

    pub(crate) fn scripted(cues: &[Cue]) -> Self {
        Self { cues: cues.to_vec(), ..Self::of(0, Mischief::none()) }
    }

    /// Whether this seed plays it at all, at whatever moment.
    pub(crate) fn knows(&self, trick: Trick) -> bool {
        self.one_in[trick as usize] > 0 || self.cues.iter().any(|cue| cue.trick == trick)
    }

    /// Whether it is played now.
    pub(crate) fn plays(&mut self, trick: Trick) -> bool {
        self.amount(trick, 0, 0).is_some()
    }

    /// Whether it is played now, and how far: from `low` to `high`.
    pub(crate) fn amount(&mut self, trick: Trick, low: u64, high: u64) -> Option<u64> {
        let index = trick as usize;
        let nth = self.asked[index];
        self.asked[index] += 1;
        let cue = self.cues.iter().find(|cue| cue.trick == trick && cue.nth == nth).copied();
        if cue.is_none() && !self.dice.one_in(self.one_in[index]) {
            return None;
        }
        self.played.0[index] += 1;
        let amount = cue.and_then(|cue| cue.amount);
        Some(amount.map_or_else(|| self.dice.between(low, high), |amount| amount.clamp(low, high)))
    }

    /// One that is the kernel's shape, and so is not asked for, made a difference.
    pub(crate) fn note(&mut self, trick: Trick) {
        if self.knows(trick) {
            self.played.0[trick as usize] += 1;
        }
    }

    /// Those that this seed plays.
    pub(crate) fn known(&self) -> Mischief {
        let known = Trick::ALL.iter().filter(|trick| self.knows(**trick));
        known.fold(Mischief::none(), |all, trick| all.with(*trick))
    }

    pub(crate) fn played(&self) -> Played {
        self.played
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cue_is_played_at_its_turn_and_as_far_as_it_says() {
        let cue = Cue { trick: Trick::ShortSend, nth: 1, amount: Some(7) };
        let mut trouble = Trouble::scripted(&[cue]);
        let told: Vec<_> = (0..3).map(|_| trouble.amount(Trick::ShortSend, 1, 100)).collect();
        assert_eq!(told, [None, Some(7), None]);
        assert!(!trouble.plays(Trick::Late));
        assert_eq!(trouble.played().times(Trick::ShortSend), 1);
    }

    #[test]
    fn a_single_trick_is_known_to_every_seed_and_of_many_each_to_about_half() {
        let all = Mischief::all();
        for trick in Trick::ALL {
            let only = Mischief::only(*trick);
            assert!((0..20).all(|seed| Trouble::of(seed, only).knows(*trick)));
            let many = (0..100).filter(|seed| Trouble::of(*seed, all).knows(*trick)).count();
            assert!((25..75).contains(&many), "{trick:?}: {many}");
        }
    }
}
