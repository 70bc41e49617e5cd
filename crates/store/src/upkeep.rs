//! Upkeep is what the table needs from time to time, in short slices on one core: what is over goes, memory is had ready, and
//! given back when the machine runs short of it.

use core::future::poll_fn;
use core::pin::pin;
use core::task::Poll;
use core::time::Duration;
use std::sync::Arc;

use levada_cache::{Budget, Pressure};
use levada_pages::{MachinePressure, PressureSource};
use levada_process::{Context, Failure, Mailbox};

use crate::hall::Hall;

/// How often it looks, and how often where nothing was written since.
const EACH: Duration = Duration::from_millis(100);
const EACH_IDLE: Duration = Duration::from_millis(500);

/// Tends the table until the program stops.
pub(crate) async fn tend(
    context: Context,
    mut inbox: Mailbox<()>,
    hall: Arc<Hall>,
) -> Result<(), Failure> {
    let mut machine = MachinePressure::open();
    let mut changes = 0;
    loop {
        let now = context.now();
        let signal = machine.look(Duration::from_nanos(now.as_nanos()));
        if signal != Pressure::Unchanged {
            hall.items.cache.pressure(signal);
        }
        while hall.items.cache.tend(Budget::slice()).can_more {
            context.yield_now().await;
        }
        let before = core::mem::replace(&mut changes, hall.items.changes());
        let each = if before == changes { EACH_IDLE } else { EACH };
        let mut sleeping = pin!(context.sleep_until(now.after(each)));
        let mut told = pin!(inbox.recv());
        let is_over = poll_fn(|context| match told.as_mut().poll(context) {
            Poll::Ready(_) => Poll::Ready(true), // the program stops
            Poll::Pending => sleeping.as_mut().poll(context).map(|slept| slept.is_err()),
        });
        if is_over.await {
            return Ok(());
        }
    }
}
