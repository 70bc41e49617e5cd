//! The keepers are who keep files in memory, on all cores: the storages, and the desks for the fronts. They let go of
//! some when there is no room for something new.

use core::time::Duration;

use levada_process::Sender;

use crate::desk_message::ToDesk;
use crate::storage_message::ToStorage;

/// How long one of them has to let go.
const LET_GO_WITHIN: Duration = Duration::from_secs(2);

/// How often room is made for one thing before it is given up: a quarter of what is kept goes each time.
pub(crate) const ROOMS_MAX: u32 = 40;

/// All of them.
#[derive(Clone, Debug)]
pub(crate) struct Keepers {
    /// One for each core; each has the keys that fall to it.
    pub(crate) storages: Vec<Sender<ToStorage>>,
    pub(crate) desks: Vec<Sender<ToDesk>>,
}

impl Keepers {
    /// Lets them let go of a quarter of what they keep. False if that was nothing.
    pub(crate) async fn make_room(&self) -> bool {
        let mut gone_bytes = 0;
        // The storages first: what they retire is let go of in front of them too.
        for storage in &self.storages {
            gone_bytes += storage.call(LET_GO_WITHIN, ToStorage::LetGo).await.unwrap_or(0);
        }
        for desk in &self.desks {
            gone_bytes += desk.call(LET_GO_WITHIN, ToDesk::LetGo).await.unwrap_or(0);
        }
        gone_bytes > 0
    }
}
