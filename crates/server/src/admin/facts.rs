//! Facts are what the pages show: the service's counts, the heap's, and what an observer on each core says of it.

use core::time::Duration;

use levada_domain::Io;
use levada_process::{
    Context, Failure, Mailbox, Message, Reply, Restart, Sender, Strategy, Supervisor,
};
use levada_shared::{AccountReport, Gauges};
use levada_store::StoreReport;
use levada_web::WebReport;

/// How long a core has to answer; one that is busy longer is left out.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// How many processes of a core are told by name.
const PROCESSES_MAX: usize = 32;

/// What the heap keeps beside each block.
pub(crate) const LINES_BYTES: u64 = 128;

/// All facts, as they were when asked.
#[derive(Debug)]
pub(crate) struct Facts {
    /// All nought where no folder is served.
    pub(crate) web: WebReport,
    pub(crate) store: Option<StoreReport>,
    pub(crate) heap: Gauges,
    pub(crate) accounts: Vec<AccountReport>,
    pub(crate) cores: Vec<CoreFacts>,
    /// Lines of the access log that found no room; none where there is no log.
    pub(crate) dropped_lines: Option<u64>,
}

/// One core.
#[derive(Debug, Message)]
pub(crate) struct CoreFacts {
    pub(crate) core: u16,
    pub(crate) processes_live: u64,
    pub(crate) spawns: u64,
    pub(crate) turns: u64,
    pub(crate) turns_over_limit: u64,
    pub(crate) cause_lost: u64,
    /// By size: 1, up to 7, up to 63, more.
    pub(crate) lane_batches: [u64; 4],
    /// About room, watching, life, failures.
    pub(crate) controls: [u64; 4],
    /// Normally, failed, panicked, killed, cancelled, linked, overflowed.
    pub(crate) exits: [u64; 7],
    pub(crate) restarts: u64,
    /// From the same core, from others, from threads.
    pub(crate) messages: [u64; 3],
    /// Waited, came back, dropped as the oldest, dropped as the newest, stopped.
    pub(crate) mailbox_full: [u64; 5],
    pub(crate) undelivered: u64,
    pub(crate) calls: u64,
    pub(crate) cycles: u64,
    pub(crate) passes: u64,
    pub(crate) enters: u64,
    pub(crate) streams_open: u64,
    pub(crate) files_in_flight: u64,
    pub(crate) blocks_lent: u64,
    pub(crate) receive_pauses: u64,
    pub(crate) stalls_aborted: u64,
    pub(crate) bytes_by_reference: u64,
    /// Those that hold most in their mailboxes, then those that have worked most.
    pub(crate) processes: Vec<ProcessFacts>,
}

/// One process.
#[derive(Debug, Message)]
pub(crate) struct ProcessFacts {
    pub(crate) pid: String,
    pub(crate) name: String,
    pub(crate) queued_messages: u16,
    pub(crate) held_bytes: u32,
    pub(crate) turns: u32,
    pub(crate) messages: u64,
    pub(crate) restarts: u32,
    /// What it does at this moment, in a word.
    pub(crate) state: String,
    /// What is charged to an account of its own.
    pub(crate) account_bytes: Option<u64>,
    /// The id of the request that it works for, or worked for last.
    pub(crate) cause: String,
}

/// A process on each core that answers for it.
#[derive(Clone, Debug)]
pub(crate) struct Observers(Vec<Sender<Reply<CoreFacts>>>);

impl Observers {
    pub(crate) async fn start(context: &Context, io: &Io) -> Result<Self, Failure> {
        let mut observers = Vec::new();
        for (number, core) in io.cores().iter().enumerate() {
            let of_io = io.clone();
            let watch = move |context: Context, inbox: Mailbox<ForSender>| {
                look_after(context, inbox, number, of_io)
            };
            let child = context.options().on(*core).spawn("observers", watch).await;
            let keeper = child.map_err(|_| Failure::new("a core has no room"))?;
            context.link(keeper.pid).map_err(|_| Failure::new("a core has ended"))?;
            observers.push(keeper.sender.call(ANSWER_WITHIN, |reply| reply).await?);
        }
        Ok(Self(observers))
    }

    pub(crate) async fn ask(&self) -> Vec<CoreFacts> {
        let mut facts = Vec::new();
        for observer in &self.0 {
            facts.extend(observer.call(ANSWER_WITHIN, |reply| reply).await);
        }
        facts
    }
}

/// Where the way to an observer is wanted.
type ForSender = Reply<Sender<Reply<CoreFacts>>>;

/// Looks after the observer of a core.
async fn look_after(
    context: Context,
    mut inbox: Mailbox<ForSender>,
    number: usize,
    io: Io,
) -> Result<(), Failure> {
    let mut house = Supervisor::new(&context, Strategy::OneForOne);
    let observe = move |_: Context, mut inbox: Mailbox<Reply<CoreFacts>>| {
        let io = io.clone();
        async move {
            loop {
                inbox.recv().await?.send(look(number, &io));
            }
        }
    };
    let child = house.child(context.options(), "observer", Restart::Permanent, observe)?;
    inbox.recv().await?.send(child.sender);
    house.run(&context).await
}

fn look(number: usize, io: &Io) -> CoreFacts {
    let (channel, processes) = (io.channel().gauges(), io.process_gauges());
    let mut known = io.processes();
    known.sort_by_key(|process| core::cmp::Reverse((process.held_bytes, process.turns)));
    let processes_told = known.into_iter().take(PROCESSES_MAX).map(|process| ProcessFacts {
        pid: format!("{:?}", process.pid),
        name: process.name.to_owned(),
        queued_messages: process.queued_messages,
        held_bytes: process.held_bytes,
        turns: process.turns,
        messages: process.messages,
        restarts: process.restarts,
        state: process.state.to_string(),
        account_bytes: process.account_bytes,
        cause: format!("{:032x}", process.cause.id()),
    });
    CoreFacts {
        core: u16::try_from(number).unwrap_or(u16::MAX),
        processes_live: processes.processes_live,
        spawns: processes.spawns,
        turns: processes.turns,
        turns_over_limit: processes.turns_over_limit,
        cause_lost: processes.cause_lost,
        lane_batches: [
            processes.lane_batches_1,
            processes.lane_batches_7,
            processes.lane_batches_63,
            processes.lane_batches_more,
        ],
        controls: [
            processes.controls_room,
            processes.controls_watch,
            processes.controls_life,
            processes.controls_report,
        ],
        exits: [
            processes.exits_normal,
            processes.exits_failed,
            processes.exits_panicked,
            processes.exits_killed,
            processes.exits_cancelled,
            processes.exits_linked,
            processes.exits_overflow,
        ],
        restarts: processes.restarts,
        messages: [processes.messages_same, processes.messages_lane, processes.messages_outside],
        mailbox_full: [
            processes.mailbox_waits,
            processes.mailbox_rejected,
            processes.mailbox_dropped_oldest,
            processes.mailbox_dropped_newest,
            processes.mailbox_stops,
        ],
        undelivered: processes.undelivered,
        calls: processes.calls,
        cycles: processes.cycles,
        passes: channel.passes,
        enters: channel.driver.enters,
        streams_open: channel.streams_open,
        files_in_flight: channel.files_in_flight,
        blocks_lent: channel.blocks_lent,
        receive_pauses: channel.receive_pauses,
        stalls_aborted: channel.stalls_aborted,
        bytes_by_reference: channel.bytes_by_reference,
        processes: processes_told.collect(),
    }
}
