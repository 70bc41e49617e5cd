//! Zero-copy sends in flight: what they name is held until the network's notice, whatever becomes of the connection.

use levada_ring::Notice;
use levada_shared::SharedData;

use crate::table::{Name, Table};

/// How many may be in flight; who finds no room sends copies.
const COUNT_MAX: u32 = 4096;

/// All of a channel's.
#[derive(Debug)]
pub(crate) struct ZeroCopySends {
    table: Table<Hold>,
    /// Bytes that the network may still read.
    pub(crate) unnoticed_bytes: u64,
    /// Sends that were copied after all.
    pub(crate) copied: u64,
}

/// One of them.
#[derive(Debug)]
pub(crate) struct Hold {
    pub(crate) stream: Name,
    /// The values that its spans lie in. Dropped with a notice, or kept for ever where none ever came.
    data: core::mem::ManuallyDrop<Vec<SharedData>>,
    pub(crate) bytes: u64,
}

impl ZeroCopySends {
    pub(crate) fn new() -> Self {
        Self { table: Table::new(COUNT_MAX), unnoticed_bytes: 0, copied: 0 }
    }

    /// Holds `data` for a send of `bytes`; `None` where there is no room.
    pub(crate) fn hold(&mut self, stream: Name, data: Vec<SharedData>, bytes: u32) -> Option<Name> {
        let hold =
            Hold { stream, data: core::mem::ManuallyDrop::new(data), bytes: u64::from(bytes) };
        match self.table.insert(hold) {
            Ok(name) => {
                self.unnoticed_bytes += u64::from(bytes);
                Some(name)
            }
            Err(mut refused) => {
                refused.let_go();
                None
            }
        }
    }

    /// Whose send it is, and of how many bytes.
    pub(crate) fn peek(&self, name: Name) -> Option<(Name, u64)> {
        self.table.peek(name).map(|hold| (hold.stream, hold.bytes))
    }

    /// The network is done with it.
    pub(crate) fn end(&mut self, name: Name, notice: Option<Notice>) {
        if let Some(mut hold) = self.table.remove(name) {
            self.unnoticed_bytes -= hold.bytes;
            self.copied += u64::from(notice == Some(Notice::Copied));
            hold.let_go();
        }
    }
}

impl Hold {
    fn let_go(&mut self) {
        self.data.clear();
        self.data.shrink_to_fit();
    }
}
