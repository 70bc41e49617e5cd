//! The rig is the real service on real sockets: a domain, a folder of known files, and a way to look inside.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use levada_channel::{ChannelConfig, Choice, ListenPart};
use levada_domain::{Config, Domain, Folder};
use levada_process::{Context, Failure, Mailbox, Message, Sender};
use levada_shared::{Options, SharedHeap};
use levada_web::{Site, Start, Web, WebConfig, WebReport};

use crate::client::{Client, Reply};
use crate::folder::fill;

/// How long anything may take that is awaited here.
pub(crate) const WITHIN: Duration = Duration::from_secs(20);

/// What a service is started with, to be changed before it is.
pub(crate) struct Plan {
    pub(crate) cores: usize,
    pub(crate) heap_bytes_max: u64,
    pub(crate) files_bytes_max: u64,
    pub(crate) channel: ChannelConfig,
    pub(crate) web: WebConfig,
    folder: tempfile::TempDir,
}

/// A running service. Dropped, it is stopped, and must leave nothing behind.
pub(crate) struct Rig {
    pub(crate) address: SocketAddr,
    pub(crate) heap: SharedHeap,
    pub(crate) folder: tempfile::TempDir,
    probe: Sender<ToProbe>,
    configs: mpsc::Sender<Arc<WebConfig>>,
    looks: mpsc::Receiver<Look>,
    /// Where the first core waits while it is held.
    holds: mpsc::Sender<()>,
    domain: Option<Domain>,
}

/// What is seen from inside, on the first core.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Look {
    pub(crate) web: WebReport,
    pub(crate) channel: levada_channel::Gauges,
    pub(crate) processes: levada_process::Gauges,
}

#[derive(Message)]
enum ToProbe {
    Look,
    Reload,
    Hold,
    Stop,
    Drill,
}

fn failed<E: core::fmt::Debug>(error: E) -> Failure {
    Failure::new(format!("{error:?}"))
}

impl Plan {
    /// One core, 256 MiB, the known files.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fill(folder.path());
        let driver = match std::env::var("LEVADA_IO").as_deref() {
            Ok("epoll") => Choice::Epoll,
            Ok("uring") => Choice::Uring,
            _ => Choice::Auto,
        };
        Self {
            cores: 1,
            heap_bytes_max: 256 << 20,
            files_bytes_max: u64::MAX,
            channel: ChannelConfig { driver, ..ChannelConfig::default() },
            web: WebConfig::new(Site::new(Folder::open(folder.path()).unwrap())),
            folder,
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn site(&mut self) -> &mut Site {
        &mut self.web.sites[0]
    }

    pub(crate) fn start(self) -> Rig {
        let options =
            Options { bytes_max: self.heap_bytes_max, arenas: self.cores, ..Options::default() };
        let heap = SharedHeap::new(options).unwrap();
        let files = heap.account("files", self.files_bytes_max).unwrap();
        let replies = heap.account("replies", u64::MAX).unwrap();
        let mut config = Config::new(heap.clone());
        config.cores = vec![None; self.cores];
        config.channel = self.channel;
        let parts = ListenPart::bind(([127, 0, 0, 1], 0).into(), self.cores).unwrap();
        let address = parts[0].address();
        let parts = parts.into_iter().map(|part| vec![part]).collect();
        let start = Start::new(Arc::new(self.web), parts, files, replies);
        let (probes, probe) = mpsc::channel();
        let (look, looks) = mpsc::channel();
        let (configs, told) = mpsc::channel::<Arc<WebConfig>>();
        let (holds, held) = mpsc::channel();
        let domain = Domain::start(&config, move |cx, io| async move {
            let web = Web::start(&cx, &io, start).await?;
            let probe = move |cx: Context, mut inbox: Mailbox<ToProbe>| async move {
                loop {
                    match inbox.recv().await? {
                        ToProbe::Look => {}
                        ToProbe::Reload => web.reload(told.try_recv()?).await?,
                        ToProbe::Drill => {
                            for (_, kill) in web.processes() {
                                cx.kill(kill, "a drill");
                            }
                        }
                        ToProbe::Stop => {
                            let is_over = web.stop(&cx, WITHIN).await;
                            assert!(is_over, "all connections end in time");
                        }
                        ToProbe::Hold => {
                            look.send(Look::default())?;
                            held.recv()?; // the whole core waits, as no process should let it
                            continue;
                        }
                    }
                    let (channel, processes) = (io.channel().gauges(), io.process_gauges());
                    look.send(Look { web: web.report().await, channel, processes })?;
                }
            };
            let child = cx.spawn("probe", probe).map_err(failed)?;
            probes.send(child.sender)?;
            Ok(())
        });
        let domain = domain.unwrap();
        domain.wait().unwrap();
        let probe = probe.recv().unwrap();
        Rig {
            address,
            heap,
            folder: self.folder,
            probe,
            configs,
            looks,
            holds,
            domain: Some(domain),
        }
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

    /// Asks on a connection of its own.
    pub(crate) fn ask(&self, method: &str, target: &str, fields: &str) -> Reply {
        let mut client = self.connect();
        client.send(&format!("{method} {target} HTTP/1.1\r\nHost: site.test\r\n{fields}\r\n"));
        client.reply_to(method)
    }

    pub(crate) fn get(&self, target: &str) -> Reply {
        self.ask("GET", target, "")
    }

    pub(crate) fn get_with(&self, target: &str, fields: &str) -> Reply {
        self.ask("GET", target, fields)
    }

    pub(crate) fn look(&self) -> Look {
        assert!(self.probe.try_send(ToProbe::Look).is_ok(), "the probe has room");
        self.looks.recv_timeout(WITHIN).expect("the cores answer")
    }

    /// Kills every process that the service consists of, connections left out.
    pub(crate) fn drill(&self) {
        assert!(self.probe.try_send(ToProbe::Drill).is_ok(), "the probe has room");
        self.looks.recv_timeout(WITHIN).expect("the cores answer");
    }

    /// Asks for a file until it is hot: where each request asks the storage, that is soon.
    pub(crate) fn heat(&self, target: &str) {
        let before = self.look().web.hot_bytes;
        let mut client = self.connect();
        for _ in 0..3 {
            assert_eq!(client.get(target).status, 200);
        }
        assert!(self.look().web.hot_bytes > before, "{target} was asked for again and again");
    }

    /// Returns when all cores have the other configuration.
    pub(crate) fn reload(&self, config: WebConfig) {
        self.configs.send(Arc::new(config)).unwrap();
        assert!(self.probe.try_send(ToProbe::Reload).is_ok(), "the probe has room");
        self.looks.recv_timeout(WITHIN).expect("the cores answer");
    }

    /// Lets connections end behind what they are answering; seen from inside when all have.
    pub(crate) fn wind_down(&self) -> Look {
        assert!(self.probe.try_send(ToProbe::Stop).is_ok(), "the probe has room");
        self.looks.recv_timeout(WITHIN).expect("the cores answer")
    }

    /// Does something while the first core does nothing: what comes meanwhile is found together.
    pub(crate) fn while_held<R>(&self, act: impl FnOnce() -> R) -> R {
        assert!(self.probe.try_send(ToProbe::Hold).is_ok(), "the probe has room");
        self.looks.recv_timeout(WITHIN).expect("the core stands still");
        let result = act();
        self.holds.send(()).unwrap();
        result
    }

    /// Looks until what is seen is as it should be.
    pub(crate) fn look_until(&self, is_so: impl Fn(&Look) -> bool) -> Look {
        let mut look = self.look();
        for _ in 0..2000 {
            if is_so(&look) {
                return look;
            }
            pause(10);
            look = self.look();
        }
        panic!("not in 20 s: {look:?}");
    }
}

/// Gives others time.
pub(crate) fn pause(ms: u64) {
    std::thread::park_timeout(Duration::from_millis(ms));
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
