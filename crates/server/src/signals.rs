//! Signals are how the program is told to stop or to read its configuration again.
//!
//! The first SIGTERM or SIGINT stops it gracefully, the second at once; SIGHUP reloads. SIGUSR1 and SIGUSR2, by which
//! other servers open their logs anew, would end the program if nobody heard them: they are told to mean nothing.

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::iterator::Signals;

use crate::fault::Fault;
use crate::say::{LAST_WORDS, complain, flush_complaints};

/// What a signal asks for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Asked {
    Stop,
    Reload,
    /// What other servers mean something by.
    Nothing(&'static str),
}

/// The exit code of a program that was told to stop twice.
const HURRIED: i32 = 1;

/// Listens from now on, and tells `hear` of each signal on a thread of its own.
///
/// # Errors
/// That the OS does not let us.
pub(crate) fn listen(mut hear: impl FnMut(Asked) + Send + 'static) -> Result<(), Fault> {
    let failed = |error| Fault::failed(format!("cannot listen for signals: {error}"));
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2]).map_err(failed)?;
    let run = move || {
        let mut is_stopping = false;
        for signal in &mut signals {
            match signal {
                SIGHUP => hear(Asked::Reload),
                SIGUSR1 => hear(Asked::Nothing("SIGUSR1")),
                SIGUSR2 => hear(Asked::Nothing("SIGUSR2")),
                _ if is_stopping => leave_at_once(),
                _ => {
                    is_stopping = true;
                    hear(Asked::Stop);
                }
            }
        }
    };
    std::thread::Builder::new()
        .name("levada-signals".to_owned())
        .spawn(run)
        .map(drop)
        .map_err(failed)
}

#[expect(clippy::exit, reason = "asked twice to stop, the program waits for nothing any more")]
fn leave_at_once() {
    complain(&"told to stop twice: leaving at once");
    flush_complaints(LAST_WORDS);
    std::process::exit(HURRIED);
}
