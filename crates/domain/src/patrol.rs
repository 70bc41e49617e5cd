//! A patrol is how turns that run too long are found: whoever is seen again and again in the same turn is told once, and again each
//! time it has run twice as long.
//!
//! It is fed with what is seen and when, and does nothing else.

use core::time::Duration;

use levada_process::{Tick, TurnSeen};

/// A turn that runs too long.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Overrun {
    /// Which turn: whose, and on behalf of what.
    pub turn: TurnSeen,
    /// How long it has been seen to run: somewhat less than it has.
    pub ran: Duration,
}

/// What was seen of the cores of a domain.
#[derive(Debug)]
pub(crate) struct Patrol {
    limit: Duration,
    cores: Vec<Option<Sighting>>,
}

/// A turn that was seen.
#[derive(Clone, Copy, Debug)]
struct Sighting {
    number: u64,
    first: Tick,
    /// How long it has to have run to be told next.
    next: Duration,
}

impl Patrol {
    pub(crate) fn of(cores: usize, limit: Duration) -> Self {
        Self { limit, cores: vec![None; cores] }
    }

    /// Notes what was seen of a core at a moment.
    pub(crate) fn see(&mut self, core: usize, now: Tick, seen: Option<TurnSeen>) -> Seen {
        let Some(turn) = seen else {
            self.cores[core] = None;
            return Seen::Nothing;
        };
        let known = self.cores[core].filter(|known| known.number == turn.number);
        let fresh = Sighting { number: turn.number, first: now, next: self.limit };
        let sighting = self.cores[core].insert(known.unwrap_or(fresh));
        let (ran, next) = (now.since(sighting.first), sighting.next);
        if ran < next {
            return Seen::Nothing;
        }
        // The doubling that comes next, also where looks were late.
        let doublings = 1 + (ran.as_nanos() / next.as_nanos().max(1)).ilog2();
        sighting.next = next.saturating_mul(1_u32.checked_shl(doublings).unwrap_or(u32::MAX));
        let overrun = Overrun { turn, ran };
        if next == self.limit { Seen::Crossed(overrun) } else { Seen::Again(overrun) }
    }
}

/// What there is to tell of what was seen.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Seen {
    Nothing,
    /// A turn is over the limit.
    Crossed(Overrun),
    /// It was told, and has run twice as long since.
    Again(Overrun),
}

#[cfg(test)]
mod tests {
    use super::*;
    use levada_process::{Core, CoreOptions, Host, Mailbox, TimerId, TimerKey};
    use std::cell::RefCell;
    use std::rc::Rc;
    use std::task::Waker;

    struct Still;

    impl Host for Still {
        fn now(&self) -> Tick {
            Tick::START
        }

        fn seed(&self) -> u64 {
            1
        }

        fn timer_set(&self, _: Tick, _: TimerKey) -> TimerId {
            TimerId(0)
        }

        fn timer_cancel(&self, _: TimerId) {}
    }

    /// Two turns of a process, as they are seen while they run.
    fn turns() -> [TurnSeen; 2] {
        let core = Core::new(CoreOptions::default(), Still, Waker::noop().clone()).unwrap();
        let (watch, seen) = (core.watch(), Rc::new(RefCell::new(Vec::new())));
        let noted = Rc::clone(&seen);
        core.spawn("seen", move |cx, _: Mailbox<()>| async move {
            noted.borrow_mut().extend(watch.look());
            cx.yield_now().await;
            noted.borrow_mut().extend(watch.look());
            Ok(())
        })
        .unwrap();
        while core.run_turn() {}
        assert_eq!(core.watch().look(), None, "nothing runs");
        seen.take().try_into().unwrap()
    }

    #[test]
    fn a_turn_is_told_once_and_again_at_each_doubling() {
        let ms = |ms: u64| Tick::from_nanos(ms * 1_000_000);
        let [turn, next] = turns();
        assert_eq!((turn.name, turn.message, turn.pid), ("seen", "()", next.pid));
        let mut patrol = Patrol::of(2, Duration::from_millis(50));
        let mut told = Vec::new();
        for now in (1000..2000).step_by(25) {
            match patrol.see(1, ms(now), Some(turn)) {
                Seen::Nothing => {}
                Seen::Crossed(overrun) => told.push((true, overrun.ran.as_millis())),
                Seen::Again(overrun) => told.push((false, overrun.ran.as_millis())),
            }
            assert_eq!(patrol.see(0, ms(now), None), Seen::Nothing);
        }
        assert_eq!(told, [(true, 50), (false, 100), (false, 200), (false, 400), (false, 800)]);
        assert_eq!(patrol.see(1, ms(2000), Some(next)), Seen::Nothing, "another turn begins anew");
        let late = patrol.see(1, ms(2199), Some(next));
        assert!(matches!(late, Seen::Crossed(_)), "also where the look is late: {late:?}");
        assert_eq!(patrol.see(1, ms(2199), Some(next)), Seen::Nothing);
        assert!(matches!(patrol.see(1, ms(2200), Some(next)), Seen::Again(_)));
        assert_eq!(patrol.see(1, ms(2201), None), Seen::Nothing);
        assert_eq!(patrol.see(1, ms(2202), Some(next)), Seen::Nothing);
    }
}
