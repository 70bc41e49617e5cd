//! What is under way of sweeping: spans that a budget ended in, and which second everybody has heard of.

use std::collections::VecDeque;

use crate::lock::Lock;
use crate::places::class::Class;
use crate::places::span::SpanIndex;
use crate::threads::epoch::Epoch;

/// What is under way of sweeping.
#[derive(Debug, Default)]
pub(crate) struct Sweeps(Lock<State>);

#[derive(Debug, Default)]
struct State {
    /// Seconds, and the epochs in which they had begun: those that are not over, of which there are two.
    noted: VecDeque<(Epoch, u32)>,
    /// A second that everybody has heard of.
    settled_s: u32,
    /// One for each who tends at once, at most.
    begun: Vec<Part>,
}

/// A span that is being swept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part {
    pub(crate) span: SpanIndex,
    pub(crate) class: Class,
    pub(crate) next: u32,
    /// When the first of those ends that have not ended.
    pub(crate) soonest_s: Option<u32>,
}

impl Sweeps {
    /// Notes the present second, and learns which one everybody has heard of. That one.
    pub(crate) fn settle(&self, now_s: u32) -> u32 {
        // The clock was read before the epoch is: who is pinned in a later one reads this second or a later one.
        let epoch = Epoch::now();
        let mut state = self.0.lock();
        while let Some(&(noted_in, second)) = state.noted.front()
            && noted_in.is_over()
        {
            state.settled_s = second;
            state.noted.pop_front();
        }
        match state.noted.back_mut() {
            Some((noted_in, second)) if *noted_in == epoch => *second = now_s.max(*second),
            _ => state.noted.push_back((epoch, now_s)),
        }
        state.settled_s
    }

    /// A span that a budget ended in.
    pub(crate) fn pop(&self) -> Option<Part> {
        self.0.lock().begun.pop()
    }

    /// Leaves a span to who tends next.
    pub(crate) fn push(&self, part: Part) {
        self.0.lock().begun.push(part);
    }
}
