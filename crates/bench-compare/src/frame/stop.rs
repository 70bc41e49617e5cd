//! Stopping is asked for by a signal and done by whoever looks: everything that was started is then dropped on the way out.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::frame::fault::Fault;

/// Whether somebody asked us to stop.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Listens for Ctrl-C, for the polite signal and for the end of the terminal.
    /// # Errors
    /// If the kernel lets us listen to none.
    pub(crate) fn listen() -> io::Result<Self> {
        let stop = Self::default();
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            signal_hook::flag::register(signal, Arc::clone(&stop.0))?;
        }
        Ok(stop)
    }

    /// # Errors
    /// [`Fault::Stopped`] from the signal on.
    pub(crate) fn check(&self) -> Result<(), Fault> {
        // Relaxed: nothing else was written by the handler.
        if self.0.load(Ordering::Relaxed) { Err(Fault::Stopped) } else { Ok(()) }
    }
}
