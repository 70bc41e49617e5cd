//! A channel is one core's conversation with the kernel: everything that is asked in a pass goes over in one call.
//!
//! It belongs to the thread that opened it. Its handles, and those of its sockets and files, are cheap clones that name
//! the same channel. Nothing is sent, received or read but in [`Channel::pass`], which the thread's loop calls.

use core::cell::RefCell;
use core::fmt;
use core::task::Waker;
use core::time::Duration;
use std::rc::Rc;
use std::sync::Arc;

use levada_ring::{Caps, CoreWaker, Deadline, Done, Driver, Fatal, OpenError, Wait, open};
use levada_shared::Account;

use crate::config::ChannelConfig;
use crate::connections::connects::Connects;
use crate::connections::lost::LostStreams;
use crate::connections::stream::Ending;
use crate::connections::streams::Streams;
use crate::datagrams::datagram_sockets::Datagrams;
use crate::filing::files::Files;
use crate::gauges::Gauges;
use crate::kernel::{Kernel, Kind, name_of};
use crate::lent::Lent;
use crate::listening::listeners::{Listeners, reserved_places};
use crate::timers::Timers;

/// How soon what an account or the heap had no room for is tried again: nothing tells that there is some.
const MEMORY_WAIT: Duration = Duration::from_millis(10);

/// How soon a datagram is tried again whose taker within this machine had no room.
const CROWDED_WAIT: Duration = Duration::from_millis(1);

/// How many timeouts of the kernel's may run at a time.
const TIMEOUTS_MAX: u32 = 4096;

/// A handle to a channel.
#[derive(Clone)]
pub struct Channel(Rc<RefCell<Parts>>);

/// What a pass came to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Passed {
    /// The moment when the kernel answered.
    pub now: Deadline,
    /// How many completions it brought.
    pub completions: usize,
    /// Whether a [`CoreWaker`] was used.
    pub woken: bool,
}

/// How a channel ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct EndReport {
    /// Operations that the kernel had not answered by the deadline. What they hold is kept for ever: the quarantine.
    pub quarantined: u64,
}

/// The parts of a channel.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) kernel: Kernel,
    pub(crate) streams: Streams,
    pub(crate) listeners: Listeners,
    pub(crate) files: Files,
    pub(crate) timeouts: Files,
    pub(crate) timers: Timers,
    pub(crate) connects: Connects,
    pub(crate) datagrams: Datagrams,
    pub(crate) lost: Arc<LostStreams>,
    pub(crate) lent: Lent,
    done: Vec<Done>,
    woken: Vec<Waker>,
    passes: u64,
    is_ended: bool,
}

impl Channel {
    /// Opens a channel for the calling thread; `account` is charged for what is received.
    ///
    /// # Errors
    /// [`OpenError`] where the driver that is demanded is not to be had.
    pub fn open(config: &ChannelConfig, account: &Account) -> Result<Self, OpenError> {
        Self::over(open(config.driver)?, config, account)
    }

    /// A channel over a driver of the caller's.
    ///
    /// # Errors
    /// [`OpenError`] where the driver cannot lend blocks.
    pub fn over(
        mut driver: Box<dyn Driver>,
        config: &ChannelConfig,
        account: &Account,
    ) -> Result<Self, OpenError> {
        let places = driver.caps().direct_places;
        let sockets_max =
            if places > 0 { config.sockets_max.min(places) } else { config.sockets_max };
        let mut lent =
            Lent::open(&mut *driver, config.receive_blocks, account).map_err(OpenError::NoPoll)?;
        lent.refill(&mut *driver);
        let lost = LostStreams::new(driver.waker());
        Ok(Self(Rc::new(RefCell::new(Parts {
            kernel: Kernel::new(driver),
            streams: Streams::new(sockets_max, config),
            listeners: Listeners::new(),
            files: Files::new(Kind::File, config.files_max),
            timeouts: Files::new(Kind::Timeout, TIMEOUTS_MAX),
            timers: Timers::new(),
            connects: Connects::new(),
            datagrams: Datagrams::new(),
            lost,
            lent,
            done: Vec::new(),
            woken: Vec::new(),
            passes: 0,
            is_ended: false,
        }))))
    }

    /// One pass: hands over all that was asked since the last one, waits as told unless something is complete, takes
    /// completions in, and wakes who waited for them. A signal may end the wait before its time.
    ///
    /// # Errors
    /// [`Fatal`] where the kernel refuses further I/O on this thread.
    pub fn pass(&self, wait: Wait) -> Result<Passed, Fatal> {
        let mut parts = self.0.borrow_mut();
        let passed = parts.pass(wait)?;
        let mut woken = core::mem::take(&mut parts.woken);
        parts.kernel.take_woken(&mut woken);
        drop(parts); // whoever is woken may use the channel at once
        woken.drain(..).for_each(Waker::wake);
        self.0.borrow_mut().woken = woken;
        Ok(passed)
    }

    /// Hands over what was asked since the last pass, without waiting; what is complete already is taken in.
    ///
    /// # Errors
    /// [`Fatal`] where the kernel refuses further I/O on this thread.
    pub fn flush(&self) -> Result<Passed, Fatal> {
        self.pass(Wait::No)
    }

    /// The moment when the kernel last answered.
    #[must_use]
    pub fn now(&self) -> Deadline {
        self.0.borrow().kernel.now
    }

    /// What the driver can do here, and why not more.
    #[must_use]
    pub fn caps(&self) -> Caps {
        self.0.borrow().kernel.driver.caps().clone()
    }

    /// How many connections it has before others wait to be accepted. A few places less than it has sockets are for what
    /// is accepted before an accept can be stopped.
    #[must_use]
    pub fn connections_max(&self) -> u32 {
        let count_max = self.0.borrow().streams.count_max();
        count_max - reserved_places(count_max)
    }

    /// Wakes this channel's thread out of a pass that waits.
    #[must_use]
    pub fn waker(&self) -> CoreWaker {
        self.0.borrow().kernel.driver.waker()
    }

    /// What was counted so far.
    #[must_use]
    pub fn gauges(&self) -> Gauges {
        let parts = self.0.borrow();
        Gauges {
            driver: parts.kernel.driver.gauges(),
            passes: parts.passes,
            streams_open: parts.streams.open_count().into(),
            datagram_sockets_open: parts.datagrams.open_count().into(),
            datagrams_cut: parts.datagrams.cut,
            zero_copy_unnoticed_bytes: parts.streams.zero_copy_sends.unnoticed_bytes,
            zero_copy_copied: parts.streams.zero_copy_sends.copied,
            direct_refusals: parts.files.direct_refusals,
            files_in_flight: parts.files.in_flight().into(),
            timeouts_in_flight: parts.timeouts.in_flight().into(),
            blocks_lent: parts.lent.lent_count() as u64,
            block_refusals: parts.lent.refusals(),
            receive_pauses: parts.streams.pauses + parts.datagrams.pauses,
            accept_pauses: parts.listeners.pauses,
            stalls_aborted: parts.streams.stalls,
            bytes_by_reference: parts.streams.bytes_by_reference,
            stale_completions: parts.streams.stale,
        }
    }

    /// Brings nothing more: listeners stop accepting, and each receive ends as if its peer had sent its last. What is
    /// queued is still sent, and files go on.
    pub fn wind_down(&self) {
        let parts = &mut *self.parts();
        for untaken in parts.listeners.close_all(&mut parts.kernel) {
            parts.streams.end(untaken, Ending::Close);
        }
        parts.streams.end_receiving(&mut parts.kernel);
    }

    /// Ends the channel: closes all sockets behind what is queued, aborts them when half the time has gone, and waits
    /// for the kernel's last answers until `by`. What it has not answered then stays allocated for ever.
    ///
    /// # Errors
    /// [`Fatal`] where the kernel refuses even that.
    pub fn end(&self, by: Deadline) -> Result<EndReport, Fatal> {
        let half = { self.0.borrow_mut().begin_end(by) };
        loop {
            let mut parts = self.0.borrow_mut();
            let left = parts.kernel.driver.gauges().in_kernel;
            let is_quiet = left == 0 && parts.streams.open_count() == 0;
            if is_quiet || parts.kernel.now >= by {
                parts.is_ended = is_quiet;
                drop(parts);
                // A close that was linked behind a last send has no answer of its own; it gets its turn here.
                self.pass(Wait::No)?;
                return Ok(EndReport { quarantined: left });
            }
            if parts.kernel.now >= half {
                parts.streams.end_all(Ending::Abort);
            }
            let until = if parts.kernel.now < half { half } else { by };
            drop(parts);
            self.pass(Wait::Until(until))?;
        }
    }

    /// The parts, for the handles of this crate. Not across a wake or an await.
    pub(crate) fn parts(&self) -> core::cell::RefMut<'_, Parts> {
        self.0.borrow_mut()
    }
}

impl Parts {
    fn pass(&mut self, wait: Wait) -> Result<Passed, Fatal> {
        self.passes += 1;
        for lost in self.lost.take() {
            self.streams.end(lost, Ending::Close);
        }
        if self.kernel.events().is_empty() {
            self.streams.forget_ended();
        }
        self.lent.refill(&mut *self.kernel.driver);
        self.streams.resume(&mut self.kernel, &self.lent);
        self.datagrams.resume(&mut self.kernel, &self.lent);
        self.streams.flush(&mut self.kernel);
        self.listeners.flush(&mut self.kernel, &mut self.streams);
        // Who was woken between two passes, by another's call, is told after this one: so it must not wait.
        let wait = if self.kernel.has_news() { Wait::No } else { wait };
        let wait = wait
            .or_until(self.streams.next_sweep())
            .or_until(self.listeners.next_resume())
            .or_until(self.timers.next())
            .or_until(self.connects.next_deadline());
        let is_paused = self.streams.is_any_paused() || self.datagrams.is_any_paused();
        let wait = if self.datagrams.is_crowded() {
            wait.or_until(self.kernel.now + CROWDED_WAIT)
        } else {
            wait
        };
        let wait = if self.streams.has_unpaid() || is_paused && self.lent.is_short() {
            wait.or_until(self.kernel.now + MEMORY_WAIT)
        } else {
            wait
        };
        let entered = self.kernel.driver.enter(wait, &mut self.done)?;
        self.kernel.now = entered.now;
        let mut done = core::mem::take(&mut self.done);
        let completions = done.len();
        for done in done.drain(..) {
            self.take_in(&done);
        }
        self.done = done;
        self.streams.sweep(&mut self.kernel);
        self.timers.fire(&mut self.kernel);
        self.connects.expire(&mut self.kernel);
        Ok(Passed { now: entered.now, completions, woken: entered.woken })
    }

    fn take_in(&mut self, done: &Done) {
        let name = name_of(done.token);
        let kernel = &mut self.kernel;
        match Kind::of(done.token) {
            Some(Kind::Recv) => self.streams.received(kernel, &mut self.lent, name, done),
            Some(Kind::Send) => self.streams.sent(kernel, name, done),
            Some(Kind::Accept) => self.listeners.accepted(kernel, &mut self.streams, name, done),
            Some(Kind::AcceptOne) => {
                self.listeners.accepted_one(kernel, &mut self.streams, name, done)
            }
            Some(Kind::Shutdown) => self.streams.shut_down(name),
            Some(Kind::Close) => self.streams.closed(kernel, name),
            Some(Kind::Install) => self.streams.installed(kernel, name, done),
            Some(Kind::File) => self.files.answered(kernel, name, done),
            Some(Kind::Timeout) => self.timeouts.answered(kernel, name, done),
            Some(Kind::Fill) => self.streams.filled(kernel, name, done),
            Some(Kind::SendZeroCopy) => self.streams.sent_zero_copy(kernel, name, done),
            Some(Kind::Connect) => {
                self.connects.answered(kernel, &mut self.streams, name, done);
            }
            Some(Kind::Datagrams) => self.datagrams.received(kernel, &mut self.lent, name, done),
            Some(Kind::SendTo) => self.datagrams.sent(kernel, name, done),
            Some(Kind::Timer | Kind::Discard) | None => {}
        }
    }

    fn begin_end(&mut self, by: Deadline) -> Deadline {
        for stream in self.listeners.close_all(&mut self.kernel) {
            self.streams.end(stream, Ending::Close);
        }
        self.streams.end_all(Ending::Close);
        self.files.detach_all(&mut self.kernel);
        self.timeouts.detach_all(&mut self.kernel);
        self.connects.forget_all(&mut self.kernel, &mut self.streams);
        self.datagrams.close_all(&mut self.kernel);
        self.kernel.now + (by - self.kernel.now) / 2
    }
}

impl Drop for Parts {
    /// The last handle has gone: as [`Channel::end`], for a second.
    fn drop(&mut self) {
        let by = self.kernel.now + Duration::from_secs(1);
        if !self.is_ended {
            let half = self.begin_end(by);
            while self.kernel.now < by
                && (self.kernel.driver.gauges().in_kernel > 0 || self.streams.open_count() > 0)
            {
                if self.kernel.now >= half {
                    self.streams.end_all(Ending::Abort);
                }
                if self.pass(Wait::Until(if self.kernel.now < half { half } else { by })).is_err() {
                    break;
                }
            }
        }
        if self.kernel.driver.gauges().in_kernel == 0 {
            self.lent.reclaim();
        }
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel").field("gauges", &self.gauges()).finish_non_exhaustive()
    }
}
