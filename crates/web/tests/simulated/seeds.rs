//! Seeds say what a run is like: which kernel, what mischief, who asks what.

use levada_sim::{Mischief, Trick};

/// The seeds of this run: `LEVADA_SEEDS` of them, from `LEVADA_SEED` on.
pub(crate) fn seeds() -> impl Iterator<Item = u64> {
    let number = |name: &str| {
        let text = std::env::var(name).ok()?;
        Some(text.parse::<u64>().unwrap_or_else(|_| panic!("{name}={text} is no number")))
    };
    let first = number("LEVADA_SEED").unwrap_or(1);
    let count = number("LEVADA_SEEDS").unwrap_or(30);
    first..first.saturating_add(count)
}

/// What a channel hides from the service, but for what it is known not to hide yet: the same as its own scenes leave out.
pub(crate) fn hidden() -> Mischief {
    let known =
        [Trick::InterruptFile, Trick::InterruptDatagram, Trick::Stale, Trick::ErrorWithMore];
    known.into_iter().fold(Mischief::hidden(), Mischief::without)
}

/// Says, when a run fails, how to see it again.
#[derive(Debug)]
pub(crate) struct Replay {
    pub(crate) seed: u64,
}

impl Drop for Replay {
    #[expect(clippy::print_stderr, reason = "whoever reads the failure needs it")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            let seed = self.seed;
            let thread = std::thread::current();
            let name = thread.name().unwrap_or("NAME");
            eprintln!(
                "seen again by: LEVADA_SEED={seed} LEVADA_SEEDS=1 cargo test -p levada-web --test simulated {name}"
            );
        }
    }
}
