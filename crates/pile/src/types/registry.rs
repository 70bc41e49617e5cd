//! The registry knows which codec writes and reads the records of each tag, so that none is read as another's.
//!
//! A tag is registered for one codec while the pile is open. Whoever has a [`Registered`] may write records of its tag, and
//! does so only through its codec or after looking the bytes through; so bytes of a record of that tag are the codec's own.

use core::any::TypeId;
use core::fmt;
use core::marker::PhantomData;
use std::borrow::Cow;
use std::collections::HashMap;
use std::error::Error;

use crate::lock::Lock;
use crate::naming::stamp::{Stamp, Type};
use crate::types::codec::{Codec, Encoded, Trust};
use crate::types::found::Found;

/// The types of a pile: at most one name for each 24 bits, and 256 schemas of each.
#[derive(Debug, Default)]
pub(crate) struct Registry(Lock<HashMap<u32, Name>>);

#[derive(Debug)]
struct Name {
    name: Cow<'static, str>,
    codecs: Vec<(u8, TypeId)>,
}

/// The stamp is another type's.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StampTaken {
    /// What was asked for.
    pub stamp: Stamp,
    /// The name that has its 24 bits; the same one where another type has this name and schema.
    pub by: Cow<'static, str>,
}

impl fmt::Display for StampTaken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Stamp { name, schema } = self.stamp;
        if self.by == name {
            write!(
                f,
                "{name} with schema {schema} is the stamp of another type: take another schema"
            )
        } else {
            write!(f, "{name} has the same 24 bits as {}: take another name", self.by)
        }
    }
}

impl Error for StampTaken {}

impl Registry {
    /// With the names that an earlier life registered, by their tags.
    pub(crate) fn of_names(names: Vec<(u32, String)>) -> Self {
        let known = |(tag, name)| (tag >> 8, Name { name: Cow::Owned(name), codecs: Vec::new() });
        Self(Lock::new(names.into_iter().map(known).collect()))
    }

    /// All names, by their tags.
    pub(crate) fn names(&self) -> Vec<(u32, String)> {
        let names = self.0.lock();
        names.iter().map(|(bits, name)| (bits << 8, name.name.to_string())).collect()
    }

    /// Makes the stamp this codec's, if it is nobody's or its own.
    pub(crate) fn register<C: Codec>(&self, stamp: Stamp) -> Result<Registered<C>, StampTaken> {
        let tag = stamp.tag();
        let codec = TypeId::of::<C>();
        let mut names = self.0.lock();
        let name = names
            .entry(tag >> 8)
            .or_insert_with(|| Name { name: Cow::Borrowed(stamp.name), codecs: Vec::new() });
        let taken = || StampTaken { stamp, by: name.name.clone() };
        if name.name != stamp.name {
            return Err(taken());
        }
        match name.codecs.iter().find(|(schema, _)| *schema == stamp.schema) {
            Some((_, other)) if *other != codec => return Err(taken()),
            Some(_) => {}
            None => name.codecs.push((stamp.schema, codec)),
        }
        Ok(Registered { stamp, of: Type { kind: C::KIND, tag }, codec: PhantomData })
    }
}

/// A codec and the tag that is its own.
#[derive(Debug)]
pub(crate) struct Registered<C> {
    pub(crate) stamp: Stamp,
    of: Type,
    codec: PhantomData<fn() -> C>,
}

impl<C> Clone for Registered<C> {
    fn clone(&self) -> Self {
        Self { ..*self }
    }
}

impl<C: Codec> Registered<C> {
    /// What its records say of themselves.
    pub(crate) fn of(&self) -> Type {
        self.of
    }

    /// The bytes of a value in a record of a keep that is this codec's alone.
    #[inline]
    pub(crate) fn kept<'g>(&self, bytes: &'g [u8]) -> Encoded<'g, C> {
        Encoded::of_record(bytes, Trust::Own)
    }

    /// The bytes as this codec's, if their record says so.
    #[inline]
    pub(crate) fn encoded<'g>(&self, found: Found<'g>) -> Option<Encoded<'g, C>> {
        (found.of == self.of).then(|| Encoded::of_record(found.bytes, found.trust))
    }
}
