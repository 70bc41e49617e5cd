//! A connection is one process: it executes what comes, in order, and ends with its peer or its patience.
//!
//! Replies to commands that came together leave together. An idle connection holds no block: it waits for one.

use core::future::poll_fn;
use core::pin::pin;
use core::task::Poll;
use core::time::Duration;

use levada_channel::{Connection as Stream, Error, Refused, SocketKind, Ticket};
use levada_domain::{Io, Patience, PerCore};
use levada_process::{Context, Failure, Tick};
use levada_shared::{ExclusiveBuf, SharedData};

use crate::arriving::Arriving;
use crate::front::Front;
use crate::input::Input;
use crate::open::Open;
use crate::pass::{Next, Passed, Talk};
use crate::stats::gather;

/// How long a connection that ends with an error waits for its peer to have read why, and how much it reads meanwhile.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES_MAX: usize = 1 << 20;

/// How soon a value is asked for again that there was no room to receive: nothing tells when there is some.
const CROWDED_WAIT: Duration = Duration::from_millis(10);

/// One connection's process.
struct Connection<K> {
    context: Context,
    io: Io,
    front: PerCore<Front>,
    stream: Stream<K>,
    patience: Option<Patience>,
    /// When a value that was announced must be there.
    value_by: Option<Tick>,
    input: Input,
    talk: Talk,
}

/// What came, or that nothing will.
enum Came<T> {
    Bytes(T),
    /// The peer has ended, or failed, or the server stops.
    End,
    /// It took too long.
    TooLate,
}

/// Why a connection ends.
enum End {
    /// All is said, or there is nobody to say it to.
    Done,
    /// Something was said to a peer that may still be sending, and must have a chance to read it.
    Lingers,
}

/// Serves the connection that `ticket` names, until it ends.
pub(crate) async fn serve<K: SocketKind>(
    context: Context,
    io: Io,
    front: PerCore<Front>,
    ticket: Ticket<K>,
    _open: Open,
) -> Result<(), Failure> {
    let Ok(stream) = ticket.into_stream(&io.channel()) else { return Ok(()) };
    let talk = front.with(|front| Talk::new(&front.config));
    let input = Input::default();
    let (patience, value_by) = (None, None);
    let mut connection = Connection { context, io, front, stream, patience, value_by, input, talk };
    match connection.run().await {
        End::Done => drop(connection.stream.close()),
        End::Lingers => Box::pin(connection.linger()).await,
    }
    Ok(())
}

impl<K> Connection<K> {
    async fn run(&mut self) -> End {
        loop {
            match self.receive().await {
                Came::Bytes(block) => self.input.push(block),
                Came::End => return End::Done,
                Came::TooLate => return self.too_late(),
            }
            if let Err(end) = self.execute().await {
                return end;
            }
            self.input.carry();
        }
    }

    /// Executes all that is there.
    async fn execute(&mut self) -> Result<(), End> {
        let Self { front, talk, input, io, .. } = self;
        let mut passed = front.with(|front| front.pass(talk, input.bytes(), io));
        loop {
            let Passed { used_bytes, out, next } = passed;
            self.input.take(used_bytes);
            self.send(out).await?;
            passed = match next {
                Next::Receive { is_value } => {
                    self.expect_value(is_value);
                    return Ok(());
                }
                Next::GoOn => self.pass(),
                Next::Crowded => {
                    self.expect_value(true);
                    let now = self.context.now();
                    if self.value_by.is_some_and(|by| now >= by) {
                        return Err(self.too_late());
                    }
                    let later = now.after(CROWDED_WAIT);
                    self.context.sleep_until(later).await.map_err(|_| End::Done)?;
                    self.pass()
                }
                Next::Value(arriving) => {
                    self.expect_value(true);
                    // A place of its own: an idle connection is not to be as large as the busiest.
                    let arrived = Box::pin(self.receive_value(*arriving)).await?;
                    self.expect_value(false);
                    let Self { front, talk, io, .. } = self;
                    front.with(|front| front.finish(talk, arrived, io))
                }
                Next::Ask(stats) => {
                    let out = Box::pin(gather(&self.io, &self.front, stats)).await;
                    self.send(out.ok_or(End::Done)?).await?;
                    self.pass()
                }
                Next::Close { lingers: false } => return Err(End::Done),
                Next::Close { lingers: true } => return Err(End::Lingers),
            };
        }
    }

    fn pass(&mut self) -> Passed {
        let Self { front, talk, input, io, .. } = self;
        front.with(|front| front.pass(talk, input.bytes(), io))
    }

    /// A value's time runs from its line on.
    fn expect_value(&mut self, is_expected: bool) {
        self.value_by = match (is_expected, self.value_by) {
            (false, _) => None,
            (true, Some(by)) => Some(by),
            (true, None) => {
                let within = self.front.with(|front| front.config.limits.value_within);
                Some(self.io.now().after(within))
            }
        };
    }

    /// Sends, or waits until it can be: no more than a MiB is queued, and what this adds.
    async fn send(&self, mut out: SharedData) -> Result<(), End> {
        while !out.is_empty() {
            out = match self.stream.send(out) {
                Ok(_) => return Ok(()),
                Err(Refused { error: Error::Full, value }) => value,
                Err(_) => return Err(End::Done),
            };
            self.stream.room().await.map_err(|_| End::Done)?;
        }
        Ok(())
    }

    /// Receives the rest of a value: straight into its place, or in blocks where there is little left.
    async fn receive_value(&mut self, mut arriving: Arriving) -> Result<Arriving, End> {
        let straight_from_bytes = self.front.with(|front| front.config.receive_from_bytes);
        if arriving.left_bytes >= straight_from_bytes {
            arriving = self.receive_straight(arriving).await?;
        }
        while arriving.left_bytes > 0 {
            let mut block = match self.receive().await {
                Came::Bytes(block) => block,
                Came::End => return Err(End::Done),
                Came::TooLate => return Err(self.too_late()),
            };
            let taken_bytes = arriving.copy(&block);
            self.front.with(|front| front.counters.bytes_copied_in += taken_bytes as u64);
            if taken_bytes < block.len() {
                block.skip(taken_bytes);
                self.input.push(block);
            }
        }
        Ok(arriving)
    }

    async fn receive_straight(&mut self, arriving: Arriving) -> Result<Arriving, End> {
        let Arriving { line, buffer, left_bytes, lent, share } = arriving;
        let whole_bytes = buffer.len() + left_bytes;
        self.renew_patience();
        let mut receiving = pin!(self.stream.recv_into(buffer, left_bytes));
        let came = poll_fn(|context| match receiving.as_mut().poll(context) {
            Poll::Ready(Ok(buffer)) => Poll::Ready(Came::Bytes(buffer)),
            Poll::Ready(Err(_)) => Poll::Ready(Came::End),
            Poll::Pending => self.poll_patience(context).map(|()| Came::TooLate),
        })
        .await;
        let mut buffer = match came {
            Came::Bytes(buffer) if buffer.len() >= whole_bytes => buffer,
            Came::TooLate => return Err(self.too_late()),
            Came::Bytes(_) | Came::End => return Err(End::Done),
        };
        // Its block has room for more than was asked for: what came behind the value is the next command.
        self.input.push_copy(&buffer[whole_bytes..]);
        buffer.truncate(whole_bytes);
        self.talk.came_bytes += left_bytes as u64;
        self.front.with(|front| front.counters.lent += 1);
        Ok(Arriving { line, buffer, left_bytes: 0, lent, share })
    }

    fn too_late(&self) -> End {
        self.front.with(|front| {
            let counters = &mut front.counters;
            if self.value_by.is_some() {
                counters.value_timeouts += 1;
            } else {
                counters.idle_kicks += 1;
            }
        });
        End::Done
    }

    /// The next block, unless patience ends first.
    async fn receive(&mut self) -> Came<ExclusiveBuf> {
        self.renew_patience();
        let mut receiving = pin!(self.stream.recv());
        let came = poll_fn(|context| match receiving.as_mut().poll(context) {
            Poll::Ready(Ok(Some(block))) => Poll::Ready(Came::Bytes(block)),
            Poll::Ready(Ok(None) | Err(_)) => Poll::Ready(Came::End),
            Poll::Pending => self.poll_patience(context).map(|()| Came::TooLate),
        })
        .await;
        if let Came::Bytes(block) = &came {
            self.talk.came_bytes += block.len() as u64;
        }
        came
    }

    /// Until when there is patience with the peer, if not for ever.
    fn renew_patience(&mut self) {
        let at = self.value_by.or_else(|| self.talk.idle.map(|idle| self.io.now().after(idle)));
        match (at, &self.patience) {
            (Some(at), Some(patience)) => patience.move_to(at),
            (Some(at), None) => self.patience = Some(Patience::until(at)),
            (None, _) => self.patience = None,
        }
    }

    fn poll_patience(&self, context: &mut core::task::Context<'_>) -> Poll<()> {
        self.patience.as_ref().map_or(Poll::Pending, |patience| patience.poll_passed(context))
    }

    /// Ends this side, and reads on for a while: a socket that is closed with bytes unread resets its peer, who might
    /// never see what was said.
    async fn linger(self) {
        self.stream.shutdown();
        let patience = Patience::until(self.io.now().after(LINGER));
        let mut read_bytes = 0;
        while read_bytes < LINGER_BYTES_MAX {
            let mut receiving = pin!(self.stream.recv());
            let came = poll_fn(|context| match receiving.as_mut().poll(context) {
                Poll::Ready(came) => Poll::Ready(came.ok().flatten()),
                Poll::Pending => patience.poll_passed(context).map(|()| None),
            });
            let Some(block) = came.await else { return };
            read_bytes += block.len();
        }
    }
}
