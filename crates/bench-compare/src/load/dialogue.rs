//! A dialogue is what is said over a connection in some protocol, and how one knows that an answer is whole and right.

use crate::ring::messages::MessageIndex;

/// What the bytes so far amount to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Heard {
    Part,
    Whole,
}

/// One protocol, as a client speaks it.
pub(crate) trait Dialogue {
    /// What is remembered of one connection.
    type Talk;

    /// Every message that will be sent, made before the load begins.
    fn messages(&self) -> Vec<Vec<u8>>;

    /// A connection that has said nothing yet.
    fn begin(&self) -> Self::Talk;

    /// Which message is sent next on this connection.
    fn ask(&mut self, talk: &mut Self::Talk) -> MessageIndex;

    /// Takes what came back.
    /// # Errors
    /// A sentence, if it is not what the message asked for. The load ends then, and there is no figure.
    fn hear(&mut self, talk: &mut Self::Talk, bytes: &[u8]) -> Result<Heard, String>;
}
