//! A pass executes all that has arrived on a connection: reads that follow each other together, everything in order.
//!
//! Cost: one guard of the table and one look at the core's clock a pass, whatever it executes; nothing is allocated for a
//! command.

use core::time::Duration;

use levada_domain::Io;
use levada_memcache::{Command, ExpTime, Get, Limits, Parser, Refusal, Reply, Stats, Step, Store};
use levada_shared::SharedData;

use crate::arriving::{Arriving, NotNow};
use crate::config::StoreConfig;
use crate::front::Front;
use crate::item::HEAD_BYTES;
use crate::outgoing::Outgoing;
use crate::reads::{Run, Spot};
use crate::work::Work;

/// What a client hears of who serves it. The number leads, because clients choose by it what they use.
pub(crate) const VERSION: &str = concat!("1.6.18-levada-", env!("CARGO_PKG_VERSION"));

/// A value of so many bytes waits with its line until it is whole; longer ones are received as they come.
const CARRIED_BYTES_MAX: u64 = 4 << 10;

/// How far a connection's commands are read.
#[derive(Debug)]
pub(crate) struct Talk {
    parser: Parser,
    /// Bytes that are dropped before the next command, those that are still to come included.
    swallow_bytes: u64,
    /// Keys of the next command that were answered already.
    answered_keys: usize,
    /// What came and was not counted yet.
    pub(crate) came_bytes: u64,
    /// How long it may be silent.
    pub(crate) idle: Option<Duration>,
}

impl Talk {
    pub(crate) fn new(config: &StoreConfig) -> Self {
        Self {
            parser: Parser::new(limits(config)),
            swallow_bytes: 0,
            answered_keys: 0,
            came_bytes: 0,
            idle: config.limits.idle,
        }
    }
}

fn limits(config: &StoreConfig) -> Limits {
    Limits {
        line_bytes_max: config.limits.line_bytes_max,
        item_bytes_max: config.limits.item_bytes_max as u64,
        ..Limits::default()
    }
}

/// What is to be done when a pass is over.
#[derive(Debug)]
pub(crate) enum Next {
    /// Wait for more.
    Receive {
        /// It is a value that is not there.
        is_value: bool,
    },
    /// Go on, as soon as what is answered so far has been sent.
    GoOn,
    /// Go on after a while: as much is being received as may be.
    Crowded,
    /// Receive a value.
    Value(Box<Arriving>),
    /// Ask all cores.
    Ask(Stats),
    /// Close.
    Close {
        /// The peer may still be sending, and must have a chance to read why.
        lingers: bool,
    },
}

/// What a pass came to.
#[derive(Debug)]
pub(crate) struct Passed {
    /// How much of the input was used.
    pub(crate) used_bytes: usize,
    pub(crate) out: SharedData,
    pub(crate) next: Next,
}

/// Where a step leads.
enum Way {
    On,
    Stop(Next),
}

impl Front {
    /// Executes what stands in `input`, as far as it is whole and there is room for answers.
    pub(crate) fn pass(&mut self, talk: &mut Talk, input: &[u8], io: &Io) -> Passed {
        talk.idle = self.config.limits.idle;
        self.counters.bytes_read += core::mem::take(&mut talk.came_bytes);
        let mut run = core::mem::take(&mut self.run).emptied();
        let passed = self.work(io, |work| {
            work.counters.passes += 1;
            let mut pass = Pass { talk, input, used_bytes: 0 };
            let next = pass.run(work, &mut run);
            (pass.used_bytes, next)
        });
        self.run = run.emptied();
        passed
    }

    /// Executes the command of a value that is all there.
    pub(crate) fn finish(&mut self, talk: &mut Talk, arriving: Arriving, io: &Io) -> Passed {
        self.work(io, |work| {
            match talk.parser.step(&arriving.line) {
                Step::Command(Command::Store(store), _) => {
                    let (data, is_end_right) = arriving.data();
                    if !is_end_right {
                        work.reply(&store.refuse(Refusal::BadDataChunk));
                    } else if arriving.lent.is_none() {
                        work.store(&store, data);
                    } else {
                        let data_bytes = data.len();
                        let Arriving { lent, mut buffer, .. } = arriving;
                        buffer.truncate(HEAD_BYTES + data_bytes);
                        work.store_lent(&store, lent, buffer);
                    }
                }
                // Limits became lower meanwhile.
                Step::Refuse(reply, _) => work.reply(&reply),
                _ => work.refuse(Refusal::BadLine),
            }
            (0, Next::GoOn)
        })
    }

    fn work(&mut self, io: &Io, act: impl FnOnce(&mut Work<'_>) -> (usize, Next)) -> Passed {
        let now_s = self.hall.now_s(io.now());
        self.hall.flush_if_due(now_s);
        let mut work = Work {
            hall: &self.hall,
            config: &self.config,
            counters: &mut self.counters,
            scratch: &mut self.scratch,
            values: &self.values,
            out: Outgoing::new(&self.account, &mut self.block),
            now_s,
            unix_s: io.unix_s(),
        };
        let (used_bytes, mut next) = act(&mut work);
        let Work { out, counters, .. } = work;
        counters.bytes_copied_out += out.copied_bytes;
        counters.holds += out.holds;
        let (out, is_whole) = out.finish();
        counters.bytes_written += out.len();
        if !is_whole {
            // What was left out cannot be made up for.
            next = Next::Close { lingers: false };
        }
        Passed { used_bytes, out, next }
    }
}

struct Pass<'t, 'b> {
    talk: &'t mut Talk,
    input: &'b [u8],
    used_bytes: usize,
}

impl<'b> Pass<'_, 'b> {
    fn run(&mut self, work: &mut Work<'_>, run: &mut Run<'b>) -> Next {
        self.talk.parser.set_limits(limits(work.config));
        let next = self.read(work, run);
        let is_all = self.answer(work, run);
        if is_all && !matches!(next, Next::GoOn) {
            return next;
        }
        work.counters.paused_sockets += 1;
        Next::GoOn
    }

    /// Takes the input apart, and executes it; the last reads are left in the run.
    fn read(&mut self, work: &mut Work<'_>, run: &mut Run<'b>) -> Next {
        loop {
            if work.out.is_full() {
                return Next::GoOn;
            }
            let rest = self.input.get(self.used_bytes..).unwrap_or_default();
            if self.talk.swallow_bytes > 0 {
                let dropped = self.talk.swallow_bytes.min(rest.len() as u64);
                self.talk.swallow_bytes -= dropped;
                self.used_bytes += usize::try_from(dropped).unwrap_or(rest.len());
                if self.talk.swallow_bytes > 0 {
                    return Next::Receive { is_value: true };
                }
                continue;
            }
            if rest.is_empty() {
                return Next::Receive { is_value: false };
            }
            let before = (!run.is_empty()).then(|| self.talk.parser.clone());
            let step = self.talk.parser.step(rest);
            if !matches!(
                step,
                Step::Need(_) | Step::Command(Command::Get(_) | Command::MetaGet(_), _)
            ) && !self.answer(work, run)
            {
                // It is looked at again: nothing of it was done.
                self.talk.parser = before.expect("there was something to be answered");
                return Next::GoOn;
            }
            match step {
                Step::Need(_) => return Next::Receive { is_value: false },
                Step::Swallow(bytes) => self.talk.swallow_bytes = bytes,
                Step::Refuse(reply, used) => {
                    work.counters.malformed += 1;
                    work.reply(&reply);
                    self.used_bytes += used;
                }
                Step::End(reply) => {
                    work.reply(&reply);
                    self.used_bytes = self.input.len();
                    return Next::Close { lingers: !matches!(reply, Reply::Nothing) };
                }
                Step::Command(command, used) => match self.execute(work, run, command, used) {
                    Way::On => {}
                    Way::Stop(next) => return next,
                },
            }
        }
    }

    /// Answers what is in the run. False if there is too much to be sent before the rest of it, which is read again then.
    fn answer(&mut self, work: &mut Work<'_>, run: &mut Run<'b>) -> bool {
        let Some(spot) = run.answer(work) else { return true };
        self.used_bytes = spot.command_at;
        self.talk.answered_keys = spot.keys_before;
        false
    }

    #[inline]
    fn execute(
        &mut self,
        work: &mut Work<'_>,
        run: &mut Run<'b>,
        command: Command<'b>,
        used: usize,
    ) -> Way {
        let is_added = match command {
            Command::Get(get) if Run::takes(&get) => self.add_keys(work, run, &get),
            Command::MetaGet(get) if Run::takes_meta(&get) => {
                let has_room = !run.is_full() || self.answer(work, run);
                if has_room {
                    run.add_meta(get, Spot { command_at: self.used_bytes, keys_before: 0 });
                }
                has_room
            }
            command => {
                if !self.answer(work, run) {
                    return Way::Stop(Next::GoOn);
                }
                return self.execute_alone(work, command, used);
            }
        };
        if !is_added {
            return Way::Stop(Next::GoOn);
        }
        self.used_bytes += used;
        Way::On
    }

    /// Adds the keys of a `get` to the run. False if there is too much to be sent before.
    #[inline]
    fn add_keys(&mut self, work: &mut Work<'_>, run: &mut Run<'b>, get: &Get<'b>) -> bool {
        let answered = core::mem::take(&mut self.talk.answered_keys);
        let mut keys = (answered..).zip(get.keys.skip(answered)).peekable();
        while let Some((keys_before, key)) = keys.next() {
            if run.is_full() && !self.answer(work, run) {
                return false;
            }
            let spot = Spot { command_at: self.used_bytes, keys_before };
            run.add(key, get.with_cas, keys.peek().is_none(), spot);
        }
        true
    }

    /// Executes a command that is not looked up with others.
    fn execute_alone(&mut self, work: &mut Work<'_>, command: Command<'b>, used: usize) -> Way {
        work.counters.commands += 1;
        if let Command::Store(store) = command {
            return self.store(work, &store, used);
        }
        match command {
            Command::Get(get) => {
                let life = get.touch.unwrap_or(ExpTime::NEVER).life(work.unix_s);
                for key in get.keys.skip(self.talk.answered_keys) {
                    if work.out.is_full() {
                        return Way::Stop(Next::GoOn);
                    }
                    work.touch_and_get(&get, key, life);
                    self.talk.answered_keys += 1;
                }
                self.talk.answered_keys = 0;
                work.reply(&Reply::End);
            }
            Command::MetaGet(get) => {
                work.counters.cmd_meta += 1;
                work.meta_get(&get);
            }
            Command::Store(_) => {}
            Command::Arith(arith) => work.count(&arith),
            Command::Delete(delete) => work.delete(&delete),
            Command::Touch(touch) => work.touch(&touch),
            Command::Dump(dump) => work.dump(&dump),
            Command::Noop => work.reply(&Reply::Noop),
            Command::FlushAll(flush) => {
                if work.config.may_flush {
                    work.counters.cmd_flush += 1;
                    work.hall.flush_after(work.now_s, flush.at.delay_s(work.unix_s));
                    work.reply(&flush.reply());
                } else {
                    work.reply(&flush.refuse(Refusal::NoFlushAll));
                }
            }
            Command::Stats(stats) => {
                self.used_bytes += used;
                return Way::Stop(Next::Ask(stats));
            }
            Command::Version => work.reply(&Reply::Version(VERSION)),
            Command::Verbosity(verbosity) => work.reply(&verbosity.reply()),
            Command::Quit => {
                self.used_bytes = self.input.len();
                return Way::Stop(Next::Close { lingers: false });
            }
        }
        self.used_bytes += used;
        Way::On
    }

    /// Executes a command with a value, if that is there; otherwise lets it come.
    fn store(&mut self, work: &mut Work<'_>, store: &Store<'b>, used: usize) -> Way {
        let all = self.input.get(self.used_bytes..).unwrap_or_default();
        let (line, rest) = all.split_at(used);
        let block_bytes = store.block_bytes();
        if store.is_too_large {
            work.refuse_too_large(store);
            self.used_bytes += used;
            self.talk.swallow_bytes = block_bytes;
            return Way::On;
        }
        let block = usize::try_from(block_bytes).ok().and_then(|bytes| rest.get(..bytes));
        if let Some((data, end)) = block.and_then(|block| block.split_last_chunk()) {
            if Store::is_end_right(*end) {
                work.store(store, data);
            } else {
                work.reply(&store.refuse(Refusal::BadDataChunk));
            }
            self.used_bytes += used + data.len() + end.len();
            return Way::On;
        }
        if block_bytes <= CARRIED_BYTES_MAX {
            work.counters.commands -= 1; // it is looked at again
            return Way::Stop(Next::Receive { is_value: true });
        }
        match Arriving::begin(work, line, store, rest) {
            Ok(arriving) => {
                work.counters.bytes_copied_in += rest.len() as u64;
                self.used_bytes = self.input.len();
                Way::Stop(Next::Value(Box::new(arriving)))
            }
            Err(NotNow::Crowded) => {
                work.counters.commands -= 1;
                Way::Stop(Next::Crowded)
            }
            Err(NotNow::NoRoom) => {
                work.with_key(store.key, |work, key| work.answer_stored(store, key, None));
                self.used_bytes += used;
                self.talk.swallow_bytes = block_bytes;
                Way::On
            }
        }
    }
}
