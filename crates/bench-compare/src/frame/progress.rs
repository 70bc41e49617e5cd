//! The progress bar: on a terminal, and nowhere else.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

const TEMPLATE: &str = "{elapsed_precise} [{bar:30}] {eta} left  {prefix} {msg}";

/// How far a comparison has come.
#[derive(Debug)]
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// A bar of so many steps. It is drawn between measurements only: drawing would be work on the client's core.
    pub(crate) fn new(step_count: usize) -> Self {
        let bar = ProgressBar::with_draw_target(
            Some(step_count as u64),
            ProgressDrawTarget::stderr(), // which hides itself where there is no terminal
        );
        bar.set_style(ProgressStyle::with_template(TEMPLATE).expect("the template is a constant"));
        Self(bar)
    }

    /// No bar at all.
    #[cfg(test)]
    pub(crate) fn none() -> Self {
        Self(ProgressBar::hidden())
    }

    pub(crate) fn begin_case(&self, name: &str) {
        self.0.set_prefix(name.to_owned());
    }

    pub(crate) fn say(&self, what: &str) {
        self.0.set_message(what.to_owned());
    }

    /// Takes the bar away while something else is written.
    pub(crate) fn beside<R>(&self, write: impl FnOnce() -> R) -> R {
        self.0.suspend(write)
    }

    pub(crate) fn step(&self) {
        self.0.inc(1);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
