//! A connection is one process: it waits for requests, answers them in order, and ends with its peer or its patience.
//!
//! Answers to requests that came together leave together. An idle connection holds no block: it waits for one.

use core::future::poll_fn;
use core::net::SocketAddr;
use core::pin::pin;
use core::task::Poll;
use core::time::Duration;
use std::sync::Arc;

use levada_channel::{Error, File, Refused, TcpStream, Ticket};
use levada_domain::{Io, Patience, PerCore};
use levada_http::h1::{BodyDiscard, CONTINUE, Persistence};
use levada_http::{Status, TraceParent};
use levada_process::{CallError, Cause, Context, Failure, Tick};
use levada_shared::ExclusiveBuf;

use crate::from_disk::{Broken, Pouring, open, send, send_from_disk};
use crate::front::{Answered, Ask, Front, Step};
use crate::input::Input;
use crate::log_line::LogLine;
use crate::outgoing::FromDisk;
use crate::storage::PATIENCE;
use crate::storage_message::{Found, ToStorage};
use crate::waiting::{NoRoom, Waiting};

/// How long a connection that ends with an error waits for its peer to have read why, and how much it reads meanwhile.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES_MAX: usize = 1 << 20;

/// How often a storage is asked that fails.
const ASKS_MAX: u32 = 3;

/// How often an answer is begun again because its file is another by now.
const ATTEMPTS_MAX: u32 = 8;

/// How long it waits for room for an answer, and about how much that is.
const ROOM_WITHIN: Duration = Duration::from_secs(1);
const ANSWER_BYTES: usize = 4 << 10;

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
    /// As `Done`, and the peer has promised that it sends nothing more (RFC 9112, 9.6).
    Promised,
    /// An error was said; the peer may still be sending, and must have a chance to read it.
    Refused,
    /// The peer has gone, or there is nothing that can be said.
    Gone,
    /// A body was cut short: the peer must not take it for whole.
    Reset,
}

/// What has to be waited for.
struct Slow {
    step: Step,
    cause: Cause,
    begin: Tick,
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
        End::Promised => drop(connection.stream.close_together()),
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
            let mut has_answered = false;
            while let Some(slow) = match self.answer_ready(&mut has_answered) {
                Ok(slow) => slow,
                Err(end) => return end,
            } {
                // A place of its own: an idle connection is not to be as large as the busiest.
                if let Err(end) = Box::pin(self.answer_slowly(*slow)).await {
                    return end;
                }
                has_answered = true;
            }
            self.input.carry();
            let (limits, now) = (self.front.with(|front| front.config.limits), self.io.now());
            if self.input.is_empty() {
                self.patience.move_to(now.after(limits.idle));
            } else if is_between || has_answered {
                // A head has begun: its time runs from here, whatever else comes of it.
                self.patience.move_to(now.after(limits.header));
            }
        }
    }

    /// Answers all requests that are there whole and need nobody's help, up to the first that does.
    fn answer_ready(&mut self, has_answered: &mut bool) -> Result<Option<Box<Slow>>, End> {
        let limits = self.front.with(|front| front.config.limits.head);
        while !self.input.is_empty() && self.input.is_worth_a_look(&limits) {
            let begin = self.io.now();
            let (step, cause) = self.begin_request();
            let answered = match step {
                Step::Wait => break,
                Step::Answer(answered) if answered.is_ready() => answered,
                step => return Ok(Some(Box::new(Slow { step, cause, begin }))),
            };
            self.input.take(answered.head_bytes);
            self.tell(answered.log.as_deref(), cause, begin);
            match self.stream.send(answered.outgoing.data) {
                Ok(_) => {}
                Err(Refused { error: Error::Full, value }) => {
                    let step = Step::Send(value, answered.persistence);
                    return Ok(Some(Box::new(Slow { step, cause, begin })));
                }
                Err(_) => return Err(End::Gone),
            }
            self.go_on(answered.persistence, answered.head_bytes)?;
            *has_answered = true;
        }
        Ok(None)
    }

    /// Looks at what came, on behalf of a request of its own, or of the trace that it says it belongs to.
    fn begin_request(&self) -> (Step, Cause) {
        self.front.with(|front| {
            front.begin(&self.io, self.input.bytes(), |parent| match parent {
                Some(TraceParent { trace_id, parent_id, flags }) => {
                    let id = u128::from_be_bytes(trace_id);
                    let is_sampled = flags & 1 == 1;
                    self.context.begin_cause_under(id, u64::from_be_bytes(parent_id), is_sampled)
                }
                None => self.context.begin_cause(None, false),
            })
        })
    }

    fn respond(&self, cause: Cause) -> Step {
        self.front.with(|front| front.respond(&self.io, self.input.bytes(), None, cause))
    }

    fn tell(&self, log: Option<&LogLine>, cause: Cause, begin: Tick) {
        if let Some(log) = log {
            let parent = cause.to_traceparent(self.io.salt());
            log.tell(self.peer, parent, cause, self.io.unix_s(), self.io.now().since(begin));
        }
    }

    /// Whether there is to be another request.
    fn go_on(&self, persistence: Persistence, head_bytes: usize) -> Result<(), End> {
        match persistence {
            Persistence::Keep | Persistence::KeepSaid => Ok(()),
            // What came behind the last request is no reason to reset the connection under its answer.
            Persistence::Close if head_bytes == 0 || !self.input.is_empty() => Err(End::Refused),
            // It is we who end it; otherwise the request said so, or its version, which has one request a connection.
            Persistence::Close if self.front.with(|front| front.is_stopping) => Err(End::Done),
            Persistence::Close => Err(End::Promised),
        }
    }

    /// Answers a request that has to wait: for the storage, the disk, its own body, room to be sent.
    async fn answer_slowly(&mut self, slow: Slow) -> Result<(), End> {
        let Slow { mut step, cause, begin } = slow;
        let (mut attempts, mut waiting) = (0, Waiting::within(ROOM_WITHIN));
        let (answered, file) = loop {
            attempts += 1;
            step = match step {
                Step::Send(data, persistence) => {
                    send(&self.stream, data).await.map_err(|_| End::Gone)?;
                    return self.go_on(persistence, 1);
                }
                Step::Wait => return Ok(()), // another configuration, which lets heads be longer
                Step::NoRoom => {
                    let (keepers, no_room) = self
                        .front
                        .with(|front| (front.keepers(), NoRoom::of(front.account(), ANSWER_BYTES)));
                    if !waiting.wait(&self.context, &keepers, &no_room).await {
                        return Err(End::Gone);
                    }
                    self.respond(cause)
                }
                Step::Ask(ask) => self.ask(ask, cause).await,
                Step::Answer(answered) => match &answered.outgoing.from_disk {
                    None => break (answered, None),
                    Some(from_disk) => match open(&self.io, from_disk).await {
                        Some(file) => break (answered, Some(file)),
                        None => {
                            // It is another file by now: the storage is to look at once.
                            from_disk.lines.retire();
                            let found = (attempts > ATTEMPTS_MAX).then_some(Found::Busy);
                            self.front.with(|front| {
                                front.take_back(&answered.outgoing);
                                front.respond(&self.io, self.input.bytes(), found.as_ref(), cause)
                            })
                        }
                    },
                },
            };
        };
        self.input.take(answered.head_bytes);
        let Answered { outgoing, body, expects_continue, persistence, log, head_bytes } = answered;
        if let Some(body) = body {
            self.step_over(body, expects_continue, cause).await?;
        }
        self.tell(log.as_deref(), cause, begin);
        send(&self.stream, outgoing.data).await.map_err(|_| End::Gone)?;
        if let Some((from_disk, file)) = outgoing.from_disk.zip(file) {
            self.stream_file(*from_disk, file).await?;
        }
        self.go_on(persistence, head_bytes)
    }

    async fn stream_file(&self, from_disk: FromDisk, file: File) -> Result<(), End> {
        let (account, keepers) = self.front.with(|front| {
            front.counters.streamed += 1;
            (front.downloads().clone(), front.keepers())
        });
        let pouring =
            Pouring { context: self.context.clone(), io: self.io.clone(), account, keepers };
        let sent = send_from_disk(&self.stream, pouring, file, from_disk).await;
        let Err(broken) = sent else { return Ok(()) };
        self.front.with(|front| front.counters.stream_failures += 1);
        Err(if matches!(broken, Broken::Peer) { End::Gone } else { End::Reset })
    }

    /// Asks the storage, and answers with what it says.
    async fn ask(&self, ask: Ask, cause: Cause) -> Step {
        let Ask { key, as_json, config, storage } = ask;
        let mut found = Found::Busy;
        for _ in 0..ASKS_MAX {
            let (asked, config) = (key.clone(), Arc::clone(&config));
            let find = |reply| ToStorage::find(asked, as_json, config, reply);
            match storage.call(PATIENCE, find).await {
                // It was working on this when it ended; the next is there, or comes.
                Err(CallError::Crashed | CallError::Dropped) => {}
                asked => {
                    found = asked.unwrap_or(Found::Busy);
                    break;
                }
            }
        }
        self.front
            .with(|front| front.respond_found(&self.io, self.input.bytes(), key, &found, cause))
    }

    /// Reads a request's body and drops it, so that the next request begins where it should.
    async fn step_over(
        &mut self,
        mut body: BodyDiscard,
        expects_continue: bool,
        cause: Cause,
    ) -> Result<(), End> {
        if expects_continue && self.input.is_empty() {
            let go_on = self.front.with(|front| front.account().copy_from(CONTINUE));
            let go_on = go_on.map_err(|_| End::Gone)?;
            send(&self.stream, go_on).await.map_err(|_| End::Gone)?;
        }
        let header = self.front.with(|front| front.config.limits.header);
        self.patience.move_to(self.io.now().after(header));
        loop {
            match body.feed(self.input.bytes()) {
                Ok(fed) => {
                    self.input.take(fed.body_bytes);
                    if fed.is_done {
                        return Ok(());
                    }
                }
                Err(refusal) => return Err(self.refuse(refusal.status(), cause)),
            }
            match self.receive().await {
                Came::Block(block) => self.input.push(block),
                Came::End => return Err(End::Gone),
                Came::TooLate => return Err(self.too_late()),
            }
        }
    }

    fn too_late(&self) -> End {
        self.front.with(|front| front.counters.timeouts += 1);
        self.refuse(Status::REQUEST_TIMEOUT, self.context.cause())
    }

    /// Says why not, and ends.
    fn refuse(&self, status: Status, cause: Cause) -> End {
        let step = self
            .front
            .with(|front| front.refuse(&self.io, self.input.bytes(), status, None, cause));
        let Step::Answer(answered) = step else { return End::Gone };
        self.tell(answered.log.as_deref(), cause, self.io.now());
        match self.stream.send(answered.outgoing.data) {
            Ok(_) => End::Refused,
            Err(_) => End::Gone,
        }
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
        while read_bytes < LINGER_BYTES_MAX {
            let Came::Block(block) = self.receive().await else { return };
            read_bytes += block.len();
        }
        // Who goes on sending is read no more, and has the rest of the time to notice.
        self.patience.passed().await;
    }
}
