//! A watchdog is a thread that tells of turns that run too long; it sleeps while every core does.
//!
//! ```text
//! core, before its first turn after a sleep:   is_awake = true,  then: does the dog sleep? ──► it is woken
//! dog, before it sleeps:                       sleeps = true,    then: is a core awake?    ──► it does not
//! ```
//!
//! Each writes before it reads, so one of the two sees the other. Cost: one exchange for each sleep of a core, and a system call
//! where the dog slept too: at most once in four looks of it. A core that only looks at the machine's memory does not wake it.

use core::cell::Cell;
use core::time::Duration;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, Thread, park, park_timeout};

use levada_process::CoreWatch;

use crate::clock::tick_now;
use crate::config::OnOverrun;
use crate::patrol::{Patrol, Seen};

/// How many looks in a row find every core asleep before the dog sleeps too.
const QUIET_LOOKS: u32 = 4;

/// The least time between two looks.
const LOOK_EVERY_MIN: Duration = Duration::from_millis(1);

/// Who sleeps: of the cores, and whether the dog does.
#[derive(Debug)]
pub(crate) struct Rests {
    is_awake: Vec<AtomicBool>,
    sleeps: AtomicBool,
    is_over: AtomicBool,
    dog: std::sync::OnceLock<Thread>,
}

impl Rests {
    pub(crate) fn of(cores: usize) -> Arc<Self> {
        Arc::new(Self {
            is_awake: (0..cores).map(|_| AtomicBool::new(false)).collect(),
            sleeps: AtomicBool::new(false),
            is_over: AtomicBool::new(false),
            dog: std::sync::OnceLock::new(),
        })
    }

    fn all_rest(&self) -> bool {
        self.is_awake.iter().all(|is_awake| !is_awake.load(Ordering::SeqCst))
    }

    /// Says that the dog sleeps; false if a core is awake, and it does not.
    fn fall_asleep(&self) -> bool {
        self.sleeps.store(true, Ordering::SeqCst);
        let falls = self.all_rest() && !self.is_over.load(Ordering::SeqCst);
        if !falls {
            self.sleeps.store(false, Ordering::SeqCst);
        }
        falls
    }

    /// Wakes the dog, if it sleeps.
    fn wake(&self) {
        if self.sleeps.load(Ordering::SeqCst)
            && self.sleeps.swap(false, Ordering::SeqCst)
            && let Some(dog) = self.dog.get()
        {
            dog.unpark();
        }
    }
}

/// Where a core says whether it sleeps.
#[derive(Debug)]
pub(crate) struct Rest {
    rests: Arc<Rests>,
    number: usize,
    is_awake: Cell<bool>,
}

impl Rest {
    pub(crate) fn of(rests: &Arc<Rests>, number: usize) -> Self {
        Self { rests: Arc::clone(rests), number, is_awake: Cell::new(false) }
    }

    /// The core is about to run turns.
    #[inline]
    pub(crate) fn end(&self) {
        if !self.is_awake.replace(true) {
            self.rests.is_awake[self.number].store(true, Ordering::SeqCst);
            self.rests.wake();
        }
    }

    /// The core is about to sleep.
    #[inline]
    pub(crate) fn begin(&self) {
        if self.is_awake.replace(false) {
            self.rests.is_awake[self.number].store(false, Ordering::SeqCst);
        }
    }
}

/// The thread. Dropped, it ends.
#[derive(Debug)]
pub(crate) struct Watchdog {
    rests: Arc<Rests>,
    thread: Option<JoinHandle<()>>,
}

impl Watchdog {
    /// Starts to watch.
    ///
    /// # Errors
    /// That there is no thread.
    pub(crate) fn start(
        rests: Arc<Rests>,
        watches: Vec<CoreWatch>,
        limit: Duration,
        told: OnOverrun,
    ) -> io::Result<Self> {
        let of_dog = Arc::clone(&rests);
        let thread = std::thread::Builder::new()
            .name("levada-watchdog".to_owned())
            .spawn(move || watch(&of_dog, &watches, limit, &told))?;
        Ok(Self { rests, thread: Some(thread) })
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.rests.is_over.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // It panics only where who was told did; that was said by then.
            let _is_well: bool = thread.join().is_ok();
        }
    }
}

fn watch(rests: &Rests, watches: &[CoreWatch], limit: Duration, told: &OnOverrun) {
    rests.dog.get_or_init(std::thread::current);
    let mut patrol = Patrol::of(watches.len(), limit);
    let look_every = (limit / 2).max(LOOK_EVERY_MIN);
    let mut quiet_looks = 0;
    while !rests.is_over.load(Ordering::SeqCst) {
        for (number, watch) in watches.iter().enumerate() {
            let seen = patrol.see(number, tick_now(), watch.look());
            if matches!(seen, Seen::Crossed(_)) {
                watch.count_over_limit();
            }
            if let Seen::Crossed(overrun) | Seen::Again(overrun) = seen {
                told(&overrun);
            }
        }
        quiet_looks = if rests.all_rest() { quiet_looks + 1 } else { 0 };
        if quiet_looks < QUIET_LOOKS {
            park_timeout(look_every);
        } else if rests.fall_asleep() {
            while rests.sleeps.load(Ordering::SeqCst) && !rests.is_over.load(Ordering::SeqCst) {
                park();
            }
            rests.sleeps.store(false, Ordering::SeqCst);
            quiet_looks = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dog_sleeps_only_while_every_core_does() {
        let rests = Rests::of(2);
        let [one, two] = [0, 1].map(|number| Rest::of(&rests, number));
        assert!(rests.fall_asleep(), "nobody has begun");
        one.end();
        assert!(!rests.sleeps.load(Ordering::SeqCst), "who begins wakes it");
        assert!(!rests.fall_asleep());
        two.end();
        one.begin();
        assert!(!rests.fall_asleep(), "the other still runs");
        two.begin();
        assert!(rests.fall_asleep());
    }
}
