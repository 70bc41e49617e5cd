//! A line of the log is what a process has to say, with who it is and on behalf of what it runs.
//!
//! A value is shown to the host as what it is, a number or a text, not as a line: what a line looks like is the host's part.
//! Cost: a call; nothing is allocated here.

use crate::cause::Cause;
use crate::pid::Pid;
use crate::tick::Tick;
use std::fmt;
use std::time::Duration;

/// What a process says.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct LogLine<'a> {
    /// Which process.
    pub pid: Pid,
    /// The name that it was spawned with.
    pub name: &'static str,
    /// On behalf of what it runs.
    pub cause: Cause,
    /// When, by the core's clock, read once a turn.
    pub at: Tick,
    /// What the value is.
    pub what: &'static str,
    /// The value.
    pub value: LogValue<'a>,
}

/// A value in a line of the log.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum LogValue<'a> {
    /// There is nothing more to say.
    None,
    /// Yes or no.
    Bool(bool),
    /// A number that is not negative.
    Unsigned(u64),
    /// A number.
    Signed(i64),
    /// A number with a fraction.
    Float(f64),
    /// A text.
    Text(&'a str),
    /// What shows itself as a text.
    Shown(&'a dyn fmt::Display),
}

impl fmt::Display for LogValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => Ok(()),
            Self::Bool(value) => value.fmt(f),
            Self::Unsigned(value) => value.fmt(f),
            Self::Signed(value) => value.fmt(f),
            Self::Float(value) => value.fmt(f),
            Self::Text(value) => value.fmt(f),
            Self::Shown(value) => value.fmt(f),
        }
    }
}

impl fmt::Debug for LogValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What can stand in a line of the log.
pub trait Loggable {
    /// Shows the value.
    fn show(&self, to: &mut dyn FnMut(LogValue<'_>));
}

impl<T: Loggable + ?Sized> Loggable for &T {
    fn show(&self, to: &mut dyn FnMut(LogValue<'_>)) {
        (**self).show(to);
    }
}

impl<T: Loggable> Loggable for Option<T> {
    fn show(&self, to: &mut dyn FnMut(LogValue<'_>)) {
        match self {
            Some(value) => value.show(to),
            None => to(LogValue::None),
        }
    }
}

impl Loggable for () {
    fn show(&self, to: &mut dyn FnMut(LogValue<'_>)) {
        to(LogValue::None);
    }
}

impl Loggable for fmt::Arguments<'_> {
    fn show(&self, to: &mut dyn FnMut(LogValue<'_>)) {
        to(LogValue::Shown(self));
    }
}

impl Loggable for Duration {
    fn show(&self, to: &mut dyn FnMut(LogValue<'_>)) {
        to(LogValue::Shown(&format_args!("{self:?}")));
    }
}

macro_rules! loggable {
    ($($($type:ty)*: |$value:ident| $show:expr;)*) => {
        $($(impl Loggable for $type {
            fn show(&self, to: &mut dyn FnMut(LogValue<'_>)) {
                let $value = self;
                to($show);
            }
        })*)*
    };
}

loggable! {
    bool: |value| LogValue::Bool(*value);
    u8 u16 u32: |value| LogValue::Unsigned(u64::from(*value));
    u64: |value| LogValue::Unsigned(*value);
    i8 i16 i32: |value| LogValue::Signed(i64::from(*value));
    i64: |value| LogValue::Signed(*value);
    usize: |value| LogValue::Unsigned(*value as u64);
    isize: |value| LogValue::Signed(*value as i64);
    f32: |value| LogValue::Float(f64::from(*value));
    f64: |value| LogValue::Float(*value);
    str String Box<str>: |value| LogValue::Text(value);
    char Pid Cause: |value| LogValue::Shown(value);
}
