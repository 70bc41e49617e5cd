//! Ping: core 0 sends a batch and waits for as many values to come back; core 1 sends them when it has the whole batch.
//!
//! The time is that of a value there and back, so of one batch it is the way of a lone value.

use std::hint::spin_loop;
use std::thread;
use std::time::Duration;

use crate::frame::fault::Fault;
use crate::loops::pass::Passed;
use crate::machine::cores::move_to;
use crate::queues::road::{Road, Sends, Takes, value};
use crate::queues::stream::ROOM;
use crate::queues::timed::timed;

/// Values between two looks at the clock, at least.
const LOOK: usize = 64;

/// Sends and waits for one window.
/// # Errors
/// If a core cannot be had, or a value was not the next.
pub(crate) fn ping<R: Road>(
    batch: usize,
    warm_up: Duration,
    window: Duration,
) -> Result<Passed, Fault> {
    let ((mut sends, takes), (answers, mut answered)) = (R::ends(ROOM), R::ends(ROOM));
    thread::scope(|scope| {
        let answering = scope.spawn(move || answer(takes, answers, batch));
        let moved = move_to(0);
        let (mut next, mut is_right) = (0, true);
        let mut some = || {
            let turns = LOOK.div_ceil(batch);
            for _ in 0..turns {
                sends.send(next, batch);
                is_right &= gather(&mut answered, next, batch) == Some(true);
                next += batch as u64;
            }
            (turns * batch) as u64
        };
        timed(warm_up, &mut some);
        let passed = timed(window, &mut some);
        drop(sends);
        answering.join().expect("no loop panics")?;
        moved?;
        if is_right { Ok(passed) } else { Err(Fault::Wrong("another value came".to_owned())) }
    })
}

fn answer(mut takes: impl Takes, mut answers: impl Sends, batch: usize) -> Result<(), Fault> {
    move_to(1)?;
    let mut next = 0;
    // What is wrong comes back wrong, and is seen there.
    while let Some(is_right) = gather(&mut takes, next, batch) {
        answers.send(if is_right { next } else { next + 1 }, batch);
        next += batch as u64;
    }
    Ok(())
}

/// Waits for `batch` values and says whether they are those from `first` on; nothing if whoever sent has gone.
#[inline]
fn gather(takes: &mut impl Takes, first: u64, batch: usize) -> Option<bool> {
    let end = first + batch as u64;
    let (mut next, mut is_right) = (first, true);
    while next < end {
        let lacking = usize::try_from(end - next).expect("a batch is short");
        let count = takes.take(lacking, |got| {
            is_right &= got == value(next);
            next += 1;
        })?;
        if count == 0 {
            spin_loop();
        }
    }
    Some(is_right)
}
