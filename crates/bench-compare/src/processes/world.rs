//! A world is processes that are there, and one kind of work for them, which is done as often as it is asked for.

use std::future::Future;

/// What crosses in all of them: 32 B, the first its number.
pub(crate) type Value = [u64; 4];

/// The value with this number.
#[inline]
pub(crate) fn value(number: u64) -> Value {
    [number; 4]
}

/// What a run came to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ran {
    /// The time that counts, of all its pieces.
    pub(crate) took_ns: u64,
    /// How often a core was woken for them, where that is counted.
    pub(crate) wakes: u64,
    /// From sending to having, for each piece, where each is measured by itself.
    pub(crate) latencies_ns: Vec<u64>,
}

impl Ran {
    pub(crate) fn of(took_ns: u64) -> Self {
        Self { took_ns, ..Self::default() }
    }
}

/// Processes at work.
pub(crate) trait World {
    /// Does so many pieces.
    fn run(&mut self, count: u64) -> Ran;
}

/// A world whose work is a future on a runtime of its own.
pub(crate) struct OnRuntime<F> {
    pub(crate) runtime: tokio::runtime::Runtime,
    pub(crate) work: F,
}

impl<F, Fut> World for OnRuntime<F>
where
    F: FnMut(u64) -> Fut,
    Fut: Future<Output = u64> + Send + 'static,
{
    fn run(&mut self, count: u64) -> Ran {
        let work = (self.work)(count);
        // As a task: it is polled as all others are, on a worker if there are any.
        let task = self.runtime.spawn(work);
        Ran::of(self.runtime.block_on(task).expect("the work does not panic"))
    }
}

/// To whom messages go.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Order {
    /// To one after the other.
    InTurn,
    /// To any.
    AtRandom,
}

/// An endless list of receivers, drawn before.
#[derive(Debug)]
pub(crate) struct Targets {
    drawn: Vec<u32>,
    next: usize,
}

impl Targets {
    pub(crate) fn new(count: u32, order: Order) -> Self {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let drawn = match order {
            Order::InTurn => (0..count).collect(),
            Order::AtRandom => (0..1 << 20)
                .map(|_| {
                    state ^= state << 13;
                    state ^= state >> 7;
                    state ^= state << 17;
                    u32::try_from(state % u64::from(count)).expect("below a number of 32 bits")
                })
                .collect(),
        };
        Self { drawn, next: 0 }
    }

    #[inline]
    pub(crate) fn draw(&mut self) -> usize {
        let target = self.drawn[self.next];
        self.next = if self.next + 1 == self.drawn.len() { 0 } else { self.next + 1 };
        target as usize
    }
}
