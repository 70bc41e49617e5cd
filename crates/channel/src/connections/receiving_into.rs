//! Receiving into a buffer of the program's own: what came before is copied in, the rest goes there straight from the kernel.

use core::task::{Poll, Waker};

use levada_ring::{Done, Errno};
use levada_shared::ExclusiveBuf;

use crate::connections::filling::Filling;
use crate::connections::stream::{Ending, Flight, Form, Stream};
use crate::connections::streams::{Streams, socket_of};
use crate::error::Error;
use crate::event::Event;
use crate::kernel::{Kernel, Kind, wait};
use crate::table::Name;

impl Streams {
    /// Begins to fill `buffer`, first with what came already.
    ///
    /// # Errors
    /// The buffer, where the stream has ended or another is being filled.
    pub(crate) fn fill(
        &mut self,
        kernel: &mut Kernel,
        name: Name,
        buffer: ExclusiveBuf,
        at_least: usize,
    ) -> Result<(), (Error, ExclusiveBuf)> {
        let Some(stream) = self.table.get(name) else { return Err((Error::Stale, buffer)) };
        if stream.ending != Ending::No || stream.passes_descriptors {
            return Err((Error::Closed, buffer));
        }
        let rare = stream.rare();
        if rare.filling.is_some() {
            return Err((Error::Full, buffer));
        }
        rare.filling = Some(Filling::new(buffer, at_least));
        if stream.recv == Flight::Out {
            // What it still brings comes first.
            stream.recv = Flight::Cancelled;
            kernel.driver.cancel(Kind::Recv.token(name));
        }
        self.go_on_filling(kernel, name);
        Ok(())
    }

    /// Takes the next step of a filling: what came is copied in, then the kernel fills the rest.
    pub(crate) fn go_on_filling(&mut self, kernel: &mut Kernel, name: Name) {
        let Some(stream) = self.table.get(name) else { return };
        let Some(rare) = &mut stream.rare else { return };
        let Some(filling) = &mut rare.filling else { return };
        if filling.is_out() {
            return;
        }
        if filling.is_forgotten {
            return self.forget_filling(kernel, name);
        }
        if stream.recv != Flight::No {
            return;
        }
        // First what waits to be taken, then what waits for its account: the buffer is paid for already.
        while !filling.is_over()
            && let Some(mut block) = stream.inbox.pop().or_else(|| rare.unpaid.pop_front())
        {
            stream.credit_bytes += Stream::cost(stream.form, &block);
            let mut taken_bytes = 0;
            if !filling.copy_in(&mut block, &mut taken_bytes) {
                block.skip(taken_bytes);
                stream.credit_bytes -= Stream::cost(stream.form, &block);
                stream.inbox.push_front(block);
            }
        }
        if !filling.is_over() {
            match (stream.ended, stream.ending) {
                (Some(ended), _) => filling.end(ended.err()),
                (None, Ending::No) => {
                    return filling.submit(
                        &mut *kernel.driver,
                        Kind::Fill.token(name),
                        stream.target,
                    );
                }
                (None, _) => filling.end(Some(Error::Closed)),
            }
        }
        self.end_filling(kernel, name);
    }

    /// The kernel has answered about a filling.
    pub(crate) fn filled(&mut self, kernel: &mut Kernel, name: Name, done: &Done) {
        let Some(stream) = self.table.get(name) else {
            self.stale += 1;
            return;
        };
        let Some(filling) = stream.rare.as_mut().and_then(|rare| rare.filling.as_mut()) else {
            return;
        };
        match done.result {
            Ok(0) => {
                stream.ended.get_or_insert(Ok(()));
                filling.answered(None);
            }
            Ok(bytes) => filling.answered(Some(bytes)),
            Err(Errno::INTR | Errno::AGAIN) => filling.answered(Some(0)),
            Err(Errno::CANCELED) => {
                filling.answered(Some(0));
                if stream.ending != Ending::No {
                    filling.end(Some(Error::Closed));
                }
            }
            Err(errno) => {
                filling.answered(None);
                filling.end(Some(Error::of(errno)));
                stream.ended = Some(Err(Error::of(errno)));
                stream.broken.get_or_insert(Error::of(errno));
            }
        }
        if stream.ending != Ending::No {
            Self::touch(&mut self.dirty, stream, name);
        }
        self.go_on_filling(kernel, name);
    }

    fn end_filling(&mut self, kernel: &mut Kernel, name: Name) {
        let socket = socket_of(kernel, name);
        let Some(stream) = self.table.get(name) else { return };
        let Some(rare) = &mut stream.rare else { return };
        if stream.form == Form::Futures {
            let Some(filling) = &mut rare.filling else { return };
            kernel.wake(&mut filling.waker);
            return;
        }
        let Some(filling) = rare.filling.take() else { return };
        if let Some(buffer) = filling.into_buffer() {
            let cookie = stream.cookie;
            kernel.tell(Event::ReceivedInto { socket, cookie, buffer });
        }
        // What came behind what the buffer took.
        self.tell_unread(kernel, name);
        let Some(stream) = self.table.get(name) else { return };
        if stream.ended.is_some() {
            self.tell_end(kernel, name);
        } else {
            self.arm(kernel, name);
        }
    }

    /// The buffer of a filling that is over, and why if it was cut short.
    pub(crate) fn poll_filled(
        &mut self,
        kernel: &mut Kernel,
        name: Name,
        waker: &Waker,
    ) -> Poll<Result<ExclusiveBuf, (Error, Option<ExclusiveBuf>)>> {
        let Some(stream) = self.table.get(name) else {
            return Poll::Ready(Err((Error::Closed, None)));
        };
        let Some(rare) = &mut stream.rare else { return Poll::Ready(Err((Error::Closed, None))) };
        match rare.filling.take() {
            Some(mut filling) if !filling.is_over() || filling.is_out() => {
                wait(&mut filling.waker, waker);
                rare.filling = Some(filling);
                Poll::Pending
            }
            Some(filling) => {
                let error = filling.error;
                let buffer = filling.into_buffer();
                self.arm(kernel, name);
                Poll::Ready(match (error, buffer) {
                    (None, Some(buffer)) => Ok(buffer),
                    (error, buffer) => Err((error.unwrap_or(Error::Closed), buffer)),
                })
            }
            None => Poll::Ready(Err((Error::Closed, None))),
        }
    }

    /// Nobody waits for a filling any more: what is in the buffer is what comes next.
    pub(crate) fn forget_filling(&mut self, kernel: &mut Kernel, name: Name) {
        let Some(stream) = self.table.get(name) else { return };
        let Some(rare) = &mut stream.rare else { return };
        let Some(mut filling) = rare.filling.take() else { return };
        if filling.is_out() {
            filling.is_forgotten = true;
            rare.filling = Some(filling);
            kernel.driver.cancel(Kind::Fill.token(name));
            return;
        }
        if let Some(buffer) = filling.into_new_bytes() {
            stream.credit_bytes -= Stream::cost(stream.form, &buffer);
            stream.inbox.push_front(buffer);
            kernel.wake(&mut stream.reader);
        }
        self.arm(kernel, name);
    }
}
