//! The simulated kernel: what is in it, how an operation gets in, and how what it came to is told.
//!
//! ```text
//! push -> queued -> [enter] -> flights -> [tried, when the time and the others allow] -> ready -> [due] -> told
//! ```
#![expect(unsafe_code, reason = "fills what was lent when a completion is told")]

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::os::fd::RawFd;

use levada_ring::{
    Caps, CoreWaker, Deadline, Done, DriverGauges, Errno, Lack, Level, Notice, Op, Target, Token,
    Vectored,
};

use crate::clock::Clock;
use crate::datagrams::Datagrams;
use crate::descriptor::StandIns;
use crate::disk::{Disk, NodeId};
use crate::flight::{FileId, Fill, Flight, FlightId, ListLent, Ready, SocketId, Tried, hands_over};
use crate::groups::{Groups, LentBlock};
use crate::lent::{Lent, Wrong};
use crate::net::{ConnectionId, Net, Side};
use crate::own_socket;
use crate::peer::{Peer, PeerId};
use crate::trick::Trick;
use crate::trouble::Trouble;

/// What a descriptor means.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Thing {
    Socket(SocketId),
    File(FileId),
    /// What a peer has passed to the program.
    Passed,
}

/// One socket.
#[derive(Debug, Default)]
pub(crate) struct Socket {
    pub(crate) connection: Option<ConnectionId>,
    /// Its number among the sockets of datagrams.
    pub(crate) datagrams: Option<usize>,
    /// Places and descriptors that mean it.
    handle_count: u32,
    /// Operations that keep it open.
    flight_count: u32,
    /// It was closed with a reset.
    is_reset: bool,
    is_closed: bool,
}

/// One open file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OpenFile {
    pub(crate) node: NodeId,
    /// The next name that is listed.
    pub(crate) position: usize,
}

/// One listening socket, which is a real one of the program's, and connections that wait at it.
#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) fd: RawFd,
    pub(crate) address: Vec<u8>,
    pub(crate) is_open: bool,
    pub(crate) backlog: VecDeque<(ConnectionId, PeerId)>,
    pub(crate) backlog_max: usize,
}

/// Whom a peer connects to.
#[derive(Clone, Debug)]
pub(crate) enum Call {
    /// A listener, by its number.
    Listener(usize),
    /// Whoever listens there, when somebody does.
    Address(Vec<u8>),
    /// Nobody: the program connects to it.
    Nobody,
}

/// What an address says when it is asked.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reply {
    Accepts(PeerId),
    Refuses(Errno),
    Silence,
}

/// A completion that was told last for its kind and index.
type Told = BTreeMap<(u8, u32), Done>;

/// What waits to be handed over.
#[derive(Debug)]
pub(crate) enum Queued {
    Push(Box<Flight>),
    Cancel(Token),
}

/// All of it.
#[derive(Debug)]
pub(crate) struct Kernel {
    pub(crate) name: String,
    pub(crate) caps: Caps,
    pub(crate) trouble: Trouble,
    pub(crate) clock: Clock,
    pub(crate) net: Net,
    pub(crate) disk: Disk,
    pub(crate) lent: Lent,
    pub(crate) groups: Groups,
    pub(crate) sockets: Vec<Socket>,
    pub(crate) files: Vec<OpenFile>,
    pub(crate) listeners: Vec<Listener>,
    pub(crate) peers: Vec<Peer>,
    pub(crate) calls: Vec<Call>,
    pub(crate) replies: Vec<(Vec<u8>, VecDeque<Reply>)>,
    pub(crate) datagrams: Datagrams,
    pub(crate) places: Vec<Option<SocketId>>,
    pub(crate) stand_ins: StandIns<Thing>,
    pub(crate) queued: VecDeque<Queued>,
    pub(crate) flights: BTreeMap<FlightId, Box<Flight>>,
    /// Tokens whose last completion was not told.
    in_flight: BTreeSet<u64>,
    ready: Vec<Ready>,
    /// The last key of each flight that goes on, which its next completion must not come before.
    lanes: BTreeMap<FlightId, (Deadline, u64)>,
    /// Closes that are linked behind a last send that has ended.
    pub(crate) closes_behind: Vec<Target>,
    serial: u64,
    told: Told,
    /// Completions of tokens that are of the past.
    past: Vec<Done>,
    pub(crate) stale_told: u64,
    /// All that was told, as one number.
    pub(crate) fingerprint: u64,
    pub(crate) waker: CoreWaker,
    pub(crate) gauges: DriverGauges,
    pub(crate) is_broken: bool,
    /// What was handed over and told last.
    pub(crate) history: VecDeque<String>,
    /// The entry at which something last came nearer to its end.
    pub(crate) moved_at_enter: u64,
    cq_places: usize,
}

/// How many completions wait visibly; where there is a crowd, at most.
const CQ_PLACES: usize = 2048;
const CQ_PLACES_CROWDED: usize = 16;

/// How much of what happened is kept.
const HISTORY_MAX: usize = 24;

/// How many completions of the past are kept.
const PAST_MAX: usize = 64;

impl Kernel {
    pub(crate) fn new(
        name: String,
        mut trouble: Trouble,
        level: Level,
        direct_places: u32,
    ) -> Self {
        let is_crowded = trouble.knows(Trick::Crowd);
        let crowded = 2 + trouble.dice.index(CQ_PLACES_CROWDED - 1);
        let cq_places = if is_crowded { crowded } else { CQ_PLACES };
        let direct_places = if level == Level::Full { direct_places } else { 0 };
        let lacks = match level {
            Level::Full => Vec::new(),
            Level::Plain => vec![Lack::Without("sockets in the ring's own table")],
            Level::Epoll => vec![Lack::Needs("a kernel: this one is simulated")],
        };
        Self {
            name,
            caps: Caps { level, direct_places, lacks, descriptors_are_real: false },
            trouble,
            clock: Clock::new(),
            net: Net::default(),
            disk: Disk::new(),
            lent: Lent::default(),
            groups: Groups::default(),
            sockets: Vec::new(),
            files: Vec::new(),
            listeners: Vec::new(),
            peers: Vec::new(),
            calls: Vec::new(),
            replies: Vec::new(),
            datagrams: Datagrams::default(),
            places: vec![None; direct_places as usize],
            stand_ins: StandIns::new(),
            queued: VecDeque::new(),
            flights: BTreeMap::new(),
            in_flight: BTreeSet::new(),
            ready: Vec::new(),
            lanes: BTreeMap::new(),
            closes_behind: Vec::new(),
            serial: 0,
            told: Told::new(),
            past: Vec::new(),
            stale_told: 0,
            fingerprint: 0,
            waker: CoreWaker::new().expect("an eventfd"),
            gauges: DriverGauges::default(),
            is_broken: false,
            history: VecDeque::new(),
            moved_at_enter: 0,
            cq_places,
        }
    }

    /// The program did what it must not do: the run ends.
    pub(crate) fn fail(&mut self, wrong: &str) -> ! {
        self.is_broken = true;
        let last: Vec<&str> = self.history.iter().map(String::as_str).collect();
        let (name, age) = (&self.name, self.clock.since_begin());
        panic!("{name}, after {age:?}: {wrong}; before that: {}", last.join(", "));
    }

    /// Keeps what happened, for who reads of a failure.
    pub(crate) fn note(&mut self, what: impl FnOnce() -> String) {
        if self.history.len() == HISTORY_MAX {
            self.history.pop_front();
        }
        self.history.push_back(what());
    }

    /// What `checked` is, or the end of the run.
    pub(crate) fn right<T>(&mut self, checked: Result<T, Wrong>) -> T {
        checked.unwrap_or_else(|wrong| self.fail(&wrong))
    }

    pub(crate) fn is_epoll(&self) -> bool {
        self.caps.level == Level::Epoll
    }

    pub(crate) fn now(&self) -> Deadline {
        self.clock.now()
    }

    fn cq_places(&self) -> usize {
        if self.is_epoll() { usize::MAX } else { self.cq_places }
    }

    /// A moment from now on; later than that only if the trick is played.
    pub(crate) fn moment(&mut self, trick: Trick, at_most: Duration) -> Deadline {
        let ns = u64::try_from(at_most.as_nanos()).unwrap_or(u64::MAX);
        let later = self.trouble.amount(trick, 1, ns).unwrap_or(0);
        self.now() + Duration::from_nanos(later)
    }

    /// Keeps an operation until it is handed over.
    pub(crate) fn push(&mut self, token: Token, flight: Flight) {
        if !self.in_flight.insert(token.number()) {
            self.fail(&format!("{token:?} is pushed again before its last completion"));
        }
        if let Some(told) = self.told.get(&(token.kind(), token.index()))
            && told.token.generation() < token.generation()
            && self.past.len() < PAST_MAX
        {
            self.past.push(Done { block: None, ..*told });
        }
        self.gauges.operations += 1;
        self.gauges.in_kernel += 1;
        self.queued.push_back(Queued::Push(Box::new(flight)));
    }

    /// A new flight, with nothing lent yet.
    pub(crate) fn flight(&mut self, token: Token, op: &Op) -> Flight {
        self.serial += 1;
        Flight {
            id: FlightId(self.serial),
            token,
            op: *op,
            not_before: self.now(),
            ends_at: None,
            socket: None,
            file: None,
            listener: None,
            loans: Vec::new(),
            list: None,
            progress_bytes: 0,
            notice_at: None,
            is_notice_held: false,
            silent_until: None,
        }
    }

    /// Whether an operation is in the kernel, or on its way.
    pub(crate) fn in_kernel(&self) -> usize {
        self.in_flight.len()
    }

    /// The socket that a target means. One that the program made itself is taken over.
    pub(crate) fn socket_of(&mut self, target: Target) -> Result<SocketId, Errno> {
        match target {
            Target::Direct(place) => {
                self.places.get(place as usize).copied().flatten().ok_or(Errno::BADF)
            }
            Target::Fd(fd) => match self.stand_ins.find(fd) {
                Some(Thing::Socket(id)) => Ok(id),
                Some(Thing::File(_) | Thing::Passed) => Err(Errno::NOTSOCK),
                None => self.take_over(fd),
            },
        }
    }

    fn take_over(&mut self, fd: RawFd) -> Result<SocketId, Errno> {
        let kind = own_socket::kind(fd)?;
        let id = self.add_socket(None);
        if kind == libc::SOCK_DGRAM {
            let socket = self.datagrams.add_socket(own_socket::address(fd)?);
            self.sockets[id.0].datagrams = Some(socket);
        }
        self.stand_ins.mean(fd, Thing::Socket(id));
        self.sockets[id.0].handle_count += 1;
        Ok(id)
    }

    /// The connection of a socket.
    pub(crate) fn connection_of(&self, id: SocketId) -> Result<ConnectionId, Errno> {
        self.sockets[id.0].connection.ok_or(Errno::NOTCONN)
    }

    pub(crate) fn add_socket(&mut self, connection: Option<ConnectionId>) -> SocketId {
        self.sockets.push(Socket { connection, ..Socket::default() });
        SocketId(self.sockets.len() - 1)
    }

    /// A place or a descriptor for a socket.
    pub(crate) fn add_handle(&mut self, id: SocketId, direct: bool) -> Result<u32, Errno> {
        let number = if direct {
            let free: Vec<usize> =
                (0..self.places.len()).filter(|place| self.places[*place].is_none()).collect();
            let place = *free.get(self.trouble.dice.index(free.len())).ok_or(Errno::NFILE)?;
            self.places[place] = Some(id);
            u32::try_from(place).expect("a place")
        } else {
            self.stand_ins.make_socket(Thing::Socket(id))?.cast_unsigned()
        };
        self.sockets[id.0].handle_count += 1;
        Ok(number)
    }

    /// An operation keeps the socket open until it has ended.
    pub(crate) fn hold(&mut self, flight: &mut Flight, id: SocketId) {
        flight.socket = Some(id);
        self.sockets[id.0].flight_count += 1;
    }

    /// Takes a handle away; the last one closes the socket, when no operation keeps it open.
    pub(crate) fn close_handle(&mut self, target: Target, is_reset: bool) -> Result<u32, Errno> {
        let thing = match target {
            Target::Direct(place) => {
                let socket = self.places.get_mut(place as usize).and_then(Option::take);
                socket.map(Thing::Socket).ok_or(Errno::BADF)?
            }
            Target::Fd(fd) => {
                let waits = self.stand_ins.find(fd).is_some_and(|thing| self.is_awaited(thing));
                if waits && self.is_epoll() {
                    self.fail("a descriptor is closed on which an operation waits: it never ends");
                }
                self.stand_ins.close(fd).ok_or(Errno::BADF)?
            }
        };
        self.closed(thing, is_reset);
        Ok(0)
    }

    /// Notices which descriptors the program has closed by itself.
    pub(crate) fn notice_closed(&mut self) {
        for (thing, is_watched) in self.stand_ins.take_closed() {
            // A ring holds what it works on; a poll set does not, and takes the next of that number for it.
            if is_watched && self.is_epoll() {
                self.fail(
                    "a descriptor that the driver watches was closed, and the driver was not told",
                );
            }
            self.closed(thing, false);
        }
    }

    fn is_awaited(&self, thing: Thing) -> bool {
        self.flights.values().any(|flight| flight.socket.map(Thing::Socket) == Some(thing))
    }

    /// A handle has gone.
    pub(crate) fn closed(&mut self, thing: Thing, is_reset: bool) {
        if let Thing::Socket(id) = thing {
            self.sockets[id.0].handle_count -= 1;
            self.sockets[id.0].is_reset |= is_reset;
            self.settle(id);
        }
    }

    /// Closes a socket that nothing keeps open any more.
    pub(crate) fn settle(&mut self, id: SocketId) {
        let socket = &mut self.sockets[id.0];
        if socket.handle_count > 0 || socket.flight_count > 0 || socket.is_closed {
            return;
        }
        socket.is_closed = true;
        if let Some(datagrams) = socket.datagrams {
            self.datagrams.close(datagrams);
        }
        if let Some(connection) = socket.connection {
            self.moved_at_enter = self.gauges.enters;
            let dice = &mut self.trouble.dice;
            match socket.is_reset {
                true => self.net.reset(connection, Side::Program, dice),
                false => self.net.close(connection, Side::Program, dice),
            }
        }
    }

    /// How many sockets are open.
    pub(crate) fn open_sockets(&self) -> usize {
        self.sockets.iter().filter(|socket| !socket.is_closed).count()
    }

    /// A completion that is followed by others, unless the kernel says otherwise; what it says then.
    pub(crate) fn made_more(
        &mut self,
        flight: &Flight,
        result: u32,
        block: Option<LentBlock>,
        fill: Fill,
    ) -> Tried {
        let is_crowded = self.ready.len() >= self.cq_places();
        if is_crowded {
            self.gauges.cq_overflows += 1;
            self.trouble.note(Trick::Crowd);
        }
        let ends = !self.is_epoll() && (is_crowded || self.trouble.plays(Trick::Ending));
        let done = Done {
            token: flight.token,
            result: Ok(result),
            more: !ends,
            block: block.map(|lent| lent.block),
            notice: None,
        };
        self.make(flight, done, block, fill);
        if ends { Tried::Ended } else { Tried::GoesOn }
    }

    /// A completion that is the last of its operation.
    pub(crate) fn made_last(
        &mut self,
        flight: &Flight,
        result: Result<u32, Errno>,
        block: Option<LentBlock>,
        fill: Fill,
    ) -> Tried {
        let done = Done { block: block.map(|lent| lent.block), ..Done::last(flight.token, result) };
        self.make(flight, done, block, fill);
        Tried::Ended
    }

    /// The first completion of a zero-copy send.
    pub(crate) fn made_before_notice(&mut self, flight: &mut Flight, result: Result<u32, Errno>) {
        let done = Done { more: true, ..Done::last(flight.token, result) };
        self.make(flight, done, None, Fill::Nothing);
        // What the list says is known; only the bytes are still read.
        if let Some(made) = self.ready.last_mut() {
            made.list = flight.list.take();
        }
    }

    /// The notice of a zero-copy send.
    pub(crate) fn made_notice(&mut self, flight: &Flight, notice: Notice) -> Tried {
        let done = Done { notice: Some(notice), ..Done::last(flight.token, Ok(0)) };
        self.make(flight, done, None, Fill::Nothing);
        Tried::Ended
    }

    fn make(&mut self, flight: &Flight, done: Done, block: Option<LentBlock>, fill: Fill) {
        let mut key = (self.now(), 0);
        if !self.is_epoll() {
            key.0 = self.moment(Trick::Late, Duration::from_millis(20));
            key.1 = self.trouble.amount(Trick::Disorder, 0, u64::MAX).unwrap_or(0);
        }
        // One operation's completions come in their order.
        let lane = self.lanes.entry(flight.id).or_insert(key);
        *lane = (*lane).max(key);
        self.serial += 1;
        self.ready.push(Ready {
            due: lane.0,
            tie: lane.1,
            serial: self.serial,
            done,
            fill,
            block,
            list: None,
            last_of: None,
            is_repeatable: !hands_over(&flight.op),
        });
    }

    /// A flight is over when its last completion, which was made just now, is told.
    pub(crate) fn ends_with_last(&mut self, flight: Box<Flight>) {
        self.lanes.remove(&flight.id);
        let token = flight.token;
        let last = self.ready.iter_mut().rev().find(|ready| ready.done.token == token);
        let last = last.expect("what ends has a completion");
        assert!(!last.done.more, "what ends says so");
        last.last_of = Some(flight);
    }

    /// Whether there is something to tell now.
    pub(crate) fn has_due(&self) -> bool {
        self.ready.iter().any(|ready| ready.due <= self.now())
    }

    /// When the next completion is due.
    pub(crate) fn next_due(&self) -> Option<Deadline> {
        self.ready.iter().map(|ready| ready.due).min()
    }

    /// Tells what is due, as far as the queue of completions goes.
    pub(crate) fn tell(&mut self, done: &mut Vec<Done>) {
        self.ready.sort_by_key(|ready| (ready.due, ready.tie, ready.serial));
        let now = self.now();
        let due = self.ready.iter().take_while(|ready| ready.due <= now).count();
        let told: Vec<Ready> = self.ready.drain(..due.min(self.cq_places())).collect();
        for ready in told {
            self.gauges.completions += 1;
            self.tell_one(ready, done);
        }
        if !self.past.is_empty() && self.trouble.plays(Trick::Stale) {
            let stale = self.past.swap_remove(self.trouble.dice.index(self.past.len()));
            self.stale_told += 1;
            done.push(stale);
        }
    }

    fn tell_one(&mut self, ready: Ready, done: &mut Vec<Done>) {
        match ready.fill {
            Fill::Nothing => {}
            Fill::Bytes(loan, bytes) => {
                let written = self.lent.write(loan, &bytes);
                self.right(written);
            }
            // SAFETY: the room was lent with the operation, whose last completion was not told yet.
            Fill::Address(place, address) => unsafe { place.write(*address) },
            Fill::Stat(place, stat) => {
                // SAFETY: as above; a stat buffer is nothing but this structure (`repr(transparent)`).
                unsafe { place.cast::<libc::statx>().write(*stat) };
            }
        }
        self.check_list(ready.list.as_ref());
        if let Some(lent) = ready.block {
            let returned = self.lent.give_back(lent.loan);
            self.right(returned);
            self.groups.told(lent.group);
        }
        let told = ready.done;
        self.note(|| {
            format!("told {}:{} {:?}", told.token.kind(), told.token.index(), told.result)
        });
        let since_begin = u64::try_from(self.clock.since_begin().as_nanos()).unwrap_or(u64::MAX);
        let number = if ready.is_repeatable { told.result.unwrap_or(0) } else { 0 };
        for part in [told.token.number(), number.into(), since_begin] {
            self.fingerprint =
                (self.fingerprint.rotate_left(7) ^ part).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        }
        if let Some(mut flight) = ready.last_of {
            self.in_flight.remove(&told.token.number());
            self.gauges.in_kernel -= 1;
            self.let_go(&flight);
            self.release(&mut flight);
            if ready.is_repeatable {
                self.told.insert((told.token.kind(), told.token.index()), told);
            }
        }
        done.push(told);
    }

    fn check_list(&mut self, lent: Option<&ListLent>) {
        let Some(lent) = lent else { return };
        // SAFETY: the list was lent with the operation, whose completion is being told.
        let list: &Vectored = unsafe { &*lent.list };
        if ListLent::spans_of(list) != lent.spans {
            self.fail("a list changed while it was lent");
        }
    }

    fn let_go(&mut self, flight: &Flight) {
        self.check_list(flight.list.as_ref());
        for loan in &flight.loans {
            let returned = self.lent.give_back(*loan);
            self.right(returned);
        }
    }

    /// An operation keeps its socket open no longer.
    pub(crate) fn release(&mut self, flight: &mut Flight) {
        if let Some(id) = flight.socket.take() {
            self.sockets[id.0].flight_count -= 1;
            self.settle(id);
        }
    }
}
