//! A house is the service on one core: its storage, its desk and who accepts, each started anew if it fails.
//!
//! What is asked of one that fails waits for the next; a connection whose question was in work asks again. Connections are not
//! children: each serves one peer, and ends with him.

use core::time::Duration;

use levada_channel::ListenPart;
use levada_domain::{Door, Io, PerCore};
use levada_process::{
    Context, Failure, Full, Kill, Mailbox, Message, Reply, Restart, Sender, Strategy, Supervisor,
};
use levada_shared::Account;

use crate::accept::accept;
use crate::desk::desk;
use crate::desk_message::ToDesk;
use crate::front::Front;
use crate::storage::{MAILBOX, Storage};
use crate::storage_message::ToStorage;

/// How often its children may fail before the house gives up, and with it the program.
const RESTARTS_MAX: usize = 10;
const RESTARTS_WITHIN: Duration = Duration::from_secs(10);

/// A message to a house, before it runs: one of each.
#[derive(Debug, Message)]
pub(crate) enum ToHouse {
    /// Who is there to be asked?
    Keys(Reply<Keys>),
    /// All houses know each other: open the doors.
    Open(Reply<()>),
}

/// How the rest of the service gets at those of a house.
#[derive(Debug, Message)]
pub(crate) struct Keys {
    pub(crate) storage: Sender<ToStorage>,
    pub(crate) desk: Sender<ToDesk>,
    /// Its children that are there already, with the right to end them.
    pub(crate) kills: Vec<(&'static str, Kill)>,
}

/// What a house is made of.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) io: Io,
    pub(crate) front: PerCore<Front>,
    pub(crate) files: Account,
    pub(crate) parts: Vec<ListenPart>,
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
    let Plan { io, front, files, parts } = plan;
    let mut house =
        Supervisor::new(&context, Strategy::OneForOne).limit(RESTARTS_MAX, RESTARTS_WITHIN);
    let (of_io, of_front) = (io.clone(), front.clone());
    let storage = move |context: Context, inbox: Mailbox<ToStorage>| {
        Storage::run(context, inbox, of_io.clone(), of_front.clone(), files.clone())
    };
    let options = context.options().mailbox(MAILBOX, Full::Wait);
    let storage = house.child(options, "storage", Restart::Permanent, storage)?;
    let (of_io, of_front) = (io.clone(), front.clone());
    let run =
        move |_: Context, inbox: Mailbox<ToDesk>| desk(inbox, of_io.clone(), of_front.clone());
    let desk = house.child(context.options(), "desk", Restart::Permanent, run)?;
    let mut kills = vec![("storage", storage.kill), ("desk", desk.kill)];
    let is_logged = front.with(|front| front.config.is_logged);
    for part in parts {
        let door = Door::open(&io, part, is_logged)?;
        let (of_io, of_front) = (io.clone(), front.clone());
        let run = move |context: Context, _: Mailbox<()>| {
            accept(context, of_io.clone(), of_front.clone(), door.clone())
        };
        let acceptor = house.child(context.options(), "acceptor", Restart::Transient, run)?;
        kills.push(("acceptor", acceptor.kill));
    }
    let mut keys = Some(Keys { storage: storage.sender, desk: desk.sender, kills });
    loop {
        match inbox.recv().await? {
            ToHouse::Keys(reply) => {
                let twice = || Failure::new("a house was asked twice for its keys");
                reply.send(keys.take().ok_or_else(twice)?);
            }
            ToHouse::Open(reply) => {
                reply.send(());
                break;
            }
        }
    }
    drop(inbox);
    house.run(&context).await
}
