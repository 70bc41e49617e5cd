//! A lane carries parcels from one core to another, in the order in which they were staged.
//!
//! ```text
//! staged in the queue, unseen ──publish: one store──► taken by the other core, once in a pass of its loop
//! full: messages wait at their senders; what may not wait (answers, controls) goes to the overflow, which calls and leases bound
//! closed: who closes it last deals with what nobody took, so nothing that was staged is without an end
//! ```
//!
//! 1,024 units, 64 KiB, made when first used. Cost: a copy in and a copy out; a store and a read-modify-write for each batch.
#![expect(
    unsafe_code,
    reason = "units are whole parcels because the ends of lanes are made and fed in `raw` only"
)]

pub(crate) use raw::{LaneIn, LaneOut};

mod raw {
    use crate::contain::drop_contained;
    use crate::handover::Handover;
    use crate::parcel::{Arrived, Envelope, Parcel, Reading, Unit};
    use crate::pid::CoreId;
    use crate::tick::Tick;
    use levada_queue::{Consumer, Producer, Rest, spsc};
    use std::collections::VecDeque;
    use std::sync::Arc;

    /// How many units a lane holds.
    const LANE_UNITS: usize = 1024;

    /// What a near end that was closed left in its overflow: comes after all that is in the queue.
    type Tail = Arc<Handover<VecDeque<Envelope>>>;

    /// The near end of a lane. # Invariants
    /// 1. Only whole parcels are put into the queue, each with all its units in one go, and it comes from nowhere else.
    #[derive(Debug)]
    pub(crate) struct LaneOut {
        /// Holds a producer until the lane is closed.
        producer: Option<Producer<Unit>>,
        overflow: VecDeque<Envelope>,
        since: Tick,
        /// The far end was asked to call, and has not: whoever else finds no room is called with the first. Asking anew for one
        /// who wants less would take the question of the first back.
        starves: bool,
        tail: Tail,
    }

    impl LaneOut {
        /// Makes a lane and its far end.
        pub(crate) fn new(from: CoreId) -> (Self, LaneIn) {
            let (producer, consumer) = spsc(LANE_UNITS);
            let tail = Tail::new(Handover::new());
            let near = Self {
                producer: Some(producer),
                overflow: VecDeque::new(),
                since: Tick::START,
                starves: false,
                tail: Arc::clone(&tail),
            };
            (near, LaneIn { from, consumer: Some(consumer), reading: Reading::new(), tail })
        }

        fn producer(&mut self) -> &mut Producer<Unit> {
            self.producer.as_mut().expect("a lane has its producer until it is closed")
        }

        /// Whether a parcel of so many units can be staged now, ahead of nothing.
        #[inline]
        pub(crate) fn has_room(&mut self, units: usize) -> bool {
            if !self.overflow.is_empty() {
                self.move_up();
            }
            self.overflow.is_empty() && self.producer().reserve(units).is_some()
        }

        /// Says that room for so many units is wanted, behind what overflows: false if there is room by now, else the far end
        /// will call.
        pub(crate) fn starve(&mut self, units: usize) -> bool {
            loop {
                if self.has_room(units) {
                    return false;
                }
                // Who looked before found no room after asking, and so do we: the far end takes something after that, and calls.
                if self.starves {
                    return true;
                }
                let wanted = self.overflow.front().map_or(units, Envelope::units);
                self.starves = self.producer().starve(wanted);
            }
        }

        /// The far end called, for room or for something else: whether somebody wanted room.
        pub(crate) fn called(&mut self) -> bool {
            std::mem::take(&mut self.starves)
        }

        /// Moves what overflows into the queue, as far as there is room.
        #[cold]
        fn move_up(&mut self) {
            while let Some(parcel) = self.overflow.pop_front() {
                let producer = self.producer.as_mut().expect("as in `producer`");
                let Some(mut room) = producer.reserve(parcel.units()) else {
                    return self.overflow.push_front(parcel);
                };
                parcel.send(|unit| room.push(unit));
            }
        }

        /// Puts a parcel behind what is staged. Where there is no room it waits in the overflow.
        #[inline]
        pub(crate) fn stage(&mut self, parcel: &Parcel, now: Tick) {
            if self.producer().staged() == 0 {
                self.since = now;
            }
            let units = parcel.units();
            if self.overflow.is_empty()
                && let Some(mut room) = self.producer().reserve(units.len())
            {
                units.iter().for_each(|unit| room.push(*unit));
            } else {
                self.overflow.push_back(Envelope::of(parcel));
            }
        }

        /// How many units are staged, and since when the oldest is.
        #[inline]
        pub(crate) fn staged(&mut self) -> (usize, Tick) {
            (self.producer().staged(), self.since)
        }

        /// Whether there is something to publish, or to be asked for.
        #[inline]
        pub(crate) fn is_dirty(&mut self) -> bool {
            self.producer().staged() > 0 || !self.overflow.is_empty() && !self.starves
        }

        /// Shows the far end what is staged; says how many units that were, of which its core is to be told. What still overflows
        /// goes on when the far end calls.
        pub(crate) fn publish(&mut self) -> usize {
            if !self.overflow.is_empty() {
                self.starve(1);
            }
            self.producer().publish()
        }

        /// Closes the lane: shows what is staged, and what the far end left if that was closed before.
        pub(crate) fn close(mut self, show: impl FnMut(Arrived<'_>)) {
            self.leave(show);
        }

        fn leave(&mut self, show: impl FnMut(Arrived<'_>)) {
            let Some(producer) = self.producer.take() else { return };
            let overflow = std::mem::take(&mut self.overflow);
            if !overflow.is_empty() {
                self.tail.put(|tail| *tail = overflow);
            }
            settle(producer.into_rest(), &self.tail, show);
        }
    }

    impl Drop for LaneOut {
        fn drop(&mut self) {
            self.leave(|arrived| {
                drop_contained(arrived);
            });
        }
    }

    /// The far end of a lane. # Invariants
    /// 2. Between calls no parcel is half taken.
    #[derive(Debug)]
    pub(crate) struct LaneIn {
        from: CoreId,
        consumer: Option<Consumer<Unit>>,
        reading: Reading,
        tail: Tail,
    }

    impl LaneIn {
        pub(crate) fn from(&self) -> CoreId {
            self.from
        }

        /// Whether who sent by it has gone: its number may be another's by now.
        pub(crate) fn is_abandoned(&self) -> bool {
            self.consumer.as_ref().is_none_or(Consumer::is_abandoned)
        }

        /// Takes what is published, at most so many units and what is missing of the last parcel, and shows each parcel; says
        /// how many units that were.
        pub(crate) fn take(&mut self, units: usize, mut show: impl FnMut(Arrived<'_>)) -> usize {
            let Self { consumer: Some(consumer), reading, .. } = self else {
                return 0;
            };
            let mut feed = |unit| {
                // SAFETY: invariant 1: units of whole parcels, each taken once and in order.
                if let Some(arrived) = unsafe { reading.feed(unit) } {
                    show(arrived);
                }
                reading.is_partial()
            };
            let mut partial = false;
            let mut taken = consumer.take(units, |unit| partial = feed(unit));
            while partial {
                taken += consumer.take(1, |unit| partial = feed(unit)); // published with its first unit
            }
            taken
        }

        /// Whether the near end found no room and is to be called, now that there is.
        pub(crate) fn relieves(&mut self) -> bool {
            self.consumer.as_mut().is_some_and(Consumer::relieves)
        }

        /// Whether nothing more will come but what [`close`](Self::close) shows.
        pub(crate) fn is_over(&mut self) -> bool {
            self.consumer
                .as_mut()
                .is_none_or(|consumer| consumer.is_abandoned() && consumer.peek().0.is_empty())
        }
    }

    impl LaneIn {
        /// Closes the lane: shows what is published. What the near end stages from now on is shown to who closes that.
        pub(crate) fn close(mut self, mut show: impl FnMut(Arrived<'_>)) {
            self.take(usize::MAX, &mut show);
            self.leave(show);
        }

        fn leave(&mut self, show: impl FnMut(Arrived<'_>)) {
            let Some(consumer) = self.consumer.take() else { return };
            settle(consumer.into_rest(), &self.tail, show);
        }
    }

    impl Drop for LaneIn {
        fn drop(&mut self) {
            self.leave(|arrived| {
                drop_contained(arrived);
            });
        }
    }

    /// Shows what nobody took, to the end that left last.
    fn settle(rest: Option<Rest<Unit>>, tail: &Tail, mut show: impl FnMut(Arrived<'_>)) {
        let Some(rest) = rest else { return };
        let mut reading = Reading::new();
        for unit in rest {
            // SAFETY: invariant 1, and by invariant 2 the first unit is that of a parcel.
            if let Some(arrived) = unsafe { reading.feed(unit) } {
                show(arrived);
            }
        }
        // The near end left it here before it left the queue, and both have left that.
        for parcel in tail.take() {
            parcel.open(&mut show);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::Address;
    use crate::cause::Cause;
    use crate::control::Control;
    use crate::mail::Note;
    use crate::message::Message;
    use crate::parcel::{Arrived, Parcel};
    use crate::pid::{CoreId, Pid};
    use crate::tick::Tick;
    use proptest::prelude::{ProptestConfig, proptest};
    use std::sync::Arc;

    fn core() -> CoreId {
        CoreId::new(3)
    }

    fn stage<M: Message>(lane: &mut LaneOut, slot: u32, message: M) {
        // SAFETY: nobody reads this mailbox but the tests, which know its type.
        let to = unsafe { Address::<M>::of(Pid::new(core(), slot, 9)) };
        let note =
            Note { cause: Cause::from_words([1, 2, u64::from(slot)]), weight_bytes: weight(slot) };
        let mut parcel = Parcel::new();
        parcel.message(to, note, message);
        lane.stage(&parcel, Tick::START);
    }

    fn weight(slot: u32) -> u32 {
        slot * 3
    }

    /// Reads a message whose type the test knows.
    fn unload<M: Message>(arrived: Arrived<'_>, slot: u32) -> M {
        let Arrived::Message { slot: to, generation: 9, note, cargo } = arrived else {
            panic!("{arrived:?}")
        };
        assert_eq!((to, note.cause), (slot, Cause::from_words([1, 2, u64::from(slot)])));
        assert_eq!(
            note.weight_bytes,
            if M::FLAT { cargo.shape().weight_bytes } else { weight(slot) }
        );
        let mut value = std::mem::MaybeUninit::<M>::uninit();
        // SAFETY: `stage` put an `M` in.
        unsafe { cargo.unload_to(value.as_mut_ptr().cast()) };
        // SAFETY: the line above.
        unsafe { value.assume_init() }
    }

    #[test]
    fn parcels_of_every_width_arrive_as_they_were_sent() {
        let (mut near, mut far) = LaneOut::new(core());
        for _ in 0..300 {
            stage(&mut near, 1, 7_u64);
            stage(&mut near, 2, "text".to_owned());
            stage(&mut near, 3, [5_u64; 59]);
            stage(&mut near, 4, [6_u64; 60]);
            stage(&mut near, 5, u128::MAX);
            stage(&mut near, 6, ());
            let (mut place, mut shown) = (0, 0);
            assert_eq!(near.publish(), 14);
            while shown < 6 {
                place += far.take(1, |arrived| {
                    shown += 1;
                    match shown {
                        1 => assert_eq!(unload::<u64>(arrived, 1), 7),
                        2 => assert_eq!(unload::<String>(arrived, 2), "text"),
                        3 => assert_eq!(unload::<[u64; 59]>(arrived, 3), [5; 59]),
                        4 => assert_eq!(unload::<[u64; 60]>(arrived, 4), [6; 60]),
                        5 => assert_eq!(unload::<u128>(arrived, 5), u128::MAX),
                        _ => unload::<()>(arrived, 6),
                    }
                });
            }
            assert_eq!(place, 1 + 2 + 8 + 1 + 1 + 1);
        }
    }

    #[test]
    fn what_finds_no_room_overflows_and_keeps_its_place() {
        let (mut near, mut far) = LaneOut::new(core());
        for slot in 0..1500 {
            stage(&mut near, slot, u64::from(slot));
        }
        assert!(!near.has_room(1));
        let mut next = 0;
        while next < 1500 {
            near.publish();
            far.take(256, |arrived| {
                assert_eq!(unload::<u64>(arrived, next), u64::from(next));
                next += 1;
            });
        }
        assert!(near.has_room(1) && near.called());
        assert!(far.relieves(), "the near end found the lane full");
    }

    #[test]
    fn who_wants_less_does_not_take_back_the_question_of_who_wants_more() {
        let (mut near, mut far) = LaneOut::new(core());
        for slot in 0..1020 {
            stage(&mut near, slot, u64::from(slot));
        }
        near.publish();
        assert!(near.starve(8), "four units are left");
        assert!(!near.starve(1), "for one there is room");
        far.take(256, |arrived| drop(arrived));
        assert!(far.relieves() && near.called() && !near.starve(8));
    }

    #[test]
    fn who_waits_behind_the_overflow_is_called_when_that_has_moved_up() {
        let (mut near, mut far) = LaneOut::new(core());
        for slot in 0..1030 {
            stage(&mut near, slot, u64::from(slot));
        }
        near.publish();
        assert_eq!(far.take(20, |arrived| drop(arrived)), 20);
        // The overflow goes in now, and leaves room for fewer than are wanted.
        assert!(near.starve(100));
        near.publish();
        far.take(256, |arrived| drop(arrived));
        assert!(far.relieves() && near.called() && !near.starve(100));
    }

    #[test]
    fn what_overflows_when_the_near_end_is_closed_arrives_behind_the_rest() {
        for far_first in [false, true] {
            let (mut near, far) = LaneOut::new(core());
            for slot in 0..1500 {
                stage(&mut near, slot, u64::from(slot));
            }
            let mut next = 0;
            let mut show = |arrived: Arrived<'_>| {
                assert_eq!(unload::<u64>(arrived, next), u64::from(next));
                next += 1;
            };
            if far_first {
                far.close(&mut show);
                near.close(&mut show);
            } else {
                near.close(&mut show);
                far.close(&mut show);
            }
            assert_eq!(next, 1500);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: if cfg!(miri) { 4 } else { 100 }, failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn whoever_goes_last_drops_each_value_once(staged in 0_u32..1200, taken in 0_usize..40, published in proptest::bool::ANY, near_first in proptest::bool::ANY) {
            let counted = Arc::new(());
            let (mut near, mut far) = LaneOut::new(core());
            for number in 0..if cfg!(miri) { staged / 10 } else { staged } {
                let value = crate::isolated::Isolated::new((Arc::clone(&counted), [number; 30]), 0);
                stage(&mut near, 1, value);
                let mut parcel = Parcel::new();
                let held = Arc::clone(&counted);
                parcel.control(Control::Run(Box::new(move || drop(held))));
                near.stage(&parcel, Tick::START);
            }
            if published {
                near.publish();
            }
            far.take(taken, |arrived| drop(arrived));
            if near_first {
                drop(near);
                far.take(3, |arrived| drop(arrived));
                drop(far);
            } else {
                drop(far);
                drop(near);
            }
            assert_eq!(Arc::strong_count(&counted), 1);
        }
    }
}
