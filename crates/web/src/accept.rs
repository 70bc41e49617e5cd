//! Accepting is making a process of each connection, up to as many as there may be.

use levada_channel::{ListenPart, TcpListener};
use levada_domain::{Io, PerCore};
use levada_http::h1::Persistence;
use levada_http::{ReplyHead, Status};
use levada_process::{Context, Failure, Mailbox};

use crate::answer::short;
use crate::connection::{serve, turn_away};
use crate::front::Front;

/// How many connections are told at a time that they are too many; beyond, they are closed without a word.
const TURNED_AWAY_MAX: u64 = 256;

/// Accepts from one listener until it closes.
pub(crate) async fn accept(
    context: Context,
    io: Io,
    front: PerCore<Front>,
    part: ListenPart,
) -> Result<(), Failure> {
    let is_logged = front.with(|front| front.config.is_logged);
    let listener = TcpListener::open(&io.channel(), part, is_logged)?;
    loop {
        // The server stops.
        let Ok((stream, peer)) = listener.accept().await else { return Ok(()) };
        let ticket = stream.into_ticket();
        let (connections_max, open) = front.with(|front| {
            front.counters.connections += 1;
            (front.config.limits.connections_max as u64, front.counters.connections_open)
        });
        let (of_process, of_front) = (io.clone(), front.clone());
        if open < connections_max {
            front.with(|front| front.counters.connections_open += 1);
            let connection = move |context: Context, _: Mailbox<()>| {
                serve(context, of_process, of_front, ticket, peer)
            };
            if context.spawn("connection", connection).is_err() {
                front.with(|front| front.counters.connections_open -= 1);
            }
            continue;
        }
        let reply = front.with(|front| {
            front.counters.connections_refused += 1;
            let head =
                ReplyHead { retry_after_s: Some(1), ..ReplyHead::new(Status::SERVICE_UNAVAILABLE) };
            short(
                front.account(),
                head,
                io.unix_s(),
                Persistence::Close,
                None,
                context.begin_cause(None, false),
            )
            .ok()
        });
        if let Some(reply) = reply.filter(|_| open < connections_max + TURNED_AWAY_MAX) {
            let one_too_many =
                move |_: Context, _: Mailbox<()>| turn_away(of_process, ticket, reply.data);
            // Without room for even that, the ticket is lost and the connection closed.
            let _is_told: bool = context.spawn("turned away", one_too_many).is_ok();
        }
    }
}
