//! The operations on files that a channel has in flight: begun when asked, ended once, awaited or not. Timeouts are such too.

use core::task::{Poll, Waker};

use levada_pages::KeptBytes;
use levada_ring::{Done, Errno};

use crate::error::Error;
use crate::event::Event;
use crate::filing::file_op::{Answer, Ask, Failed, FileOp};
use crate::filing::line::{Line, Place};
use crate::kernel::{Kernel, Kind, Watcher};
use crate::table::{Name, Table};

/// All of them.
#[derive(Debug)]
pub(crate) struct Files {
    /// What they are to the kernel.
    kind: Kind,
    table: Table<FileOp>,
    /// Those who wait until one more may be in flight.
    line: Line,
    pub(crate) direct_refusals: u64,
}

/// What came of an operation, or why nothing did, with what was put in.
pub(crate) type Ended = Result<Answer, Failed>;

impl Files {
    pub(crate) fn new(kind: Kind, count_max: u32) -> Self {
        Self { kind, table: Table::new(count_max), line: Line::default(), direct_refusals: 0 }
    }

    pub(crate) fn in_flight(&self) -> u32 {
        self.table.used_count()
    }

    /// Begins an operation, or gives it back where there are as many in flight as there may be.
    pub(crate) fn begin(
        &mut self,
        kernel: &mut Kernel,
        ask: Ask,
        watcher: Watcher,
    ) -> Result<Name, Ask> {
        if self.table.room_count() == 0 {
            return Err(ask);
        }
        let name = self
            .table
            .insert(FileOp::new(ask, watcher))
            .unwrap_or_else(|_| unreachable!("there was room"));
        if let Some(op) = self.table.get(name) {
            op.submit(&mut *kernel.driver, self.kind.token(name));
        }
        Ok(name)
    }

    /// What came of it, and the bytes that were given for its time; the operation is forgotten with that.
    pub(crate) fn poll(
        &mut self,
        kernel: &mut Kernel,
        name: Name,
        waker: &Waker,
    ) -> Poll<(Ended, Option<KeptBytes>)> {
        let Some(op) = self.table.get(name) else {
            return Poll::Ready((Err(Failed::with(Errno::CANCELED)), None));
        };
        let Some(answer) = op.answer.take() else {
            op.watcher.wait(waker);
            return Poll::Pending;
        };
        let given = op.given.take();
        self.forget(kernel, name);
        Poll::Ready((answer, given))
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
            kernel.driver.cancel(self.kind.token(name));
        }
    }

    /// Nobody awaits it any more. What it holds stays until the kernel answers; asking that it end sooner is a wish.
    pub(crate) fn detach(&mut self, kernel: &mut Kernel, name: Name) {
        let Some(op) = self.table.get(name) else { return };
        if op.answer.is_some() {
            self.forget(kernel, name);
        } else {
            op.is_detached = true;
            // What was to be written is written.
            if !op.writes() {
                kernel.driver.cancel(self.kind.token(name));
            }
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
        let falls_back = op.falls_back(done.result);
        self.direct_refusals += u64::from(falls_back);
        if falls_back || op.answered(done.result) {
            op.submit(&mut *kernel.driver, self.kind.token(name));
        } else if op.is_detached {
            self.forget(kernel, name);
        } else if let Watcher::Future(waker) = &mut op.watcher {
            kernel.wake(waker);
        } else {
            self.tell(kernel, name);
        }
    }

    /// What came of it is an event.
    fn tell(&mut self, kernel: &mut Kernel, name: Name) {
        let Some(op) = self.table.get(name) else { return };
        let (token, answer) = (self.kind.token(name), op.answer.take());
        let Watcher::Cookie(cookie) = op.watcher else { return };
        self.forget(kernel, name);
        kernel.tell(match answer {
            Some(Ok(Answer::Opened(file))) => Event::Opened { token, cookie, file },
            Some(Ok(Answer::Stated(stat))) => Event::Stated { token, cookie, stat },
            Some(Ok(Answer::Filled { buffer, ended })) => {
                Event::Read { token, cookie, buffer, ended }
            }
            Some(Ok(Answer::Written)) => Event::Written { token, cookie },
            Some(Ok(Answer::Synced | Answer::Ready)) | None => Event::Synced { token, cookie },
            Some(Err(Failed { errno, buffer, unwritten })) => {
                Event::Failed { token, cookie, error: Error::of(errno), buffer, unwritten }
            }
        });
    }
}
