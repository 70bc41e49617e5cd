//! Running a load is asking anew whenever an answer is whole, on every connection, until the window has passed.
//!
//! Cost: one system call for all that is ready; a receive stays armed, so a request is one entry and two completions.
//! The server's CPU is read at both ends of the window while the load goes on, so that its edges cost nothing.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use crate::frame::fault::Fault;
use crate::frame::stop::Stop;
use crate::load::dialogue::{Dialogue, Heard};
use crate::load::plan::{Lifetime, Plan, Window};
use crate::load::tally::Tally;
use crate::machine::clock::{now_ns, own_cpu_ns};
use crate::machine::road::Road;
use crate::ring::blocks::BlockRoom;
use crate::ring::messages::MessageIndex;
use crate::ring::sockets::{Act, Event, Sockets, Then, Times};

/// So many connections are being opened at a time: fewer than any server's backlog.
const OPENING_MAX: u32 = 128;

/// A server that says nothing for so long has failed.
const SILENCE_MAX: Duration = Duration::from_secs(10);

/// How often a quiet load looks whether it shall stop.
const LOOK: Duration = Duration::from_millis(50);

/// More would only pass through more cache: completions come in batches of some dozen.
const BLOCK_COUNT: u16 = 32;

/// Requests are handed over when this share of the connections has been answered, though the kernel tells of some dozen at a
/// time: with many connections that wakes the server less often, and the client keeps up with it. More would make the two
/// take turns, so that neither is busy.
const BURST_SHARE: usize = 8;

/// The server's CPU time so far.
pub(crate) type Meter<'a> = &'a mut dyn FnMut() -> Result<u64, Fault>;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Phase {
    /// Until every connection has had its first answer.
    Opening,
    Warming {
        until_ns: u64,
    },
    Counting {
        until_ns: u64,
    },
    /// Nothing new is asked; what was asked must still be answered rightly.
    Draining,
}

/// What a line waits for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Waits {
    /// Nothing: it is not connected yet, or done.
    Idle,
    ForAnswer,
    /// It has its answer; the server was told to close.
    ForClose,
    /// It has its last answer; a receive that is still armed holds the socket, and was told to end.
    ForRelease,
}

/// One connection.
struct Line<T> {
    talk: T,
    waits: Waits,
    asked_at_ns: u64,
    /// How many of its requests have been answered.
    answered_count: u32,
}

struct Load<'a, D: Dialogue> {
    plan: Plan,
    dialogue: &'a mut D,
    meter: Meter<'a>,
    sockets: Sockets,
    lines: Vec<Line<D::Talk>>,
    opened_count: u32,
    waiting_count: u32,
    phase: Phase,
    now_ns: u64,
    started_ns: u64,
    cpu_before_ns: u64,
    client_cpu_before_ns: u64,
    tally: Tally,
}

/// Loads a server as `plan` says.
/// # Errors
/// [`Fault::Wrong`] for any answer that is not right: then there is no figure.
pub(crate) fn run<D: Dialogue>(
    plan: Plan,
    dialogue: &mut D,
    meter: Meter<'_>,
    stop: &Stop,
) -> Result<Tally, Fault> {
    let room = BlockRoom { block_count: BLOCK_COUNT, block_bytes: plan.block_bytes };
    let sockets = Sockets::open(plan.connection_count, room, dialogue.messages(), &peers(&plan))
        .map_err(|error| Fault::machine("cannot set up a ring for the load", error))?;
    let line =
        |_| Line { talk: dialogue.begin(), waits: Waits::Idle, asked_at_ns: 0, answered_count: 0 };
    let lines = (0..plan.connection_count).map(line).collect();
    let mut load = Load {
        plan,
        dialogue,
        meter,
        sockets,
        lines,
        opened_count: 0,
        waiting_count: 0,
        phase: Phase::Opening,
        now_ns: now_ns(),
        started_ns: 0,
        cpu_before_ns: 0,
        client_cpu_before_ns: 0,
        tally: Tally::default(),
    };
    load.carry_on(stop)?;
    Ok(load.tally)
}

impl<D: Dialogue> Load<'_, D> {
    fn carry_on(&mut self, stop: &Stop) -> Result<(), Fault> {
        if let Window::Counted(_) = self.plan.window {
            self.begin_counting(Duration::MAX)?;
        }
        for _ in 0..OPENING_MAX.min(self.plan.connection_count) {
            self.open_next()?;
        }
        let mut events = Vec::new();
        let mut heard_ns = self.now_ns;
        while self.phase != Phase::Draining || self.waiting_count > 0 {
            stop.check()?;
            self.sockets
                .enter(Some(LOOK))
                .map_err(|error| Fault::machine("the load's ring failed", error))?;
            self.now_ns = now_ns();
            self.sockets.take_events(&mut events);
            if !events.is_empty() {
                heard_ns = self.now_ns;
            } else if Duration::from_nanos(self.now_ns - heard_ns) > SILENCE_MAX {
                return Err(Fault::Wrong("the server said nothing for ten seconds".to_owned()));
            }
            self.turn()?;
            self.take_burst(&mut events)?;
        }
        Ok(())
    }

    /// Takes events until there are none, or enough of them that what they made us ask should be handed over.
    fn take_burst(&mut self, events: &mut Vec<Event>) -> Result<(), Fault> {
        let mut taken_count = 0;
        while !events.is_empty() {
            taken_count += events.len();
            for event in events.drain(..) {
                self.take(event)?;
            }
            if taken_count >= self.lines.len() / BURST_SHARE {
                break;
            }
            self.sockets.look().map_err(queue_fault)?;
            self.sockets.take_events(events);
        }
        Ok(())
    }

    /// Goes on to the next phase when its time has come.
    fn turn(&mut self) -> Result<(), Fault> {
        match (self.phase, self.plan.window) {
            (Phase::Warming { until_ns }, Window::Timed { length, .. })
                if self.now_ns >= until_ns =>
            {
                self.begin_counting(length)
            }
            (Phase::Counting { until_ns }, Window::Timed { .. })
                if self.now_ns >= until_ns && self.has_enough() =>
            {
                self.end_counting()
            }
            _ => Ok(()),
        }
    }

    fn begin_counting(&mut self, length: Duration) -> Result<(), Fault> {
        self.tally = Tally::default();
        self.cpu_before_ns = (self.meter)()?;
        self.client_cpu_before_ns = own_cpu_ns();
        self.started_ns = now_ns();
        let length_ns = u64::try_from(length.as_nanos()).unwrap_or(u64::MAX);
        self.phase = Phase::Counting { until_ns: self.started_ns.saturating_add(length_ns) };
        Ok(())
    }

    fn end_counting(&mut self) -> Result<(), Fault> {
        self.tally.cpu_ns = (self.meter)()? - self.cpu_before_ns;
        self.tally.client_cpu_ns = own_cpu_ns() - self.client_cpu_before_ns;
        self.tally.elapsed_ns = now_ns() - self.started_ns;
        self.phase = Phase::Draining;
        Ok(())
    }

    /// A machine that is busy with something else may let a window pass without an answer: that is nobody's fault, so it
    /// is lengthened until there were as many answers as connections. A server that says nothing at all fails by silence.
    fn has_enough(&self) -> bool {
        self.tally.request_count >= u64::from(self.plan.connection_count)
    }

    fn is_counting(&self) -> bool {
        matches!(self.phase, Phase::Counting { .. })
    }

    fn take(&mut self, event: Event) -> Result<(), Fault> {
        match (event.act, event.result) {
            (Act::Receive, Ok(0)) => self.hear_the_end(event.place),
            (Act::Receive, Ok(heard_bytes)) => {
                let block = event.block.expect("bytes come in a block");
                let line = &mut self.lines[event.place as usize];
                let dialogue = &mut *self.dialogue;
                if line.waits != Waits::ForAnswer {
                    return Err(Fault::Wrong("bytes came that nobody asked for".to_owned()));
                }
                let heard = self
                    .sockets
                    .read(block, heard_bytes, |bytes| dialogue.hear(&mut line.talk, bytes))
                    .map_err(Fault::Wrong)?;
                if self.is_counting() {
                    self.tally.heard_bytes += u64::from(heard_bytes);
                }
                if heard == Heard::Whole && !self.hear_whole(event.place, event.more)? {
                    return Ok(());
                }
                if !event.more {
                    self.receive_on(event.place)?;
                }
                Ok(())
            }
            (Act::Receive, Err(error))
                if error.raw_os_error() == Some(libc::ECANCELED)
                    && self.lines[event.place as usize].waits == Waits::ForRelease =>
            {
                self.open_another(event.place)
            }
            // All blocks were in use: what they hold is read in this same batch.
            (Act::Receive, Err(error)) if error.raw_os_error() == Some(libc::ENOBUFS) => {
                self.receive_on(event.place)
            }
            (Act::Send, Ok(sent_bytes)) => {
                assert!(sent_bytes > 0, "a request is not empty");
                Ok(())
            }
            // What was to be ended may have ended meanwhile, and says so itself.
            (Act::Cancel, Err(_)) => Ok(()),
            (act, Err(error)) => Err(Fault::Wrong(format!("{act:?} on a connection: {error}"))),
            (Act::Accept | Act::Close | Act::Open | Act::Echo | Act::Cancel, Ok(_)) => Ok(()),
        }
    }

    fn receive_on(&mut self, place: u32) -> Result<(), Fault> {
        self.sockets.receive(place, self.times()).map_err(queue_fault)
    }

    /// A receive that stays armed is cheaper from the second answer on; but where we close first it has to be ended before.
    fn times(&self) -> Times {
        match self.plan.lifetime {
            Lifetime::Requests(1) => Times::Once,
            Lifetime::Requests(_) | Lifetime::Kept | Lifetime::OneRequest => Times::UntilTheEnd,
        }
    }

    /// Says whether more is received on this connection.
    fn hear_whole(&mut self, place: u32, is_armed: bool) -> Result<bool, Fault> {
        match self.plan.lifetime {
            Lifetime::OneRequest => {
                self.lines[place as usize].waits = Waits::ForClose;
                Ok(true)
            }
            Lifetime::Kept => {
                self.finish_request(place)?;
                self.ask_again(place)
            }
            Lifetime::Requests(request_count) => {
                self.finish_request(place)?;
                let line = &mut self.lines[place as usize];
                line.answered_count += 1;
                if line.answered_count < request_count {
                    return self.ask_again(place);
                }
                line.answered_count = 0;
                if is_armed {
                    line.waits = Waits::ForRelease;
                    self.sockets.cancel(Act::Receive, place).map_err(queue_fault)?;
                } else {
                    self.open_another(place)?;
                }
                Ok(false)
            }
        }
    }

    fn ask_again(&mut self, place: u32) -> Result<bool, Fault> {
        if self.phase != Phase::Draining {
            let message = self.ask_on(place);
            self.sockets.send(place, message, 0, Then::Keep).map_err(queue_fault)?;
        }
        Ok(true)
    }

    fn hear_the_end(&mut self, place: u32) -> Result<(), Fault> {
        let waits = self.lines[place as usize].waits;
        if waits == Waits::Idle {
            return Ok(());
        }
        if waits == Waits::ForRelease {
            return self.open_another(place);
        }
        if waits == Waits::ForAnswer {
            let fault = "the server closed a connection before its answer was whole";
            return Err(Fault::Wrong(fault.to_owned()));
        }
        self.finish_request(place)?;
        self.open_another(place)
    }

    /// Closes a connection that is over, and opens the next in its place.
    fn open_another(&mut self, place: u32) -> Result<(), Fault> {
        self.sockets.close(place).map_err(queue_fault)?;
        self.lines[place as usize].waits = Waits::Idle;
        if self.phase != Phase::Draining {
            let message = self.ask_on(place);
            self.sockets.connect_and_send(place, message, self.times()).map_err(queue_fault)?;
        }
        Ok(())
    }

    fn finish_request(&mut self, place: u32) -> Result<(), Fault> {
        let line = &mut self.lines[place as usize];
        line.waits = Waits::Idle;
        self.waiting_count -= 1;
        if self.is_counting() {
            self.tally.request_count += 1;
            self.tally.latency_ns.add(self.now_ns - self.lines[place as usize].asked_at_ns);
            if self.plan.window == Window::Counted(self.tally.request_count) {
                self.end_counting()?;
            }
        }
        if self.opened_count < self.plan.connection_count {
            self.open_next()?;
        } else if let (Phase::Opening, Window::Timed { warm_up, .. }) =
            (self.phase, self.plan.window)
        {
            let warm_up_ns = u64::try_from(warm_up.as_nanos()).unwrap_or(u64::MAX);
            self.phase = Phase::Warming { until_ns: self.now_ns.saturating_add(warm_up_ns) };
        }
        Ok(())
    }

    fn open_next(&mut self) -> Result<(), Fault> {
        let place = self.opened_count;
        self.opened_count += 1;
        let message = self.ask_on(place);
        self.sockets.connect_and_send(place, message, self.times()).map_err(queue_fault)
    }

    fn ask_on(&mut self, place: u32) -> MessageIndex {
        let line = &mut self.lines[place as usize];
        line.waits = Waits::ForAnswer;
        line.asked_at_ns = self.now_ns;
        self.waiting_count += 1;
        self.dialogue.ask(&mut line.talk)
    }
}

fn peers(plan: &Plan) -> Vec<Road> {
    let Road::Tcp(server) = plan.server else { return vec![plan.server.clone()] };
    let first = u32::from(*server.ip());
    let address = |further| SocketAddrV4::new(Ipv4Addr::from(first + further), server.port());
    (0..u32::from(plan.address_count)).map(|further| Road::Tcp(address(further))).collect()
}

fn queue_fault(error: std::io::Error) -> Fault {
    Fault::machine("the load's ring takes nothing", error)
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::floor::epoll_loop;
    use crate::floor::listener::listen_on;
    use crate::floor::reply::Reply;
    use crate::floor::request_end::RequestEnd;
    use crate::http::content::Content;
    use crate::http::fetch::{Connection, Fetch, Target};
    use crate::machine::server::free_port;

    const BODY_BYTES: u64 = 100_000;

    /// Loads a server that has file 1 and was asked for file `seed`; nothing where the kernel gives no ring.
    fn loaded(seed: u64, lifetime: Lifetime, window: Window) -> Option<Result<Tally, Fault>> {
        let room = BlockRoom { block_count: 1, block_bytes: 1 };
        Sockets::open(1, room, Vec::new(), &[]).ok()?;
        let port = free_port().unwrap();
        let listener = listen_on(port).unwrap();
        let closes = lifetime == Lifetime::OneRequest;
        // It serves until the test's process ends.
        thread::spawn(move || {
            let reply = Reply::in_memory(&Content::new(1, BODY_BYTES), closes);
            epoll_loop::serve(&listener, &reply, RequestEnd::empty_line(), closes)
        });
        let content = Content::new(seed, BODY_BYTES);
        let connection = if closes { Connection::Close } else { Connection::Keep };
        let target = Target { path: "/a".to_owned(), content };
        let mut fetch = Fetch::new(vec![target], connection);
        let plan = Plan {
            server: Road::Tcp(SocketAddrV4::new(Ipv4Addr::LOCALHOST, port)),
            address_count: 1,
            connection_count: 200,
            lifetime,
            window,
            block_bytes: 4096,
        };
        let mut cpu_ns = 0;
        let mut meter = || {
            cpu_ns += 5;
            Ok(cpu_ns)
        };
        Some(run(plan, &mut fetch, &mut meter, &Stop::default()))
    }

    #[test]
    fn a_number_of_requests_is_counted_exactly() {
        for lifetime in [Lifetime::Kept, Lifetime::OneRequest] {
            let Some(tally) = loaded(1, lifetime, Window::Counted(1_000)) else { return };
            let tally = tally.unwrap();
            assert_eq!((tally.request_count, tally.cpu_ns), (1_000, 5), "{lifetime:?}");
            assert!(tally.heard_bytes >= 1_000 * BODY_BYTES);
        }
    }

    #[test]
    fn a_window_of_time_begins_when_all_is_open_and_warm() {
        let warm_up = Duration::from_millis(20);
        let window = Window::Timed { warm_up, length: Duration::from_millis(50) };
        let Some(tally) = loaded(1, Lifetime::Kept, window) else { return };
        let tally = tally.unwrap();
        assert!(tally.request_count > 0 && tally.elapsed_ns >= 50_000_000);
        assert!(tally.latency_ns.quantile_ns(500).is_some());
    }

    #[test]
    fn another_file_ends_the_load_without_a_figure() {
        let Some(tally) = loaded(2, Lifetime::Kept, Window::Counted(10)) else { return };
        assert!(matches!(tally, Err(Fault::Wrong(_))));
    }

    #[test]
    fn a_server_that_is_not_there_is_told() {
        let Some(_) = loaded(1, Lifetime::Kept, Window::Counted(1)) else { return };
        let server = Road::Tcp(SocketAddrV4::new(Ipv4Addr::LOCALHOST, free_port().unwrap()));
        let target = Target { path: "/a".to_owned(), content: Content::new(1, 10) };
        let mut fetch = Fetch::new(vec![target], Connection::Keep);
        let (lifetime, window) = (Lifetime::Kept, Window::Counted(1));
        let plan = Plan {
            server,
            address_count: 1,
            connection_count: 1,
            lifetime,
            window,
            block_bytes: 4096,
        };
        let tally = run(plan, &mut fetch, &mut || Ok(0), &Stop::default());
        assert!(matches!(tally, Err(Fault::Wrong(_))));
    }
}
