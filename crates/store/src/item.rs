//! An item is an entry as memcached knows it: data with the client's flags and a number that each change gives anew.
//!
//! ```text
//! value of the entry   client flags 4 | number (CAS) 8 | data
//! its note             last access 28, in seconds since the start | read | stale | won | key in base64
//! ```
//! The number changes only with a new value, so a value is never seen under a number that is not its own. What only says how
//! the item is used is in the note, which changes in place.

use levada_memcache::ItemFacts;

/// How many bytes stand before the data.
pub(crate) const HEAD_BYTES: usize = 12;

/// A time of access is written again once so many seconds have passed.
const ACCESS_STEP_S: u32 = 60;

/// What stands before the data.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Head {
    pub(crate) client_flags: u32,
    pub(crate) cas: u64,
}

impl Head {
    #[inline]
    pub(crate) fn to_bytes(self) -> [u8; HEAD_BYTES] {
        let mut bytes = [0; HEAD_BYTES];
        bytes[..4].copy_from_slice(&self.client_flags.to_le_bytes());
        bytes[4..].copy_from_slice(&self.cas.to_le_bytes());
        bytes
    }

    /// The head, and the data behind it.
    #[inline]
    pub(crate) fn split(value: &[u8]) -> Option<(Self, &[u8])> {
        let (client_flags, rest) = value.split_first_chunk()?;
        let (cas, data) = rest.split_first_chunk()?;
        let client_flags = u32::from_le_bytes(*client_flags);
        Some((Self { client_flags, cas: u64::from_le_bytes(*cas) }, data))
    }
}

/// How an item was used.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Note(pub(crate) u32);

impl Note {
    const ACCESS: u32 = (1 << 28) - 1;
    const READ: u32 = 1 << 28;
    const STALE: u32 = 1 << 29;
    const WON: u32 = 1 << 30;
    const BASE64: u32 = 1 << 31;

    /// Of an item that is put now.
    #[inline]
    pub(crate) fn put(now_s: u32, is_key_base64: bool) -> Self {
        Self(now_s & Self::ACCESS | if is_key_base64 { Self::BASE64 } else { 0 })
    }

    /// Of an item that is put in the place of one whose key was named so: that stays.
    pub(crate) fn named_as(self, old: Self) -> Self {
        Self(self.0 & !Self::BASE64 | old.0 & Self::BASE64)
    }

    /// Nobody may win it, since somebody has.
    pub(crate) fn won(self) -> Self {
        Self(self.0 | Self::WON)
    }

    /// It was invalidated, and the next who reads it wins.
    pub(crate) fn stale(self) -> Self {
        Self((self.0 | Self::STALE) & !Self::WON)
    }

    /// As `old` is marked.
    pub(crate) fn stale_as(self, old: Self) -> Self {
        Self(self.0 | Self::STALE | old.0 & Self::WON)
    }

    pub(crate) fn is_stale(self) -> bool {
        self.0 & Self::STALE != 0
    }

    pub(crate) fn is_won(self) -> bool {
        self.0 & Self::WON != 0
    }

    pub(crate) fn is_read(self) -> bool {
        self.0 & Self::READ != 0
    }

    pub(crate) fn is_key_base64(self) -> bool {
        self.0 & Self::BASE64 != 0
    }

    pub(crate) fn idle_s(self, now_s: u32) -> u32 {
        now_s.wrapping_sub(self.0) & Self::ACCESS
    }

    /// What it is once the item has been read at `now_s`: the same, where nothing has to be written.
    #[inline]
    pub(crate) fn read(self, now_s: u32) -> Self {
        if self.is_read() && self.idle_s(now_s) < ACCESS_STEP_S {
            return self;
        }
        let access = if self.idle_s(now_s) < ACCESS_STEP_S { self.0 } else { now_s };
        Self(self.0 & !Self::ACCESS | Self::READ | access & Self::ACCESS)
    }
}

/// An item as it is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Item<'g> {
    pub(crate) head: Head,
    pub(crate) data: &'g [u8],
    pub(crate) note: Note,
    /// For how many seconds it still lives; `None`: for ever.
    pub(crate) left_s: Option<u32>,
}

impl Item<'_> {
    /// What meta commands say of it.
    pub(crate) fn facts(&self, now_s: u32) -> ItemFacts {
        ItemFacts {
            client_flags: self.head.client_flags,
            cas: self.head.cas,
            value_bytes: self.data.len() as u64,
            left_s: self.left_s,
            left_before_s: self.left_s,
            idle_s: self.note.idle_s(now_s),
            is_fetched: self.note.is_read(),
            is_key_base64: self.note.is_key_base64(),
            is_stale: self.note.is_stale(),
            is_claimed: self.note.is_won(),
            ..ItemFacts::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_as_it_was_written() {
        let head = Head { client_flags: 0xdead_beef, cas: u64::MAX - 1 };
        let value = [&head.to_bytes()[..], b"data"].concat();
        assert_eq!(Head::split(&value), Some((head, &b"data"[..])));
        assert_eq!(Head::split(&value[..11]), None);
    }

    #[test]
    fn an_access_is_written_once_a_minute_and_the_first_at_once() {
        let put = Note::put(100, true);
        assert!(put.is_key_base64() && !put.is_read() && put.idle_s(130) == 30);
        let read = put.read(130);
        assert!(read.is_read() && read.idle_s(130) == 30 && read.is_key_base64());
        assert_eq!(read.read(159), read);
        assert_eq!(read.read(160).idle_s(160), 0);
    }

    #[test]
    fn who_is_stale_can_be_won_again() {
        let won = Note::put(1, false).won();
        assert!(won.is_won() && !won.stale().is_won() && won.stale().is_stale());
        let put = Note::put(2, false);
        assert!(put.stale_as(won).is_won() && !put.stale_as(put).is_won());
    }
}
