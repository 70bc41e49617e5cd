//! A key names what is asked for: a configuration, a site in it, a path in that, and what is meant by the path.

use core::hash::{Hash, Hasher};

use hashbrown::Equivalent;
use levada_process::Message;

/// What a path is asked for.
#[derive(Clone, Copy, Debug, Eq, Hash, Message, PartialEq)]
pub(crate) enum Meant {
    /// A file.
    File,
    /// What stands for a folder: its index, or a list.
    Folder,
    /// The page that is sent for what is not there.
    NotFoundPage,
}

/// A key that owns its path.
#[derive(Clone, Debug, Eq, Message, PartialEq)]
pub(crate) struct Key {
    /// The number of the configuration under which it is asked for: another knows other sites.
    pub(crate) config: u32,
    pub(crate) site: u16,
    pub(crate) meant: Meant,
    pub(crate) relative: Vec<u8>,
}

/// A key whose path lies in the request: what a hit looks up with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct KeyRef<'a> {
    pub(crate) config: u32,
    pub(crate) site: u16,
    pub(crate) meant: Meant,
    pub(crate) relative: &'a [u8],
}

impl Key {
    pub(crate) fn borrow(&self) -> KeyRef<'_> {
        let Self { config, site, meant, .. } = *self;
        KeyRef { config, site, meant, relative: &self.relative }
    }
}

impl KeyRef<'_> {
    pub(crate) fn to_key(self) -> Key {
        let Self { config, site, meant, relative } = self;
        Key { config, site, meant, relative: relative.to_vec() }
    }
}

impl Hash for KeyRef<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(self.relative);
        let place = u32::from(self.site) << 2 | self.meant as u32;
        state.write_u64(u64::from(self.config) << 32 | u64::from(place));
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.borrow().hash(state);
    }
}

impl Equivalent<Key> for KeyRef<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        *self == key.borrow()
    }
}
