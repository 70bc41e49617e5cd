//! The admin's pages: `/metrics` for Prometheus, `/healthz`, and `/status` as JSON. For those who run the service.
//!
//! A connection is a process that answers one request, gathers what the pages need from all cores, and closes.

mod facts;
mod metrics;
mod status;

use core::future::poll_fn;
use core::pin::pin;
use core::task::Poll;
use core::time::Duration;

use levada_channel::{Error, ListenPart, TcpStream, Ticket};
use levada_domain::{Door, Io, Patience};
use levada_http::h1::{HeadLimits, HeadLines, Persistence, Tail, parse_head};
use levada_http::{Compose, ContentType, HttpDate, Method, ReplyHead, Status};
use levada_process::{Context, Failure, Mailbox, Restart, Supervisor};
use levada_shared::{Account, SharedData, SharedHeap};
use levada_web::WebReport;

use crate::admin::facts::{Facts, Observers};
use crate::line_writer::LineWriter;
use crate::services::Services;

/// How long a client has for its request, and for reading the answer.
const WITHIN: Duration = Duration::from_secs(10);

/// How long a request's head may be.
const HEAD_BYTES_MAX: usize = 8 << 10;

/// What the pages are made with.
#[derive(Debug)]
pub(crate) struct Admin {
    pub(crate) part: ListenPart,
    pub(crate) heap: SharedHeap,
    pub(crate) replies: Account,
    pub(crate) log: Option<LineWriter>,
}

/// What each connection's process has.
#[derive(Clone)]
struct Desk {
    io: Io,
    services: Services,
    observers: Observers,
    heap: SharedHeap,
    replies: Account,
    log: Option<LineWriter>,
}

/// Starts an observer on each core, and adds the acceptor on this one to `house`.
///
/// # Errors
/// [`Failure`] where a core has no room for a process.
pub(crate) async fn start(
    context: &Context,
    io: &Io,
    admin: Admin,
    services: Services,
    house: &mut Supervisor,
) -> Result<(), Failure> {
    let Admin { part, heap, replies, log } = admin;
    let observers = Observers::start(context, io).await?;
    let desk = Desk { io: io.clone(), services, observers, heap, replies, log };
    let door = Door::open(io, part, false)?;
    let acceptor =
        move |context: Context, _: Mailbox<()>| accept(context, door.clone(), desk.clone());
    house.child(context.options(), "admin", Restart::Transient, acceptor)?;
    Ok(())
}

async fn accept(context: Context, door: Door, desk: Desk) -> Result<(), Failure> {
    loop {
        let Ok((stream, _)) = door.accept().await else {
            door.close(); // the program stops
            return Ok(());
        };
        let (ticket, desk) = (stream.into_ticket(), desk.clone());
        let connection = move |_: Context, _: Mailbox<()>| answer(ticket, desk);
        // Without room for a process the ticket is lost, and the connection closed.
        let _is_served: bool = context.spawn("admin connection", connection).is_ok();
    }
}

async fn answer(ticket: Ticket, desk: Desk) -> Result<(), Failure> {
    let Ok(stream) = ticket.into_stream(&desk.io.channel()) else { return Ok(()) };
    let patience = Patience::until(desk.io.now().after(WITHIN));
    let mut head = Vec::new();
    let limits = HeadLimits { head_bytes_max: HEAD_BYTES_MAX, ..HeadLimits::default() };
    let (status, content_type, method, body) = loop {
        match parse_head(&head, &limits) {
            Ok(None) => {}
            Ok(Some(read)) => {
                let request = read.request;
                let path = request.target.path().unwrap_or(b"/");
                let (status, content_type, body) = desk.page(request.method, path).await;
                break (status, content_type, request.method, body);
            }
            Err(refusal) => break (refusal.status(), PLAIN, Method::Get, String::new()),
        }
        match receive(&stream, &patience).await {
            Some(bytes) => head.extend_from_slice(&bytes),
            None => return Ok(()),
        }
    };
    let Ok(reply) = desk.compose(status, content_type, method, &body) else { return Ok(()) };
    if stream.send(reply).is_ok() {
        stream.shutdown();
        patience.move_to(desk.io.now().after(WITHIN));
        // Until the peer has read it and ended, so that it is not reset before.
        while receive(&stream, &patience).await.is_some() {}
    }
    Ok(())
}

const PLAIN: ContentType<'static> = ContentType::Known { essence: "text/plain", is_utf8: true };

const PROMETHEUS: ContentType<'static> =
    ContentType::Known { essence: "text/plain; version=0.0.4", is_utf8: true };

impl Desk {
    async fn page(&self, method: Method, path: &[u8]) -> (Status, ContentType<'static>, String) {
        if !matches!(method, Method::Get | Method::Head) {
            return (Status::METHOD_NOT_ALLOWED, PLAIN, String::new());
        }
        match path {
            b"/healthz" => (Status::OK, PLAIN, "ok\n".to_owned()),
            b"/metrics" => (Status::OK, PROMETHEUS, metrics::text(&self.facts().await)),
            b"/status" => {
                (Status::OK, ContentType::JSON, status::json(&self.facts().await, &self.heap))
            }
            _ => {
                let pages = "here are /metrics, /healthz and /status\n".to_owned();
                (Status::NOT_FOUND, PLAIN, pages)
            }
        }
    }

    async fn facts(&self) -> Facts {
        Facts {
            web: match &self.services.web {
                Some(web) => web.report().await,
                None => WebReport::default(),
            },
            store: match &self.services.store {
                Some(store) => Some(store.report().await),
                None => None,
            },
            heap: self.heap.gauges(),
            accounts: self.heap.accounts(),
            cores: self.observers.ask().await,
            dropped_lines: self.log.as_ref().map(LineWriter::dropped_count),
        }
    }

    fn compose(
        &self,
        status: Status,
        content_type: ContentType<'_>,
        method: Method,
        body: &str,
    ) -> Result<SharedData, Error> {
        let head = ReplyHead {
            content_type: (!body.is_empty()).then_some(content_type),
            content_length: Some(body.len() as u64),
            ..ReplyHead::new(status)
        };
        let lines = HeadLines(head);
        let date = HttpDate::from_unix_s(self.io.unix_s());
        let tail = Tail { date, persistence: Persistence::Close };
        let mut text = Vec::with_capacity(lines.text_bytes() + tail.text_bytes() + body.len());
        let composed = lines.compose(&mut text).and_then(|()| tail.compose(&mut text));
        debug_assert!(composed.is_ok(), "a vector takes everything");
        if method != Method::Head {
            text.extend_from_slice(body.as_bytes());
        }
        self.replies.copy_from(&text).map_err(|_| Error::Full)
    }
}

/// What came, or nothing when the peer has ended or patience has.
async fn receive(stream: &TcpStream, patience: &Patience) -> Option<levada_shared::ExclusiveBuf> {
    let mut receiving = pin!(stream.recv());
    poll_fn(|context| match receiving.as_mut().poll(context) {
        Poll::Ready(received) => Poll::Ready(received.ok().flatten()),
        Poll::Pending => patience.poll_passed(context).map(|()| None),
    })
    .await
}
