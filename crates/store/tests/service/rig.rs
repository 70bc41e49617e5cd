//! The rig is the real service on real sockets: a domain, a port and a socket within this machine, and a way to look inside.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use levada_cache::{Cache, CacheOptions, Pile};
use levada_channel::{ChannelConfig, Choice, ListenPart, UnixName, UnixPart};
use levada_domain::{Config, Domain};
use levada_process::{Context, Failure, Mailbox, Message, Sender};
use levada_shared::{Options, SharedHeap};
use levada_store::{Part, Start, Store, StoreConfig, StoreReport};

use crate::client::Client;

/// How long anything may take that is awaited here.
pub(crate) const WITHIN: Duration = Duration::from_secs(20);

/// What a service is started with, to be changed before it is.
pub(crate) struct Plan {
    pub(crate) cores: usize,
    pub(crate) heap_bytes_max: u64,
    pub(crate) items_bytes_max: u64,
    pub(crate) store: StoreConfig,
}

/// A running service. Dropped, it is stopped, and must leave nothing behind.
pub(crate) struct Rig {
    pub(crate) address: SocketAddr,
    pub(crate) path: PathBuf,
    pub(crate) heap: SharedHeap,
    _folder: tempfile::TempDir,
    probe: Sender<ToProbe>,
    configs: mpsc::Sender<Arc<StoreConfig>>,
    looks: mpsc::Receiver<StoreReport>,
    domain: Option<Domain>,
}

#[derive(Message)]
enum ToProbe {
    Look,
    Reload,
    Stop,
}

fn failed<E: core::fmt::Debug>(error: E) -> Failure {
    Failure::new(format!("{error:?}"))
}

impl Plan {
    /// One core, 256 MiB.
    pub(crate) fn new() -> Self {
        Self {
            cores: 1,
            heap_bytes_max: 256 << 20,
            items_bytes_max: 64 << 20,
            store: StoreConfig::default(),
        }
    }

    pub(crate) fn start(self) -> Rig {
        let driver = match std::env::var("LEVADA_IO").as_deref() {
            Ok("epoll") => Choice::Epoll,
            Ok("uring") => Choice::Uring,
            _ => Choice::Auto,
        };
        let options =
            Options { bytes_max: self.heap_bytes_max, arenas: self.cores, ..Options::default() };
        let heap = SharedHeap::new(options).unwrap();
        let account = heap.account("memcached", u64::MAX).unwrap();
        let mut config = Config::new(heap.clone());
        config.cores = vec![None; self.cores];
        config.channel = ChannelConfig { driver, ..ChannelConfig::default() };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("memcached.socket");
        let tcp = ListenPart::bind(([127, 0, 0, 1], 0).into(), self.cores).unwrap();
        let address = tcp[0].address();
        let unix = UnixPart::bind(&UnixName::path(&path).unwrap(), self.cores).unwrap();
        let parts = tcp.into_iter().zip(unix);
        let parts = parts.map(|(tcp, unix)| vec![Part::Tcp(tcp), Part::Unix(unix)]).collect();
        let pile = Pile::builder("memcached").limit_bytes(self.items_bytes_max).build().unwrap();
        let cache = Cache::over(&pile, CacheOptions::limit(self.items_bytes_max)).unwrap();
        let start = Start::new(Arc::new(self.store), cache, parts, account);
        let (probes, probe) = mpsc::channel();
        let (look, looks) = mpsc::channel();
        let (configs, told) = mpsc::channel::<Arc<StoreConfig>>();
        let domain = Domain::start(&config, move |cx, io| async move {
            let store = Store::start(&cx, &io, start).await?;
            let probe = move |cx: Context, mut inbox: Mailbox<ToProbe>| async move {
                loop {
                    match inbox.recv().await? {
                        ToProbe::Look => {}
                        ToProbe::Reload => store.reload(told.try_recv()?).await?,
                        ToProbe::Stop => {
                            let is_over = store.stop(&cx, WITHIN).await;
                            assert!(is_over, "all connections end in time");
                        }
                    }
                    look.send(store.report().await)?;
                }
            };
            let child = cx.spawn("probe", probe).map_err(failed)?;
            probes.send(child.sender)?;
            Ok(())
        });
        let domain = domain.unwrap();
        domain.wait().unwrap();
        let probe = probe.recv().unwrap();
        Rig { address, path, heap, _folder: folder, probe, configs, looks, domain: Some(domain) }
    }
}

impl Rig {
    /// The service as it is without a special wish.
    pub(crate) fn start() -> Self {
        Plan::new().start()
    }

    pub(crate) fn connect(&self) -> Client {
        Client::connect(self.address)
    }

    pub(crate) fn connect_within(&self) -> Client {
        Client::connect_within(&self.path)
    }

    fn ask(&self, what: ToProbe) -> StoreReport {
        assert!(self.probe.try_send(what).is_ok(), "the probe has room");
        self.looks.recv_timeout(WITHIN).expect("the cores answer")
    }

    pub(crate) fn look(&self) -> StoreReport {
        self.ask(ToProbe::Look)
    }

    /// Returns when all cores have the other configuration.
    pub(crate) fn reload(&self, config: StoreConfig) {
        self.configs.send(Arc::new(config)).unwrap();
        self.ask(ToProbe::Reload);
    }

    /// Lets connections end behind what they have in hand; seen from inside when all have.
    pub(crate) fn wind_down(&self) -> StoreReport {
        self.ask(ToProbe::Stop)
    }

    /// Looks until what is seen is as it should be.
    pub(crate) fn look_until(&self, is_so: impl Fn(&StoreReport) -> bool) -> StoreReport {
        let mut look = self.look();
        for _ in 0..2000 {
            if is_so(&look) {
                return look;
            }
            std::thread::park_timeout(Duration::from_millis(10));
            look = self.look();
        }
        panic!("not in 20 s: {look:?}");
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        let report = self.domain.take().map(|domain| domain.stop(Duration::from_secs(10)));
        if !std::thread::panicking() {
            let report = report.expect("it ran until now");
            assert!(report.is_clean && report.quarantined == 0, "{report:?}");
            assert_eq!(self.heap.gauges().used_bytes, 0, "{:?}", self.heap.accounts());
            self.heap.validate();
        }
    }
}
