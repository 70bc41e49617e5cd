//! The stage of a scene: a heap, a channel, and peers, that are threads with sockets or scripts of a simulated world.

use std::cell::{Cell, RefCell};
use std::fmt::Debug;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::thread::JoinHandle;
use std::time::Duration;

use levada_channel::{
    Channel, ChannelConfig, Choice, Deadline, Error, Level, ListenPart, Socket, TcpListener,
    TcpStream, UnixListener, UnixName, Wait, local,
};
use levada_ring::Address;
use levada_shared::{Account, Options, SharedData, SharedHeap};
use levada_sim::{
    Answer, Dice, Ended, Mischief, PeerId, PeerTrace, Sim, SimConfig, Step, Volley, VolleyId,
    VolleyTrace, World,
};

use crate::acting;
use crate::seeds::{CASTS, Replay, hidden, mischief, seeds};

/// What a scene is played with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scene {
    pub(crate) channel: ChannelConfig,
    /// How many places the simulated table has.
    pub(crate) direct_places: u32,
    /// What mischief leaves it as it is.
    pub(crate) bearable: Mischief,
    /// How much a peer reads before it is reset depends on the day: then it is not compared.
    pub(crate) is_lossy: bool,
    /// Whether all kernels must agree in what came of it.
    pub(crate) is_compared: bool,
}

impl Default for Scene {
    fn default() -> Self {
        let channel = ChannelConfig::default();
        Self { channel, direct_places: 256, bearable: hidden(), is_lossy: false, is_compared: true }
    }
}

/// What a scene plays on.
pub(crate) struct Stage {
    pub(crate) heap: SharedHeap,
    pub(crate) account: Account,
    pub(crate) channel: Channel,
    peers: RefCell<Vec<Peer>>,
    volleys: RefCell<Vec<VolleyPeer>>,
    /// How many far addresses there are; and listeners that nobody accepts at.
    far_count: Cell<u16>,
    open: RefCell<Vec<std::net::TcpListener>>,
    /// What each peer must have read, from the beginning.
    expected: RefCell<Vec<(usize, Vec<u8>)>>,
    /// Where nobody answers: kept, so that nobody does.
    silent: RefCell<Vec<(std::net::TcpListener, std::net::TcpStream)>>,
    pub(crate) world: Option<World>,
}

/// A peer of either kind.
#[derive(Debug)]
enum Peer {
    Thread(JoinHandle<PeerTrace>),
    Simulated(PeerId),
}

/// A peer of datagrams, of either kind.
#[derive(Debug)]
enum VolleyPeer {
    Thread(JoinHandle<VolleyTrace>),
    Simulated(VolleyId),
}

/// What came of all peers.
#[derive(Debug, Eq, PartialEq)]
struct Traces {
    peers: Vec<PeerTrace>,
    volleys: Vec<VolleyTrace>,
}

/// Where peers connect to.
#[derive(Debug)]
pub(crate) struct Port {
    pub(crate) listener: TcpListener,
    address: SocketAddr,
}

impl Scene {
    /// Plays each cast over the drivers of this machine, and each seed over a simulated kernel; all must come to the same.
    pub(crate) fn play<T: Debug + Eq>(&self, play: impl Fn(&Stage, &mut Dice) -> T) {
        let mut first: Vec<Option<(Traces, T)>> =
            (0..CASTS).map(|cast| self.play_really(cast, &play)).collect();
        for seed in seeds() {
            let cast = seed % CASTS;
            let replay = Replay { seed };
            let played = self.play_simulated(seed, cast, &play);
            // Where there is no real kernel, simulated ones must at least agree.
            match &mut first[usize::try_from(cast).expect("few")] {
                Some(_) if !self.is_compared => {}
                Some(first) => assert_eq!(*first, played, "the first kernel's, and seed {seed}'s"),
                none => *none = Some(played),
            }
            drop(replay);
        }
    }

    fn play_really<T: Debug + Eq>(
        &self,
        cast: u64,
        play: impl Fn(&Stage, &mut Dice) -> T,
    ) -> Option<(Traces, T)> {
        let mut first: Option<(Traces, T)> = None;
        for driver in choices() {
            let (heap, account) = heap();
            let config = ChannelConfig { driver, ..self.channel };
            let Ok(channel) = Channel::open(&config, &account) else { continue };
            let stage = Stage::of(heap, account, channel, None);
            let came = play(&stage, &mut Dice::of(cast));
            let played = (self.comparable(stage.leave()), came);
            match &first {
                None => first = Some(played),
                Some(_) if !self.is_compared => {}
                Some(first) => assert_eq!(first, &played, "{driver:?}, cast {cast}"),
            }
        }
        first
    }

    fn play_simulated<T>(
        &self,
        seed: u64,
        cast: u64,
        play: impl Fn(&Stage, &mut Dice) -> T,
    ) -> (Traces, T) {
        let (heap, account) = heap();
        let levels = [Level::Full, Level::Plain, Level::Epoll];
        let level = levels[usize::try_from(seed / CASTS % 3).expect("three")];
        let config = SimConfig {
            level,
            direct_places: self.direct_places,
            mischief: mischief(self.bearable),
        };
        let (sim, world) = Sim::seeded(seed, &config);
        let channel = Channel::over(Box::new(sim), &self.channel, &account).expect("a group");
        let stage = Stage::of(heap, account, channel, Some(world));
        let came = play(&stage, &mut Dice::of(cast));
        (self.comparable(stage.leave()), came)
    }

    fn comparable(&self, mut traces: Traces) -> Traces {
        for trace in
            traces.peers.iter_mut().filter(|trace| trace.ended == Ended::Reset && self.is_lossy)
        {
            trace.read.clear();
        }
        traces
    }
}

/// Receives all that comes.
pub(crate) async fn receive(stream: &TcpStream) -> Result<Vec<u8>, Error> {
    let mut all = Vec::new();
    while let Some(block) = stream.recv().await? {
        all.extend_from_slice(&block);
    }
    Ok(all)
}

/// Sends, and waits until it is with the peer's kernel.
pub(crate) async fn send_all(stage: &Stage, stream: &TcpStream, bytes: &[u8]) -> Result<(), Error> {
    stream.send(stage.data(bytes)).map_err(|refused| refused.error)?.await
}

fn heap() -> (SharedHeap, Account) {
    let heap = SharedHeap::new(Options { bytes_max: 64 << 20, arenas: 1, ..Options::default() })
        .expect("64 MiB");
    let account = heap.account("stage", u64::MAX).expect("one account");
    (heap, account)
}

fn choices() -> Vec<Choice> {
    match std::env::var("LEVADA_IO").as_deref() {
        Ok("epoll") => vec![Choice::Epoll],
        Ok("uring") => vec![Choice::Uring, Choice::Plain],
        Ok("sim") => Vec::new(),
        _ => vec![Choice::Uring, Choice::Plain, Choice::Epoll],
    }
}

/// What runs beside others.
pub(crate) type Task<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

/// Runs them beside each other until all have ended.
pub(crate) async fn all(mut tasks: Vec<Task<'_>>) {
    core::future::poll_fn(|cx| {
        tasks.retain_mut(|task| task.as_mut().poll(cx).is_pending());
        if tasks.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

impl Stage {
    fn of(heap: SharedHeap, account: Account, channel: Channel, world: Option<World>) -> Self {
        // From here on the channel knows what time it is with its kernel.
        channel.pass(Wait::No).expect("the driver works");
        let (peers, expected, silent) = Default::default();
        let (far_count, open, volleys) = (Cell::new(1), RefCell::default(), RefCell::default());
        Self { volleys, heap, account, channel, peers, far_count, open, expected, silent, world }
    }

    pub(crate) fn listen(&self, with_peers: bool) -> Port {
        let part = ListenPart::bind(([127, 0, 0, 1], 0).into(), 1).expect("a port").remove(0);
        let address = part.address();
        let listener = TcpListener::open(&self.channel, part, with_peers).expect("one listener");
        Port { listener, address }
    }

    /// A listener in the event form, and where it is.
    pub(crate) fn listen_for_events(&self, with_peers: bool) -> (Socket, SocketAddr) {
        let part = ListenPart::bind(([127, 0, 0, 1], 0).into(), 1).expect("a port").remove(0);
        let address = part.address();
        (self.channel.listen(part, with_peers, 0).expect("one listener"), address)
    }

    /// A peer that connects, and acts as written.
    pub(crate) fn peer(&self, port: &Port, script: Vec<Step>) {
        self.peer_at(port.address, script);
    }

    /// A peer that connects there, and acts as written.
    pub(crate) fn peer_at(&self, address: SocketAddr, script: Vec<Step>) {
        let peer = match &self.world {
            Some(world) => Peer::Simulated(world.connect_to(&Address::of(address), &script)),
            None => Peer::Thread(std::thread::spawn(move || acting::call(address, &script))),
        };
        self.peers.borrow_mut().push(peer);
    }

    /// A listener for connections within this machine.
    pub(crate) fn listen_here(&self) -> (UnixListener, UnixName) {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let text = format!("levada-scripted-{}-{count}", std::process::id());
        let name = UnixName::abstract_name(text.as_bytes()).expect("short");
        (UnixListener::bind(&self.channel, &name).expect("one listener"), name)
    }

    /// A peer that connects to a name of this machine, and acts as written.
    pub(crate) fn peer_here(&self, name: &UnixName, script: Vec<Step>) {
        let bytes = name.as_bytes().to_vec();
        let peer = match &self.world {
            Some(world) => {
                let address = Address::unix(&bytes).expect("a name");
                Peer::Simulated(world.connect_to(&address, &script))
            }
            None => Peer::Thread(std::thread::spawn(move || acting::call_here(&bytes, &script))),
        };
        self.peers.borrow_mut().push(peer);
    }

    /// A peer that exchanges datagrams with the program's socket at `to`.
    pub(crate) fn exchange(&self, to: SocketAddr, script: Vec<Volley>) {
        let peer = match &self.world {
            Some(world) => {
                let count = self.far_count.get();
                self.far_count.set(count + 1);
                let address = SocketAddr::from(([192, 0, 2, 2], count));
                VolleyPeer::Simulated(world.exchange(address, to, &script))
            }
            None => VolleyPeer::Thread(std::thread::spawn(move || acting::exchange(to, &script))),
        };
        self.volleys.borrow_mut().push(peer);
    }

    /// An address that answers so when it is connected to.
    pub(crate) fn far(&self, answer: Answer) -> SocketAddr {
        if let Some(world) = &self.world {
            let count = self.far_count.get();
            self.far_count.set(count + 1);
            let address = SocketAddr::from(([192, 0, 2, 1], count));
            let peer = world.answer(&Address::of(address), &answer);
            self.peers.borrow_mut().extend(peer.map(Peer::Simulated));
            return address;
        }
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("it is bound");
        match answer {
            Answer::Accepts(script) => {
                let serving = std::thread::spawn(move || acting::serve(&listener, &script));
                self.peers.borrow_mut().push(Peer::Thread(serving));
            }
            Answer::Refuses(_) => drop(listener),
            Answer::Silence => {
                // With one that waits, there is room for no more: who asks is not answered.
                rustix::net::listen(&listener, 0).expect("a listener");
                let waiting = std::net::TcpStream::connect(address).expect("room for one");
                self.silent.borrow_mut().push((listener, waiting));
            }
        }
        address
    }

    /// An address that accepts; whether anybody comes is not said, and not compared.
    pub(crate) fn far_or_never(&self, script: Vec<Step>) -> SocketAddr {
        if let Some(world) = &self.world {
            let count = self.far_count.get();
            self.far_count.set(count + 1);
            let address = SocketAddr::from(([192, 0, 2, 1], count));
            let _uncompared = world.answer(&Address::of(address), &Answer::Accepts(script));
            return address;
        }
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("it is bound");
        // Who connects is there as soon as the kernel says so; it is closed with the listener.
        self.open.borrow_mut().push(listener);
        address
    }

    /// A peer that may read `bytes`, and nothing else, perhaps not to their end.
    pub(crate) fn peer_of_bytes(&self, port: &Port, script: Vec<Step>, bytes: &[u8]) {
        let index = self.peers.borrow().len();
        self.expected.borrow_mut().push((index, bytes.to_vec()));
        self.peer(port, script);
    }

    /// A connection of the next peer that comes.
    pub(crate) fn accept(&self, port: &Port) -> TcpStream {
        self.run(port.listener.accept()).expect("a connection").0
    }

    pub(crate) fn run<T>(&self, main: impl Future<Output = T>) -> T {
        local::run(&self.channel, main).expect("the driver works")
    }

    /// Polls a future once, which then is dropped.
    pub(crate) fn poll_once<T>(&self, future: impl Future<Output = T>) {
        self.poll_and_drop(future, 1);
    }

    /// Polls a future so many times, with a pass behind each, and drops it; or less often, if it is ready.
    pub(crate) fn poll_and_drop<T>(&self, future: impl Future<Output = T>, polls: u64) {
        self.poll_taking(future, polls, drop);
    }

    /// As [`Self::poll_and_drop`]; if it is ready, `take` gets what it came to.
    pub(crate) fn poll_taking<T>(
        &self,
        future: impl Future<Output = T>,
        polls: u64,
        take: impl FnOnce(T),
    ) {
        let mut future = core::pin::pin!(future);
        let mut cx = Context::from_waker(Waker::noop());
        for _ in 0..polls {
            if let Poll::Ready(came) = future.as_mut().poll(&mut cx) {
                return take(came);
            }
            self.channel.pass(Wait::No).expect("the driver works");
        }
    }

    /// A few passes, that wait or not.
    pub(crate) fn pass_some(&self, dice: &mut Dice) {
        for _ in 0..dice.below(4) {
            let wait = match dice.below(2) {
                0 => Wait::No,
                _ => Wait::Until(self.after(Duration::from_micros(dice.below(3000)))),
            };
            self.channel.pass(wait).expect("the driver works");
        }
    }

    pub(crate) fn data(&self, bytes: &[u8]) -> SharedData {
        self.account.copy_from(bytes).expect("no limit")
    }

    pub(crate) fn after(&self, time: Duration) -> Deadline {
        self.channel.now() + time
    }

    /// Passes until `is_so`, for a minute at most.
    pub(crate) fn until(&self, is_so: impl Fn() -> bool) {
        self.channel.pass(Wait::No).expect("the driver works");
        let end = self.after(Duration::from_mins(5));
        while !is_so() {
            let until = self.after(Duration::from_millis(10));
            let passed = self.channel.pass(Wait::Until(until)).expect("the driver works");
            assert!(
                passed.now < end,
                "it never was so: {:?}, {:?}",
                self.channel.gauges(),
                self.world
            );
        }
    }

    fn is_over(&self) -> bool {
        match &self.world {
            Some(world) => world.is_over(),
            None => self.peers.borrow().iter().all(|peer| match peer {
                Peer::Thread(thread) => thread.is_finished(),
                Peer::Simulated(_) => true,
            }),
        }
    }

    /// After the scene nothing is out, nothing is lost, and the heap has everything back.
    fn leave(self) -> Traces {
        self.until(|| self.channel.gauges().streams_open == 0 && self.is_over());
        let peers = core::mem::take(&mut *self.peers.borrow_mut());
        let traces = peers.into_iter().map(|peer| match (peer, &self.world) {
            (Peer::Thread(thread), _) => thread.join().expect("a peer acts without a fault"),
            (Peer::Simulated(peer), Some(world)) => world.peer(peer),
            (Peer::Simulated(_), None) => unreachable!("there is a world"),
        });
        let traces: Vec<PeerTrace> = traces.collect();
        for (index, bytes) in self.expected.take() {
            assert!(bytes.starts_with(&traces[index].read), "peer {index} read other bytes");
        }
        let volleys = self.volleys.take().into_iter().map(|peer| match (peer, &self.world) {
            (VolleyPeer::Thread(thread), _) => thread.join().expect("it acts without a fault"),
            (VolleyPeer::Simulated(peer), Some(world)) => world.volleys(peer),
            (VolleyPeer::Simulated(_), None) => unreachable!("there is a world"),
        });
        let mut volleys: Vec<VolleyTrace> = volleys.collect();
        // Datagrams have no order among each other.
        volleys.iter_mut().for_each(|volley| volley.received.sort());
        let report = self.channel.end(self.after(Duration::from_secs(30))).expect("it works");
        assert_eq!(report.quarantined, 0, "operations that never ended");
        let gauges = self.channel.gauges();
        let stale_max = self.world.as_ref().map_or(0, World::stale_told);
        assert!(gauges.stale_completions <= stale_max, "{gauges:?}");
        assert_eq!((gauges.streams_open, gauges.files_in_flight), (0, 0));
        drop(self.channel);
        if let Some(world) = &self.world {
            world.validate_left();
        }
        assert_eq!((self.heap.gauges().used_bytes, self.account.charged_bytes()), (0, 0));
        self.heap.validate();
        Traces { peers: traces, volleys }
    }
}
