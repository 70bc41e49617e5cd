//! A road is a queue in one manner of use: how values are sent in batches, and how what is there is taken.
//!
//! Both ends stay awake unless the manner says otherwise. A value holds its number four times over, so that whoever takes it
//! sees whether it is whole and whether it is the next.

/// What crosses: 32 B.
pub(crate) type Value = [u64; 4];

/// The value with this number.
#[inline]
pub(crate) fn value(number: u64) -> Value {
    [number; 4]
}

/// A queue in one manner of use.
pub(crate) trait Road: 'static {
    type Sends: Sends + 'static;
    type Takes: Takes + 'static;

    /// A queue with `room` places.
    fn ends(room: usize) -> (Self::Sends, Self::Takes);
}

/// The end that values go in at; who takes knows when it is dropped.
pub(crate) trait Sends: Send {
    /// Sends the values from `first` on, as one batch where the queue knows batches, and waits for room.
    fn send(&mut self, first: u64, count: usize);
}

/// The end that values come out at.
pub(crate) trait Takes: Send {
    /// Takes what is there, at most `most`; nothing if nothing is there and whoever sent has gone.
    fn take(&mut self, most: usize, each: impl FnMut(Value)) -> Option<usize>;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queues::crossbeam_roads::{Crossbeam, CrossbeamBlocking};
    use crate::queues::crossfire_roads::{Crossfire, CrossfireBlocking, CrossfireMany};
    use crate::queues::flume_road::Flume;
    use crate::queues::kanal_roads::{Kanal, KanalBlocking};
    use crate::queues::levada_roads::{LevadaMpsc, LevadaSpsc};
    use crate::queues::rtrb_roads::{Rtrb, RtrbChunks};

    fn carries_all_in_order_and_ends<R: Road>() {
        let (mut sends, mut takes) = R::ends(8);
        let sending = std::thread::spawn(move || (0..100).for_each(|ten| sends.send(10 * ten, 5)));
        let mut taken = Vec::new();
        while takes.take(4, |value| taken.push(value)).is_some() {}
        sending.join().unwrap();
        let numbers = (0..100).flat_map(|ten| 10 * ten..10 * ten + 5);
        assert_eq!(taken, numbers.map(value).collect::<Vec<_>>());
    }

    #[test]
    fn every_road_carries_all_in_order_and_ends() {
        carries_all_in_order_and_ends::<LevadaSpsc>();
        carries_all_in_order_and_ends::<LevadaMpsc>();
        carries_all_in_order_and_ends::<Rtrb>();
        carries_all_in_order_and_ends::<RtrbChunks>();
        carries_all_in_order_and_ends::<Crossbeam>();
        carries_all_in_order_and_ends::<CrossbeamBlocking>();
        carries_all_in_order_and_ends::<Flume>();
        carries_all_in_order_and_ends::<Kanal>();
        carries_all_in_order_and_ends::<KanalBlocking>();
        carries_all_in_order_and_ends::<Crossfire>();
        carries_all_in_order_and_ends::<CrossfireBlocking>();
        carries_all_in_order_and_ends::<CrossfireMany>();
    }
}
