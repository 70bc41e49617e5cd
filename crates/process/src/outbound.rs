//! What leaves for other cores is staged lane by lane, and shown in batches.
//!
//! A batch is shown when it is 64 units, when its oldest is 30 us old, or when nothing else is to be done: one store, and one
//! read-modify-write of the other core's gate. Only who finds that core asleep wakes it.

use crate::lane::LaneOut;
use crate::parcel::Parcel;
use crate::pid::CoreId;
use crate::port::Port;
use crate::tick::Tick;
use std::cell::{Cell, RefCell};
use std::sync::atomic::{Ordering, fence};
use std::time::Duration;

/// So many units are shown at once.
const BATCH_UNITS: usize = 64;
/// What is staged for so long is shown.
const STAGED_MAX: Duration = Duration::from_micros(30);

/// All lanes out of one core.
#[derive(Debug)]
pub(crate) struct Outbound {
    from: CoreId,
    lanes: RefCell<Vec<Option<Out>>>,
    /// How many lanes have something staged.
    dirty: Cell<usize>,
}

#[derive(Debug)]
struct Out {
    lane: LaneOut,
    port: &'static Port,
    epoch: u32,
    dirty: bool,
}

/// There is no such core, or no longer the one that was spoken to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Gone;

/// What was shown of a lane.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown {
    pub(crate) port: &'static Port,
    pub(crate) units: usize,
}

impl Outbound {
    pub(crate) fn new(from: CoreId) -> Self {
        Self { from, lanes: RefCell::default(), dirty: Cell::new(0) }
    }

    #[inline]
    fn with<T>(&self, port: &'static Port, f: impl FnOnce(&mut Out) -> T) -> Result<T, Gone> {
        let epoch = port.running().ok_or(Gone)?;
        let lanes = &mut *self.lanes.borrow_mut();
        let index = usize::from(port.core.number());
        if lanes.get(index).is_none_or(Option::is_none) {
            let out = self.lane_to(port, epoch)?;
            lanes.resize_with(lanes.len().max(index + 1), || None);
            lanes[index] = Some(out);
        }
        let out = lanes[index].as_mut().expect("made above");
        if out.epoch == epoch { Ok(self.work(out, f)) } else { Err(Gone) }
    }

    /// Makes the lane to a core, which it finds with the next thing that is published.
    #[cold]
    fn lane_to(&self, port: &'static Port, epoch: u32) -> Result<Out, Gone> {
        let (lane, far) = LaneOut::new(self.from);
        port.put_lane(far);
        // With the fence in `Port::leave`: either we see that the core leaves, or it sees our lane and calls us. Never neither.
        fence(Ordering::SeqCst);
        if port.running() != Some(epoch) {
            return Err(Gone);
        }
        Ok(Out { lane, port, epoch, dirty: false })
    }

    #[inline]
    fn work<T>(&self, out: &mut Out, f: impl FnOnce(&mut Out) -> T) -> T {
        let done = f(out);
        if !out.dirty && out.lane.is_dirty() {
            out.dirty = true;
            self.dirty.set(self.dirty.get() + 1);
        }
        done
    }

    /// Whether a parcel of so many units can be staged for a core.
    #[inline]
    pub(crate) fn has_room(&self, port: &'static Port, units: usize) -> Result<bool, Gone> {
        self.with(port, |out| out.lane.has_room(units))
    }

    /// Says that somebody waits for room for so many units; false if there is room by now.
    pub(crate) fn starve(&self, port: &'static Port, units: usize) -> Result<bool, Gone> {
        self.with(port, |out| out.lane.starve(units))
    }

    /// Stages a parcel in the lane whose room was just looked at; whether it is time to show what is staged. If its core has gone
    /// since then, the parcel is dealt with when the lane is cut.
    #[inline]
    pub(crate) fn put(&self, port: &'static Port, parcel: &Parcel, now: Tick) -> bool {
        let lanes = &mut *self.lanes.borrow_mut();
        let out = lanes[usize::from(port.core.number())].as_mut();
        self.work(out.expect("the lane was just looked at"), |out| {
            out.lane.stage(parcel, now);
            out.is_due(now)
        })
    }

    /// Stages a parcel; whether it is time to show what is staged.
    #[inline]
    pub(crate) fn stage(
        &self,
        port: &'static Port,
        parcel: &Parcel,
        now: Tick,
    ) -> Result<bool, Gone> {
        self.with(port, |out| {
            out.lane.stage(parcel, now);
            out.is_due(now)
        })
    }

    /// Whether anything is staged anywhere.
    #[inline]
    pub(crate) fn is_dirty(&self) -> bool {
        self.dirty.get() > 0
    }

    /// Shows what is due, or all that is staged. `shown` hears of each lane, with nothing borrowed.
    pub(crate) fn publish(&self, all: bool, now: Tick, mut shown: impl FnMut(Shown)) {
        let mut index = 0;
        while self.is_dirty() {
            let found = {
                let lanes = &mut *self.lanes.borrow_mut();
                let Some(next) = lanes
                    .iter()
                    .skip(index)
                    .position(|out| out.as_ref().is_some_and(|out| out.dirty))
                else {
                    break;
                };
                index += next;
                let out = lanes[index].as_mut().expect("just found");
                index += 1;
                (all || out.is_due(now)).then(|| {
                    let units = out.lane.publish();
                    out.dirty = false;
                    self.dirty.set(self.dirty.get() - 1);
                    Shown { port: out.port, units }
                })
            };
            if let Some(found) = found.filter(|found| found.units > 0) {
                shown(found);
            }
        }
    }

    /// The other core says that it made room, or just has something for us: what overflowed goes on. Whether somebody here waits
    /// for that room.
    pub(crate) fn relieved(&self, core: CoreId) -> bool {
        let lanes = &mut *self.lanes.borrow_mut();
        let Some(Some(out)) = lanes.get_mut(usize::from(core.number())) else { return false };
        self.work(out, |out| out.lane.called())
    }

    /// Cuts the lane to a core that is gone. What is in it is the caller's to drop.
    pub(crate) fn cut(&self, core: CoreId) -> Option<LaneOut> {
        let out = self.lanes.borrow_mut().get_mut(usize::from(core.number()))?.take()?;
        if out.dirty {
            self.dirty.set(self.dirty.get() - 1);
        }
        Some(out.lane)
    }

    /// Whether the lane to a core leads to one that is gone.
    pub(crate) fn leads_nowhere(&self, core: CoreId) -> bool {
        let lanes = self.lanes.borrow();
        let out = lanes.get(usize::from(core.number())).and_then(Option::as_ref);
        out.is_some_and(|out| out.port.running() != Some(out.epoch))
    }

    /// All cores that there is a lane to.
    pub(crate) fn cores(&self) -> Vec<CoreId> {
        self.lanes.borrow().iter().flatten().map(|out| out.port.core).collect()
    }
}

impl Out {
    #[inline]
    fn is_due(&mut self, now: Tick) -> bool {
        let (units, since) = self.lane.staged();
        units >= BATCH_UNITS || units > 0 && now.since(since) >= STAGED_MAX
    }
}
