//! Sending: what is queued during a pass leaves with the next one, one operation a stream, and is answered in order.

use core::task::{Poll, Waker};
use std::os::fd::AsRawFd;

use levada_ring::{Done, Errno, Target};
use levada_shared::SharedData;

use crate::connections::by_reference::{self, Left};
use crate::connections::descriptor;
use crate::connections::outbox::{Awaited, Outbox};
use crate::connections::queued::Queued;
use crate::connections::stream::{Ending, Flight, Form, QUEUED_BYTES_MAX, Stream};
use crate::connections::streams::{Streams, socket_of};
use crate::error::{Error, Refused};
use crate::event::Event;
use crate::kernel::{Kernel, Kind, wait};
use crate::table::Name;

impl Streams {
    /// Queues something; the number of bytes that will have been sent when it is.
    #[inline]
    pub(crate) fn send(
        &mut self,
        kernel: &Kernel,
        name: Name,
        queued: Queued,
    ) -> Result<u64, Refused<Queued>> {
        let refused = |error, value| Err(Refused { error, value });
        let Some(stream) = self.table.get(name) else { return refused(Error::Closed, queued) };
        if let Some(error) = stream.broken {
            return refused(error, queued);
        }
        if stream.ending != Ending::No || stream.wants_shutdown {
            return refused(Error::Closed, queued);
        }
        if stream.unsent_bytes() >= QUEUED_BYTES_MAX {
            stream.wants_room = true;
            return refused(Error::Full, queued);
        }
        stream.queued_bytes += queued.len();
        let until = stream.queued_bytes;
        if queued.len() > 0 {
            let outbox = stream.outbox.get_or_insert_with(|| {
                let mut outbox = self.spare_outboxes.take();
                outbox.progress = kernel.now;
                outbox
            });
            outbox.push(queued);
            Self::touch(&mut self.dirty, stream, name);
        }
        Ok(until)
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

    /// Lets long sends go without a copy, as far as the way to the peer allows it.
    pub(crate) fn allow_zero_copy(&mut self, name: Name, is_allowed: bool) -> bool {
        let Some(stream) = self.table.get(name) else { return false };
        if is_allowed || stream.rare.is_some() {
            stream.rare().zero_copy.is_allowed = is_allowed;
        }
        true
    }

    /// Ends this side's direction behind what is queued.
    pub(crate) fn shutdown(&mut self, name: Name) -> bool {
        let Some(stream) = self.table.get(name) else { return false };
        stream.wants_shutdown = true;
        Self::touch(&mut self.dirty, stream, name);
        true
    }

    /// Takes the next steps of a stream: receives again, sends what is queued, ends.
    pub(crate) fn hand_over(&mut self, kernel: &mut Kernel, name: Name) {
        let Some(stream) = self.table.get(name) else { return };
        let is_abort = stream.ending == Ending::Abort;
        if is_abort || stream.broken.is_some() {
            self.forget_unsent(name);
        }
        let Some(stream) = self.table.get(name) else { return };
        if !is_abort && let Some(outbox) = &stream.outbox {
            if outbox.goes_by_reference() {
                self.send_by_reference(kernel, name);
            } else if outbox.next_file().is_some() {
                self.send_file(kernel, name);
            }
            self.submit(kernel, name);
        }
        let Some(stream) = self.table.get(name) else { return };
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
            self.close(kernel, name);
        } else if stream.form == Form::Events {
            self.arm(kernel, name);
        }
    }

    #[inline]
    fn submit(&mut self, kernel: &mut Kernel, name: Name) {
        let Some(stream) = self.table.get(name) else { return };
        let last = stream.sends_its_last();
        let Stream { outbox, rare, target, .. } = stream;
        let Some(outbox) = outbox else { return };
        let zero_copy_sends = &mut self.zero_copy_sends;
        let token = Kind::Send.token(name);
        let is_out = outbox.submit(&mut *kernel.driver, token, *target, last, |queue, bytes| {
            let zero_copy = &mut rare.as_mut()?.zero_copy;
            if !zero_copy.takes(bytes) {
                return None;
            }
            let mut left = u64::from(bytes);
            let spanned = queue.iter().take_while(|queued| {
                let is_spanned = left > 0;
                left = left.saturating_sub(queued.len());
                is_spanned
            });
            let data = spanned.map(|queued| queued.data.clone()).collect();
            let hold = zero_copy_sends.hold(name, data, bytes)?;
            zero_copy.unnoticed_bytes += u64::from(bytes);
            Some(Kind::SendZeroCopy.token(hold))
        });
        if is_out {
            self.send_is_out(kernel);
        }
    }

    fn send_is_out(&mut self, kernel: &Kernel) {
        self.sends_out += 1;
        self.sweep_at = self.sweep_at.min(kernel.now + self.write_stall / 4);
    }

    /// Gets a descriptor for a stream that has none, or has to do without.
    fn get_descriptor(&mut self, kernel: &mut Kernel, name: Name) {
        let Some(stream) = self.table.get(name) else { return };
        let Some(outbox) = &mut stream.outbox else { return };
        // A file has no other way; data has.
        let is_due = self.descriptors_held < self.descriptors_max || outbox.next_file().is_some();
        if matches!(stream.target, Target::Direct(_)) && is_due {
            outbox.wait(Awaited::Descriptor);
            self.install(kernel, name);
        } else {
            outbox.go_as_copies();
        }
    }

    /// Sends the queue by system calls of our own, as far as the socket takes it.
    fn send_by_reference(&mut self, kernel: &mut Kernel, name: Name) {
        let are_real = kernel.driver.caps().descriptors_are_real;
        let Some(stream) = self.table.get(name) else { return };
        let Some(mut outbox) = stream.outbox.take() else { return };
        let Some(socket) = stream.any_descriptor().filter(|_| are_real) else {
            stream.outbox = Some(outbox);
            return self.get_descriptor(kernel, name);
        };
        let (bytes, left) = by_reference::send(socket, outbox.plain_front());
        let socket = socket.as_raw_fd();
        let (whose, cookie, form) = (socket_of(kernel, name), stream.cookie, stream.form);
        outbox.answered(bytes, kernel.now, |bytes| {
            if form == Form::Events {
                kernel.tell(Event::Sent { socket: whose, cookie, bytes });
            }
        });
        stream.sent_bytes += u64::from(bytes);
        self.bytes_by_reference += u64::from(bytes);
        let is_empty = outbox.is_empty();
        stream.outbox = Some(outbox);
        match left {
            Left::Waiting => self.wait_for_room(kernel, name, socket),
            Left::Empty if !is_empty => Self::touch(&mut self.dirty, stream, name),
            Left::Empty => self.is_sent(kernel, name),
            Left::Refused => {
                if let Some(outbox) = &mut stream.outbox {
                    outbox.go_as_copies();
                }
            }
            Left::Broken(errno) => self.break_off(kernel, name, Error::of(errno)),
        }
    }

    /// The socket takes nothing now: its room is waited for in the place of a send.
    fn wait_for_room(&mut self, kernel: &mut Kernel, name: Name, socket: std::os::fd::RawFd) {
        let Some(stream) = self.table.get(name) else { return };
        if let Some(outbox) = &mut stream.outbox {
            outbox.wait(Awaited::Room);
        }
        kernel.wait_for_room(name, socket);
        self.tell_room(kernel, name);
        self.send_is_out(kernel);
    }

    /// Sends the next range of a file from a thread of the pool.
    fn send_file(&mut self, kernel: &mut Kernel, name: Name) {
        let Some(stream) = self.table.get(name) else { return };
        let socket = stream.any_descriptor().map(|fd| fd.as_raw_fd());
        match (socket, &mut stream.outbox) {
            (Some(socket), Some(outbox)) => {
                outbox.submit_file(&mut *kernel.driver, Kind::Send.token(name), socket);
                self.send_is_out(kernel);
            }
            _ => self.get_descriptor(kernel, name),
        }
    }

    /// A descriptor for a stream is there, or is not to be had: then what waits for it is copied.
    pub(crate) fn installed(&mut self, kernel: &mut Kernel, name: Name, done: &Done) {
        let descriptor = descriptor::taken_in(done);
        let Some(stream) = self.table.get(name) else {
            self.descriptors_held -= 1;
            return;
        };
        stream.install = Flight::No;
        let is_lacking = descriptor.is_none();
        if is_lacking {
            self.descriptors_held -= 1;
        } else {
            stream.descriptor = descriptor;
        }
        kernel.wake(&mut stream.writer);
        if let Some(outbox) = &mut stream.outbox
            && outbox.waits_for() == Some(Awaited::Descriptor)
        {
            outbox.answered(0, kernel.now, |_| ());
            if is_lacking && outbox.next_file().is_some() {
                self.break_off(kernel, name, Error::Full);
            } else if is_lacking {
                outbox.go_as_copies();
            }
        }
        if is_lacking {
            self.not_installed(name, done.result.err().unwrap_or(Errno::MFILE));
        }
        let Some(stream) = self.table.get(name) else { return };
        Self::touch(&mut self.dirty, stream, name);
    }

    /// A zero-copy send went on: the kernel has taken it, or the network is done with it.
    pub(crate) fn sent_zero_copy(&mut self, kernel: &mut Kernel, hold: Name, done: &Done) {
        let Some((name, bytes)) = self.zero_copy_sends.peek(hold) else {
            self.stale += 1;
            return;
        };
        if done.notice.is_none() {
            self.sent(kernel, name, done);
        }
        if !done.more {
            let was_copied = done.notice != Some(levada_ring::Notice::ByReference);
            self.zero_copy_sends.end(hold, done.notice);
            let Some(stream) = self.table.get(name) else { return };
            // One that has ended, and whose last event was not taken, has forgotten what it waited for.
            if let Some(rare) = &mut stream.rare {
                rare.zero_copy.noticed(bytes, was_copied);
            }
            if stream.ending == Ending::Detach {
                Self::touch(&mut self.dirty, stream, name);
            }
        }
    }

    /// A send ended: with bytes taken, perhaps fewer than were handed over, or with an error.
    pub(crate) fn sent(&mut self, kernel: &mut Kernel, name: Name, done: &Done) {
        let socket = socket_of(kernel, name);
        let Some(stream) = self.table.get(name).filter(|stream| stream.is_send_out()) else {
            self.stale += 1;
            return;
        };
        self.sends_out -= 1;
        if self.sends_out == 0 {
            self.sweep_at = levada_ring::Deadline::NEVER;
        }
        let Some(outbox) = &mut stream.outbox else { return };
        let bytes = outbox.taken_bytes(done.result);
        let is_file = outbox.is_file_out();
        let was_zero_copy = outbox.zero_copy_token().is_some();
        let (cookie, form) = (stream.cookie, stream.form);
        outbox.answered(bytes, kernel.now, |bytes| {
            if form == Form::Events {
                kernel.tell(Event::Sent { socket, cookie, bytes });
            }
        });
        stream.sent_bytes += u64::from(bytes);
        match done.result {
            Ok(0) if is_file => return self.break_off(kernel, name, Error::Truncated),
            Err(Errno::AGAIN) if is_file => {
                if let Some(socket) = stream.any_descriptor().map(|fd| fd.as_raw_fd()) {
                    return self.wait_for_room(kernel, name, socket);
                }
            }
            Ok(_) | Err(Errno::INTR | Errno::AGAIN) => {}
            // Memory for what the network would hold is short, or it is no network: copies go.
            Err(Errno::NOMEM | Errno::NOBUFS | Errno::OPNOTSUPP) if was_zero_copy => {
                stream.rare().zero_copy.is_allowed = false;
            }
            Err(Errno::CANCELED) if stream.ending == Ending::Abort => {}
            Err(errno) => return self.break_off(kernel, name, Error::of(errno)),
        }
        let Some(stream) = self.table.get(name) else { return };
        if stream.outbox.as_ref().is_some_and(|outbox| outbox.is_empty()) {
            return self.is_sent(kernel, name);
        }
        self.tell_room(kernel, name);
        if let Some(stream) = self.table.get(name) {
            Self::touch(&mut self.dirty, stream, name);
        }
    }

    /// All that was queued is sent.
    #[inline]
    fn is_sent(&mut self, kernel: &mut Kernel, name: Name) {
        let Some(stream) = self.table.get(name) else { return };
        let Some(mut outbox) = stream.outbox.take() else { return };
        let is_closed = outbox.take_closed();
        self.spare_outboxes.give(outbox);
        if is_closed {
            return self.closed(kernel, name);
        }
        if stream.wants_shutdown || stream.ending != Ending::No {
            Self::touch(&mut self.dirty, stream, name);
        }
        self.tell_room(kernel, name);
    }

    /// Tells whoever waits to send more, when there is room.
    #[inline]
    fn tell_room(&mut self, kernel: &mut Kernel, name: Name) {
        let socket = socket_of(kernel, name);
        let Some(stream) = self.table.get(name) else { return };
        if stream.unsent_bytes() <= QUEUED_BYTES_MAX / 4 {
            kernel.wake(&mut stream.writer);
            if stream.form == Form::Events && core::mem::take(&mut stream.wants_room) {
                kernel.tell(Event::Writable { socket, cookie: stream.cookie });
            }
        }
    }

    /// Nothing more can be sent, for that reason.
    fn break_off(&mut self, kernel: &mut Kernel, name: Name, error: Error) {
        self.forget_unsent(name);
        let Some(stream) = self.table.get(name) else { return };
        stream.broken.get_or_insert(error);
        kernel.wake(&mut stream.writer);
        if error == Error::Truncated {
            stream.ended.get_or_insert(Err(error));
        }
        // Also of one that is being aborted: that goes on now.
        Self::touch(&mut self.dirty, stream, name);
        if stream.form == Form::Events || error == Error::Truncated {
            self.end(name, Ending::Abort);
        }
    }

    /// Gives up what is queued, when the kernel has none of it.
    fn forget_unsent(&mut self, name: Name) {
        let Some(stream) = self.table.get(name) else { return };
        let Some(mut outbox) = stream.outbox.take_if(|outbox| !outbox.is_out()) else { return };
        let is_told = stream.form == Form::Events;
        let unsent = outbox.clear();
        if is_told {
            stream.rare.get_or_insert_default().unsent.extend(unsent);
        } else {
            unsent.for_each(drop);
        }
        self.spare_outboxes.give(outbox);
    }

    /// When the next look for stalled peers is due.
    pub(crate) fn next_sweep(&self) -> levada_ring::Deadline {
        self.sweep_at
    }

    /// Aborts the streams whose peers have taken nothing for too long.
    pub(crate) fn sweep(&mut self, kernel: &mut Kernel) {
        if kernel.now < self.sweep_at {
            return;
        }
        self.sweep_at = if self.sends_out > 0 {
            kernel.now + self.write_stall / 4
        } else {
            levada_ring::Deadline::NEVER
        };
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
}

impl Refused<Queued> {
    /// The same, with only the data.
    pub(crate) fn of_data(self) -> Refused<SharedData> {
        Refused { error: self.error, value: self.value.data }
    }
}
