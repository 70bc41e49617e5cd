//! A house is the service on one core: its desk and who accepts, each started anew if it fails.
//!
//! Connections are not children: each serves one peer, and ends with him.

use core::time::Duration;

use std::sync::Arc;

use levada_channel::SocketKind;
use levada_domain::{Door, Io, PerCore};
use levada_process::{
    Context, Failure, Mailbox, Message, Reply, Restart, Sender, Strategy, Supervisor,
};

use crate::accept::accept;
use crate::desk::desk;
use crate::desk_message::ToDesk;
use crate::front::Front;
use crate::hall::Hall;
use crate::part::Part;
use crate::upkeep::tend;

/// How often its children may fail before the house gives up, and with it the program.
const RESTARTS_MAX: usize = 10;
const RESTARTS_WITHIN: Duration = Duration::from_secs(10);

/// A message to a house, before it runs: one of each.
#[derive(Debug, Message)]
pub(crate) enum ToHouse {
    /// Who is there to be asked?
    Desk(Reply<Sender<ToDesk>>),
    /// All houses know each other: open the doors.
    Open(Reply<()>),
}

/// What a house is made of.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) io: Io,
    pub(crate) front: PerCore<Front>,
    pub(crate) parts: Vec<Part>,
    /// On the core that tends the table: what all share.
    pub(crate) upkeep: Option<Arc<Hall>>,
}

/// Runs a house until its children have ended.
///
/// # Errors
/// [`Failure`] where there is no room, or its children fail too often.
pub(crate) async fn keep(
    context: Context,
    mut inbox: Mailbox<ToHouse>,
    plan: Plan,
) -> Result<(), Failure> {
    let Plan { io, front, parts, upkeep } = plan;
    let mut house =
        Supervisor::new(&context, Strategy::OneForOne).limit(RESTARTS_MAX, RESTARTS_WITHIN);
    let (of_io, of_front) = (io.clone(), front.clone());
    let run =
        move |_: Context, inbox: Mailbox<ToDesk>| desk(inbox, of_io.clone(), of_front.clone());
    let desk = house.child(context.options(), "memcached desk", Restart::Permanent, run)?;
    if let Some(hall) = upkeep {
        let run = move |context: Context, inbox: Mailbox<()>| tend(context, inbox, hall.clone());
        house.child(context.options(), "memcached upkeep", Restart::Permanent, run)?;
    }
    loop {
        match inbox.recv().await? {
            ToHouse::Desk(reply) => reply.send(desk.sender.clone()),
            ToHouse::Open(reply) => {
                for part in parts {
                    match part {
                        Part::Tcp(part) => {
                            let door = Door::open(&io, part, false)?;
                            accept_from(&mut house, &context, &io, &front, door)?;
                        }
                        Part::Unix(part) => {
                            let door = Door::open_unix(&io, part)?;
                            accept_from(&mut house, &context, &io, &front, door)?;
                        }
                    }
                }
                reply.send(());
                break;
            }
        }
    }
    drop(inbox);
    house.run(&context).await
}

fn accept_from<K: SocketKind + 'static>(
    house: &mut Supervisor,
    context: &Context,
    io: &Io,
    front: &PerCore<Front>,
    door: Door<K>,
) -> Result<(), Failure> {
    let (io, front) = (io.clone(), front.clone());
    let run = move |context: Context, _: Mailbox<()>| {
        accept(context, io.clone(), front.clone(), door.clone())
    };
    house.child(context.options(), "memcached acceptor", Restart::Transient, run)?;
    Ok(())
}
