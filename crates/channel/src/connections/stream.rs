//! A stream is one connection as its channel keeps it: what came, what is to go, and what the kernel is doing about it.
//!
//! It is freed after its last operation has answered and the kernel has closed it, and not before; then its name is
//! stale. Closing first cancels the receive and waits for its answer: a socket that is closed under a receive goes on
//! writing into the block.

use core::task::Waker;
use std::os::fd::OwnedFd;

use levada_ring::{Group, Target};
use levada_shared::ExclusiveBuf;

use crate::connections::filling::Filling;
use crate::connections::inbox::Inbox;
use crate::connections::outbox::{Last, Outbox};
use crate::connections::rare::Rare;
use crate::error::Error;
use crate::lent::{BULK, SMALL};

/// How many bytes of blocks may wait untaken before the receive is paused.
pub(crate) const CREDIT_BYTES: u32 = 256 << 10;

/// How many bytes may be queued to be sent before more are refused.
pub(crate) const QUEUED_BYTES_MAX: u64 = 1 << 20;

/// How the connection ends, once someone has asked for it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Ending {
    /// Nobody has.
    No,
    /// What is queued goes out, then the kernel closes.
    Close,
    /// As `Close`, to a peer that sends nothing more: the end goes with the last bytes.
    CloseTogether,
    /// What is queued goes out, then the connection leaves the channel as a descriptor.
    Detach,
    /// Nothing more goes out; the peer gets a reset.
    Abort,
}

/// Who hears of what happens to a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Form {
    /// Futures that wait.
    Futures,
    /// A loop that takes events.
    Events,
}

/// One operation that may be with the kernel.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Flight {
    /// It is not.
    No,
    /// It is.
    Out,
    /// It is, and was asked to end.
    Cancelled,
}

/// How a connection receives. Many bring one request and are closed behind its answer; a receive that goes on would
/// first have to be ended then. So the first is for one time, and the next begins when someone waits for it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Pace {
    /// Nothing has come yet: the receive is for one time.
    Once,
    /// What came is being looked at.
    Resting,
    /// More was wanted: the receive goes on.
    On,
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) target: Target,
    /// A descriptor beside the place in the ring's table, for sends by reference.
    pub(crate) descriptor: Option<OwnedFd>,
    pub(crate) inbox: Inbox,
    pub(crate) outbox: Option<Box<Outbox>>,
    /// All bytes that were ever queued, and those of them that the kernel took.
    pub(crate) queued_bytes: u64,
    pub(crate) sent_bytes: u64,
    pub(crate) reader: Option<Waker>,
    pub(crate) writer: Option<Waker>,
    /// How many bytes may still come before the receive pauses.
    pub(crate) credit_bytes: i64,
    pub(crate) recv: Flight,
    pub(crate) pace: Pace,
    pub(crate) shutdown: Flight,
    pub(crate) close: Flight,
    /// A descriptor is being made for it to leave with.
    pub(crate) install: Flight,
    pub(crate) send_cancelled: bool,
    pub(crate) ending: Ending,
    /// The peer has sent its last byte, or never will.
    pub(crate) ended: Option<Result<(), Error>>,
    /// Nothing can be sent any more, and why.
    pub(crate) broken: Option<Error>,
    /// Half closed on this side, as soon as the queue is sent.
    pub(crate) wants_shutdown: bool,
    pub(crate) is_dirty: bool,
    pub(crate) is_paused: bool,
    pub(crate) form: Form,
    /// A send was refused for want of room, and whoever takes the events is told when there is some.
    pub(crate) wants_room: bool,
    /// The end has been told.
    pub(crate) is_end_told: bool,
    /// Messages with descriptors come, not bytes alone.
    pub(crate) passes_descriptors: bool,
    /// Whose blocks are filled, and which of them is to be when the receive is armed again.
    pub(crate) group: Group,
    pub(crate) next_group: Group,
    /// Receives in a row that speak for the other group.
    misfits: u8,
    /// What whoever takes the events calls it.
    pub(crate) cookie: u64,
    pub(crate) rare: Option<Box<Rare>>,
}

/// After so many receives in a row that filled a short block a connection gets long ones; and back.
const MISFITS_MAX: u8 = 4;

/// What a receive brings at least for a long block to be worth it.
const BULK_WORTH_BYTES: usize = 8 << 10;

impl Stream {
    pub(crate) fn new(target: Target, form: Form) -> Self {
        Self {
            target,
            descriptor: None,
            inbox: Inbox::default(),
            outbox: None,
            queued_bytes: 0,
            sent_bytes: 0,
            reader: None,
            writer: None,
            credit_bytes: if form == Form::Futures { i64::from(CREDIT_BYTES) } else { 0 },
            recv: Flight::No,
            pace: Pace::Once,
            shutdown: Flight::No,
            close: Flight::No,
            install: Flight::No,
            send_cancelled: false,
            ending: Ending::No,
            ended: None,
            broken: None,
            wants_shutdown: false,
            is_dirty: false,
            is_paused: false,
            form,
            wants_room: false,
            is_end_told: false,
            passes_descriptors: false,
            group: SMALL,
            next_group: SMALL,
            misfits: 0,
            cookie: 0,
            rare: None,
        }
    }

    pub(crate) fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    /// Goes on with short blocks: an account of its own may never have room for a long one.
    pub(crate) fn begin_short(&mut self) {
        if self.next_group == BULK {
            self.next_group = SMALL;
        }
    }

    /// Takes note of how much of a block a receive filled. Says whether the blocks are of the wrong length for it.
    #[inline]
    pub(crate) fn note_fill(&mut self, block: &ExclusiveBuf) -> bool {
        // An account of its own may be too small for a long block, and then would never have room.
        let is_charged = self.rare.as_ref().is_some_and(|rare| rare.charge.is_some());
        let is_misfit = match self.group {
            SMALL => block.room_bytes() == 0 && !is_charged,
            BULK if self.next_group == SMALL => return true,
            BULK => block.len() < BULK_WORTH_BYTES,
            _ => false,
        };
        self.misfits = if is_misfit { self.misfits + 1 } else { 0 };
        let is_wrong = self.misfits >= MISFITS_MAX;
        if is_wrong {
            self.misfits = 0;
            self.next_group = if self.group == SMALL { BULK } else { SMALL };
        }
        is_wrong
    }

    pub(crate) fn is_filling(&self) -> bool {
        self.rare.as_ref().is_some_and(|rare| rare.filling.is_some())
    }

    pub(crate) fn unsent_bytes(&self) -> u64 {
        self.queued_bytes - self.sent_bytes
    }

    pub(crate) fn is_send_out(&self) -> bool {
        self.outbox.as_ref().is_some_and(|outbox| outbox.is_out())
    }

    /// What a block counts against the credit: what it holds of the heap, however little is in it; whoever takes events counts
    /// bytes.
    #[inline]
    pub(crate) fn cost(form: Form, block: &ExclusiveBuf) -> i64 {
        let bytes = if form == Form::Futures { block.capacity() } else { block.len() };
        i64::try_from(bytes).expect("a block is short")
    }

    /// Whether a receive should be with the kernel and is not.
    pub(crate) fn wants_recv(&self) -> bool {
        self.recv == Flight::No
            && self.ended.is_none()
            && self.ending == Ending::No
            && self.credit_bytes > 0
            && !self.is_paused
            && !self.is_filling()
    }

    /// Whether what is queued is the last that it sends, with nothing else to wait for before it closes.
    pub(crate) fn sends_its_last(&self) -> Last {
        let is_alone = self.recv == Flight::No
            && self.shutdown == Flight::No
            && self.close == Flight::No
            && self.install == Flight::No
            && !self.is_filling_out();
        match self.ending {
            Ending::Close if is_alone => Last::Behind,
            Ending::CloseTogether if is_alone => Last::Together,
            _ => Last::No,
        }
    }

    /// Whether nothing but closing is left to be done for it.
    pub(crate) fn is_quiet(&self) -> bool {
        self.recv == Flight::No
            && self.shutdown == Flight::No
            && !self.is_send_out()
            && !self.is_filling_out()
            && self.install == Flight::No
    }

    pub(crate) fn is_filling_out(&self) -> bool {
        let filling = self.rare.as_ref().and_then(|rare| rare.filling.as_ref());
        filling.is_some_and(Filling::is_out)
    }

    /// Why it ended, if this side did not ask for it.
    pub(crate) fn failure(&self) -> Option<Error> {
        self.broken.filter(|error| *error != Error::Closed)
    }
}

const _: () = assert!(size_of::<Stream>() <= 192, "an idle connection costs little");
