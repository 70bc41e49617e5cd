//! A reserved entry is written in its final place before anybody sees it; it is charged from the beginning.

use core::fmt;
use core::marker::PhantomData;
use core::mem::MaybeUninit;

use levada_pile::KeptRoom;

use crate::error::{Refused, refused_by};
use crate::how::How;
use crate::keys::framing::{Length, split};
use crate::keys::key::Key;
use crate::table::body::{Body, ENTRY_BYTES, Whereabouts};
use crate::table::charge::Charge;
use crate::table::typed::Table;
use crate::table::writing::{Lack, Put, Rule, Stored, Written};
use crate::values::Bytes;

impl Body {
    /// Charges so many bytes to a table before there is anything to show for it. How many entries went for it.
    pub(crate) fn charge(
        &self,
        at: Whereabouts,
        bytes: u64,
        level: u8,
    ) -> Result<(Charge<'_>, u32), Refused> {
        self.check_cost(bytes)?;
        let mut evicted = 0;
        let mut is_last = false;
        for _ in 0..64 {
            let guard = self.pile.pin();
            let mut held = self.hold(at.shard, &guard);
            let lack = loop {
                match self.make_room(&mut held, bytes, level, is_last) {
                    Ok(None) => {
                        held.reserve(bytes);
                        held.finish();
                        return Ok((Charge::of(self, at.shard, bytes), evicted));
                    }
                    Ok(Some(freed)) => evicted += freed.entries,
                    Err(lack) => break lack,
                }
            };
            held.finish();
            drop(guard);
            match lack {
                Lack::Refused(refused) => return Err(refused),
                Lack::Elsewhere(short) => match self.make_room_elsewhere(short, bytes, level) {
                    Some(freed) => evicted += freed.entries,
                    None if !is_last => is_last = true,
                    None => break,
                },
            }
        }
        Err(if self.is_durable() { Refused::OutOfSpace } else { Refused::NoVictim })
    }
}

/// Room for an entry's value that is written in place. Dropped, it is as if it had never been.
pub struct Entry<'t, K: ?Sized> {
    pub(crate) room: KeptRoom<'t>,
    pub(crate) charge: Charge<'t>,
    prefix_bytes: usize,
    pub(crate) level: u8,
    pub(crate) evicted: u32,
    body: &'t Body,
    keys: PhantomData<fn(&K)>,
}

impl<K: Key + ?Sized> Table<K, Bytes> {
    /// Room for a value of at most so many bytes, charged at once. Nobody sees it before [`Entry::commit`], which is a put.
    ///
    /// ```
    /// use levada_cache::{Bytes, Cache, CacheOptions, How, Pile, TableOptions};
    ///
    /// let pile = Pile::builder("p").limit_bytes(8 << 20).build()?;
    /// let cache = Cache::over(&pile, CacheOptions::limit(8 << 20))?;
    /// let table = cache.table::<str, Bytes>("pages", TableOptions::default())?;
    /// let mut entry = table.reserve("/", 100, How::default())?;
    /// entry.write(b"hello")?;
    /// entry.commit()?;
    /// assert!(table.contains("/"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Refused`], as of a put.
    pub fn reserve(&self, key: &K, room_bytes: usize, how: How) -> Result<Entry<'_, K>, Refused> {
        key.with_bytes(|key| {
            let reserved = self.body.reserve(key, room_bytes, &how);
            reserved.inspect_err(|&refused| self.body.refuse(self.body.whereabouts(key), refused))
        })
    }
}

impl Body {
    fn reserve<K: ?Sized>(
        &self,
        key: &[u8],
        room_bytes: usize,
        how: &How,
    ) -> Result<Entry<'_, K>, Refused> {
        self.check_key(key)?;
        let at = self.whereabouts(key);
        let (level, life) = (self.level_of(how), self.life_of(how));
        let (words, count) = self.words_of(how);
        let length = Length::of(key, self.key_bytes);
        let prefix_bytes = length.as_bytes().len() + key.len();
        let whole_bytes = prefix_bytes.saturating_add(room_bytes);
        let cost = self.keep.footprint_bytes(whole_bytes, life) + ENTRY_BYTES;
        let (charge, evicted) = self.charge(at, cost, level)?;
        let words = &words[..count];
        let (room, more) = self.record(level, life, whole_bytes, |at_once| match at_once {
            true => self.keep.reserve_once(words, whole_bytes, life).ok_or(Refused::OutOfSpace),
            false => self.keep.reserve(words, whole_bytes, life).map_err(refused_by),
        })?;
        let mut room = room;
        for part in [length.as_bytes(), key] {
            room.write(part).map_err(refused_by)?;
        }
        let evicted = evicted + more;
        Ok(Entry { room, charge, prefix_bytes, level, evicted, body: self, keys: PhantomData })
    }
}

impl<K: Key + ?Sized> Entry<'_, K> {
    /// Copies `bytes` in behind what is written.
    ///
    /// # Errors
    /// [`Refused::TooLarge`] if they do not fit; nothing was written then.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Refused> {
        let most_bytes = self.spare_mut().len() as u64;
        self.room.write(bytes).map_err(|_| Refused::TooLarge { most_bytes })
    }

    /// What was written of the value.
    #[must_use]
    pub fn written(&self) -> &[u8] {
        &self.room.written()[self.prefix_bytes..]
    }

    /// The room behind what is written, as memory that may hold anything.
    pub fn spare_mut(&mut self) -> &mut [MaybeUninit<u8>] {
        self.room.spare_mut()
    }

    /// Puts what was written under the key. What was charged for its room is the entry's from then on, so that no limit refuses
    /// it, whatever became of the limits meanwhile.
    ///
    /// # Errors
    /// As [`Table::put`], but for limits: too many keys share its bins, there is no memory for the index, or the pile is closed.
    pub fn commit(self) -> Result<Put, Refused> {
        let Self { room, charge, level, evicted, body, .. } = self;
        let length_bytes = room.written().len();
        let place = room.commit(length_bytes).map_err(|_| Refused::Closed)?;
        body.put_reserved(Written { place, level, evicted, charge: Some(charge) })
    }
}

impl Body {
    /// Puts a record that was written in its place, under the key that it begins with.
    pub(crate) fn put_reserved(&self, written: Written<'_>) -> Result<Put, Refused> {
        let Written { place, evicted, .. } = written;
        let guard = self.pile.pin();
        let Some(record) = self.keep.at(&guard, place) else {
            self.keep.delete(place);
            return Ok(Put { is_replaced: false, evicted });
        };
        let Some((key, _)) = split(record.bytes, self.key_bytes) else {
            unreachable!("it was written so")
        };
        let key = key.to_vec();
        drop(guard);
        match self.link(self.whereabouts(&key), &key, written, Rule::Any)? {
            Stored::Stored(put) => Ok(put),
            other => unreachable!("a put asks for nothing: {other:?}"),
        }
    }
}

impl<K: ?Sized> fmt::Debug for Entry<'_, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry").field("room", &self.room).finish_non_exhaustive()
    }
}
