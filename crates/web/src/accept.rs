//! Accepting is making a process of each connection, up to as many as there may be.

use levada_domain::{Door, Io, PerCore};
use levada_http::h1::Persistence;
use levada_http::{ReplyHead, Status};
use levada_process::{Context, Failure, Mailbox};

use crate::answer::short;
use crate::connection::{Open, serve};
use crate::front::Front;
use crate::places::Places;
use crate::turn_away::{TurnedAway, turn_away};

/// Accepts from one door until it closes.
pub(crate) async fn accept(
    context: Context,
    io: Io,
    front: PerCore<Front>,
    door: Door,
) -> Result<(), Failure> {
    let places = Places::here(&io);
    loop {
        let Ok((stream, peer)) = door.accept().await else {
            door.close(); // the server stops
            return Ok(());
        };
        let ticket = stream.into_ticket();
        let is_one_too_many = front.with(|front| {
            front.counters.connections += 1;
            let connections_max = front.config.limits.connections_max as u64;
            front.counters.connections_open >= connections_max.min(places.connections_max)
        });
        let (of_process, of_front) = (io.clone(), front.clone());
        if !is_one_too_many {
            // Without room for its process the connection is closed, and no longer counted.
            let open = Open::count(&front);
            let connection = move |context: Context, _: Mailbox<()>| {
                serve(context, of_process, of_front, ticket, peer, open)
            };
            let _is_served: bool = context.spawn("connection", connection).is_ok();
            continue;
        }
        let reply = front.with(|front| {
            front.counters.connections_refused += 1;
            if front.turned_away >= places.turned_away_max {
                return None;
            }
            let head =
                ReplyHead { retry_after_s: Some(1), ..ReplyHead::new(Status::SERVICE_UNAVAILABLE) };
            let cause = context.begin_cause(None, false);
            let (account, unix_s) = (front.account(), io.unix_s());
            short(account, head, unix_s, Persistence::Close, None, cause).ok()
        });
        if let Some(reply) = reply {
            let turned_away = TurnedAway::count(&front);
            let tell = move |_: Context, _: Mailbox<()>| {
                turn_away(of_process, ticket, reply.data, turned_away)
            };
            let _is_told: bool = context.spawn("turned away", tell).is_ok();
        }
    }
}
