//! A seed is a run: the same again, however often.

use levada_ring::Level;
use levada_sim::{Mischief, SimConfig};

use crate::running::run;

#[test]
fn a_seed_gives_the_same_run_again_and_another_seed_another() {
    let config = SimConfig { level: Level::Plain, ..SimConfig::default() };
    for seed in 0..60 {
        assert_eq!(run(seed, &config), run(seed, &config), "seed {seed}");
    }
    assert_ne!(run(1, &config).fingerprint, run(2, &config).fingerprint);
    let other = SimConfig { mischief: Mischief::none(), ..config };
    assert_ne!(run(1, &config).fingerprint, run(1, &other).fingerprint);
}
