//! A completion says how an operation went on, or ended.

pub use rustix::io::Errno;

use crate::op::BlockId;
use crate::token::Token;

/// One completion.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Done {
    /// Which operation.
    pub token: Token,
    /// What it came to: bytes, a descriptor, a place in the table; or why not.
    pub result: Result<u32, Errno>,
    /// Whether more completions of this operation follow.
    pub more: bool,
    /// The block that was filled; it belongs to the program again.
    pub block: Option<BlockId>,
    /// The network is done with the bytes of a zero-copy send; this one says nothing else.
    pub notice: Option<Notice>,
}

/// How bytes that were to be sent without a copy were sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Notice {
    /// Without a copy, as far as the kernel knows.
    ByReference,
    /// Copied after all: the way to the peer does not do without.
    Copied,
}

impl Done {
    /// A completion that is the last of its operation, and brings nothing but its result.
    #[must_use]
    pub fn last(token: Token, result: Result<u32, Errno>) -> Self {
        Self { token, result, more: false, block: None, notice: None }
    }
}
