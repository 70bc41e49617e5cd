//! Values are how what a table keeps becomes bytes, and is read again: as it is, or by one of the pile's codecs.

use core::borrow::Borrow;

use crate::error::Refused;

/// How a table's values are kept: [`Bytes`], [`Text`], and the codecs of the pile.
pub trait Values: Sized + 'static {
    /// What is put.
    type Value: ?Sized;
    /// What is loaded.
    type Owned: Borrow<Self::Value>;
    /// What is read in place.
    type View<'g>;

    /// Lends the bytes of a value.
    ///
    /// # Errors
    /// [`Refused::Unencodable`].
    fn lend<R>(value: &Self::Value, see: impl FnOnce(&[u8]) -> R) -> Result<R, Refused>;

    /// Reads a value in place; `None` if the bytes are none.
    fn view(bytes: &[u8]) -> Option<Self::View<'_>>;

    /// The value as one's own.
    fn load(bytes: &[u8]) -> Option<Self::Owned>;
}

/// Bytes as they are.
#[derive(Debug)]
pub enum Bytes {}

impl Values for Bytes {
    type Value = [u8];
    type Owned = Vec<u8>;
    type View<'g> = &'g [u8];

    #[inline]
    fn lend<R>(value: &[u8], see: impl FnOnce(&[u8]) -> R) -> Result<R, Refused> {
        Ok(see(value))
    }

    #[inline]
    fn view(bytes: &[u8]) -> Option<&[u8]> {
        Some(bytes)
    }

    fn load(bytes: &[u8]) -> Option<Vec<u8>> {
        Some(bytes.to_vec())
    }
}

/// UTF-8 text as it is.
#[derive(Debug)]
pub enum Text {}

impl Values for Text {
    type Value = str;
    type Owned = String;
    type View<'g> = &'g str;

    #[inline]
    fn lend<R>(value: &str, see: impl FnOnce(&[u8]) -> R) -> Result<R, Refused> {
        Ok(see(value.as_bytes()))
    }

    #[inline]
    fn view(bytes: &[u8]) -> Option<&str> {
        core::str::from_utf8(bytes).ok()
    }

    fn load(bytes: &[u8]) -> Option<String> {
        Self::view(bytes).map(str::to_owned)
    }
}
