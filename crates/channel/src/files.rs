//! The operations on files that a channel has in flight: begun when asked, ended once, awaited or not.

use core::task::{Poll, Waker};

use levada_ring::{Done, Errno};
use levada_shared::ExclusiveBuf;

use crate::file_op::{Answer, Ask, FileOp};
use crate::kernel::{Kernel, Kind, wait};
use crate::line::{Line, Place};
use crate::table::{Name, Table};

/// All of them.
#[derive(Debug)]
pub(crate) struct Files {
    table: Table<FileOp>,
    /// Those who wait until one more may be in flight.
    line: Line,
}

/// What came of an operation, or the kernel's number and the buffer that was put in.
pub(crate) type Ended = Result<Answer, (Errno, Option<ExclusiveBuf>)>;

impl Files {
    pub(crate) fn new(count_max: u32) -> Self {
        Self { table: Table::new(count_max), line: Line::default() }
    }

    pub(crate) fn in_flight(&self) -> u32 {
        self.table.used_count()
    }

    /// Begins an operation, or gives it back where there are as many in flight as there may be.
    pub(crate) fn begin(&mut self, kernel: &mut Kernel, ask: Ask) -> Result<Name, Ask> {
        if self.table.room_count() == 0 {
            return Err(ask);
        }
        let name =
            self.table.insert(FileOp::new(ask)).unwrap_or_else(|_| unreachable!("there was room"));
        if let Some(op) = self.table.get(name) {
            op.submit(&mut *kernel.driver, Kind::File.token(name));
        }
        Ok(name)
    }

    /// What came of it; the operation is forgotten with that.
    pub(crate) fn poll(&mut self, kernel: &mut Kernel, name: Name, waker: &Waker) -> Poll<Ended> {
        let Some(op) = self.table.get(name) else {
            return Poll::Ready(Err((Errno::CANCELED, None)));
        };
        let Some(answer) = op.answer.take() else {
            wait(&mut op.waker, waker);
            return Poll::Pending;
        };
        self.forget(kernel, name);
        Poll::Ready(answer)
    }

    fn forget(&mut self, kernel: &mut Kernel, name: Name) {
        if self.table.remove(name).is_some() {
            kernel.wake(&mut self.line.first());
        }
    }

    /// Whether an operation would be taken from who has that place in the line, or comes to its end.
    pub(crate) fn poll_room(
        &mut self,
        kernel: &mut Kernel,
        place: &mut Option<Place>,
        waker: &Waker,
    ) -> Poll<()> {
        let room_count = self.table.room_count();
        let polled = self.line.poll(place, room_count > 0, waker);
        if polled.is_ready() && room_count > 1 {
            kernel.wake(&mut self.line.first());
        }
        polled
    }

    /// Somebody waits no more; if he was to be the next, another is.
    pub(crate) fn leave_line(&mut self, kernel: &mut Kernel, place: Place) {
        self.line.leave(place);
        if self.table.room_count() > 0 {
            kernel.wake(&mut self.line.first());
        }
    }

    /// Wishes it ended.
    pub(crate) fn cancel(&mut self, kernel: &mut Kernel, name: Name) {
        if self.table.peek(name).is_some_and(|op| op.answer.is_none()) {
            kernel.driver.cancel(Kind::File.token(name));
        }
    }

    /// Nobody awaits it any more. What it holds stays until the kernel answers; asking that it end sooner is a wish.
    pub(crate) fn detach(&mut self, kernel: &mut Kernel, name: Name) {
        let Some(op) = self.table.get(name) else { return };
        if op.answer.is_some() {
            self.forget(kernel, name);
        } else {
            op.is_detached = true;
            kernel.driver.cancel(Kind::File.token(name));
        }
    }

    /// Nobody awaits any of them, for a channel that ends.
    pub(crate) fn detach_all(&mut self, kernel: &mut Kernel) {
        let names: Vec<Name> = self.table.names().collect();
        names.into_iter().for_each(|name| self.detach(kernel, name));
    }

    /// The kernel has answered.
    pub(crate) fn answered(&mut self, kernel: &mut Kernel, name: Name, done: &Done) {
        let Some(op) = self.table.get(name) else { return };
        if op.answered(done.result) {
            op.submit(&mut *kernel.driver, Kind::File.token(name));
        } else if op.is_detached {
            self.forget(kernel, name);
        } else {
            kernel.wake(&mut op.waker);
        }
    }
}
