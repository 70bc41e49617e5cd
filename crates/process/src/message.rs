//! A message is what may cross from one process to another: it owns all that it carries and shares nothing that can change.
//!
//! The world of messages is closed. `Send` is not enough: an `Arc<Mutex<_>>` is `Send`, and two processes that hold one share
//! memory. So the trait is implemented here for what is safe to give away, and by derive for structs and enums of such:
//!
//! ```
//! use levada_process::{Message, Reply, Sender};
//! #[derive(Message)]
//! enum Order { Buy { what: String, pieces: u32 }, Count(Reply<u64>), Follow(Sender<u32>) }
//! fn sent<M: Message>(_: M) {}
//! sent(Order::Buy { what: "water".into(), pieces: 3 });
//! # let _: fn(Reply<u64>) -> Order = Order::Count;
//! # let _: fn(Sender<u32>) -> Order = Order::Follow;
//! ```
//!
//! What it carries of the shared heap, it carries for whoever it is sent to: a mailbox makes every handle in it the receiver's as it
//! takes it in, so what is under way, or waits to be taken, is charged to who is to take it, and no longer to who sent it.
//!
//! What shares memory, or names what the process does not own, is refused:
//!
//! ```compile_fail,E0277
//! #[derive(levada_process::Message)]
//! struct Shares { rows: std::rc::Rc<u32> }
//! ```
//! ```compile_fail,E0277
//! #[derive(levada_process::Message)]
//! struct Shares { rows: std::sync::Arc<std::sync::Mutex<u32>> }
//! ```
//! ```compile_fail,E0277
//! #[derive(levada_process::Message)]
//! struct Shares { row: std::cell::Cell<u32> }
//! ```
//! ```compile_fail,E0277
//! #[derive(levada_process::Message)]
//! struct Points { to: *const u32 }
//! ```
//! ```compile_fail,E0277
//! #[derive(levada_process::Message)]
//! struct Names { file: std::os::fd::OwnedFd }
//! ```
//! ```compile_fail,E0277
//! #[derive(levada_process::Message)]
//! struct Runs { what: fn(u32) -> u32 }
//! ```
//! ```compile_fail,E0277
//! #[derive(levada_process::Message)]
//! struct Runs { what: Box<dyn FnOnce() + Send> }
//! ```
//! ```compile_fail
//! #[derive(levada_process::Message)]
//! struct Lends<'a> { name: &'a str }
//! ```

use crate::address::WaitId;
use crate::pid::Pid;
use levada_shared::{Account, Charged, Reservation};
use std::mem::needs_drop;

/// A type whose values may be sent to another process; implemented by `#[derive(Message)]`, never by hand.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a message: it may share memory, or be no plain value",
    label = "cannot be sent to another process",
    note = "messages are numbers, strings, containers of messages, handles of this project, and structs and enums that derive \
            `Message`; an owned `T: Send` that shares nothing can be carried in `Isolated<T>`"
)]
pub trait Message: Send + 'static {
    /// Owns nothing that weighs outside itself: its weight is constant.
    #[doc(hidden)]
    const FLAT: bool;

    /// May carry what is charged to an account of the shared heap: it is visited when it is let in.
    #[doc(hidden)]
    const CHARGES: bool;

    /// Shows what it owns outside itself.
    #[doc(hidden)]
    fn visit(&mut self, visit: &mut Visit<'_>);
}

/// What is looked for in a message.
#[derive(Debug)]
pub struct Visit<'a>(Wanted<'a>);

#[derive(Debug)]
enum Wanted<'a> {
    /// What it owns outside itself.
    Weight(&'a mut u64),
    /// The reply that was made for a call to this process.
    ReplyMadeFor(Pid, &'a mut Option<WaitId>),
    /// Whether there may be any reply but this one.
    OtherReplies(Option<WaitId>, &'a mut bool),
    /// How much an account lacks to hold all that is charged.
    Lacks(&'a Account, &'a mut u64),
    /// Everything that is charged, to make it that of who set the room aside.
    Rehome(&'a mut Reservation),
}

impl Visit<'_> {
    /// A container, or anything else outside the message, that it owns alone.
    #[doc(hidden)]
    pub fn owned(&mut self, bytes: usize) {
        if let Wanted::Weight(sum) = &mut self.0 {
            **sum += bytes as u64;
        }
    }

    /// A handle of the shared heap.
    #[doc(hidden)]
    pub fn charged(&mut self, handle: &mut impl Charged) {
        match &mut self.0 {
            Wanted::Lacks(at, sum) => **sum = sum.saturating_add(handle.lacks_bytes(at)),
            Wanted::Rehome(room) => handle.rehome(room),
            Wanted::Weight(_) | Wanted::ReplyMadeFor(..) | Wanted::OtherReplies(..) => {}
        }
    }

    /// A reply to `wait`, made for a call to `callee`.
    pub(crate) fn reply(&mut self, callee: Pid, wait: WaitId) {
        match &mut self.0 {
            Wanted::ReplyMadeFor(wanted, found) if *wanted == callee => **found = Some(wait),
            Wanted::OtherReplies(own, found) => **found |= *own != Some(wait),
            _ => {}
        }
    }

    /// Something that nobody looks into.
    pub(crate) fn hidden(&mut self) {
        if let Wanted::OtherReplies(_, found) = &mut self.0 {
            **found = true;
        }
    }
}

/// What a message takes of a mailbox's bound in bytes: itself and what it owns.
#[inline]
pub(crate) fn weight_bytes<M: Message>(message: &mut M) -> u32 {
    let mut bytes = size_of::<M>() as u64;
    if !M::FLAT {
        message.visit(&mut Visit(Wanted::Weight(&mut bytes)));
    }
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

/// How much `at` has to have room for to hold all that is visited.
#[inline]
pub(crate) fn lacks_bytes(at: &Account, visited: impl FnOnce(&mut Visit<'_>)) -> u64 {
    let mut bytes = 0;
    visited(&mut Visit(Wanted::Lacks(at, &mut bytes)));
    bytes
}

/// Makes all that is visited the account's that set the room aside.
pub(crate) fn rehome(room: &mut Reservation, visited: impl FnOnce(&mut Visit<'_>)) {
    visited(&mut Visit(Wanted::Rehome(room)));
}

/// Which wait the call is to be answered to that `visited` is the request of, if it is the request of a call to `callee`.
pub(crate) fn caller_of(callee: Pid, visited: impl FnOnce(&mut Visit<'_>)) -> Option<WaitId> {
    let mut found = None;
    visited(&mut Visit(Wanted::ReplyMadeFor(callee, &mut found)));
    found
}

/// Whether `message` may carry a reply other than that to `own`: who sends it is then no longer the one to answer that call.
#[inline]
pub(crate) fn hands_on<M: Message>(message: &mut M, own: Option<WaitId>) -> bool {
    let mut found = false;
    // A reply does something when it is dropped, and so does what has one in it.
    if needs_drop::<M>() {
        message.visit(&mut Visit(Wanted::OtherReplies(own, &mut found)));
    }
    found
}
