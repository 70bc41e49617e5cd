//! A trace is the events of cores as bytes, equal for runs that did the same: by it one run is compared with another.
//!
//! ```text
//! core:  steps counted u64 | events kept u32
//! event: number u64 | step before: core u16, number u64 | from: slot u32, generation u32 | to: core u16, slot u32, generation u32
//!        | tick u32 | kind u8 | length u16 and name of the message's type
//! ```
//!
//! Cores are counted from the first that is given, steps and generations from the first of their core, ticks from the core's begin: what
//! else differs between two runs in one OS process is left out, ids of requests among it.

use crate::cause::Sequence;
use crate::drive::Core;
use crate::events::{EVENTS_KEPT, Event, TICK_BITS, TICK_SHIFT, What};
use crate::pid::Pid;
use crate::tick::Tick;

/// Says that there is none.
const NONE: u16 = u16::MAX;

impl Core {
    /// Has all chance of this core drawn from `seed`, for a simulation: its random numbers, and who is first of those that become
    /// ready at about the same time. By default these run in the order in which they became ready.
    pub fn shuffle(&self, seed: u64) {
        self.state().reseed(seed);
        self.state().ready.shuffle(seed);
    }

    /// The events that these cores keep, with the tick at which each began, as bytes: the same for the same run.
    #[must_use]
    pub fn trace(cores: &[(&Self, Tick)]) -> Vec<u8> {
        let mut trace = Trace { cores, bytes: Vec::new() };
        for (core, begin) in cores {
            trace.core(core, *begin);
        }
        trace.bytes
    }
}

struct Trace<'a> {
    cores: &'a [(&'a Core, Tick)],
    bytes: Vec<u8>,
}

impl Trace<'_> {
    fn core(&mut self, core: &Core, begin: Tick) {
        let events = &core.state().events;
        let count = events.next() - events.first();
        let kept = count.min(EVENTS_KEPT as u64);
        self.put(&count.to_le_bytes());
        self.put(&kept.to_le_bytes()[..4]);
        for event in events.all() {
            self.event(&event, begin);
        }
    }

    fn event(&mut self, event: &Event, begin: Tick) {
        self.put(&self.counter(event.sequence).to_le_bytes());
        match event.what {
            What::Began => {
                self.put(&NONE.to_le_bytes());
                self.put(&event.parent.to_bits().to_le_bytes());
            }
            _ => self.sequence(event.from.map(|_| event.parent)),
        }
        let from = event.from.map_or((0, 0), |pid| (pid.slot(), self.generation(pid)));
        self.put(&from.0.to_le_bytes());
        self.put(&from.1.to_le_bytes());
        self.pid(event.to);
        let begin = begin.as_nanos() >> TICK_SHIFT;
        let tick = u64::from(event.tick).wrapping_sub(begin) & ((1 << TICK_BITS) - 1);
        self.put(&tick.to_le_bytes()[..4]);
        let (kind, name) = match event.what {
            What::Began => (0_u8, ""),
            What::Spawned => (1, ""),
            What::Message(shape) => (2, shape.name()),
        };
        self.put(&[kind]);
        self.put(&name.len().to_le_bytes()[..2]);
        self.put(name.as_bytes());
    }

    /// The step before; there is none of what came from outside.
    fn sequence(&mut self, sequence: Option<Sequence>) {
        let core = sequence.map_or(NONE, |sequence| self.number_of(sequence.core_number()));
        self.put(&core.to_le_bytes());
        self.put(&sequence.map_or(0, |sequence| self.counter(sequence)).to_le_bytes());
    }

    /// How manieth step of its core it is.
    fn counter(&self, sequence: Sequence) -> u64 {
        let known =
            self.cores.iter().find(|(core, _)| core.id().number() == sequence.core_number());
        let first = known.map_or(0, |(core, _)| core.state().events.first());
        sequence.counter().wrapping_sub(first)
    }

    fn pid(&mut self, pid: Option<Pid>) {
        let core = pid.map_or(NONE, |pid| self.number_of(pid.core().number()));
        let (slot, generation) = pid.map_or((0, 0), |pid| (pid.slot(), self.generation(pid)));
        self.put(&core.to_le_bytes());
        self.put(&slot.to_le_bytes());
        self.put(&generation.to_le_bytes());
    }

    fn number_of(&self, core: u16) -> u16 {
        let place = self.cores.iter().position(|(known, _)| known.id().number() == core);
        place.and_then(|place| u16::try_from(place).ok()).unwrap_or(NONE)
    }

    fn generation(&self, pid: Pid) -> u32 {
        let known = self.cores.iter().find(|(core, _)| core.id() == pid.core());
        let first = known.map_or(0, |(core, _)| core.state().table.first_generation());
        pid.generation().wrapping_sub(first)
    }

    fn put(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }
}
