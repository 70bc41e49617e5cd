//! The ring driver: pushes fill the queue, one system call hands it over, waits and lets completions appear.
//!
//! Cost: a push is one entry of 64 B; a pass is one `io_uring_enter`. The queue is handed over early only when full.
#![expect(
    unsafe_code,
    reason = "puts entries into a queue that the kernel reads, and enters it with own flags"
)]

use core::fmt;
use core::mem::ManuallyDrop;
use std::collections::VecDeque;
use std::os::fd::RawFd;

use io_uring::{IoUring, opcode, squeue, types};
use rustix::io::Errno;

use crate::call;
use crate::caps::{Caps, Lack, Level};
use crate::clock::{now, timespec_until};
use crate::done::{Done, Notice};
use crate::driver::{Driver, DriverGauges, Entered, Fatal};
use crate::feature::{Feature, Features};
use crate::file_pool::FilePool;
use crate::op::{BlockId, Group, Op};
use crate::span::WriteSpan;
use crate::token::Token;
use crate::uring::encode::{Encoded, UNANSWERED, encode};
use crate::uring::group::LentBlocks;
use crate::uring::messages::Messages;
use crate::uring::setup::{self, Refused};
use crate::wait::{Deadline, Wait};
use crate::wake::CoreWaker;

/// The token of the poll on the waker's event.
const WAKE: u64 = u64::MAX - 1;

/// Kernel workers for files that block, and for sockets; without a bound there may be some hundred thousand.
const WORKERS_MAX: [u32; 2] = [4, 16];

// `io_uring_enter(2)`.
const ENTER_GETEVENTS: u32 = 1;
const ENTER_EXT_ARG: u32 = 1 << 3;
const ENTER_NO_IOWAIT: u32 = 1 << 7;

/// In the result of a notice.
const NOTICE_COPIED: u32 = 1 << 31;

/// A ring, its groups, and what goes beside it.
pub(crate) struct Uring {
    ring: ManuallyDrop<IoUring>,
    /// Outlives the ring, and stays for ever if operations were left in it (see `drop`).
    groups: ManuallyDrop<Vec<Option<LentBlocks>>>,
    messages: Messages,
    /// Entries for which the queue had no room, and whether the next one is linked to each.
    backlog: VecDeque<(squeue::Entry, bool)>,
    /// Completions that the kernel did not make.
    own_done: Vec<Done>,
    pool: FilePool,
    pool_done: Vec<(Token, Result<u32, Errno>)>,
    waker: CoreWaker,
    wake_armed: bool,
    enter_flags: u32,
    features: Features,
    caps: Caps,
    gauges: DriverGauges,
}

impl Uring {
    /// Makes a ring for this thread, which uses no other features than these. With `direct_places` it gets a table of its
    /// own for sockets.
    pub(crate) fn open(direct_places: u32, features: Features) -> Result<Self, Refused> {
        let (ring, features) = setup::ring(features)?;
        if direct_places > 0 {
            ring.submitter().register_files_sparse(direct_places).map_err(|error| {
                Refused::Other(Errno::from_io_error(&error).unwrap_or(Errno::IO))
            })?;
        }
        Self::over(ring, features, direct_places)
    }

    /// The driver over a ring that has a table with so many places.
    pub(crate) fn over(
        ring: IoUring,
        mut features: Features,
        direct_places: u32,
    ) -> Result<Self, Refused> {
        if features.has(Feature::BoundedWorkers) {
            let bounded = ring.submitter().register_iowq_max_workers(&mut { WORKERS_MAX });
            features.keep_if(bounded.is_ok(), Feature::BoundedWorkers);
        }
        features.keep_if(ring.params().is_feature_no_iowait(), Feature::NoIowait);
        let waker = CoreWaker::new().map_err(Refused::Other)?;
        let quiet = if features.has(Feature::NoIowait) { ENTER_NO_IOWAIT } else { 0 };
        let level = if direct_places > 0 { Level::Full } else { Level::Plain };
        let lacks = features.lacking().map(|feature| Lack::Without(feature.words())).collect();
        Ok(Self {
            ring: ManuallyDrop::new(ring),
            groups: ManuallyDrop::new(Vec::new()),
            messages: Messages::default(),
            backlog: VecDeque::new(),
            own_done: Vec::new(),
            pool: FilePool::new(waker.clone()),
            pool_done: Vec::new(),
            waker,
            wake_armed: false,
            enter_flags: ENTER_GETEVENTS | ENTER_EXT_ARG | quiet,
            features,
            caps: Caps { level, direct_places, lacks, descriptors_are_real: true },
            gauges: DriverGauges::default(),
        })
    }

    /// What it uses, of all that there is.
    pub(crate) fn features(&self) -> Features {
        self.features
    }

    fn queue(&mut self, entry: squeue::Entry) {
        // SAFETY: what the entry points to holds until its last completion (the contract of `push`, or statics).
        if self.backlog.is_empty() && unsafe { self.ring.submission().push(&entry) }.is_ok() {
            return;
        }
        self.backlog.push_back((entry, false));
        self.hand_over();
    }

    /// Two linked entries must be handed over in one batch, so they go in together or wait together.
    fn queue_linked(&mut self, first: squeue::Entry, second: squeue::Entry) {
        // SAFETY: as in `queue`.
        let pushed = self.backlog.is_empty()
            && unsafe { self.ring.submission().push_multiple(&[first.clone(), second.clone()]) }
                .is_ok();
        if !pushed {
            self.backlog.extend([(first, true), (second, false)]);
            self.hand_over();
        }
    }

    /// Submits what the queue holds, without waiting, and fills it again from the backlog.
    fn hand_over(&mut self) {
        self.gauges.enters += 1;
        self.gauges.syscalls += 1;
        // A refusal (the completion queue is over its brim) is answered by the next pass, which reaps.
        let _submitted: Result<usize, _> = self.ring.submitter().submit();
        self.refill();
    }

    fn refill(&mut self) {
        if self.backlog.is_empty() {
            return;
        }
        let mut queue = self.ring.submission();
        while let Some((_, is_linked)) = self.backlog.front() {
            // Links go in whole.
            let count = usize::from(*is_linked) + 1;
            if queue.capacity() - queue.len() < count {
                break;
            }
            for (entry, _) in self.backlog.drain(..count) {
                // SAFETY: as in `queue`.
                let pushed = unsafe { queue.push(&entry) };
                debug_assert!(pushed.is_ok(), "there was room");
            }
        }
    }

    fn finish_own(&mut self, token: Token, result: Result<u32, Errno>) {
        self.own_done.push(Done::last(token, result));
    }

    fn reap(&mut self, done: &mut Vec<Done>) -> bool {
        let mut woken = false;
        let before = done.len();
        for entry in self.ring.completion() {
            let flags = entry.flags();
            match entry.user_data() {
                UNANSWERED => {}
                WAKE => {
                    self.waker.drain();
                    self.waker.take_down();
                    self.gauges.syscalls += 1;
                    self.wake_armed = false;
                    woken = true;
                }
                number => {
                    let mut one = completion(Token::numbered(number), entry.result(), flags);
                    if !self.messages.is_empty() {
                        // SAFETY: the kernel has just brought it.
                        unsafe { self.messages.settle(&mut one, &mut self.groups) };
                    }
                    done.push(one);
                }
            }
        }
        self.pool.take_done(&mut self.pool_done);
        let pool_done = self.pool_done.drain(..);
        done.extend(pool_done.map(|(token, result)| Done::last(token, result)));
        done.append(&mut self.own_done);
        let ended = done[before..].iter().filter(|done| !done.more).count() as u64;
        self.gauges.in_kernel -= ended;
        self.gauges.completions += (done.len() - before) as u64;
        woken
    }

    fn arm_wake(&mut self) {
        if !self.wake_armed {
            self.wake_armed = true;
            let poll = opcode::PollAdd::new(
                types::Fd(self.waker.fd()),
                u32::from(libc::POLLIN.cast_unsigned()),
            );
            self.queue(poll.build().user_data(WAKE));
        }
    }

    /// Hands over and waits; what the kernel says that is no failure of ours is no error.
    fn enter_kernel(&mut self, wait: Wait) -> Result<(), Fatal> {
        let (want, until) = match wait {
            Wait::Until(deadline)
                if self.own_done.is_empty() && self.ring.completion().is_empty() =>
            {
                (1, deadline)
            }
            Wait::Until(_) | Wait::No => (0, Deadline::NEVER),
        };
        let queue = self.ring.submission();
        let (to_submit, is_over) = (queue.len(), queue.cq_overflow());
        let has_work = queue.taskrun() || is_over;
        drop(queue);
        self.gauges.cq_overflows += u64::from(is_over);
        if to_submit == 0 && want == 0 && !has_work {
            return Ok(());
        }
        let timespec = timespec_until(until, if want == 0 { until } else { now() });
        let timespec = timespec.map(|left| {
            let ns = u32::try_from(left.tv_nsec).expect("less than a second");
            types::Timespec::new().sec(left.tv_sec.cast_unsigned()).nsec(ns)
        });
        let mut args = types::SubmitArgs::new();
        if let Some(timespec) = &timespec {
            args = args.timespec(timespec);
        }
        self.gauges.enters += 1;
        self.gauges.syscalls += 1;
        let to_submit = u32::try_from(to_submit).expect("a queue has at most 32,768 entries");
        // SAFETY: the flags announce the argument that is given, and both live across the call.
        let entered =
            unsafe { self.ring.submitter().enter(to_submit, want, self.enter_flags, Some(&args)) };
        match entered.map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO)) {
            // A deadline, a signal, or a completion queue over its brim: the next pass goes on.
            Ok(_) | Err(Errno::TIME | Errno::INTR | Errno::BUSY | Errno::AGAIN) => Ok(()),
            Err(errno) => Err(Fatal { errno }),
        }
    }
}

fn completion(token: Token, result: i32, flags: u32) -> Done {
    if io_uring::cqueue::notif(flags) {
        let is_copied = result.cast_unsigned() & NOTICE_COPIED != 0;
        let notice = Some(if is_copied { Notice::Copied } else { Notice::ByReference });
        return Done { token, result: Ok(0), more: false, block: None, notice };
    }
    let result =
        u32::try_from(result).map_err(|_negative| match Errno::from_raw_os_error(-result) {
            Errno::INTR => Errno::CANCELED, // a worker of the kernel's is interrupted by a cancel, and by nothing else
            errno => errno,
        });
    Done {
        token,
        result,
        more: io_uring::cqueue::more(flags),
        block: io_uring::cqueue::buffer_select(flags).map(BlockId),
        notice: None,
    }
}

// SAFETY: a span goes into an entry and nowhere else; the kernel is done with it when it posts the last completion, and
// reporting is all that `reap` does with that. A lent block is the kernel's until a completion names it.
unsafe impl Driver for Uring {
    fn caps(&self) -> &Caps {
        &self.caps
    }

    fn open_group(&mut self, group: Group, blocks_max: u16) -> Result<(), Errno> {
        let index = usize::from(group.0);
        if self.groups.len() <= index {
            self.groups.resize_with(index + 1, || None);
        }
        self.groups[index] = Some(LentBlocks::register(&self.ring, group, blocks_max)?);
        Ok(())
    }

    unsafe fn provide(&mut self, group: Group, block: BlockId, span: WriteSpan) {
        let group = self.groups.get_mut(usize::from(group.0)).and_then(Option::as_mut);
        let group = group.expect("a block is lent to a group that was opened");
        // SAFETY: passed on to the caller.
        unsafe { group.provide(block, span) };
    }

    unsafe fn push(&mut self, token: Token, op: &Op) {
        self.gauges.operations += 1;
        self.gauges.in_kernel += 1;
        if let Op::RecvMessage { group, form, .. } = *op {
            self.messages.arm(token, group, form);
        }
        // SAFETY: passed on to the caller.
        match unsafe { encode(token, op, self.features) } {
            Encoded::One(entry) => self.queue(entry),
            Encoded::Linked(first, second) => self.queue_linked(first, second),
            Encoded::Forgetting(fd, close) => {
                self.gauges.syscalls += 1;
                call::forget_unsent(fd);
                self.queue(close);
            }
            Encoded::Socket(family) => {
                self.gauges.syscalls += 1;
                self.finish_own(token, call::socket(family));
            }
            Encoded::ForThePool => {
                // SAFETY: passed on to the caller.
                if let Err(errno) = unsafe { self.pool.push(token, *op) } {
                    self.finish_own(token, Err(errno));
                }
            }
        }
    }

    fn cancel(&mut self, token: Token) {
        if self.pool.cancel(token) {
            self.finish_own(token, Err(Errno::CANCELED));
            return;
        }
        let cancel = opcode::AsyncCancel::new(token.number()).build();
        // Its own success says nothing that the target's completion does not say; "not found" carries no token.
        self.queue(cancel.flags(squeue::Flags::SKIP_SUCCESS).user_data(UNANSWERED));
    }

    fn enter(&mut self, wait: Wait, done: &mut Vec<Done>) -> Result<Entered, Fatal> {
        self.arm_wake();
        self.refill();
        self.enter_kernel(wait)?;
        let woken = self.reap(done);
        Ok(Entered { now: now(), woken })
    }

    fn forget(&mut self, _fd: RawFd) {}

    fn waker(&self) -> CoreWaker {
        self.waker.clone()
    }

    fn gauges(&self) -> DriverGauges {
        self.gauges
    }
}

impl fmt::Debug for Uring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Uring")
            .field("caps", &self.caps)
            .field("gauges", &self.gauges)
            .finish_non_exhaustive()
    }
}

impl Drop for Uring {
    fn drop(&mut self) {
        // SAFETY: dropped once, here, and not used after.
        unsafe { ManuallyDrop::drop(&mut self.ring) };
        // Closing a ring is no barrier: what was left in it may go on for a while. Then the entries of the groups stay.
        if self.gauges.in_kernel == 0 {
            // SAFETY: dropped once, here, and not used after; the ring that read them is closed and was quiet.
            unsafe { ManuallyDrop::drop(&mut self.groups) };
        }
    }
}
