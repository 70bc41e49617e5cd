//! The timers of a channel: no operation of the kernel's, only the earliest as the end of each wait.
//!
//! Cost: setting is a push into a heap and a table's entry, cancelling an entry; a pass looks at the earliest.

use core::task::{Poll, Waker};

use levada_ring::Deadline;

use crate::due::Due;
use crate::event::Event;
use crate::kernel::{Kernel, Kind, Watcher};
use crate::table::{Name, Table};

/// How many timers a channel has at most.
const TIMERS_MAX: u32 = 65_536;

/// All timers of a channel.
#[derive(Debug)]
pub(crate) struct Timers {
    table: Table<Timer>,
    due: Due,
}

#[derive(Debug)]
struct Timer {
    watcher: Watcher,
    has_fired: bool,
}

impl Timers {
    pub(crate) fn new() -> Self {
        Self { table: Table::new(TIMERS_MAX), due: Due::default() }
    }

    /// Sets a timer; `None` where there are as many as there may be.
    pub(crate) fn set(&mut self, at: Deadline, watcher: Watcher) -> Option<Name> {
        let name = self.table.insert(Timer { watcher, has_fired: false }).ok()?;
        self.due.push(at, name);
        Some(name)
    }

    /// Takes a timer back. Says whether it was there and had not fired.
    pub(crate) fn cancel(&mut self, name: Name) -> bool {
        let was_set = self.table.remove(name).is_some_and(|timer| !timer.has_fired);
        let table = &self.table;
        self.due.sweep(table.used_count(), |name| table.peek(name).is_some());
        was_set
    }

    /// Whether the moment has come; forgets the timer with that.
    pub(crate) fn poll(&mut self, name: Name, waker: &Waker) -> Poll<()> {
        match self.table.get(name) {
            Some(timer) if !timer.has_fired => {
                timer.watcher.wait(waker);
                Poll::Pending
            }
            _ => {
                self.table.remove(name);
                Poll::Ready(())
            }
        }
    }

    /// When the earliest is due.
    pub(crate) fn next(&self) -> Deadline {
        self.due.next()
    }

    /// Fires what is due.
    pub(crate) fn fire(&mut self, kernel: &mut Kernel) {
        while let Some(name) = self.due.pop(kernel.now) {
            let Some(timer) = self.table.get(name) else { continue };
            timer.has_fired = true;
            match &mut timer.watcher {
                Watcher::Future(waker) => kernel.wake(waker),
                Watcher::Cookie(cookie) => {
                    let (token, cookie) = (Kind::Timer.token(name), *cookie);
                    self.table.remove(name);
                    kernel.tell(Event::Fired { token, cookie });
                }
            }
        }
    }
}
