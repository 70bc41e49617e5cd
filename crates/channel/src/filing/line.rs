//! A line is who waits for room, in order: first come, first let in.

use core::task::{Poll, Waker};
use std::collections::VecDeque;

use crate::kernel::wait;

/// A place in the line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Place(u64);

/// Those who wait, in order.
#[derive(Debug, Default)]
pub(crate) struct Line {
    waiting: VecDeque<(Place, Option<Waker>)>,
    next: u64,
}

impl Line {
    /// Lets the first in where there is room; whoever else asks gets a place, or keeps his.
    pub(crate) fn poll(
        &mut self,
        place: &mut Option<Place>,
        has_room: bool,
        waker: &Waker,
    ) -> Poll<()> {
        let first = self.waiting.front().map(|(first, _)| *first);
        if has_room && first == *place {
            self.waiting.pop_front();
            *place = None;
            return Poll::Ready(());
        }
        match place {
            None => {
                self.next += 1;
                *place = Some(Place(self.next));
                self.waiting.push_back((Place(self.next), Some(waker.clone())));
            }
            Some(place) => {
                if let Ok(index) = self.waiting.binary_search_by_key(&place.0, |(place, _)| place.0)
                {
                    wait(&mut self.waiting[index].1, waker);
                }
            }
        }
        Poll::Pending
    }

    /// Gives a place up.
    pub(crate) fn leave(&mut self, place: Place) {
        self.waiting.retain(|(other, _)| *other != place);
    }

    /// The first in the line, to be woken.
    pub(crate) fn first(&mut self) -> Option<Waker> {
        self.waiting.front_mut()?.1.take()
    }
}
