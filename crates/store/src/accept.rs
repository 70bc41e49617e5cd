//! Accepting is making a process of each connection, up to as many as there may be.

use levada_channel::SocketKind;
use levada_domain::{Door, Io, PerCore};
use levada_process::{Context, Failure, Mailbox};

use crate::connection::serve;
use crate::front::Front;
use crate::open::Open;
use crate::turn_away::{TurnedAway, turn_away};

/// Accepts from one door until it closes.
pub(crate) async fn accept<K: SocketKind + 'static>(
    context: Context,
    io: Io,
    front: PerCore<Front>,
    door: Door<K>,
) -> Result<(), Failure> {
    loop {
        let Ok((stream, _)) = door.accept().await else {
            door.close(); // the server stops
            return Ok(());
        };
        let ticket = stream.into_ticket();
        let (of_process, of_front) = (io.clone(), front.clone());
        if let Some(open) = Open::count(&front) {
            // Without room for its process the connection is closed, and no longer counted.
            let connection = move |context: Context, _: Mailbox<()>| {
                serve(context, of_process, of_front, ticket, open)
            };
            let _is_served: bool = context.spawn("memcached connection", connection).is_ok();
        } else if let Some(turned_away) = TurnedAway::count(&front) {
            let tell = move |_: Context, _: Mailbox<()>| {
                turn_away(of_process, of_front, ticket, turned_away)
            };
            let _is_told: bool = context.spawn("memcached connection turned away", tell).is_ok();
        }
    }
}
