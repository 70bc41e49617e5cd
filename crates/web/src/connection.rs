//! A connection is one process: it waits for requests, answers them in order, and ends with its peer or its patience.
//!
//! Answers to requests that came together leave together. An idle connection holds no block: it waits for one.

use core::future::poll_fn;
use core::net::SocketAddr;
use core::pin::pin;
use core::task::Poll;
use core::time::Duration;

use levada_channel::{Error, Refused, TcpStream, Ticket};
use levada_domain::{Io, Patience, PerCore};
use levada_http::Status;
use levada_http::h1::{BodyDiscard, CONTINUE, Persistence};
use levada_process::{Cause, Context, Failure, Tick};
use levada_shared::{ExclusiveBuf, SharedData};

use crate::from_disk::{Broken, send, send_from_disk};
use crate::front::{Answered, Ask, Front, Step};
use crate::input::Input;
use crate::storage::PATIENCE;
use crate::storage_message::{Found, ToStorage};

/// How long a connection that ends with an error waits for its peer to have read why, and how much it reads meanwhile.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES_MAX: usize = 256 << 10;

/// One connection's process.
pub(crate) struct Connection {
    context: Context,
    io: Io,
    front: PerCore<Front>,
    stream: TcpStream,
    patience: Patience,
    peer: Option<SocketAddr>,
    input: Input,
}

/// What came, or that nothing will.
enum Came {
    Block(ExclusiveBuf),
    /// The peer has ended, or failed, or the server stops.
    End,
    /// It took too long.
    TooLate,
}

/// Why a connection ends.
enum End {
    /// All is said: what is queued is sent, then it closes.
    Done,
    /// An error was said; the peer may still be sending, and must have a chance to read it.
    Refused,
    /// The peer has gone, or there is nothing that can be said.
    Gone,
    /// A body was cut short: the peer must not take it for whole.
    Reset,
}

/// Counts the connection as open while it lives, however it ends.
pub(crate) struct Open(PerCore<Front>);

impl Open {
    pub(crate) fn count(front: &PerCore<Front>) -> Self {
        front.with(|front| front.counters.connections_open += 1);
        Self(front.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.with(|front| front.counters.connections_open -= 1);
    }
}

/// Serves the connection that `ticket` names, until it ends.
pub(crate) async fn serve(
    context: Context,
    io: Io,
    front: PerCore<Front>,
    ticket: Ticket,
    peer: Option<SocketAddr>,
    _open: Open,
) -> Result<(), Failure> {
    let Ok(stream) = ticket.into_stream(&io.channel()) else { return Ok(()) };
    let header = front.with(|front| front.config.limits.header);
    let patience = Patience::until(io.now().after(header));
    let mut connection =
        Connection { context, io, front, stream, patience, peer, input: Input::default() };
    let end = connection.run().await;
    match end {
        End::Done | End::Gone => drop(connection.stream.close()),
        End::Reset => connection.stream.abort(),
        End::Refused => Box::pin(connection.linger()).await,
    }
    Ok(())
}

impl Connection {
    async fn run(&mut self) -> End {
        loop {
            let is_between = self.input.is_empty();
            match self.receive().await {
                Came::Block(block) => self.input.push(block),
                Came::End => return End::Gone,
                Came::TooLate if is_between => return End::Done,
                Came::TooLate => return self.too_late(),
            }
            let has_answered = match self.answer_all().await {
                Ok(has_answered) => has_answered,
                Err(end) => return end,
            };
            let (limits, now) = (self.front.with(|front| front.config.limits), self.io.now());
            if self.input.is_empty() {
                self.patience.move_to(now.after(limits.idle));
            } else if is_between || has_answered {
                // A head has begun: its time runs from here, whatever else comes of it.
                self.patience.move_to(now.after(limits.header));
            }
        }
    }

    /// Answers all requests that are there whole. True if there was one.
    async fn answer_all(&mut self) -> Result<bool, End> {
        let limits = self.front.with(|front| front.config.limits.head);
        let mut has_answered = false;
        while !self.input.is_empty() && self.input.is_worth_a_look(&limits) {
            let (cause, begin) = (self.context.begin_cause(None, false), self.io.now());
            let step =
                self.front.with(|front| front.respond(&self.io, self.input.bytes(), None, cause));
            let answered = match step {
                Step::Answer(answered) => answered,
                Step::Wait => break,
                Step::Close => return Err(End::Gone),
                Step::Ask(ask) => Box::pin(self.ask(ask, cause)).await?,
            };
            if let Some(end) = self.send(answered, cause, begin).await {
                return Err(end);
            }
            has_answered = true;
        }
        self.input.carry();
        Ok(has_answered)
    }

    /// Asks the storage, and answers with what it says.
    async fn ask(&mut self, ask: Ask, cause: Cause) -> Result<Answered, End> {
        let Ask { key, as_json, storage } = ask;
        let asked = key.clone();
        let call = storage.call(PATIENCE, |reply| ToStorage::Find { key: asked, as_json, reply });
        let found = call.await.unwrap_or(Found::Busy);
        let step = self.front.with(|front| {
            front.keep(key, &found);
            front.respond(&self.io, self.input.bytes(), Some(&found), cause)
        });
        match step {
            Step::Answer(answered) => Ok(answered),
            Step::Wait | Step::Ask(_) | Step::Close => Err(End::Gone),
        }
    }

    /// Sends an answer: most are queued whole and need no waiting.
    async fn send(&mut self, answered: Answered, cause: Cause, begin: Tick) -> Option<End> {
        self.input.take(answered.head_bytes);
        let Answered { outgoing, body, expects_continue, persistence, log, head_bytes } = answered;
        if let Some(body) = body
            && let Some(end) = Box::pin(self.step_over(body, expects_continue, cause)).await
        {
            return Some(end);
        }
        if let Some(log) = log {
            log.tell(self.peer, cause, self.io.unix_s(), self.io.now().since(begin));
        }
        match self.stream.send(outgoing.data) {
            Ok(_) => {}
            Err(Refused { error: Error::Full, value }) => {
                if Box::pin(send(&self.stream, value)).await.is_err() {
                    return Some(End::Gone);
                }
            }
            Err(_) => return Some(End::Gone),
        }
        if let Some(from_disk) = outgoing.from_disk {
            let (root, account) = self.front.with(|front| {
                front.counters.streamed += 1;
                (
                    front.config.sites[usize::from(from_disk.site)].root.clone(),
                    front.account().clone(),
                )
            });
            if let Err(broken) =
                Box::pin(send_from_disk(&self.stream, &root, &account, *from_disk)).await
            {
                self.front.with(|front| front.counters.stream_failures += 1);
                return Some(if matches!(broken, Broken::Peer) { End::Gone } else { End::Reset });
            }
        }
        match persistence {
            Persistence::Keep | Persistence::KeepSaid => None,
            // What came behind the last request is no reason to reset the connection under its answer.
            Persistence::Close if head_bytes == 0 || !self.input.is_empty() => Some(End::Refused),
            Persistence::Close => Some(End::Done),
        }
    }

    /// Reads a request's body and drops it, so that the next request begins where it should.
    async fn step_over(
        &mut self,
        mut body: BodyDiscard,
        expects_continue: bool,
        cause: Cause,
    ) -> Option<End> {
        if expects_continue && self.input.is_empty() {
            let Ok(go_on) = self.front.with(|front| front.account().copy_from(CONTINUE)) else {
                return Some(End::Gone);
            };
            if send(&self.stream, go_on).await.is_err() {
                return Some(End::Gone);
            }
        }
        let header = self.front.with(|front| front.config.limits.header);
        self.patience.move_to(self.io.now().after(header));
        loop {
            match body.feed(self.input.bytes()) {
                Ok(fed) => {
                    self.input.take(fed.body_bytes);
                    if fed.is_done {
                        return None;
                    }
                }
                Err(refusal) => return self.refuse(refusal.status(), cause),
            }
            match self.receive().await {
                Came::Block(block) => self.input.push(block),
                Came::End => return Some(End::Gone),
                Came::TooLate => return Some(self.too_late()),
            }
        }
    }

    fn too_late(&mut self) -> End {
        self.front.with(|front| front.counters.timeouts += 1);
        let cause = self.context.cause();
        self.refuse(Status::REQUEST_TIMEOUT, cause).unwrap_or(End::Gone)
    }

    /// Says why not, and ends.
    fn refuse(&mut self, status: Status, cause: Cause) -> Option<End> {
        let step = self.front.with(|front| front.refuse(&self.io, status, None, cause));
        let Step::Answer(answered) = step else { return Some(End::Gone) };
        if let Some(log) = answered.log {
            log.tell(self.peer, cause, self.io.unix_s(), Duration::ZERO);
        }
        Some(match self.stream.send(answered.outgoing.data) {
            Ok(_) => End::Refused,
            Err(_) => End::Gone,
        })
    }

    /// The next block, unless patience ends first.
    async fn receive(&self) -> Came {
        let mut receiving = pin!(self.stream.recv());
        poll_fn(|context| match receiving.as_mut().poll(context) {
            Poll::Ready(Ok(Some(block))) => Poll::Ready(Came::Block(block)),
            Poll::Ready(Ok(None) | Err(_)) => Poll::Ready(Came::End),
            Poll::Pending => self.patience.poll_passed(context).map(|()| Came::TooLate),
        })
        .await
    }

    /// Ends this side, and reads on for a while: a socket that is closed with bytes unread resets its peer, who might
    /// never see what was said.
    async fn linger(self) {
        self.stream.shutdown();
        self.patience.move_to(self.io.now().after(LINGER));
        let mut read_bytes = 0;
        while read_bytes < LINGER_BYTES_MAX
            && let Came::Block(block) = self.receive().await
        {
            read_bytes += block.len();
        }
    }
}

/// Counts the connection as one that is being turned away, while that lasts.
pub(crate) struct TurnedAway(PerCore<Front>);

impl TurnedAway {
    pub(crate) fn count(front: &PerCore<Front>) -> Self {
        front.with(|front| front.turned_away += 1);
        Self(front.clone())
    }
}

impl Drop for TurnedAway {
    fn drop(&mut self) {
        self.0.with(|front| front.turned_away -= 1);
    }
}

/// Sends a short reply to a connection that is one too many, and closes it.
pub(crate) async fn turn_away(
    io: Io,
    ticket: Ticket,
    reply: SharedData,
    _turned_away: TurnedAway,
) -> Result<(), Failure> {
    let Ok(stream) = ticket.into_stream(&io.channel()) else { return Ok(()) };
    if stream.send(reply).is_ok() {
        stream.shutdown();
        let patience = Patience::until(io.now().after(LINGER));
        let mut receiving = pin!(stream.recv());
        poll_fn(|context| match receiving.as_mut().poll(context) {
            Poll::Ready(_) => Poll::Ready(()),
            Poll::Pending => patience.poll_passed(context),
        })
        .await;
    }
    Ok(())
}
