//! A domain is one OS process's cores, each a pinned thread with its own channel and processes, over one shared heap.

use core::cell::OnceCell;
use core::fmt;
use core::time::Duration;
use std::hash::{BuildHasher, RandomState};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use levada_channel::{Caps, Channel, CoreWaker, Deadline, Fatal, OpenError};
use levada_process::{Context, Core, CoreId, CoreOptions, CoreWatch, Failure, Mailbox, NoCoreLeft};
use rustix::thread::{CpuSet, sched_setaffinity};

use crate::clock::{Clock, tick_now};
use crate::config::Config;
use crate::core_values::CoreValues;
use crate::here::{self, Lent};
use crate::host::CoreHost;
use crate::io::Io;
use crate::looks::Looks;
use crate::orders::Orders;
use crate::run::{alarm, run};
use crate::timers::Timers;
use crate::wall::Wall;
use crate::watchdog::{Rest, Rests, Watchdog};

/// A running domain. Dropped, it is stopped at once.
pub struct Domain {
    cores: Vec<Running>,
    caps: Vec<Caps>,
    root: Receiver<Result<(), String>>,
    /// Ended behind the cores.
    watchdog: Option<Watchdog>,
}

/// Why a domain did not start. What had started was stopped again.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// It has no core.
    NoCores,
    /// A processor that is not there, or not allowed.
    Processor {
        /// Which one.
        number: usize,
    },
    /// A thread could not be made.
    Thread(std::io::Error),
    /// A core has no channel.
    Channel(OpenError),
    /// The shared heap has no account left, or there are more than 1,024 cores.
    Cores,
    /// A core ended before it began.
    Lost,
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCores => f.write_str("at least one core is needed"),
            Self::Processor { number } => {
                write!(
                    f,
                    "processor {number} is not there, or this program may not run on it: choose other cores"
                )
            }
            Self::Thread(error) => write!(f, "no thread for a core: {error}"),
            Self::Channel(error) => error.fmt(f),
            Self::Cores => f.write_str("there are too many cores or accounts in this program"),
            Self::Lost => f.write_str("a core ended while it was started"),
        }
    }
}

impl std::error::Error for StartError {}

/// How a domain ended.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Report {
    /// Whether all processes ended by themselves within the grace.
    pub is_clean: bool,
    /// Operations that the kernel never answered; what they hold is kept until the program ends.
    pub quarantined: u64,
    /// Cores that failed: the kernel refused them, or the loop itself did.
    pub cores_failed: usize,
}

struct Running {
    thread: Option<JoinHandle<Result<Left, Fatal>>>,
    orders: Arc<Orders>,
    waker: CoreWaker,
}

/// What a core says when it has begun.
struct Begun {
    core: CoreId,
    waker: CoreWaker,
    caps: Caps,
    watch: CoreWatch,
    /// Where it waits for what to do first.
    first: SyncSender<First>,
}

/// What a core is to do first: make the root process, or nothing. It gets its `Io` with that.
type First = Box<dyn FnOnce(&Core) + Send>;

/// How a core left.
struct Left {
    is_clean: bool,
    quarantined: u64,
}

impl Domain {
    /// Starts the cores, and on the first of them a process that runs `root`.
    ///
    /// # Errors
    /// [`StartError`]; nothing runs then.
    pub fn start<F, Fut>(config: &Config, root: F) -> Result<Self, StartError>
    where
        F: FnOnce(Context, Io) -> Fut + Send + 'static,
        Fut: Future<Output = Result<(), Failure>> + 'static,
    {
        if config.cores.is_empty() {
            return Err(StartError::NoCores);
        }
        let root_ended = sync_channel(1).1;
        let mut domain =
            Self { cores: Vec::new(), caps: Vec::new(), root: root_ended, watchdog: None };
        let mut begun = Vec::new();
        // A driver of the caller's own stands for the machine: what the real one is short of is nothing to its run.
        let looks = config.driver_for.is_none().then(|| Arc::new(Looks::new(config.heap.clone())));
        let rests = Rests::of(config.cores.len());
        let limit = config.turn_max.filter(|_| config.driver_for.is_none());
        for number in 0..config.cores.len() {
            let rest = limit.map(|_| Rest::of(&rests, number));
            let core = domain.start_core(config, number, looks.clone(), rest)?;
            domain.caps.push(core.caps.clone());
            begun.push(core);
        }
        if let Some(limit) = limit {
            let watches = begun.iter().map(|begun| begun.watch.clone()).collect();
            let told = Arc::clone(&config.on_overrun);
            let watchdog = Watchdog::start(rests, watches, limit, told);
            domain.watchdog = Some(watchdog.map_err(StartError::Thread)?);
        }
        let io = Io::new(begun.iter().map(|begun| begun.core).collect(), random_salt());
        let (sender, receiver) = sync_channel(1);
        domain.root = receiver;
        let mut root: Option<First> = Some(Box::new(root_process(root, io, sender)));
        for begun in begun {
            let first = root.take().unwrap_or_else(|| Box::new(|_| ()));
            begun.first.send(first).map_err(|_| StartError::Lost)?;
        }
        Ok(domain)
    }

    fn start_core(
        &mut self,
        config: &Config,
        number: usize,
        looks: Option<Arc<Looks>>,
        rest: Option<Rest>,
    ) -> Result<Begun, StartError> {
        let (sender, receiver) = sync_channel(1);
        let orders = Arc::new(Orders::new());
        let core_config = config.clone();
        let core_orders = Arc::clone(&orders);
        let thread = std::thread::Builder::new()
            .name(format!("levada-core-{number}"))
            .spawn(move || core_thread(&core_config, number, looks, rest, &core_orders, &sender))
            .map_err(StartError::Thread)?;
        let begun = receiver.recv().unwrap_or(Err(StartError::Lost))?;
        self.cores.push(Running { thread: Some(thread), orders, waker: begun.waker.clone() });
        Ok(begun)
    }

    /// What each core's channel can do here, and why not more.
    #[must_use]
    pub fn caps(&self) -> &[Caps] {
        &self.caps
    }

    /// Waits until the root process has ended.
    ///
    /// # Errors
    /// How it failed, in words.
    pub fn wait(&self) -> Result<(), String> {
        self.root
            .recv()
            .unwrap_or_else(|_| Err("the first process was ended before it was done".to_owned()))
    }

    /// Closes the mailboxes of all processes, and ends what streams and listeners bring as if their peers had ended it;
    /// gives processes `grace` to end, ends the others by force, sends what is queued, and leaves.
    #[must_use]
    pub fn stop(mut self, grace: Duration) -> Report {
        self.leave(grace)
    }

    fn leave(&mut self, grace: Duration) -> Report {
        let by = tick_now().after(grace);
        for core in &self.cores {
            core.orders.stop(by, &core.waker);
        }
        let mut report = Report { is_clean: true, ..Report::default() };
        for core in &mut self.cores {
            let Some(thread) = core.thread.take() else { continue };
            if let Ok(Ok(left)) = thread.join() {
                report.is_clean &= left.is_clean;
                report.quarantined += left.quarantined;
            } else {
                report.is_clean = false;
                report.cores_failed += 1;
            }
        }
        drop(self.watchdog.take());
        report
    }
}

impl Drop for Domain {
    fn drop(&mut self) {
        self.leave(Duration::ZERO);
    }
}

impl fmt::Debug for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Domain").field("cores", &self.cores.len()).finish_non_exhaustive()
    }
}

/// What this domain's steps are salted with, before they are told outside.
fn random_salt() -> u64 {
    RandomState::new().hash_one(tick_now().as_nanos())
}

/// Makes the root process, and tells how it ended.
pub(crate) fn root_process<F, Fut>(
    root: F,
    io: Io,
    ended: SyncSender<Result<(), String>>,
) -> impl FnOnce(&Core)
where
    F: FnOnce(Context, Io) -> Fut + 'static,
    Fut: Future<Output = Result<(), Failure>> + 'static,
{
    move |core| {
        let spawned = core.spawn("root", |context: Context, _: Mailbox<()>| async move {
            let result = root(context, io).await;
            let told = match &result {
                Ok(()) => Ok(()),
                Err(failure) => Err(format!("{failure:?}")),
            };
            // Nobody may be waiting any more.
            let _is_heard: bool = ended.try_send(told).is_ok();
            result
        });
        assert!(spawned.is_ok(), "a core that has just begun has room for a process");
    }
}

fn core_thread(
    config: &Config,
    number: usize,
    looks: Option<Arc<Looks>>,
    rest: Option<Rest>,
    orders: &Orders,
    begun: &SyncSender<Result<Begun, StartError>>,
) -> Result<Left, Fatal> {
    let open = || -> Result<(Rc<Core>, Rc<Lent>), StartError> {
        if let Some(processor) = config.cores[number] {
            pin(processor)?;
        }
        levada_shared::set_home_arena(number);
        let account = config
            .heap
            .account(&format!("core {number}"), u64::MAX)
            .map_err(|_| StartError::Cores)?;
        let (clock, channel) = match &config.driver_for {
            None => (Clock::Machine, Channel::open(&config.channel, &account)),
            Some(make) => (Clock::Driver, Channel::over(make(number), &config.channel, &account)),
        };
        let channel = channel.map_err(StartError::Channel)?;
        let alarm = alarm(channel.waker());
        let lent = Rc::new(Lent {
            channel: Some(channel),
            clock,
            timers: Timers::new(tick_now()),
            wall: Wall::default(),
            values: CoreValues::default(),
            account: account.clone(),
            rest,
            looks,
            wakes_to_look: number == 0,
            core: OnceCell::new(),
        });
        let host = CoreHost {
            lent: Rc::clone(&lent),
            on_failure: Arc::clone(&config.on_failure),
            on_log: Arc::clone(&config.on_log),
        };
        let options = CoreOptions {
            processes_max: config.processes_max,
            account: Some(account),
            own_heaps: config.own_heaps,
        };
        let core = Core::new(options, host, alarm).map_err(|NoCoreLeft| StartError::Cores)?;
        let core = Rc::new(core);
        lent.core.get_or_init(|| Rc::downgrade(&core));
        Ok((core, lent))
    };
    let (core, lent) = match open() {
        Ok(opened) => opened,
        Err(error) => {
            let _is_heard: bool = begun.send(Err(error)).is_ok();
            return Ok(Left { is_clean: true, quarantined: 0 });
        }
    };
    here::move_in(&lent);
    let (first_sender, first) = sync_channel::<First>(1);
    let waker = lent.channel().waker();
    let caps = lent.channel().caps();
    let begins = Begun { core: core.id(), waker, caps, watch: core.watch(), first: first_sender };
    if begun.send(Ok(begins)).is_ok()
        && let Ok(first) = first.recv()
    {
        first(&core);
    }
    let is_clean = run(&core, &lent, orders);
    drop(core); // ends what is left, while its channel is still there
    let end_by = Deadline { ns: lent.read_clock().after(config.channel_end).as_nanos() };
    let ended = lent.channel().end(end_by);
    here::move_out();
    Ok(Left { is_clean: is_clean?, quarantined: ended?.quarantined })
}

fn pin(processor: usize) -> Result<(), StartError> {
    let refused = || StartError::Processor { number: processor };
    if processor >= CpuSet::MAX_CPU {
        return Err(refused());
    }
    let mut set = CpuSet::new();
    set.set(processor);
    sched_setaffinity(None, &set).map_err(|_| refused())
}
