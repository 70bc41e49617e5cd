//! Random programs get what byte queues would give them, over each kind of kernel.

use levada_ring::Level;
use levada_sim::{Mischief, SimConfig};

use crate::running::run;

#[test]
fn random_programs_and_their_peers_read_what_the_others_wrote() {
    for seed in 0..600 {
        for level in [Level::Full, Level::Plain, Level::Epoll] {
            let config = SimConfig { level, mischief: Mischief::all(), ..SimConfig::default() };
            run(seed, &config);
        }
    }
}
