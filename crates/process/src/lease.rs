//! A lease is room in a mailbox of another core, held here so that what is sent is sure to be accepted there.
//!
//! ```text
//! here, for each mailbox sent to     messages and bytes left | asked | who waits for more
//! at the mailbox's core              leased, in its own bound: queued + leased <= bound, always
//! ask ──► grant ──► messages spend it ──► half used: ask again;   10 ms unused, or recalled: return
//! ```
//!
//! Cost: one look-up a message; an ask and a grant for each run of messages.

use crate::lines::Queue;
use crate::pid::{CoreId, Pid};
use crate::tick::Tick;
use foldhash::fast::FixedState;
use levada_shared::Account;
use std::collections::HashMap;
use std::time::Duration;

/// A lease not used for so long goes back.
pub(crate) const UNUSED_MAX: Duration = Duration::from_millis(10);

/// The leases that a core holds.
#[derive(Debug, Default)]
pub(crate) struct Leases {
    held: HashMap<Pid, Lease, FixedState>,
}

/// Room in one mailbox.
#[derive(Debug)]
pub(crate) struct Lease {
    messages: u16,
    bytes: u32,
    /// How many messages the last grant was for.
    granted: u16,
    /// The number of the last grant, which tells the owner of one that crossed a return on the way.
    serial: u32,
    asked: bool,
    /// The mailbox deals with what does not fit: any message may be sent, and the lease says only that some may be on their way.
    is_open: bool,
    used: Tick,
    /// Whom that mailbox's process is charged to, once something was granted; none if its core has no account.
    pub(crate) account: Option<Account>,
    /// Who waits here for room there.
    pub(crate) line: Queue,
}

/// What is to be told to a mailbox's core.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Returned {
    pub(crate) messages: u16,
    pub(crate) bytes: u32,
    pub(crate) serial: u32,
}

impl Lease {
    /// Uses room for one message, if there is so much.
    #[inline]
    pub(crate) fn spend(&mut self, weight_bytes: u32, now: Tick) -> bool {
        let enough = self.covers(weight_bytes);
        if enough {
            self.used = now;
            if !self.is_open {
                self.messages -= 1;
                self.bytes -= weight_bytes;
            }
        }
        enough
    }

    /// Takes back room that was used a moment ago, for a message that is not sent after all.
    pub(crate) fn unspend(&mut self, weight_bytes: u32) {
        if !self.is_open {
            self.messages += 1;
            self.bytes += weight_bytes;
        }
    }

    #[inline]
    pub(crate) fn covers(&self, weight_bytes: u32) -> bool {
        self.is_open || self.messages > 0 && self.bytes >= weight_bytes
    }

    /// Whether it is time to ask for more; it then counts as asked for.
    #[inline]
    pub(crate) fn asks(&mut self, in_need: bool) -> bool {
        let is_short = in_need || !self.is_open && self.messages <= self.granted / 2;
        let asks = !self.asked && is_short;
        self.asked |= asks;
        asks
    }

    pub(crate) fn grant(&mut self, messages: u16, bytes: u32, serial: u32, now: Tick) {
        self.messages += messages;
        self.bytes += bytes;
        self.granted = messages;
        self.is_open = messages == 0;
        self.serial = serial;
        self.asked = false;
        self.used = now;
    }

    /// Takes out what is not used.
    pub(crate) fn take_unused(&mut self) -> Returned {
        let returned = Returned { messages: self.messages, bytes: self.bytes, serial: self.serial };
        (self.messages, self.bytes, self.is_open) = (0, 0, false);
        returned
    }

    fn holds_room(&self) -> bool {
        self.is_open || self.messages > 0 || self.bytes > 0
    }

    fn is_idle(&self) -> bool {
        !self.asked && self.line.is_empty()
    }
}

impl Leases {
    #[inline]
    pub(crate) fn get(&mut self, to: Pid) -> Option<&mut Lease> {
        self.held.get_mut(&to)
    }

    #[inline]
    pub(crate) fn get_or_begin(&mut self, to: Pid, now: Tick) -> &mut Lease {
        self.held.entry(to).or_insert_with(|| Lease {
            messages: 0,
            bytes: 0,
            granted: 0,
            serial: 0,
            asked: false,
            is_open: false,
            used: now,
            account: None,
            line: Queue::new(),
        })
    }

    /// Forgets a lease, since its mailbox takes no more.
    pub(crate) fn end(&mut self, to: Pid) -> Option<Lease> {
        self.held.remove(&to)
    }

    /// Gives one back because another core starves. The lease itself is forgotten if nobody waits for it.
    pub(crate) fn recall(&mut self, to: Pid) -> Option<Returned> {
        let lease = self.held.get_mut(&to)?;
        let returned = lease.take_unused();
        if lease.is_idle() {
            self.held.remove(&to);
        }
        Some(returned)
    }

    /// Gives all of those back that were not used for long; says which.
    pub(crate) fn sweep(&mut self, now: Tick) -> Vec<(Pid, Returned)> {
        let mut returned = Vec::new();
        self.held.retain(|to, lease| {
            if now.since(lease.used) < UNUSED_MAX || !lease.line.is_empty() {
                return true;
            }
            if lease.holds_room() {
                returned.push((*to, lease.take_unused()));
            }
            lease.asked
        });
        returned.sort_unstable_by_key(|(to, _)| *to); // the same order in every run
        returned
    }

    /// Whether room is held in any mailbox.
    pub(crate) fn hold_room(&self) -> bool {
        self.held.values().any(Lease::holds_room)
    }

    /// Gives all back.
    pub(crate) fn clear(&mut self) -> Vec<(Pid, Returned)> {
        let mut returned: Vec<_> =
            self.held.drain().map(|(to, mut lease)| (to, lease.take_unused())).collect();
        returned.sort_unstable_by_key(|(to, _)| *to);
        returned
    }

    /// Which mailboxes of a core somebody here waits for.
    pub(crate) fn waited_for(&self, core: CoreId) -> Vec<Pid> {
        let waited =
            self.held.iter().filter(|(to, lease)| to.core() == core && !lease.line.is_empty());
        let mut waited: Vec<_> = waited.map(|(to, _)| *to).collect();
        waited.sort_unstable();
        waited
    }

    /// All mailboxes of a core that are dealt with.
    pub(crate) fn at(&self, core: CoreId) -> Vec<Pid> {
        let mut all: Vec<_> = self.held.keys().copied().filter(|to| to.core() == core).collect();
        all.sort_unstable();
        all
    }
}

/// How much of a mailbox's room is granted to a core that asks for a message of `weight_bytes`; none if it does not fit.
///
/// Nothing is a lease of its own kind: on a mailbox that deals with what does not fit.
///
/// Half of what there is, so that the next that asks finds something too; bytes for as many messages of that weight.
pub(crate) fn grant_of(room: (u16, u32), weight_bytes: u32) -> Option<(u16, u32)> {
    let (messages, bytes) = room;
    if messages == 0 || bytes < weight_bytes {
        return None;
    }
    let granted_bytes = (bytes.div_ceil(2)).max(weight_bytes);
    let by_bytes = granted_bytes.checked_div(weight_bytes).unwrap_or(u32::MAX);
    let granted = u32::from(messages.div_ceil(2)).min(by_bytes);
    let granted = u16::try_from(granted).expect("at most half of a number of 16 bits").max(1);
    Some((granted, weight_bytes.saturating_mul(granted.into()).min(granted_bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{prop_assert, proptest};

    fn pid(slot: u32) -> Pid {
        Pid::new(CoreId::new(1), slot, 1)
    }

    #[test]
    fn a_lease_asks_when_half_is_used_and_once() {
        let mut leases = Leases::default();
        let lease = leases.get_or_begin(pid(1), Tick::START);
        assert!(!lease.spend(1, Tick::START) && lease.asks(true) && !lease.asks(true));
        lease.grant(4, 40, 1, Tick::START);
        assert!(lease.spend(10, Tick::START) && !lease.asks(false), "three of four are left");
        assert!(lease.spend(10, Tick::START) && lease.asks(false) && !lease.asks(true));
        assert!(!lease.covers(21) && lease.covers(20));
    }

    #[test]
    fn what_was_not_used_for_ten_milliseconds_goes_back() {
        let mut leases = Leases::default();
        for slot in [3, 1, 2] {
            leases.get_or_begin(pid(slot), Tick::START).grant(2, 20, 7, Tick::START);
        }
        let later = Tick::START.after(UNUSED_MAX);
        assert!(leases.get(pid(2)).unwrap().spend(5, later));
        let back = Returned { messages: 2, bytes: 20, serial: 7 };
        assert_eq!(leases.sweep(later), [(pid(1), back), (pid(3), back)]);
        assert_eq!(leases.recall(pid(2)), Some(Returned { messages: 1, bytes: 15, serial: 7 }));
        assert!(!leases.hold_room() && leases.recall(pid(2)).is_none());
    }

    proptest! {
        #[test]
        fn a_grant_fits_the_room_and_the_message_that_asked(messages in 0_u16.., bytes in 0_u32.., weight_bytes in 0_u32..5000) {
            match grant_of((messages, bytes), weight_bytes) {
                Some((granted, granted_bytes)) => {
                    prop_assert!(granted >= 1 && granted <= messages);
                    prop_assert!(granted_bytes >= weight_bytes && granted_bytes <= bytes);
                }
                None => prop_assert!(messages == 0 || bytes < weight_bytes),
            }
        }
    }
}
