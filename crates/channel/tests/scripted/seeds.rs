//! Seeds say what a run is like: which cast of a scene, over which kernel, with what mischief.

use levada_sim::Mischief;

/// Each scene has so many casts.
pub(crate) const CASTS: u64 = 8;

/// The seeds of this run: `LEVADA_SEEDS` of them, from `LEVADA_SEED` on.
pub(crate) fn seeds() -> impl Iterator<Item = u64> {
    let number = |name: &str| {
        let text = std::env::var(name).ok()?;
        Some(text.parse::<u64>().unwrap_or_else(|_| panic!("{name}={text} is no number")))
    };
    let first = number("LEVADA_SEED").unwrap_or(1);
    let count = number("LEVADA_SEEDS").unwrap_or(200);
    first..first.saturating_add(count)
}

/// What a channel hides from who uses it.
pub(crate) fn hidden() -> Mischief {
    Mischief::hidden()
}

/// What may be done of what a scene bears: all of it, or what `LEVADA_MISCHIEF` names.
pub(crate) fn mischief(bearable: Mischief) -> Mischief {
    match std::env::var("LEVADA_MISCHIEF") {
        Ok(names) => {
            let named = Mischief::named(&names);
            bearable.both(named.unwrap_or_else(|| panic!("{names} are no tricks")))
        }
        Err(_) => bearable,
    }
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
                "seen again by: LEVADA_SEED={seed} LEVADA_SEEDS=1 cargo test -p levada-channel --test scripted {name}"
            );
        }
    }
}
