//! A tender is a thread that tends a pile, for programs without a core's loop that does.

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use crate::pile::Pile;
use crate::upkeep::budget::Budget;

/// How often it looks.
const EACH: Duration = Duration::from_millis(100);

/// A thread that calls [`Pile::tend`] each 100 ms, until this is dropped.
///
/// ```
/// use levada_pile::{Pile, Tender};
/// let pile = Pile::builder("alone").limit_bytes(1 << 20).build()?;
/// let _tender = Tender::start(&pile)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Tender {
    /// Its end is what the thread waits for.
    ending: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Tender {
    /// Starts the thread, which keeps the pile.
    ///
    /// # Errors
    /// That of the OS, where it gives no thread.
    pub fn start(pile: &Pile) -> io::Result<Self> {
        let (ending, ended) = sync_channel(0);
        let pile = pile.clone();
        let thread =
            Builder::new().name("levada-tender".to_owned()).spawn(move || tend(&pile, &ended))?;
        Ok(Self { ending: Some(ending), thread: Some(thread) })
    }
}

fn tend(pile: &Pile, ended: &Receiver<()>) {
    while ended.recv_timeout(EACH) == Err(RecvTimeoutError::Timeout) {
        // In slices, so that the thread is in nobody's way for long.
        while pile.tend(Budget::slice()).can_more && ended.try_recv().is_err() {
            std::thread::yield_now();
        }
    }
}

impl Drop for Tender {
    fn drop(&mut self) {
        drop(self.ending.take());
        if let Some(thread) = self.thread.take() {
            // It panics only by our own mistake, which it has told.
            let _ended: bool = thread.join().is_ok();
        }
    }
}
