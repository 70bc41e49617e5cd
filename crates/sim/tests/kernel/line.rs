//! A line is one connection, as a program sees it.

use core::fmt;

use levada_ring::Target;
use levada_sim::PeerId;

/// One connection, as the program sees it.
#[derive(Default)]
pub(crate) struct Line {
    pub(crate) peer: Option<PeerId>,
    pub(crate) target: Option<Target>,
    pub(crate) notices_due: u32,
    pub(crate) received: Vec<u8>,
    pub(crate) sent: Vec<u8>,
    pub(crate) has_end: bool,
    pub(crate) has_failed: bool,
    pub(crate) is_receiving: bool,
    pub(crate) is_sending: bool,
    pub(crate) is_shut: bool,
    pub(crate) is_connecting: bool,
    pub(crate) is_closing: bool,
    pub(crate) is_closed: bool,
}

impl fmt::Debug for Line {
    /// Without the bytes, which are many.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { target, received, sent, has_end, has_failed, is_shut, is_closed, .. } = self;
        write!(
            f,
            "{target:?} of {:?}: received {}, sent {}, ",
            self.peer,
            received.len(),
            sent.len()
        )?;
        write!(f, "end: {has_end}, failed: {has_failed}, shut: {is_shut}, closed: {is_closed}")
    }
}
