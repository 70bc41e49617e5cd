//! Every trick is played: a kernel that promises mischief and does none would prove nothing.

use levada_ring::Level;
use levada_sim::{Mischief, SimConfig, Trick};

use crate::running::run;

fn played(mischief: Mischief, trick: Trick, seeds: u64) -> u64 {
    let config = |level| SimConfig { level, mischief, direct_places: 3 };
    let levels = [Level::Full, Level::Plain];
    let runs = (0..seeds).flat_map(|seed| levels.map(|level| run(seed, &config(level))));
    runs.map(|came| came.played.times(trick)).sum()
}

#[test]
fn each_trick_is_played_alone() {
    for trick in Trick::ALL {
        let times = played(Mischief::only(*trick), *trick, 120);
        assert!(times > 0, "{trick:?} was never played");
    }
}

#[test]
fn all_tricks_are_played_together_and_none_where_none_may_be() {
    for trick in Trick::ALL {
        assert!(played(Mischief::all(), *trick, 100) > 0, "{trick:?}");
        assert_eq!(played(Mischief::none(), *trick, 3), 0, "{trick:?}");
    }
}
