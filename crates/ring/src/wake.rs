//! A waker rouses a core that sleeps in the kernel, from any thread; several wakes before it rises are one.

use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::{EventfdFlags, eventfd};
use rustix::io::{Errno, read, write};

/// What an eventfd adds to its counter, in the byte order of the platforms that Levada runs on.
const ONE: [u8; 8] = [1, 0, 0, 0, 0, 0, 0, 0];

/// Wakes one core. Clones wake the same one.
#[derive(Clone, Debug)]
pub struct CoreWaker(Arc<Bell>);

#[derive(Debug)]
struct Bell {
    event: OwnedFd,
    /// Whether a wake is under way that the core has not yet seen.
    rung: AtomicBool,
}

impl CoreWaker {
    /// A waker, for a driver: its core sleeps on the event, and looks at it after.
    ///
    /// # Errors
    /// What the kernel said when it gave no event.
    pub fn new() -> Result<Self, Errno> {
        let event = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self(Arc::new(Bell { event, rung: AtomicBool::new(false) })))
    }

    /// Makes the core's wait end, now or, if it does not wait, the next one.
    pub fn wake(&self) {
        // AcqRel: what the caller did before is seen by the core after it takes the bell down.
        if !self.0.rung.swap(true, Ordering::AcqRel) {
            // A full counter means a wake is under way; nothing else can fail on an eventfd of ours.
            let _rung: Result<usize, Errno> = write(&self.0.event, &ONE);
        }
    }

    /// The event that becomes readable, for a driver to wait on.
    #[must_use]
    pub fn fd(&self) -> RawFd {
        self.0.event.as_raw_fd()
    }

    /// Empties the counter, for who learned only that it is not empty.
    pub fn drain(&self) {
        let mut count = [0; 8];
        let _drained: Result<usize, Errno> = read(&self.0.event, &mut count);
    }

    /// Takes the bell down: a wake from here on rings it again. Only after the counter was emptied: the other way
    /// round, a wake between the two would be emptied unseen with the bell up, and every later one be kept back.
    pub fn take_down(&self) {
        self.0.rung.swap(false, Ordering::AcqRel);
    }
}
