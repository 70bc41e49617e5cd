//! A scripted pressure says what a test wrote down for it, one word a look.

use core::time::Duration;
use std::sync::mpsc::{Receiver, Sender, channel};

use crate::pressure::{Pressure, PressureSource};

/// A source of pressure for tests: each look takes the next word of its script, and finds [`Pressure::Unchanged`] where
/// there is none. It keeps no windows and knows no time.
///
/// ```
/// use std::time::Duration;
/// use levada_pages::{Pressure, PressureSource, ScriptedPressure};
///
/// let (mut source, script) = ScriptedPressure::new();
/// script.say(Pressure::Low);
/// assert_eq!(source.look(Duration::ZERO), Pressure::Low);
/// assert_eq!(source.look(Duration::ZERO), Pressure::Unchanged);
/// ```
#[derive(Debug)]
pub struct ScriptedPressure(Receiver<Pressure>);

/// The other end of a [`ScriptedPressure`]: what is said here, on any thread, is found there in the same order.
#[derive(Clone, Debug)]
pub struct PressureScript(Sender<Pressure>);

impl ScriptedPressure {
    /// Makes a source, and the script that it follows.
    #[must_use]
    pub fn new() -> (Self, PressureScript) {
        let (script, source) = channel();
        (Self(source), PressureScript(script))
    }
}

impl PressureScript {
    /// Adds a word to the script. Where the source is gone, nobody hears it.
    pub fn say(&self, pressure: Pressure) {
        self.0.send(pressure).unwrap_or_default();
    }
}

impl PressureSource for ScriptedPressure {
    fn look(&mut self, _now: Duration) -> Pressure {
        self.0.try_recv().unwrap_or(Pressure::Unchanged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_followed_in_order_and_then_nothing_is_new() {
        let (mut source, script) = ScriptedPressure::new();
        assert_eq!(source.look(Duration::ZERO), Pressure::Unchanged);
        script.say(Pressure::Critical);
        script.clone().say(Pressure::Quiet);
        drop(script);
        let told = [0; 3].map(|_| source.look(Duration::ZERO));
        assert_eq!(told, [Pressure::Critical, Pressure::Quiet, Pressure::Unchanged]);
    }

    #[test]
    fn a_script_whose_source_is_gone_is_heard_by_nobody() {
        let (source, script) = ScriptedPressure::new();
        drop(source);
        script.say(Pressure::Low);
    }
}
