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
}
