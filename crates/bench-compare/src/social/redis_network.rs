//! Redis with a set for each person: numbers of peers alone, without anything else that a connection says.

use std::io;

use tempfile::TempDir;

use crate::frame::fault::Fault;
use crate::machine::folder::scratch_in;
use crate::machine::program::Places;
use crate::rivals::key_value::{KeyValue, Tongue};
use crate::social::graph::Graph;
use crate::social::network::{Loading, Network};

/// So many members go out at once.
const AT_ONCE: usize = 500;

/// So many sets are asked for at once.
const SETS_AT_ONCE: usize = 100;

pub(crate) struct RedisNetwork {
    key_value: KeyValue,
    before_bytes: u64,
    /// After the server in order, so that it goes after it.
    _folder: TempDir,
}

impl RedisNetwork {
    /// # Errors
    /// If it is not installed.
    pub(crate) fn start() -> io::Result<Self> {
        let places = Places::find().map_err(told)?;
        let folder = scratch_in(&places.compare).map_err(told)?;
        let key_value = KeyValue::start(&places, folder.path(), Tongue::Redis, 0).map_err(told)?;
        let before_bytes = key_value.server.resident_bytes().map_err(told)?;
        Ok(Self { key_value, before_bytes, _folder: folder })
    }
}

impl Network for RedisNetwork {
    fn load(&mut self, graph: Graph, loading: &mut Loading) -> io::Result<()> {
        let mut waiting = Vec::with_capacity(AT_ONCE);
        for (one, other) in graph {
            waiting.extend([(one, other), (other, one)]);
            if waiting.len() >= AT_ONCE {
                self.key_value.add_to_sets(&waiting).map_err(told)?;
                waiting.clear();
            }
            loading.see((one, other));
        }
        self.key_value.add_to_sets(&waiting).map_err(told)
    }

    fn peers(&mut self, persons: &[u32], see: &mut impl FnMut(u32)) -> io::Result<()> {
        for some in persons.chunks(SETS_AT_ONCE) {
            self.key_value.members(some, see).map_err(told)?;
        }
        Ok(())
    }

    fn resident_bytes(&self) -> io::Result<u64> {
        let bytes = self.key_value.server.resident_bytes().map_err(told)?;
        Ok(bytes.saturating_sub(self.before_bytes))
    }
}

fn told(fault: Fault) -> io::Error {
    io::Error::other(fault.to_string())
}
