//! The streams of a channel: receiving with credit, sending in order, and closing after the last answer.
//!
//! Sends that are queued during a pass leave with the next one, one operation a stream. A receive stays armed for as
//! long as there is credit; a stream whose receive ended for want of blocks is listed and goes on when some are back.

use core::task::{Poll, Waker};
use core::time::Duration;
use std::collections::VecDeque;
use std::os::fd::AsRawFd;

use levada_ring::{Deadline, Done, Errno, Target};
use levada_shared::{ExclusiveBuf, SharedData};

use crate::by_reference::{self, Left};
use crate::config::ChannelConfig;
use crate::descriptor;
use crate::error::{Error, Refused};
use crate::kernel::{Kernel, Kind, wait};
use crate::lent::LentBlocks;
use crate::outbox::{Outbox, SpareOutboxes};
use crate::stream::{Ending, Flight, Pace, QUEUED_BYTES_MAX, Stream};
use crate::table::{Name, Table};

/// All streams of a channel.
#[derive(Debug)]
pub(crate) struct Streams {
    table: Table<Stream>,
    /// Those that have something to hand over, or to end.
    dirty: Vec<Name>,
    /// Those whose receive ended because no block was free.
    paused: VecDeque<Name>,
    spare_outboxes: SpareOutboxes,
    sends_out: usize,
    /// When to look for peers that take nothing; only while sends are out.
    sweep_at: Deadline,
    write_stall: Duration,
    pub(crate) pauses: u64,
    pub(crate) stalls: u64,
    pub(crate) stale: u64,
    pub(crate) bytes_by_reference: u64,
    /// How many streams have a descriptor beside their place, or have asked for one; and may.
    descriptors_held: u32,
    descriptors_max: u32,
}

impl Streams {
    /// Up to `count_max` of them.
    pub(crate) fn new(count_max: u32, config: &ChannelConfig) -> Self {
        Self {
            table: Table::new(count_max),
            dirty: Vec::new(),
            paused: VecDeque::new(),
            spare_outboxes: SpareOutboxes::default(),
            sends_out: 0,
            sweep_at: Deadline::NEVER,
            write_stall: config.write_stall,
            pauses: 0,
            stalls: 0,
            stale: 0,
            bytes_by_reference: 0,
            descriptors_held: 0,
            descriptors_max: config.descriptors_max,
        }
    }

    pub(crate) fn open_count(&self) -> u32 {
        self.table.used_count()
    }

    pub(crate) fn count_max(&self) -> u32 {
        self.table.count_max()
    }

    pub(crate) fn room_count(&self) -> u32 {
        self.table.room_count()
    }

    /// Takes a connected socket in and begins to receive; gives it back where there are as many as there may be.
    pub(crate) fn adopt(&mut self, kernel: &mut Kernel, target: Target) -> Result<Name, Target> {
        let name = self.table.insert(Stream::new(target)).map_err(|stream| stream.target)?;
        self.arm(kernel, name);
        Ok(name)
    }

    fn arm(&mut self, kernel: &mut Kernel, name: Name) {
        let Some(stream) = self.table.get(name) else { return };
        if stream.wants_recv() {
            stream.recv = Flight::Out;
            if stream.pace == Pace::Resting {
                stream.pace = Pace::On;
            }
            kernel.recv(name, stream.target, stream.pace == Pace::Once);
        }
    }

    /// The next block that came; `None` after the last one.
    pub(crate) fn poll_recv(
        &mut self,
        kernel: &mut Kernel,
        name: Name,
        waker: &Waker,
    ) -> Poll<Result<Option<ExclusiveBuf>, Error>> {
        let Some(stream) = self.table.get(name) else { return Poll::Ready(Err(Error::Closed)) };
        if let Some(block) = stream.inbox.pop() {
            stream.credit_bytes += i64::try_from(block.len()).expect("a block is short");
            if stream.pace == Pace::On {
                self.arm(kernel, name);
            }
            return Poll::Ready(Ok(Some(block)));
        }
        if let Some(ended) = stream.ended {
            return Poll::Ready(ended.map(|()| None));
        }
        if stream.ending != Ending::No {
            return Poll::Ready(Err(Error::Closed));
        }
        wait(&mut stream.reader, waker);
        self.arm(kernel, name);
        Poll::Pending
    }

    /// Queues `data`; the number of bytes that will have been sent when it is.
    pub(crate) fn send(
        &mut self,
        kernel: &Kernel,
        name: Name,
        data: SharedData,
    ) -> Result<u64, Refused<SharedData>> {
        let refused = |error, value| Err(Refused { error, value });
        let Some(stream) = self.table.get(name) else { return refused(Error::Closed, data) };
        if let Some(error) = stream.broken {
            return refused(error, data);
        }
        if stream.ending != Ending::No || stream.wants_shutdown {
            return refused(Error::Closed, data);
        }
        if stream.unsent_bytes() >= QUEUED_BYTES_MAX {
            return refused(Error::Full, data);
        }
        stream.queued_bytes += data.len();
        let until = stream.queued_bytes;
        if !data.is_empty() {
            let outbox = stream.outbox.get_or_insert_with(|| {
                let mut outbox = self.spare_outboxes.take();
                outbox.progress = kernel.now;
                outbox
            });
            outbox.push(data);
            Self::touch(&mut self.dirty, stream, name);
        }
        Ok(until)
    }

    fn touch(dirty: &mut Vec<Name>, stream: &mut Stream, name: Name) {
        if !core::mem::replace(&mut stream.is_dirty, true) {
            dirty.push(name);
        }
    }

    /// Whether `until` bytes are with the peer's kernel.
    pub(crate) fn poll_sent(
        &mut self,
        name: Name,
        until: u64,
        waker: &Waker,
    ) -> Poll<Result<(), Error>> {
        let Some(stream) = self.table.get(name) else { return Poll::Ready(Err(Error::Closed)) };
        if stream.sent_bytes >= until {
            return Poll::Ready(Ok(()));
        }
        if let Some(error) = stream.broken {
            return Poll::Ready(Err(error));
        }
        wait(&mut stream.writer, waker);
        Poll::Pending
    }

    /// Whether a send would be taken.
    pub(crate) fn poll_room(&mut self, name: Name, waker: &Waker) -> Poll<Result<(), Error>> {
        let Some(stream) = self.table.get(name) else { return Poll::Ready(Err(Error::Closed)) };
        if let Some(error) = stream.broken {
            return Poll::Ready(Err(error));
        }
        if stream.unsent_bytes() <= QUEUED_BYTES_MAX / 4 {
            return Poll::Ready(Ok(()));
        }
        wait(&mut stream.writer, waker);
        Poll::Pending
    }

    /// Ends this side's direction behind what is queued.
    pub(crate) fn shutdown(&mut self, name: Name) {
        if let Some(stream) = self.table.get(name) {
            stream.wants_shutdown = true;
            Self::touch(&mut self.dirty, stream, name);
        }
    }

    /// Closes: after what is queued is sent, or at once. What was received and not taken is dropped.
    pub(crate) fn end(&mut self, name: Name, ending: Ending) {
        if let Some(stream) = self.table.get(name)
            && stream.ending != Ending::Abort
        {
            stream.ending = ending;
            while stream.inbox.pop().is_some() {}
            Self::touch(&mut self.dirty, stream, name);
        }
    }

    /// Whether the kernel has closed it.
    pub(crate) fn poll_closed(&mut self, name: Name, waker: &Waker) -> Poll<()> {
        match self.table.get(name) {
            None => Poll::Ready(()),
            Some(stream) => {
                wait(&mut stream.writer, waker);
                Poll::Pending
            }
        }
    }

    /// Hands over what was queued since the last pass.
    pub(crate) fn flush(&mut self, kernel: &mut Kernel) {
        // By index: what ends at once may touch another, never this list's beginning.
        let mut next = 0;
        while let Some(&name) = self.dirty.get(next) {
            next += 1;
            if let Some(stream) = self.table.get(name) {
                stream.is_dirty = false;
                self.hand_over(kernel, name);
            }
        }
        self.dirty.clear();
    }

    fn hand_over(&mut self, kernel: &mut Kernel, name: Name) {
        let Some(stream) = self.table.get(name) else { return };
        let is_abort = stream.ending == Ending::Abort;
        if (is_abort || stream.broken.is_some())
            && let Some(mut outbox) = stream.outbox.take_if(|outbox| !outbox.is_out())
        {
            outbox.clear();
            self.spare_outboxes.give(outbox);
        }
        if !is_abort && stream.outbox.as_ref().is_some_and(|outbox| outbox.goes_by_reference()) {
            self.send_by_reference(kernel, name);
        }
        let Some(stream) = self.table.get(name) else { return };
        let last = stream.sends_its_last();
        if let Some(outbox) = &mut stream.outbox
            && !is_abort
            && outbox.submit(&mut *kernel.driver, Kind::Send.token(name), stream.target, last)
        {
            self.sends_out += 1;
            self.sweep_at = self.sweep_at.min(kernel.now + self.write_stall / 4);
        }
        let is_sent = stream.outbox.is_none();
        if is_sent
            && stream.wants_shutdown
            && stream.shutdown == Flight::No
            && stream.ending == Ending::No
        {
            stream.wants_shutdown = false;
            if stream.broken.is_none() {
                stream.shutdown = Flight::Out;
                stream.broken = Some(Error::Closed);
                kernel.shutdown(name, stream.target);
            }
        }
        if stream.ending != Ending::No {
            Self::close(kernel, stream, name);
        }
    }

    /// Sends the queue by system calls of our own, as far as the socket takes it.
    fn send_by_reference(&mut self, kernel: &mut Kernel, name: Name) {
        let Some(stream) = self.table.get(name) else { return };
        let Some(mut outbox) = stream.outbox.take() else { return };
        let Some(socket) = stream.any_descriptor() else {
            match stream.target {
                Target::Direct(place) if self.descriptors_held < self.descriptors_max => {
                    self.descriptors_held += 1;
                    kernel.install(name, place);
                    outbox.wait();
                }
                _ => outbox.go_as_copies(),
            }
            stream.outbox = Some(outbox);
            return;
        };
        let (bytes, left) = by_reference::send(socket, outbox.queue());
        let socket = socket.as_raw_fd();
        outbox.answered(bytes, kernel.now);
        stream.sent_bytes += u64::from(bytes);
        self.bytes_by_reference += u64::from(bytes);
        match left {
            Left::Waiting => {
                outbox.wait();
                kernel.wait_for_room(name, socket);
                self.sends_out += 1;
                self.sweep_at = self.sweep_at.min(kernel.now + self.write_stall / 4);
                if stream.unsent_bytes() <= QUEUED_BYTES_MAX / 4 {
                    kernel.wake(&mut stream.writer);
                }
                stream.outbox = Some(outbox);
                return;
            }
            Left::Empty => {}
            Left::Refused => {
                outbox.go_as_copies();
                stream.outbox = Some(outbox);
                return;
            }
            Left::Broken(errno) => {
                stream.broken.get_or_insert(Error::of(errno));
                outbox.clear();
            }
        }
        kernel.wake(&mut stream.writer);
        self.spare_outboxes.give(outbox);
    }

    /// A descriptor for a stream is there, or is not to be had: then what waits for it is copied.
    pub(crate) fn installed(&mut self, kernel: &mut Kernel, name: Name, done: &Done) {
        let descriptor = descriptor::taken_in(done);
        let Some(stream) = self.table.get(name) else {
            self.descriptors_held -= 1;
            return;
        };
        // The calls that use it never wait.
        stream.descriptor = descriptor.filter(|fd| rustix::io::ioctl_fionbio(fd, true).is_ok());
        if stream.descriptor.is_none() {
            self.descriptors_held -= 1;
        }
        if let Some(outbox) = &mut stream.outbox {
            outbox.answered(0, kernel.now);
            if stream.descriptor.is_none() {
                outbox.go_as_copies();
            }
        }
        Self::touch(&mut self.dirty, stream, name);
    }

    /// Takes the next step towards closing: what may be cancelled is, what is out is awaited, then the kernel closes.
    fn close(kernel: &mut Kernel, stream: &mut Stream, name: Name) {
        if stream.recv == Flight::Out {
            stream.recv = Flight::Cancelled;
            kernel.driver.cancel(Kind::Recv.token(name));
        }
        if stream.ending == Ending::Abort && stream.is_send_out() && !stream.send_cancelled {
            stream.send_cancelled = true;
            kernel.driver.cancel(Kind::Send.token(name));
        }
        let is_done = stream.is_quiet() && stream.outbox.is_none();
        if is_done && stream.close == Flight::No {
            stream.close = Flight::Out;
            match stream.ending {
                Ending::Abort => kernel.reset(name, stream.target),
                Ending::Close | Ending::CloseTogether | Ending::No => {
                    kernel.close(name, stream.target)
                }
            }
        }
    }

    /// A receive went on, or ended.
    pub(crate) fn received(
        &mut self,
        kernel: &mut Kernel,
        lent: &mut LentBlocks,
        name: Name,
        done: &Done,
    ) {
        let bytes = done.result.unwrap_or(0);
        let block = done.block.and_then(|block| lent.take(block, bytes));
        let Some(stream) = self.table.get(name) else {
            self.stale += 1;
            return;
        };
        if let Some(block) = block.filter(|block| !block.is_empty()) {
            stream.credit_bytes -= i64::from(bytes);
            if stream.pace == Pace::Once {
                stream.pace = Pace::Resting;
            }
            if stream.ending == Ending::No {
                stream.inbox.push(block);
                kernel.wake(&mut stream.reader);
            }
        }
        let is_over = stream.credit_bytes <= 0 || stream.ending != Ending::No;
        if done.more {
            if is_over && stream.recv == Flight::Out {
                stream.recv = Flight::Cancelled;
                kernel.driver.cancel(Kind::Recv.token(name));
            }
            return;
        }
        stream.recv = Flight::No;
        match done.result {
            Ok(0) => {
                stream.ended.get_or_insert(Ok(()));
            }
            // A multishot that ends with bytes, or because it was cancelled for want of credit, is armed again.
            Ok(_) | Err(Errno::CANCELED | Errno::INTR | Errno::AGAIN) => {}
            Err(Errno::NOBUFS) => {
                if !core::mem::replace(&mut stream.is_paused, true) {
                    self.paused.push_back(name);
                    self.pauses += 1;
                }
            }
            Err(errno) => {
                stream.ended = Some(Err(Error::of(errno)));
                stream.broken.get_or_insert(Error::of(errno));
                Self::touch(&mut self.dirty, stream, name);
            }
        }
        if stream.ended.is_some() {
            kernel.wake(&mut stream.reader);
            if stream.broken.is_some() {
                kernel.wake(&mut stream.writer);
            }
        }
        if stream.ending != Ending::No {
            Self::touch(&mut self.dirty, stream, name);
        } else if stream.pace != Pace::Resting {
            self.arm(kernel, name);
        }
    }

    /// Receives that had no block go on, as long as there are some.
    pub(crate) fn resume(&mut self, kernel: &mut Kernel, lent: &LentBlocks) {
        if self.paused.is_empty() || !lent.can_resume() {
            return;
        }
        for _ in 0..lent.lent_count() {
            let Some(name) = self.paused.pop_front() else { return };
            if let Some(stream) = self.table.get(name) {
                stream.is_paused = false;
                self.arm(kernel, name);
            }
        }
    }

    /// A send ended: with bytes taken, perhaps fewer than were handed over, or with an error.
    pub(crate) fn sent(&mut self, kernel: &mut Kernel, name: Name, done: &Done) {
        let Some(stream) = self.table.get(name) else {
            self.stale += 1;
            return;
        };
        self.sends_out -= 1;
        if self.sends_out == 0 {
            self.sweep_at = Deadline::NEVER;
        }
        let Some(outbox) = &mut stream.outbox else { return };
        let bytes = outbox.taken_bytes(done.result);
        outbox.answered(bytes, kernel.now);
        stream.sent_bytes += u64::from(bytes);
        match done.result {
            Ok(_) | Err(Errno::INTR | Errno::AGAIN) => {}
            Err(errno) => {
                stream.broken.get_or_insert(Error::of(errno));
            }
        }
        if stream.broken.is_some() {
            outbox.clear();
        }
        let is_sent = outbox.is_empty();
        let is_closed = is_sent && outbox.has_closed();
        if is_sent && let Some(outbox) = stream.outbox.take() {
            self.spare_outboxes.give(outbox);
        }
        if is_closed {
            return self.closed(kernel, name);
        }
        if stream.writer.is_some() && (is_sent || stream.unsent_bytes() <= QUEUED_BYTES_MAX / 4) {
            kernel.wake(&mut stream.writer);
        }
        if !is_sent || stream.wants_shutdown || stream.ending != Ending::No {
            Self::touch(&mut self.dirty, stream, name);
        }
    }

    /// This side's direction has ended.
    pub(crate) fn shut_down(&mut self, name: Name) {
        if let Some(stream) = self.table.get(name) {
            stream.shutdown = Flight::No;
            Self::touch(&mut self.dirty, stream, name);
        }
    }

    /// The kernel has closed it: nothing of it is left, and its name is stale from here on.
    pub(crate) fn closed(&mut self, kernel: &mut Kernel, name: Name) {
        if let Some(mut stream) = self.table.remove(name) {
            self.descriptors_held -= u32::from(stream.descriptor.is_some());
            kernel.wake(&mut stream.writer);
            kernel.wake(&mut stream.reader);
        }
    }

    /// When the next look for stalled peers is due.
    pub(crate) fn next_sweep(&self) -> Deadline {
        self.sweep_at
    }

    /// Aborts the streams whose peers have taken nothing for too long.
    pub(crate) fn sweep(&mut self, kernel: &mut Kernel) {
        if kernel.now < self.sweep_at {
            return;
        }
        self.sweep_at =
            if self.sends_out > 0 { kernel.now + self.write_stall / 4 } else { Deadline::NEVER };
        let names: Vec<Name> = self.table.names().collect();
        for name in names {
            let Some(stream) = self.table.get(name) else { continue };
            let is_stalled = |outbox: &Outbox| {
                outbox.is_out() && kernel.now - outbox.progress >= self.write_stall
            };
            if stream.outbox.as_deref().is_some_and(is_stalled) && stream.ending != Ending::Abort {
                self.stalls += 1;
                stream.broken = Some(Error::Stalled);
                stream.ended = Some(Err(Error::Stalled));
                kernel.wake(&mut stream.writer);
                kernel.wake(&mut stream.reader);
                self.end(name, Ending::Abort);
            }
        }
    }

    /// Ends all receives as if the peers had sent their last.
    pub(crate) fn end_receiving(&mut self, kernel: &mut Kernel) {
        let names: Vec<Name> = self.table.names().collect();
        for name in names {
            let Some(stream) = self.table.get(name) else { continue };
            stream.ended.get_or_insert(Ok(()));
            if stream.recv == Flight::Out {
                stream.recv = Flight::Cancelled;
                kernel.driver.cancel(Kind::Recv.token(name));
            }
            kernel.wake(&mut stream.reader);
        }
    }

    /// Ends them all, for a channel that ends.
    pub(crate) fn end_all(&mut self, ending: Ending) {
        let names: Vec<Name> = self.table.names().collect();
        for name in names {
            self.end(name, ending);
        }
    }
}
