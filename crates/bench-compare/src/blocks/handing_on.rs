//! Handing on: core 0 takes and fills blocks and sends them through a bounded queue; core 1 looks at them and drops them.
//!
//! The queue is the same for all, one of `rtrb` with 64 places; both sides wait awake. A block's time is that between two
//! sends, in the middle one of some fifty batches: whichever side is slower decides.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use levada_shared::set_home_arena;
use rtrb::{Consumer, Producer, PushError, RingBuffer};

use crate::blocks::in_flight::IN_FLIGHT;
use crate::blocks::maker::{Fill, LOOK, Maker, look};
use crate::frame::fault::Fault;
use crate::frame::ratio::Spread;
use crate::loops::pass::{BATCHES, Passed};
use crate::machine::clock::{now_ns, own_cpu_ns};
use crate::machine::cores::move_to;

/// Hands blocks on for one window.
/// # Errors
/// If a core cannot be had.
pub(crate) fn hand_on<M: Maker>(
    maker: &mut M,
    (source, fill): (&[u8], Fill),
    warm_up: Duration,
    window: Duration,
) -> Result<Passed, Fault> {
    let (mut sends, takes) = RingBuffer::new(IN_FLIGHT);
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let taking = scope.spawn(|| take_all::<M>(takes, &is_over));
        let moved = move_to(0);
        set_home_arena(0);
        let mut send = |length_ns: u64| {
            let mut batches_ns = Vec::with_capacity(1024);
            let (begun_ns, begun_cpu_ns, mut count) = (now_ns(), own_cpu_ns(), 0);
            let mut before = (begun_ns, 0);
            loop {
                for _ in 0..IN_FLIGHT {
                    send_one::<M>(&mut sends, maker.make(source, fill));
                }
                count += IN_FLIGHT;
                let after_ns = now_ns();
                if after_ns - before.0 >= length_ns / BATCHES {
                    batches_ns.push((after_ns - before.0) as f64 / (count - before.1) as f64);
                    before = (after_ns, count);
                }
                let elapsed_ns = after_ns - begun_ns;
                if elapsed_ns >= length_ns {
                    let share = (own_cpu_ns() - begun_cpu_ns) as f64 / elapsed_ns as f64;
                    let middle = Spread::of(&batches_ns).expect("there was a batch");
                    return (middle.median, count as f64 / (elapsed_ns as f64 / 1e9), share);
                }
            }
        };
        send(whole_ns(warm_up));
        let (turn_ns, rate_per_s, share) = send(whole_ns(window));
        // Release is not needed: the queue says itself that it is empty, and this only that nothing will come.
        is_over.store(true, Ordering::Relaxed);
        let taken = taking.join().expect("no loop panics");
        moved?;
        let taken_share = taken?;
        Ok(Passed { turn_ns, rate_per_s, share: taken_share.min(share) })
    })
}

#[inline]
fn send_one<M: Maker>(sends: &mut Producer<M::Data>, mut data: M::Data) {
    while let Err(PushError::Full(back)) = sends.push(data) {
        data = back;
        std::hint::spin_loop();
    }
}

/// The share of its core that it had.
fn take_all<M: Maker>(mut takes: Consumer<M::Data>, is_over: &AtomicBool) -> Result<f64, Fault> {
    move_to(1)?;
    set_home_arena(1);
    let (begun_ns, begun_cpu_ns) = (now_ns(), own_cpu_ns());
    loop {
        let was_over = is_over.load(Ordering::Relaxed);
        while let Ok(data) = takes.pop() {
            assert_eq!(look::<M>(&data), LOOK, "a block holds what was put in");
        }
        if was_over {
            let share = (own_cpu_ns() - begun_cpu_ns) as f64 / (now_ns() - begun_ns) as f64;
            return Ok(share);
        }
        std::hint::spin_loop();
    }
}

fn whole_ns(length: Duration) -> u64 {
    u64::try_from(length.as_nanos()).expect("windows are short")
}
