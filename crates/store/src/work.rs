//! Work is what a pass needs to execute commands: the items as they are seen, the moment, where replies go, what is counted.

use levada_memcache::{Key, KeyRoom, Life, Refusal, Reply};

use levada_shared::Account;

use crate::config::StoreConfig;
use crate::counters::Counters;
use crate::hall::Hall;
use crate::outgoing::Outgoing;

/// Of one pass.
pub(crate) struct Work<'a> {
    pub(crate) hall: &'a Hall,
    pub(crate) config: &'a StoreConfig,
    pub(crate) counters: &'a mut Counters,
    pub(crate) scratch: &'a mut Vec<u8>,
    /// Who pays for values on their way.
    pub(crate) values: &'a Account,
    pub(crate) out: Outgoing<'a>,
    pub(crate) now_s: u32,
    pub(crate) unix_s: u64,
}

impl Work<'_> {
    #[inline]
    pub(crate) fn reply(&mut self, reply: &Reply<'_>) {
        self.out.reply(reply);
    }

    pub(crate) fn refuse(&mut self, refusal: Refusal) {
        self.out.reply(&Reply::Refusal(refusal));
    }

    /// Calls `act` with the key itself.
    #[inline]
    pub(crate) fn with_key<R>(
        &mut self,
        key: Key<'_>,
        act: impl FnOnce(&mut Self, &[u8]) -> R,
    ) -> R {
        match key.as_plain() {
            Some(key) => act(self, key),
            None => {
                let mut room: KeyRoom = [0; _];
                act(self, key.bytes(&mut room))
            }
        }
    }
}

/// The life that leaves an item as long as it had.
pub(crate) fn same_life(left_s: Option<u32>) -> Life {
    left_s.map_or(Life::Never, Life::For)
}

/// How long an item with that life is left.
pub(crate) fn left_of(life: Life) -> Option<u32> {
    match life {
        Life::Never => None,
        Life::AtOnce => Some(0),
        Life::For(left_s) => Some(left_s),
    }
}
