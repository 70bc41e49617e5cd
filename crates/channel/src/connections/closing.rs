//! Closing: what may be cancelled is, what is out is awaited, then the kernel closes, and the name is stale.

use core::task::{Poll, Waker};

use crate::connections::stream::{Ending, Flight, Form};
use crate::connections::streams::{Streams, socket_of};
use crate::event::Event;
use crate::kernel::{Kernel, Kind, wait};
use crate::table::Name;

impl Streams {
    /// Ends it: after what is queued is sent, or at once. What was received and not taken is dropped, unless it goes with the
    /// descriptor.
    pub(crate) fn end(&mut self, name: Name, ending: Ending) -> bool {
        let Some(stream) = self.table.get(name) else { return false };
        // What has left already is only to be forgotten; a close that is under way is not taken back, but hastened.
        if stream.rare.as_ref().is_some_and(|rare| rare.detached.is_some()) {
            self.table.remove(name);
            return true;
        }
        let is_late = ending == Ending::Detach && stream.ending != Ending::No;
        if stream.ending != Ending::Abort && stream.close == Flight::No && !is_late {
            if ending == Ending::Detach
                && let Some(rare) = &mut stream.rare
            {
                rare.detach_error = None;
            }
            stream.ending = ending;
            if ending != Ending::Detach {
                while stream.inbox.pop().is_some() {}
            }
            Self::touch(&mut self.dirty, stream, name);
        }
        true
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

    /// Takes the next step towards closing.
    pub(crate) fn close(&mut self, kernel: &mut Kernel, name: Name) {
        self.go_on_filling(kernel, name);
        let Some(stream) = self.table.get(name) else { return };
        if stream.recv == Flight::Out {
            stream.recv = Flight::Cancelled;
            kernel.driver.cancel(Kind::Recv.token(name));
        }
        if stream.is_filling_out() {
            kernel.driver.cancel(Kind::Fill.token(name));
        }
        if stream.ending == Ending::Abort && stream.is_send_out() && !stream.send_cancelled {
            stream.send_cancelled = true;
            let token = stream.outbox.as_ref().and_then(|outbox| outbox.zero_copy_token());
            kernel.driver.cancel(token.unwrap_or_else(|| Kind::Send.token(name)));
        }
        let is_done = stream.is_quiet() && stream.outbox.is_none();
        if !is_done || stream.close != Flight::No {
            return;
        }
        match stream.ending {
            Ending::Detach => return self.detach(kernel, name),
            Ending::Abort => kernel.reset(name, stream.target),
            Ending::Close | Ending::CloseTogether | Ending::No => kernel.close(name, stream.target),
        }
        stream.close = Flight::Out;
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
        if self.table.peek(name).is_some_and(|stream| stream.ending == Ending::Detach) {
            return self.is_detached(kernel, name);
        }
        let socket = socket_of(kernel, name);
        let Some(stream) = self.table.get(name) else { return };
        self.descriptors_held -= u32::from(stream.descriptor.take().is_some());
        kernel.wake(&mut stream.writer);
        kernel.wake(&mut stream.reader);
        let (cookie, error) = (stream.cookie, stream.failure());
        let rare = stream.rare.take();
        if stream.form == Form::Futures {
            self.table.remove(name);
        } else {
            (stream.ending, stream.close) = (Ending::Abort, Flight::Out);
            // What was told before it ended may still be answered: the name goes stale behind its last event.
            self.ended.push(name);
        }
        let mut unsent = Vec::new();
        if let Some(mut rare) = rare {
            kernel.wake(&mut rare.descriptor_waker);
            unsent = core::mem::take(&mut rare.unsent);
            if let Some(filling) = &mut rare.filling {
                kernel.wake(&mut filling.waker);
            }
        }
        if self.table.peek(name).is_some() {
            kernel.tell(Event::Closed { socket, cookie, error, unsent });
        }
    }

    /// Forgets those whose last event was taken.
    pub(crate) fn forget_ended(&mut self) {
        for name in self.ended.drain(..) {
            self.table.remove(name);
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
