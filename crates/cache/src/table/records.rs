//! Records are what a table's pile keeps for it: keys and values, as bytes or behind a codec.
//!
//! `header | expiry? | words | key length 0..2 | key | value`, or, behind a codec, as the pile writes prefix and value.

use core::any::Any;
use core::fmt;
use core::ops::Deref;
use std::sync::Arc;

use levada_pile::{Codec, Form, Keep, Keeper, KeptRecord, Pile, Stamp, TypedKeep};

use crate::keys::framing;

/// What a pile keeps for a table.
pub struct Records(Kind);

enum Kind {
    Bytes(Keep),
    Typed(Box<dyn Typed>),
}

/// A typed keep, whatever its type is.
trait Typed: Send + Sync {
    fn keep(&self) -> &Keep;

    fn as_any(&self) -> &dyn Any;
}

impl<C: Codec> Typed for TypedKeep<C> {
    fn keep(&self) -> &Keep {
        self
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Records {
    /// Of values that are bytes. `None` if the pile can have no more keepers.
    pub(crate) fn of_bytes(pile: &Pile, keeper: Arc<dyn Keeper>, form: Form) -> Option<Self> {
        pile.keeper(keeper, form).ok().map(|keep| Self(Kind::Bytes(keep)))
    }

    /// Of values behind a codec, whose stamp has this name.
    pub(crate) fn of_codec<C: Codec>(
        pile: &Pile,
        name: &'static str,
        keeper: Arc<dyn Keeper>,
        form: Form,
    ) -> Option<Self> {
        let keep = pile.typed_keeper::<C>(Stamp::new(name, 0), keeper, form).ok()?;
        Some(Self(Kind::Typed(Box::new(keep))))
    }

    /// As those of this codec.
    pub(crate) fn typed<C: Codec>(&self) -> Option<&TypedKeep<C>> {
        match &self.0 {
            Kind::Bytes(_) => None,
            Kind::Typed(typed) => typed.as_any().downcast_ref(),
        }
    }

    /// The key and the value of a record, in a table whose keys have `key_bytes` each, or any number.
    #[inline]
    pub(crate) fn split<'g>(
        &self,
        record: &KeptRecord<'g>,
        key_bytes: Option<usize>,
    ) -> Option<(&'g [u8], &'g [u8])> {
        match &self.0 {
            Kind::Bytes(_) => framing::split(record.bytes, key_bytes),
            Kind::Typed(_) => record.prefix_and_value(),
        }
    }
}

impl Deref for Records {
    type Target = Keep;

    #[inline]
    fn deref(&self) -> &Keep {
        match &self.0 {
            Kind::Bytes(keep) => keep,
            Kind::Typed(typed) => typed.keep(),
        }
    }
}

impl fmt::Debug for Records {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Records").field(&**self).finish()
    }
}
