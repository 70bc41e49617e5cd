//! What a domain is started with: its cores, its heap, its channels, and the limits of each.

use core::fmt;
use core::time::Duration;
use std::sync::Arc;

use levada_channel::{ChannelConfig, Driver};
use levada_local::PoolOptions;
use levada_process::{Ended, LogLine};
use levada_shared::SharedHeap;

use crate::patrol::Overrun;

/// Hears of each process that ends otherwise than normally, on the core where it did.
pub type OnFailure = Arc<dyn Fn(&Ended<'_>) + Send + Sync>;

/// Hears what the processes of a core say, on that core.
pub type OnLog = Arc<dyn Fn(&LogLine<'_>) + Send + Sync>;

/// Hears of each turn that runs too long, on the thread that watches.
pub type OnOverrun = Arc<dyn Fn(&Overrun) + Send + Sync>;

/// Makes the driver of the core with that number, on its thread.
pub type DriverFor = Arc<dyn Fn(usize) -> Box<dyn Driver> + Send + Sync>;

/// What a domain is started with.
#[derive(Clone)]
#[non_exhaustive]
pub struct Config {
    /// The processors to run on, a core each. `None` lets the scheduler place it.
    pub cores: Vec<Option<usize>>,
    /// Where the bytes live. It has an arena for each core. Each core opens an account there, `core 0` and so on, for its channel
    /// and its processes; the cores see to it that the heap hears of the machine's memory pressure, about ten times a second.
    pub heap: SharedHeap,
    /// How each core's channel is opened.
    pub channel: ChannelConfig,
    /// Makes a driver for each core, in the place of the one that [`ChannelConfig::driver`] chooses: a simulated kernel, or
    /// one of the caller's own. Then the core goes by the driver's clock, as each pass tells it, which may be virtual, and
    /// passes after 32 turns at most; the time of day is the machine's all the same. Nobody looks at the machine's memory then. Several cores must be given drivers of
    /// one clock. `None`: the kernel of this machine.
    pub driver_for: Option<DriverFor>,
    /// How many processes a core has at most.
    pub processes_max: u32,
    /// How much memory the own heaps of a core's processes may have together, and when they are collected:
    /// [`Context::own_heap`](levada_process::Context::own_heap). What one takes is charged to the account of its process besides.
    pub own_heaps: PoolOptions,
    /// How long a core that has run out of processes may take to end its channel.
    pub channel_end: Duration,
    /// Who hears of failures.
    pub on_failure: OnFailure,
    /// How long a turn may run before that is told, and again each time it has run twice as long; nothing ends it. None: nobody
    /// watches. Nobody does either where there is a [`driver_for`](Self::driver_for): its clock stands still in a turn.
    pub turn_max: Option<Duration>,
    /// Who hears of turns that run longer. It runs on the thread that watches, not on the core.
    pub on_overrun: OnOverrun,
    /// Who hears what processes say by [`Context::log`](levada_process::Context::log). It runs on the core, which waits for it.
    pub on_log: OnLog,
}

impl Config {
    /// One core, wherever the scheduler likes, and the defaults of the channel.
    #[must_use]
    pub fn new(heap: SharedHeap) -> Self {
        Self {
            cores: vec![None],
            heap,
            channel: ChannelConfig::default(),
            driver_for: None,
            processes_max: 1 << 20,
            own_heaps: PoolOptions::default(),
            channel_end: Duration::from_secs(2),
            on_failure: Arc::new(|_| ()),
            on_log: Arc::new(|_| ()),
            turn_max: Some(Duration::from_millis(50)),
            on_overrun: Arc::new(|_| ()),
        }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("cores", &self.cores)
            .field("channel", &self.channel)
            .field("has_drivers", &self.driver_for.is_some())
            .finish_non_exhaustive()
    }
}
