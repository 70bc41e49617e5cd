//! Cancelled is what somebody is told whose waiting was ended, by who wants him to end.

use crate::message::{Message, Visit};
use std::error::Error;
use std::fmt;

/// Who waits was cancelled.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Cancelled;

impl fmt::Display for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("who waits here was cancelled")
    }
}

impl Error for Cancelled {}

impl Message for Cancelled {
    const FLAT: bool = true;
    const CHARGES: bool = false;

    fn visit(&mut self, _visit: &mut Visit<'_>) {}
}
