//! The keepers are who know files, on all cores: the storages, which keep them, and the desks, for the fronts.

use core::time::Duration;

use levada_process::Sender;

use crate::desk_message::ToDesk;
use crate::storage_message::ToStorage;

/// How long one of them has to let what is hot cool.
const COOL_WITHIN: Duration = Duration::from_secs(2);

/// All of them.
#[derive(Clone, Debug)]
pub(crate) struct Keepers {
    /// One for each core; each has the keys that fall to it.
    pub(crate) storages: Vec<Sender<ToStorage>>,
    pub(crate) desks: Vec<Sender<ToDesk>>,
}

impl Keepers {
    /// Lets what is hot cool, on all cores: it is kept softly from then on, as the rest. False if nothing was hot.
    pub(crate) async fn cool(&self) -> bool {
        let mut cooled_bytes = 0;
        for storage in &self.storages {
            cooled_bytes += storage.call(COOL_WITHIN, ToStorage::Cool).await.unwrap_or(0);
        }
        cooled_bytes > 0
    }
}
