//! The stage of each scene: a heap, an account, a channel over one driver; left clean behind the scene.

use std::net::TcpStream as Peer;
use std::time::Duration;

use levada_channel::{
    Channel, ChannelConfig, Choice, Connection, Error, ListenPart, TcpListener, TcpStream, Wait,
    local, now,
};
use levada_shared::{Account, Options, SharedData, SharedHeap};

/// What a scene plays on.
pub(crate) struct Stage {
    pub(crate) heap: SharedHeap,
    pub(crate) account: Account,
    pub(crate) channel: Channel,
}

impl Stage {
    pub(crate) fn on_each(config: &ChannelConfig, play: impl Fn(&Self)) {
        for choice in choices() {
            let heap =
                SharedHeap::new(Options { bytes_max: 64 << 20, arenas: 1, ..Options::default() })
                    .expect("64 MiB of addresses");
            let account = heap.account("stage", u64::MAX).expect("one account");
            match Channel::open(&ChannelConfig { driver: choice, ..*config }, &account) {
                Ok(channel) => {
                    let stage = Self { heap, account, channel };
                    play(&stage);
                    stage.leave_clean(choice);
                }
                Err(error) => skip(choice, &error.to_string()),
            }
        }
    }

    /// After the scene nothing is out, nothing is lost, and the heap has everything back.
    pub(crate) fn leave_clean(self, choice: Choice) {
        let report = self.channel.end(now() + Duration::from_secs(5)).expect("the driver works");
        assert_eq!(report.quarantined, 0, "{choice:?}");
        let gauges = self.channel.gauges();
        assert_eq!(
            (gauges.streams_open, gauges.files_in_flight, gauges.stale_completions),
            (0, 0, 0),
            "{choice:?}"
        );
        drop(self.channel);
        assert_eq!(
            (self.heap.gauges().used_bytes, self.account.charged_bytes()),
            (0, 0),
            "{choice:?}"
        );
        self.heap.validate();
    }

    pub(crate) fn run<T>(&self, main: impl Future<Output = T>) -> T {
        local::run(&self.channel, main).expect("the driver works")
    }

    pub(crate) fn listen(&self, with_peers: bool) -> TcpListener {
        let part = ListenPart::bind(([127, 0, 0, 1], 0).into(), 1).expect("a port").remove(0);
        TcpListener::open(&self.channel, part, with_peers).expect("one listener")
    }

    /// A connection, and its peer's end.
    pub(crate) fn pair(&self) -> (TcpStream, Peer) {
        let listener = self.listen(false);
        let peer = Peer::connect(listener.address()).expect("somebody listens");
        peer.set_read_timeout(Some(Duration::from_secs(20))).expect("a socket");
        (self.run(listener.accept()).expect("a connection").0, peer)
    }

    pub(crate) fn data(&self, bytes: &[u8]) -> SharedData {
        self.account.copy_from(bytes).expect("no limit")
    }

    /// Passes for a while, so that what is under way comes.
    pub(crate) fn rest(&self, ms: u64) {
        let end = now() + Duration::from_millis(ms);
        while self.channel.pass(Wait::Until(end)).expect("the driver works").now < end {}
    }

    /// Passes until `is_so`, for ten seconds at most.
    pub(crate) fn until(&self, is_so: impl Fn() -> bool) {
        let end = now() + Duration::from_secs(10);
        while !is_so() {
            let until = now() + Duration::from_millis(10);
            let passed = self.channel.pass(Wait::Until(until)).expect("the driver works");
            assert!(passed.now < end, "it never was so");
        }
    }
}

pub(crate) fn choices() -> Vec<Choice> {
    match std::env::var("LEVADA_IO").as_deref() {
        Ok("epoll") => vec![Choice::Epoll],
        Ok("uring") => vec![Choice::Uring, Choice::Plain],
        _ => vec![Choice::Uring, Choice::Plain, Choice::Epoll],
    }
}

#[expect(clippy::print_stderr, reason = "a scene that cannot run here says so")]
pub(crate) fn skip(choice: Choice, why: &str) {
    eprintln!("not over {choice:?}: {why}");
}

pub(crate) fn pattern(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|index| (index * 7 + index / 253).to_le_bytes()[0]).collect()
}

/// Receives all that comes.
pub(crate) async fn receive<K>(stream: &Connection<K>) -> Result<Vec<u8>, Error> {
    let mut all = Vec::new();
    while let Some(block) = stream.recv().await? {
        all.extend_from_slice(&block);
    }
    Ok(all)
}

/// How many descriptors this program has open.
pub(crate) fn descriptors_open() -> usize {
    std::fs::read_dir("/proc/self/fd").expect("Linux has it").count()
}
