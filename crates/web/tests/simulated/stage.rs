//! The stage is a domain of one core over a simulated kernel, with the service on it and files on the simulated disk.
//!
//! The simulation belongs to the core's thread: a process there lets clients come, waits until all are over, and tells
//! what they read. What the kernel still has when the thread ends is looked at there, too.

use core::cell::RefCell;
use core::time::Duration;
use std::sync::{Arc, mpsc};

use levada_channel::ListenPart;
use levada_domain::{Config, Domain, Folder};
use levada_process::Failure;
use levada_ring::{Address, Driver, Level};
use levada_shared::{Options, SharedHeap};
use levada_sim::{Dice, Mischief, PeerTrace, Sim, SimConfig, World};
use levada_web::{Site, Start, Web, WebConfig};

use crate::asking::Client;

/// How long clients may take in all, and the service to stop, by the simulation's clock.
const CLIENTS_WITHIN: Duration = Duration::from_mins(10);
const STOP_WITHIN: Duration = Duration::from_secs(20);

/// How often it is looked whether they are over.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Longer files are streamed.
const KEPT_BYTES_MAX: u64 = 300_000;

/// The page for what is not there.
pub(crate) const NOT_FOUND: &str = "404.html";

/// The files that are served, by name.
#[derive(Clone, Debug)]
pub(crate) struct Files(pub(crate) Vec<(String, Vec<u8>)>);

/// What came of it.
#[derive(Debug)]
pub(crate) struct Played {
    /// What each client read.
    pub(crate) traces: Vec<PeerTrace>,
    /// All that the kernel told until the last client was over, as a number.
    pub(crate) fingerprint: u64,
}

impl Files {
    /// Some that are kept, one that is empty, one that is streamed in blocks.
    pub(crate) fn of(seed: u64) -> Self {
        let mut dice = Dice::of(seed ^ 0xF11E);
        let mut file = |name: &str, bytes: usize| (name.to_owned(), dice.bytes(bytes));
        Self(vec![
            file("small.txt", 26),
            file("empty.txt", 0),
            file("middle.bin", 70_000),
            file("sub/deep/long.bin", 250_000),
            file("streamed.bin", 600_000),
            file(NOT_FOUND, 33),
        ])
    }

    pub(crate) fn bytes_of(&self, name: &str) -> Option<&[u8]> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, bytes)| bytes.as_slice())
    }
}

/// The world of the core that this thread runs; when the thread ends, nothing may be left in it.
struct Held {
    world: World,
    is_left_clean: mpsc::Sender<bool>,
}

impl Drop for Held {
    fn drop(&mut self) {
        // A panic may not leave a thread's last drop; what it says is printed.
        let world = core::panic::AssertUnwindSafe(&self.world);
        let is_clean = std::panic::catch_unwind(|| world.validate_left()).is_ok();
        let _nobody_asks: bool = self.is_left_clean.send(is_clean).is_err();
    }
}

thread_local! {
    static HELD: RefCell<Option<Held>> = const { RefCell::new(None) };
}

/// Lets the clients come to a service over the kernel of that seed, and stops it when all are over.
pub(crate) fn play(seed: u64, mischief: Mischief, files: &Files, clients: &[Client]) -> Played {
    let heap =
        SharedHeap::new(Options { bytes_max: 64 << 20, arenas: 1, ..Options::default() }).unwrap();
    let accounts = ["files", "replies"].map(|name| heap.account(name, u64::MAX).unwrap());
    let levels = [Level::Full, Level::Plain, Level::Epoll];
    let level = levels[usize::try_from(seed % 3).unwrap()];
    let sim_config = SimConfig { level, direct_places: 256, mischief };
    let (left, is_left_clean) = mpsc::channel();
    let mut config = Config::new(heap.clone());
    config.driver_for = Some(Arc::new(move |_| -> Box<dyn Driver> {
        let (sim, world) = Sim::seeded(seed, &sim_config);
        let held = Held { world, is_left_clean: left.clone() };
        HELD.with_borrow_mut(|place| *place = Some(held));
        Box::new(sim)
    }));
    let (tell, told) = mpsc::channel();
    let (files, clients) = (files.clone(), clients.to_vec());
    let domain = Domain::start(&config, move |context, io| async move {
        let world = HELD.with_borrow(|held| held.as_ref().unwrap().world.clone());
        for (name, bytes) in &files.0 {
            world.put_file(name, bytes, false);
        }
        let mut site = Site::new(Folder::of(world.root()));
        site.not_found = Some(NOT_FOUND.to_owned());
        let mut config = WebConfig::new(site);
        config.cache.file_bytes_max = KEPT_BYTES_MAX;
        let parts = ListenPart::bind(([127, 0, 0, 1], 0).into(), 1)?;
        let address = Address::of(parts[0].address());
        let [of_files, of_replies] = accounts;
        let start = Start::new(config.into(), vec![parts], of_files, of_replies);
        let web = Web::start(&context, &io, start).await?;
        let mut peers = Vec::new();
        for client in &clients {
            context.sleep_until(context.now().after(client.comes_after)).await?;
            peers.push(world.connect_to(&address, &client.script));
        }
        let by = context.now().after(CLIENTS_WITHIN);
        while !world.is_over() && context.now() < by {
            context.sleep_until(context.now().after(LOOK_EVERY)).await?;
        }
        let fingerprint = world.fingerprint();
        let traces = peers.into_iter().map(|peer| world.peer(peer)).collect();
        let _nobody_asks: bool = tell.send(Played { traces, fingerprint }).is_err();
        if !web.stop(&context, STOP_WITHIN).await {
            return Err(Failure::new("connections did not end"));
        }
        Ok(())
    });
    let domain = domain.unwrap();
    assert_eq!(domain.wait(), Ok(()), "the service starts, and all its connections end");
    let report = domain.stop(STOP_WITHIN);
    assert!(
        report.is_clean && report.quarantined == 0 && report.cores_failed == 0,
        "it stops cleanly: {report:?}"
    );
    assert_eq!(is_left_clean.recv(), Ok(true), "nothing is left in the kernel");
    assert_eq!(heap.gauges().used_bytes, 0, "{:?}", heap.accounts());
    heap.validate();
    told.recv().unwrap()
}
