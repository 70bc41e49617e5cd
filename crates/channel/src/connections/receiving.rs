//! Receiving: a receive stays armed for as long as there is credit, and what comes is handed on in order.
//!
//! A stream whose receive ended for want of blocks is listed and goes on when some are back; so is one whose account has no
//! room for what came.

use core::task::{Poll, Waker};
use std::os::fd::OwnedFd;

use levada_ring::{Done, Errno, Group, Message, MessageForm};
use levada_shared::{Account, ExclusiveBuf};

use crate::connections::descriptor;
use crate::connections::stream::{Ending, Flight, Form, Pace, Stream};
use crate::connections::streams::{Streams, socket_of};
use crate::error::Error;
use crate::event::Event;
use crate::kernel::{Kernel, Kind, wait};
use crate::lent::{BULK, Lent, SMALL, URGENT};
use crate::table::Name;

/// How many descriptors that came wait to be taken.
const DESCRIPTORS_KEPT_MAX: usize = 64;

/// So many connections in a row that moved to long blocks, beyond those that moved back, count at most.
const BULK_VOTES_MAX: i8 = 8;

/// With so many votes those that come begin with long blocks.
const BULK_VOTES_ENOUGH: i8 = 4;

impl Streams {
    /// Which blocks a connection that comes begins with.
    pub(crate) fn first_group(&self) -> Group {
        if self.bulk_votes >= BULK_VOTES_ENOUGH { BULK } else { SMALL }
    }

    /// Begins to receive, if that is wanted and does not happen already.
    #[inline]
    pub(crate) fn arm(&mut self, kernel: &mut Kernel, name: Name) {
        let Some(stream) = self.table.get(name) else { return };
        if stream.wants_recv() {
            stream.recv = Flight::Out;
            stream.group = stream.next_group;
            if stream.pace == Pace::Resting || stream.passes_descriptors {
                stream.pace = Pace::On; // messages have no receive for one time
            }
            if stream.passes_descriptors {
                kernel.recv_messages(name, stream.target, stream.group, MessageForm::Descriptors);
            } else {
                kernel.recv(name, stream.target, stream.group, stream.pace == Pace::Once);
            }
        }
    }

    /// Adds credit: so many bytes more may come.
    pub(crate) fn credit(&mut self, kernel: &mut Kernel, name: Name, bytes: u32) -> bool {
        let Some(stream) = self.table.get(name) else { return false };
        stream.credit_bytes += i64::from(bytes);
        self.arm(kernel, name);
        true
    }

    /// Stops receiving by more than what the kernel has ready, until credit is added again.
    pub(crate) fn pause(&mut self, kernel: &mut Kernel, name: Name) -> bool {
        let Some(stream) = self.table.get(name) else { return false };
        stream.credit_bytes = stream.credit_bytes.min(0);
        if stream.recv == Flight::Out {
            stream.recv = Flight::Cancelled;
            kernel.driver.cancel(Kind::Recv.token(name));
        }
        true
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
            stream.credit_bytes += Stream::cost(stream.form, &block);
            if stream.pace == Pace::On {
                self.arm(kernel, name);
            }
            return Poll::Ready(Ok(Some(block)));
        }
        let has_unpaid = stream.rare.as_ref().is_some_and(|rare| !rare.unpaid.is_empty());
        if let Some(ended) = stream.ended.filter(|_| !has_unpaid) {
            return Poll::Ready(ended.map(|()| None));
        }
        if stream.ending != Ending::No {
            return Poll::Ready(Err(Error::Closed));
        }
        wait(&mut stream.reader, waker);
        self.arm(kernel, name);
        Poll::Pending
    }

    /// A receive went on, or ended.
    pub(crate) fn received(
        &mut self,
        kernel: &mut Kernel,
        lent: &mut Lent,
        name: Name,
        done: &Done,
    ) {
        let Some(stream) = self.table.get(name) else {
            self.stale += 1;
            return;
        };
        let bytes = done.result.unwrap_or(0);
        let block = done.block.and_then(|block| lent.take(stream.group, block, bytes));
        let mut is_misfit = false;
        if let Some(block) = block.filter(|block| !block.is_empty()) {
            if stream.pace == Pace::Once {
                stream.pace = Pace::Resting;
                if stream.form == Form::Events {
                    // Whoever takes the event may close; if he does not, the receive goes on.
                    Self::touch(&mut self.dirty, stream, name);
                }
            }
            is_misfit = stream.note_fill(&block);
            if is_misfit {
                self.note_move(name);
            }
            self.take_in(kernel, name, block);
        }
        let Some(stream) = self.table.get(name) else { return };
        let has_credit = stream.credit_bytes > 0 && stream.ending == Ending::No;
        if done.more {
            if (!has_credit || is_misfit) && stream.recv == Flight::Out {
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
            // It goes on with blocks of the other length.
            Err(Errno::NOBUFS) if stream.next_group != stream.group => {}
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
        if stream.next_group == BULK && !lent.has(BULK, &mut *kernel.driver) {
            stream.next_group = SMALL;
        }
        if stream.ended.is_some() {
            self.tell_end(kernel, name);
        }
        self.go_on_filling(kernel, name);
        let Some(stream) = self.table.get(name) else { return };
        if stream.ending != Ending::No {
            Self::touch(&mut self.dirty, stream, name);
        } else if stream.pace != Pace::Resting {
            self.arm(kernel, name);
        }
    }

    /// Takes note that a connection moves to blocks of the other length, so that those that come begin with what such ones need.
    fn note_move(&mut self, name: Name) {
        let Some(stream) = self.table.get(name) else { return };
        let vote = if stream.next_group == BULK { 1 } else { -2 };
        self.bulk_votes = (self.bulk_votes + vote).clamp(-BULK_VOTES_MAX, BULK_VOTES_MAX);
    }

    /// Takes in what came: for whoever waits, in order, and charged to whom it is to be.
    #[inline]
    fn take_in(&mut self, kernel: &mut Kernel, name: Name, mut block: ExclusiveBuf) {
        let Some(stream) = self.table.get(name) else { return };
        if stream.passes_descriptors {
            let message = Message::read(&block, MessageForm::Descriptors);
            let payload = message.as_ref().map_or(0..0, |message| message.payload.clone());
            let came = message.map(|message| message.descriptors).unwrap_or_default();
            let came = came.into_iter().map(descriptor::of_message);
            let rare = stream.rare();
            for descriptor in came {
                // Beyond what is kept they are closed: whoever does not want them must not run out of them.
                if rare.descriptors.len() < DESCRIPTORS_KEPT_MAX {
                    rare.descriptors.push_back(descriptor);
                }
            }
            kernel.wake(&mut rare.descriptor_waker);
            block.truncate(payload.end);
            block.skip(payload.start);
            if block.is_empty() {
                return;
            }
        }
        stream.credit_bytes -= Stream::cost(stream.form, &block);
        if matches!(stream.ending, Ending::No | Ending::Detach) {
            if let Some(rare) = &mut stream.rare
                && (rare.charge.is_some() || !rare.unpaid.is_empty())
            {
                rare.unpaid.push_back(block);
                self.pay(kernel, name);
            } else {
                self.deliver(kernel, name, block);
            }
        }
    }

    #[inline]
    fn deliver(&mut self, kernel: &mut Kernel, name: Name, bytes: ExclusiveBuf) {
        let socket = socket_of(kernel, name);
        let Some(stream) = self.table.get(name) else { return };
        let is_told = stream.form == Form::Events
            && stream.ending == Ending::No
            && stream.inbox.is_empty()
            && !stream.is_filling();
        if is_told {
            kernel.tell(Event::Received { socket, cookie: stream.cookie, bytes });
        } else {
            stream.inbox.push(bytes);
            kernel.wake(&mut stream.reader);
        }
    }

    /// Charges what came, as far as its account has room; the rest waits, and the stream receives nothing meanwhile.
    fn pay(&mut self, kernel: &mut Kernel, name: Name) {
        while let Some(stream) = self.table.get(name)
            && let Some(rare) = &mut stream.rare
            && let Some(block) = rare.unpaid.pop_front()
        {
            let paid = match &rare.charge {
                Some(charge) => block.transfer_to(charge),
                None => Ok(block),
            };
            match paid {
                Ok(block) => self.deliver(kernel, name, block),
                Err(full) => {
                    rare.unpaid.push_front(full.value);
                    if !core::mem::replace(&mut stream.is_paused, true) {
                        self.unpaid.push(name);
                        self.pauses += 1;
                    }
                    return;
                }
            }
        }
    }

    /// Whether some wait for a block.
    pub(crate) fn is_any_paused(&self) -> bool {
        !self.paused.is_empty()
    }

    /// Whether some wait until their accounts have room: nothing tells when that is.
    pub(crate) fn has_unpaid(&self) -> bool {
        !self.unpaid.is_empty()
    }

    /// Receives that had no block go on, as long as there are some; and what had no room is tried again.
    pub(crate) fn resume(&mut self, kernel: &mut Kernel, lent: &Lent) {
        for name in core::mem::take(&mut self.unpaid) {
            let Some(stream) = self.table.get(name) else { continue };
            stream.is_paused = false;
            self.pay(kernel, name);
            self.tell_end(kernel, name);
            self.arm(kernel, name);
        }
        if self.paused.is_empty() {
            return;
        }
        let mut spare = [SMALL, URGENT, BULK].map(|group| lent.resumable_count(group));
        for _ in 0..self.paused.len() {
            let Some(name) = self.paused.pop_front() else { return };
            let Some(stream) = self.table.get(name) else { continue };
            let spare = &mut spare[usize::from(stream.next_group.0)];
            if *spare == 0 {
                self.paused.push_back(name);
                continue;
            }
            *spare -= 1;
            stream.is_paused = false;
            self.arm(kernel, name);
        }
    }

    /// Tells that the peer has sent its last, behind all that it sent.
    pub(crate) fn tell_end(&mut self, kernel: &mut Kernel, name: Name) {
        let socket = socket_of(kernel, name);
        let Some(stream) = self.table.get(name) else { return };
        let has_unpaid = stream.rare.as_ref().is_some_and(|rare| !rare.unpaid.is_empty());
        let Some(ended) = stream.ended.filter(|_| !has_unpaid) else { return };
        if stream.form == Form::Events {
            match ended {
                Ok(()) if !stream.is_end_told && stream.ending == Ending::No => {
                    stream.is_end_told = true;
                    kernel.tell(Event::End { socket, cookie: stream.cookie });
                }
                Ok(()) => {}
                Err(_) => drop(self.end(name, Ending::Abort)),
            }
            return;
        }
        kernel.wake(&mut stream.reader);
        if let Some(rare) = &mut stream.rare {
            kernel.wake(&mut rare.descriptor_waker);
        }
        if stream.broken.is_some() {
            kernel.wake(&mut stream.writer);
        }
    }

    /// The descriptors that came, as soon as there are some; none after the peer's last.
    pub(crate) fn poll_descriptors(
        &mut self,
        kernel: &mut Kernel,
        name: Name,
        waker: &Waker,
    ) -> Poll<Result<Vec<OwnedFd>, Error>> {
        let Some(stream) = self.table.get(name) else { return Poll::Ready(Err(Error::Closed)) };
        if !stream.passes_descriptors {
            return Poll::Ready(Err(Error::Closed));
        }
        let ended = stream.ended;
        let rare = stream.rare();
        if !rare.descriptors.is_empty() {
            return Poll::Ready(Ok(rare.descriptors.drain(..).collect()));
        }
        if let Some(ended) = ended {
            return Poll::Ready(ended.map(|()| Vec::new()));
        }
        wait(&mut rare.descriptor_waker, waker);
        self.arm(kernel, name);
        Poll::Pending
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
            if stream.is_filling_out() {
                kernel.driver.cancel(Kind::Fill.token(name));
            }
            // What it still brings comes before the end.
            if stream.recv == Flight::No {
                self.tell_end(kernel, name);
            }
        }
    }

    /// Charges what is received from here on to `account`.
    pub(crate) fn charge(&mut self, name: Name, account: &Account) {
        let Some(stream) = self.table.get(name) else { return };
        stream.rare().charge = Some(account.clone());
        stream.begin_short();
    }
}
