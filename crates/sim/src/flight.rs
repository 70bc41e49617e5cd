//! A flight is one operation between its push and its last completion; what it has come to waits, ready, to be told.

use levada_ring::{Address, Deadline, Done, Errno, Op, ReadSpan, StatBuffer, Token, Vectored};

use crate::groups::LentBlock;
use crate::lent::Loan;
use crate::net::ConnectionId;

/// A socket, by its number in the simulated kernel.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct SocketId(pub(crate) usize);

/// An open file, by its number in the simulated kernel.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct FileId(pub(crate) usize);

/// A flight, by its number: the order in which operations were pushed.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct FlightId(pub(crate) u64);

/// One operation.
#[derive(Debug)]
pub(crate) struct Flight {
    pub(crate) id: FlightId,
    pub(crate) token: Token,
    pub(crate) op: Op,
    /// Not tried before this.
    pub(crate) not_before: Deadline,
    /// A cancel takes hold of it at this moment.
    pub(crate) ends_at: Option<Deadline>,
    /// What it is about, kept open by it.
    pub(crate) socket: Option<SocketId>,
    pub(crate) file: Option<FileId>,
    pub(crate) listener: Option<usize>,
    /// What it reads or writes, in order.
    pub(crate) loans: Vec<Loan>,
    /// The list that a vectored one came with, and what that said.
    pub(crate) list: Option<ListLent>,
    /// Of one that goes on until it has all: how far it is.
    pub(crate) progress_bytes: u32,
    /// The bytes have gone, and a notice is to come when the peer has taken so many.
    pub(crate) notice_at: Option<(ConnectionId, u64)>,
    pub(crate) is_notice_held: bool,
    /// Whom it asked has said nothing, and will not until then; or a timeout's moment.
    pub(crate) silent_until: Option<Deadline>,
}

/// A list of spans, which has to stay as it is until its operation has ended.
#[derive(Clone, Debug)]
pub(crate) struct ListLent {
    pub(crate) list: *const Vectored,
    pub(crate) spans: Vec<(usize, u32)>,
}

impl ListLent {
    /// The spans of a list, as they are now.
    pub(crate) fn spans_of(list: &Vectored) -> Vec<(usize, u32)> {
        list.spans().map(|ReadSpan { start, bytes }| (start.addr(), bytes)).collect()
    }
}

/// What is written when a completion is told, and not before.
#[derive(Debug)]
pub(crate) enum Fill {
    Nothing,
    Bytes(Loan, Vec<u8>),
    Address(*mut Address, Box<Address>),
    Stat(*mut StatBuffer, Box<libc::statx>),
}

/// One completion, made and not yet told.
#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) due: Deadline,
    /// Among those that are due at the same moment.
    pub(crate) tie: u64,
    pub(crate) serial: u64,
    pub(crate) done: Done,
    pub(crate) fill: Fill,
    /// The lent block that it names.
    pub(crate) block: Option<LentBlock>,
    /// The list that is the program's again from here on, though its bytes are not.
    pub(crate) list: Option<ListLent>,
    /// The flight that ends with it.
    pub(crate) last_of: Option<Box<Flight>>,
    /// What it says may be said again when its token is of the past: it hands nothing over.
    pub(crate) is_repeatable: bool,
}

/// What came of trying an operation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Tried {
    /// It waits for somebody else.
    Waits,
    /// It came to something, and goes on.
    GoesOn,
    /// It came to its end, with this.
    Ends(Result<u32, Errno>),
    /// It came to its end, which was told already.
    Ended,
}

/// Whether a completion of this operation gives something away: then it is told once and never again.
pub(crate) fn hands_over(op: &Op) -> bool {
    matches!(op, Op::Accept { .. } | Op::Socket { .. } | Op::Open { .. } | Op::Install { .. })
}
