//! A stream: core 0 sends batches as fast as it can, core 1 takes what is there, at most 256 at a time, and looks at each value.
//!
//! A value's time is that between two sends, so whichever end is slower decides.

use std::hint::spin_loop;
use std::thread;
use std::time::Duration;

use crate::frame::fault::Fault;
use crate::loops::pass::Passed;
use crate::machine::clock::{now_ns, own_cpu_ns};
use crate::machine::cores::move_to;
use crate::queues::road::{Road, Sends, Takes, value};
use crate::queues::timed::timed;

/// Places of every queue.
pub(crate) const ROOM: usize = 1024;

/// As much as a core takes from a lane in one pass.
const MOST: usize = 256;

/// Values between two looks at the clock.
const LOOK: usize = 1024;

/// Sends for one window.
/// # Errors
/// If a core cannot be had, or a value was not the next.
pub(crate) fn stream<R: Road>(
    batch: usize,
    warm_up: Duration,
    window: Duration,
) -> Result<Passed, Fault> {
    let (mut sends, takes) = R::ends(ROOM);
    thread::scope(|scope| {
        let taking = scope.spawn(|| take_all(takes));
        let moved = move_to(0);
        let mut next = 0;
        let mut some = || {
            for _ in 0..LOOK / batch {
                sends.send(next, batch);
                next += batch as u64;
            }
            LOOK as u64
        };
        timed(warm_up, &mut some);
        let passed = timed(window, &mut some);
        drop(sends);
        let (taken, share) = taking.join().expect("no loop panics")?;
        moved?;
        if taken != next {
            return Err(Fault::Wrong(format!("{taken} of {next} values came, in order")));
        }
        Ok(Passed { share: passed.share.min(share), ..passed })
    })
}

/// How many values came, each the next, and the share of its core that it had.
fn take_all(mut takes: impl Takes) -> Result<(u64, f64), Fault> {
    move_to(1)?;
    let (begun_ns, begun_cpu_ns) = (now_ns(), own_cpu_ns());
    let mut next = 0;
    let mut look = |got| next += u64::from(got == value(next));
    while let Some(count) = takes.take(MOST, &mut look) {
        if count == 0 {
            spin_loop();
        }
    }
    let share = (own_cpu_ns() - begun_cpu_ns) as f64 / (now_ns() - begun_ns) as f64;
    Ok((next, share))
}
