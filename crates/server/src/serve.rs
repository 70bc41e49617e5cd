//! Serving: settings become a heap, listeners and a domain; then the program waits until it is told to stop.

use core::time::Duration;
use std::sync::{Arc, mpsc};

use levada_channel::{ChannelConfig, Choice, ListenPart};
use levada_domain::{Config, Domain, Overrun};
use levada_process::{Ended, Exit, LogLine, Sender};
use levada_shared::{Account, OpenError, Options, SharedHeap};
use levada_store::Start as StoreStart;
use levada_web::Start;
use sd_notify::NotifyState;

use crate::access_log;
use crate::admin::Admin;
use crate::arguments::Said;
use crate::descriptors::{Descriptors, descriptors};
use crate::fault::Fault;
use crate::listeners::{Listeners, admin_listener, listeners};
use crate::memcached::{items_cache, items_table, store_config, store_listeners};
use crate::memory::Memory;
use crate::opening::opening_lines;
use crate::processors::processors;
use crate::reload::reload;
use crate::retention;
use crate::say::{LAST_WORDS, complain, flush_complaints, say, stop_waiting};
use crate::settings::IoChoice;
use crate::settings::file::Key;
use crate::settings::read::{Settled, read};
use crate::signals::{self, Asked};
use crate::sites::{Shares, web_config};
use crate::steward::{self, Order, Plan};

/// How long processes have to end once the service has, and each core's channel after them; of the grace this is kept
/// back.
const REST: Duration = Duration::from_millis(250);

/// Sockets of a core that are not counted as connections: listeners, the admin's, those that are turned away.
const SOCKETS_BESIDE: usize = 512;

/// How many of those who hold most at the end are named.
const RETAINERS_TOLD: usize = 3;

/// Serves until told to stop.
///
/// # Errors
/// What keeps the service from starting, or ended it.
pub(crate) fn serve(said: &Said) -> Result<(), Fault> {
    let settled = read(said)?;
    let processors = processors(&settled)?;
    let shares = shares(&settled, processors.len())?;
    let web = web_config(&settled, shares)?.map(Arc::new);
    let heap = heap(&settled, shares)?;
    let Listeners { parts, addresses } = listeners(&settled, shares.cores)?;
    let memcached = store_listeners(&settled, shares.cores)?;
    let admin_part = admin_listener(&settled)?;
    let admin_address = admin_part.as_ref().map(ListenPart::address);
    let log = access_log::turn_on(settled.settings.log)
        .map_err(|error| Fault::failed(format!("no thread for the log: {error}")))?;

    let files = account(&heap, "files", shares.memory.heap_bytes / 8 * 7)?;
    let replies = account(&heap, "replies", u64::MAX)?;
    let admin = admin_part.map(|part| Admin {
        part,
        heap: heap.clone(),
        replies: replies.with_tag("admin pages"),
        log: log.clone(),
    });
    let store = if settled.settings.memcached.is_on() {
        let config = Arc::new(store_config(&settled, shares));
        let cache = items_cache(&settled, shares)?;
        let mut start = StoreStart::new(config, cache, memcached.parts, replies.clone());
        start.table = items_table(&settled)?;
        Some(start)
    } else {
        None
    };
    let web = web.map(|web| Start::new(web, parts, files, replies));
    let grace = settled.settings.grace.0;
    let grace = grace.saturating_sub(REST * 2).max(grace / 2);
    let plan = Plan { web, store, admin, grace };
    let (domain, orders) = start(&settled, heap.clone(), &processors, shares, plan)?;
    let lines = opening_lines(
        &settled,
        shares,
        &addresses,
        admin_address,
        &memcached.places,
        &domain.caps()[0],
    );
    let said = said.clone();
    signals::listen(move |asked| obey(asked, &orders, &said, &settled, shares))?;
    lines.iter().for_each(say);
    stop_waiting();
    tell_systemd(NotifyState::Ready);
    let ended = domain.wait();
    tell_systemd(NotifyState::Stopping);
    let held = heap.top_retainers(RETAINERS_TOLD);
    let report = domain.stop(REST);
    for path in &memcached.paths {
        // Somebody may have removed it before us.
        let _is_removed: bool = std::fs::remove_file(path).is_ok();
    }
    retention::tell(&held, &heap);
    if let Some(log) = log {
        log.flush(LAST_WORDS);
    }
    flush_complaints(LAST_WORDS);
    if report.cores_failed > 0 {
        return Err(Fault::failed("the kernel refused further I/O to a core"));
    }
    ended.map_err(Fault::failed)
}

/// What the settings come to on this machine.
///
/// # Errors
/// Memory that is too little, or more than there is.
pub(crate) fn shares(settled: &Settled, cores: usize) -> Result<Shares, Fault> {
    let Descriptors { connections, beside_per_core } = descriptors(cores)?;
    Ok(Shares {
        cores,
        memory: Memory::of(settled, cores)?,
        connections: settled.settings.limits.connections.min(connections).max(cores),
        descriptors_beside: beside_per_core,
    })
}

fn heap(settled: &Settled, shares: Shares) -> Result<SharedHeap, Fault> {
    let bytes_max = shares.memory.heap_bytes;
    let options = Options { bytes_max, arenas: shares.cores, ..Options::default() };
    SharedHeap::new(options).map_err(|error| match error {
        OpenError::TooSmall { .. } => {
            settled.source.fault(&[Key::Name("memory")], "--memory", error.to_string())
        }
        error => Fault::failed(format!("no shared heap: {error}")),
    })
}

fn account(heap: &SharedHeap, name: &str, limit_bytes: u64) -> Result<Account, Fault> {
    heap.account(name, limit_bytes)
        .map_err(|_| Fault::failed("the shared heap has no room for an account"))
}

/// Starts the cores and the service on them; gives how to order the service about.
fn start(
    settled: &Settled,
    heap: SharedHeap,
    processors: &[usize],
    shares: Shares,
    plan: Plan,
) -> Result<(Domain, Sender<Order>), Fault> {
    let settings = &settled.settings;
    let mut config = Config::new(heap);
    config.cores = processors.iter().copied().map(Some).collect();
    let driver = match settings.io {
        IoChoice::Auto => Choice::Auto,
        IoChoice::Uring => Choice::Uring,
        IoChoice::Epoll => Choice::Epoll,
    };
    // Of the memcached service's all may come to one core.
    let memcached = if settings.memcached.is_on() { settings.memcached.connections } else { 0 };
    let memcached = usize::try_from(memcached).unwrap_or(usize::MAX);
    let sockets = shares.connections.div_ceil(shares.cores) + memcached + SOCKETS_BESIDE;
    config.channel = ChannelConfig {
        driver,
        sockets_max: u32::try_from(sockets).unwrap_or(u32::MAX),
        descriptors_max: shares.descriptors_beside,
        write_stall: settings.limits.write_stall.0,
        ..ChannelConfig::default()
    };
    config.channel_end = REST;
    config.on_failure = Arc::new(tell_failure);
    config.on_log = Arc::new(tell_line);
    config.on_overrun = Arc::new(tell_overrun);
    let (sender, started) = mpsc::sync_channel(1);
    let domain = Domain::start(&config, move |context, io| {
        steward::run(context, io, plan, move |orders| {
            // Whoever started us waits for this.
            let _is_heard: bool = sender.send(orders).is_ok();
        })
    })
    .map_err(|error| match settings.io {
        IoChoice::Uring => settled.source.fault(&[Key::Name("io")], "--io", error.to_string()),
        _ => Fault::failed(error.to_string()),
    })?;
    match started.recv() {
        Ok(orders) => Ok((domain, orders)),
        Err(_) => {
            let why = domain.wait().err().unwrap_or_else(|| "it ended at once".to_owned());
            Err(Fault::failed(format!("the service did not start: {why}")))
        }
    }
}

/// A process that ends otherwise than it should is told, with whom it worked for; the others go on.
fn tell_failure(ended: &Ended<'_>) {
    if matches!(ended.exit, Exit::Killed { by: None, .. }) {
        return; // by the end of the grace, which is told as such
    }
    tracing::error!(
        process = ended.name,
        pid = ?ended.pid,
        cause = %format_args!("{:032x}", ended.cause.id()),
        message = ended.message,
        chain = %ended.chain,
        undelivered = ended.undelivered,
        "a process ended: {}",
        ended.exit
    );
}

/// A turn that runs long holds up its core; it is told while it does.
fn tell_overrun(overrun: &Overrun) {
    tracing::warn!(
        process = overrun.turn.name,
        pid = ?overrun.turn.pid,
        cause = %format_args!("{:032x}", overrun.turn.cause.id()),
        message = overrun.turn.message,
        "a turn has been running for {:?}",
        overrun.ran
    );
}

/// What a process says.
fn tell_line(line: &LogLine<'_>) {
    tracing::info!(
        process = line.name,
        pid = ?line.pid,
        cause = %format_args!("{:032x}", line.cause.id()),
        at_us = line.at.as_nanos() / 1000,
        "{}: {}",
        line.what,
        line.value
    );
}

/// Does what a signal asks for.
fn obey(asked: Asked, orders: &Sender<Order>, said: &Said, settled: &Settled, shares: Shares) {
    let order = match asked {
        Asked::Stop => Order::Stop,
        Asked::Nothing(name) => {
            complain(&format!("{name} means nothing here: the log goes to standard output"));
            return;
        }
        Asked::Reload => match reload(said, settled, shares) {
            Ok(order) => order,
            Err(fault) => {
                complain(&format!("{fault}; the configuration stays as it was"));
                return;
            }
        },
    };
    if orders.try_send(order).is_err() {
        complain(&"too many signals wait already: this one is dropped");
    } else if asked == Asked::Reload {
        complain(&"the configuration was read again");
    }
}

fn tell_systemd(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        complain(&format!("cannot tell systemd: {error}"));
    }
}
