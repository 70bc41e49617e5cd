//! A ledger line is what the heap keeps of an account: its charge, its limit, and its grants on other accounts' blocks.
//!
//! ```text
//! line 192 = charged 64 (a line of its own: it changes with every block) | limit, name, table of further grants
//! ```
//! The first account of a block finds its grant in the block's own lines. Every further one keeps a table from block
//! to grant under a lock that is held for one look-up.

use hashbrown::HashMap;

use crate::counts::lines::Block;
use crate::sync::{AtomicU64, Lock, Ordering};

/// One account's line.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct AccountLine {
    charged: Charged,
    limit_bytes: AtomicU64,
    name: Box<str>,
    pub(crate) further: Lock<FurtherGrants>,
}

#[derive(Debug)]
#[repr(C, align(64))]
struct Charged(AtomicU64);

/// The grants of one account on blocks whose home is another's, by the block's line.
pub(crate) type FurtherGrants = HashMap<BlockAddress, GrantIndex, foldhash::fast::RandomState>;

/// A block's line, as a key.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct BlockAddress(usize);

impl BlockAddress {
    pub(crate) fn of(block: &Block) -> Self {
        Self(core::ptr::from_ref(block).addr())
    }
}

/// A further grant's line, by its index in the heap's table of grants.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct GrantIndex(pub(crate) u32);

/// How much more an account would have taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Refused {
    pub(crate) room_bytes: u64,
}

impl AccountLine {
    pub(crate) fn new(name: &str, limit_bytes: u64) -> Self {
        Self {
            charged: Charged(AtomicU64::new(0)),
            limit_bytes: AtomicU64::new(limit_bytes),
            name: name.into(),
            further: Lock::new(FurtherGrants::with_hasher(foldhash::fast::RandomState::default())),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn charged_bytes(&self) -> u64 {
        self.charged.0.load(Ordering::Relaxed)
    }

    pub(crate) fn limit_bytes(&self) -> u64 {
        self.limit_bytes.load(Ordering::Relaxed)
    }

    /// Takes `bytes` on, or says what would still have fitted. Relaxed throughout: a charge is a number about
    /// bytes, it guards none.
    pub(crate) fn charge(&self, bytes: u64) -> Result<(), Refused> {
        let limit_bytes = self.limit_bytes();
        if limit_bytes == u64::MAX {
            self.charged.0.fetch_add(bytes, Ordering::Relaxed);
            return Ok(());
        }
        let mut charged = self.charged_bytes();
        loop {
            let room_bytes = limit_bytes.saturating_sub(charged);
            if bytes > room_bytes {
                return Err(Refused { room_bytes });
            }
            match self.charged.0.compare_exchange_weak(
                charged,
                charged + bytes,
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => return Ok(()),
                Err(now) => charged = now,
            }
        }
    }

    pub(crate) fn uncharge(&self, bytes: u64) {
        let before = self.charged.0.fetch_sub(bytes, Ordering::Relaxed);
        debug_assert!(before >= bytes, "an account gives back what it took on");
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn an_account_takes_bytes_up_to_its_limit_and_says_what_room_is_left() {
        let account = AccountLine::new("tenant", 100);
        account.charge(70).unwrap();
        assert_eq!(account.charge(31), Err(Refused { room_bytes: 30 }));
        account.charge(30).unwrap();
        account.uncharge(50);
        assert_eq!(
            (account.charged_bytes(), account.limit_bytes(), account.name()),
            (50, 100, "tenant")
        );
    }

    #[test]
    fn an_account_without_a_limit_never_refuses() {
        let account = AccountLine::new("all", u64::MAX);
        account.charge(u64::MAX / 2).unwrap();
        account.charge(u64::MAX / 2).unwrap();
    }
}
