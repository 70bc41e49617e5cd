//! The streams of a channel: the table, and what is to be done about them at the next pass.
//!
//! What comes is in `receiving`, what goes in `sending`, how they end in `closing`.

use core::time::Duration;
use std::collections::VecDeque;

use levada_ring::{Deadline, Target};
use levada_shared::Account;

use crate::config::ChannelConfig;
use crate::connections::outbox::SpareOutboxes;
use crate::connections::stream::{Form, Stream};
use crate::connections::zero_copy::ZeroCopySends;
use crate::kernel::Kernel;
use crate::socket::{Socket, SocketKind};
use crate::table::{Name, Table};

/// All streams of a channel.
#[derive(Debug)]
pub(crate) struct Streams {
    pub(crate) table: Table<Stream>,
    /// Those that have something to hand over, or to end.
    pub(crate) dirty: Vec<Name>,
    /// Those whose receive ended because no block was free.
    pub(crate) paused: VecDeque<Name>,
    /// Those that have ended, and whose last event was perhaps not taken yet.
    pub(crate) ended: Vec<Name>,
    /// Those that hold what their account has no room for.
    pub(crate) unpaid: Vec<Name>,
    pub(crate) spare_outboxes: SpareOutboxes,
    /// Whether those that came lately needed long blocks.
    pub(crate) bulk_votes: i8,
    pub(crate) zero_copy_sends: ZeroCopySends,
    pub(crate) sends_out: usize,
    /// When to look for peers that take nothing; only while sends are out.
    pub(crate) sweep_at: Deadline,
    pub(crate) write_stall: Duration,
    pub(crate) pauses: u64,
    pub(crate) stalls: u64,
    pub(crate) stale: u64,
    pub(crate) bytes_by_reference: u64,
    /// How many streams have a descriptor beside their place, or have asked for one; and may.
    pub(crate) descriptors_held: u32,
    pub(crate) descriptors_max: u32,
}

impl Streams {
    /// Up to `count_max` of them.
    pub(crate) fn new(count_max: u32, config: &ChannelConfig) -> Self {
        Self {
            table: Table::new(count_max),
            dirty: Vec::new(),
            paused: VecDeque::new(),
            ended: Vec::new(),
            unpaid: Vec::new(),
            spare_outboxes: SpareOutboxes::default(),
            bulk_votes: 0,
            zero_copy_sends: ZeroCopySends::new(),
            sends_out: 0,
            sweep_at: Deadline::NEVER,
            write_stall: config.write_stall,
            pauses: 0,
            stalls: 0,
            stale: 0,
            bytes_by_reference: 0,
            descriptors_held: 0,
            descriptors_max: config.descriptors_max,
        }
    }

    pub(crate) fn open_count(&self) -> u32 {
        let ended_count = u32::try_from(self.ended.len()).expect("no more than there are streams");
        self.table.used_count() - ended_count
    }

    pub(crate) fn count_max(&self) -> u32 {
        self.table.count_max()
    }

    pub(crate) fn room_count(&self) -> u32 {
        self.table.room_count()
    }

    pub(crate) fn is_open(&self, name: Name) -> bool {
        self.table.peek(name).is_some()
    }

    /// Takes a connected socket in, made ready by `prepare`, and begins to receive, if it may; gives it back where there are
    /// as many as there may be.
    pub(crate) fn adopt(
        &mut self,
        kernel: &mut Kernel,
        target: Target,
        form: Form,
        prepare: impl FnOnce(&mut Stream),
    ) -> Result<Name, Target> {
        let mut stream = Stream::new(target, form);
        stream.next_group = self.first_group();
        prepare(&mut stream);
        let name = self.table.insert(stream).map_err(|stream| stream.target)?;
        self.arm(kernel, name);
        Ok(name)
    }

    /// Gives it what its events are to carry, and who pays for what it receives.
    pub(crate) fn register(&mut self, name: Name, cookie: u64, charge: Option<&Account>) -> bool {
        let Some(stream) = self.table.get(name) else { return false };
        stream.cookie = cookie;
        if charge.is_some() || stream.rare.is_some() {
            stream.rare().charge = charge.cloned();
        }
        if charge.is_some() {
            stream.begin_short();
        }
        true
    }

    #[inline]
    pub(crate) fn touch(dirty: &mut Vec<Name>, stream: &mut Stream, name: Name) {
        if !core::mem::replace(&mut stream.is_dirty, true) {
            dirty.push(name);
        }
    }

    /// Hands over what was queued since the last pass.
    pub(crate) fn flush(&mut self, kernel: &mut Kernel) {
        // By index: what ends at once may touch another, never this list's beginning.
        let mut next = 0;
        while let Some(&name) = self.dirty.get(next) {
            next += 1;
            if let Some(stream) = self.table.get(name) {
                stream.is_dirty = false;
                self.hand_over(kernel, name);
            }
        }
        self.dirty.clear();
    }
}

/// A connection as the program names it.
pub(crate) fn socket_of(kernel: &Kernel, name: Name) -> Socket {
    Socket::new(SocketKind::Stream, name, kernel.number)
}
