//! Types are values behind codecs, with a stamp before each record.

#[cfg(feature = "archived")]
pub(crate) mod archived;
#[cfg(feature = "archived")]
pub(crate) mod archived_pointer;
pub(crate) mod codec;
#[cfg(feature = "compact")]
pub(crate) mod compact;
pub(crate) mod found;
pub(crate) mod lookup;
pub(crate) mod registry;
pub(crate) mod sink;
pub(crate) mod type_names;
pub(crate) mod typed;
pub(crate) mod typed_keep;
pub(crate) mod upgrade;
pub(crate) mod verbatim;
