//! A loop is one thing that a thread does in turns, with all that it needs ready in it.

/// Something that a thread of its own does over and over.
pub(crate) trait Loop: Send {
    /// Takes `count` turns.
    fn run(&mut self, count: u64);
}

/// The loop whose turn is `act`. What it makes must be shown to `black_box` by reference: showing it by value would move it
/// once more, and what is longer would pay more.
pub(crate) fn each(act: impl FnMut() + Send + 'static) -> Box<dyn Loop> {
    Box::new(Each(act))
}

struct Each<A>(A);

impl<A: FnMut() + Send> Loop for Each<A> {
    fn run(&mut self, count: u64) {
        for _ in 0..count {
            (self.0)();
        }
    }
}
