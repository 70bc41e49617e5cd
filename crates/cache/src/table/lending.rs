//! A reserved entry's room can be lent as a buffer, for the kernel or anybody to fill: what arrives is in its entry's place from
//! the first byte on. What is kept meanwhile, beside the buffer, borrows nothing.

use core::fmt;
use core::marker::PhantomData;

use levada_shared::{Account, ExclusiveBuf};

use crate::error::Refused;
use crate::how::How;
use crate::keys::key::Key;
use crate::table::charge::Charge;
use crate::table::reserve::Entry;
use crate::table::typed::Table;
use crate::table::writing::{Put, Written};
use crate::values::Bytes;

/// An entry whose room is lent. Dropped, its charge goes back, and with the buffer its room.
pub struct Lent<K: ?Sized> {
    table: Table<K, Bytes>,
    shard: u32,
    charged_bytes: u64,
    level: u8,
    evicted: u32,
    keys: PhantomData<fn(&K)>,
}

impl<K: Key + ?Sized> Table<K, Bytes> {
    /// As [`Table::reserve`], with the room as a buffer, which is charged to the account until it comes back. What is left of
    /// the room behind what is filled is given back with [`Lent::commit`].
    ///
    /// ```
    /// use levada_cache::{Bytes, Cache, CacheOptions, How, Pile, TableOptions};
    ///
    /// let heap = levada_shared::SharedHeap::new(Default::default())?;
    /// let account = heap.account("receiver", 1 << 20)?;
    /// let pile = Pile::builder("p").limit_bytes(8 << 20).build()?;
    /// let cache = Cache::over(&pile, CacheOptions::limit(8 << 20))?;
    /// let table = cache.table::<str, Bytes>("pages", TableOptions::default())?;
    /// let (lent, mut buffer) = table.lend("/", 100, How::default(), &account)?;
    /// buffer.write(b"hello")?; // by the kernel, elsewhere
    /// lent.commit(buffer)?; //    nothing was copied
    /// let guard = cache.pin();
    /// assert_eq!(table.get(&guard, "/").map(|hit| hit.bytes().len()), Some(5));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Refused`], as of a put; [`Refused::OutOfSpace`] too where the account or its heap has no room.
    pub fn lend(
        &self,
        key: &K,
        room_bytes: usize,
        how: How,
        account: &Account,
    ) -> Result<(Lent<K>, ExclusiveBuf), Refused> {
        let Entry { room, charge, level, evicted, .. } = self.reserve(key, room_bytes, how)?;
        let buffer = room.lend(account).map_err(|_| Refused::OutOfSpace)?;
        let (shard, charged_bytes) = charge.keep();
        let (table, keys) = (self.clone(), PhantomData);
        Ok((Lent { table, shard, charged_bytes, level, evicted, keys }, buffer))
    }
}

impl<K: Key + ?Sized> Lent<K> {
    /// Puts what the buffer was filled with under the key.
    ///
    /// # Errors
    /// As [`Entry::commit`]; [`Refused::Closed`] for a buffer that is none of this table's.
    pub fn commit(mut self, buffer: ExclusiveBuf) -> Result<Put, Refused> {
        let place = self.table.body.keep.commit_buf(buffer).map_err(|_| Refused::Closed)?;
        let (level, evicted) = (self.level, self.evicted);
        let charged_bytes = core::mem::take(&mut self.charged_bytes);
        let charge = Some(Charge::of(&self.table.body, self.shard, charged_bytes));
        self.table.body.put_reserved(Written { place, level, evicted, charge })
    }
}

impl<K: ?Sized> Drop for Lent<K> {
    fn drop(&mut self) {
        let charged_bytes = core::mem::take(&mut self.charged_bytes);
        drop(Charge::of(&self.table.body, self.shard, charged_bytes));
    }
}

impl<K: ?Sized> fmt::Debug for Lent<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lent").field("charged_bytes", &self.charged_bytes).finish_non_exhaustive()
    }
}
