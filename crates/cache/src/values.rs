//! Values are how what a table keeps becomes bytes, and is read again: as it is, or by one of the pile's codecs.

use core::any::type_name;
use core::borrow::Borrow;
use std::sync::Arc;

use levada_pile::{Codec, Form, Keeper, KeptRecord, Life, Pile, Place, PutError};

use crate::error::{Refused, refused_by};
use crate::table::records::Records;

/// How a table's values are kept: [`Bytes`], [`Text`], and each codec of the pile, as [`crate::Archived`], whose values are read
/// in place, and [`crate::Compact`], which is short.
///
/// ```
/// use levada_cache::{Archived, Cache, CacheOptions, How, Pile, TableOptions};
///
/// #[derive(rkyv::Archive, rkyv::Deserialize, rkyv::Serialize)]
/// struct User {
///     name: String,
/// }
///
/// let pile = Pile::builder("p").limit_bytes(8 << 20).build()?;
/// let cache = Cache::over(&pile, CacheOptions::limit(8 << 20))?;
/// let users = cache.table::<u64, Archived<User>>("users", TableOptions::default())?;
/// users.put(&7, &User { name: "Ann".into() }, How::default())?;
/// let guard = cache.pin();
/// assert_eq!(users.get(&guard, &7).expect("it was just put").name, "Ann"); // nothing is decoded
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Values: Sized + 'static {
    /// What is put.
    type Value: ?Sized;
    /// What is loaded.
    type Owned: Borrow<Self::Value>;
    /// What is read in place.
    type View<'g>;
    /// Whether each entry has room for the end of its life, whatever the table's options say.
    const IS_RENEWABLE: bool;

    /// What the pile is to keep; `None` if it can have no more keepers.
    fn records(pile: &Pile, keeper: Arc<dyn Keeper>, form: Form) -> Option<Records>;

    /// How many bytes a value has, about.
    fn bytes(value: &Self::Value) -> usize;

    /// Writes a record. The key's length is given as it stands before it where it is not kept elsewhere.
    ///
    /// # Errors
    /// [`Refused`]; [`Refused::OutOfSpace`] with `at_once` also where there is room, but not at once.
    fn write(
        records: &Records,
        head: Head<'_>,
        value: &Self::Value,
        at_once: bool,
    ) -> Result<Place, Refused>;

    /// Reads a value in place, which was found in its record; `None` if the bytes are none.
    fn view<'g>(
        records: &Records,
        record: KeptRecord<'g>,
        value: &'g [u8],
    ) -> Option<Self::View<'g>>;

    /// The value as one's own.
    fn load(records: &Records, record: KeptRecord<'_>, value: &[u8]) -> Option<Self::Owned>;
}

/// What stands in a record before its value.
#[derive(Clone, Copy, Debug)]
pub struct Head<'h> {
    pub(crate) words: &'h [u32],
    pub(crate) length: &'h [u8],
    pub(crate) key: &'h [u8],
    pub(crate) life: Life,
}

/// Writes a value of bytes, in two parts.
pub(crate) fn write_bytes(
    records: &Records,
    head: Head<'_>,
    value: [&[u8]; 2],
    at_once: bool,
) -> Result<Place, Refused> {
    let parts = [head.length, head.key, value[0], value[1]];
    if at_once {
        return records.put_once(head.words, &parts, head.life).ok_or(Refused::OutOfSpace);
    }
    records.put(head.words, &parts, head.life).map_err(refused_by)
}

/// Bytes as they are.
#[derive(Debug)]
pub enum Bytes {}

impl Values for Bytes {
    type Value = [u8];
    type Owned = Vec<u8>;
    type View<'g> = &'g [u8];
    const IS_RENEWABLE: bool = false;

    fn records(pile: &Pile, keeper: Arc<dyn Keeper>, form: Form) -> Option<Records> {
        Records::of_bytes(pile, keeper, form)
    }

    #[inline]
    fn bytes(value: &[u8]) -> usize {
        value.len()
    }

    #[inline]
    fn write(
        records: &Records,
        head: Head<'_>,
        value: &[u8],
        at_once: bool,
    ) -> Result<Place, Refused> {
        write_bytes(records, head, [value, &[]], at_once)
    }

    #[inline]
    fn view<'g>(_: &Records, _: KeptRecord<'g>, value: &'g [u8]) -> Option<&'g [u8]> {
        Some(value)
    }

    fn load(_: &Records, _: KeptRecord<'_>, value: &[u8]) -> Option<Vec<u8>> {
        Some(value.to_vec())
    }
}

/// UTF-8 text as it is.
#[derive(Debug)]
pub enum Text {}

impl Values for Text {
    type Value = str;
    type Owned = String;
    type View<'g> = &'g str;
    const IS_RENEWABLE: bool = false;

    fn records(pile: &Pile, keeper: Arc<dyn Keeper>, form: Form) -> Option<Records> {
        Records::of_bytes(pile, keeper, form)
    }

    #[inline]
    fn bytes(value: &str) -> usize {
        value.len()
    }

    #[inline]
    fn write(
        records: &Records,
        head: Head<'_>,
        value: &str,
        at_once: bool,
    ) -> Result<Place, Refused> {
        write_bytes(records, head, [value.as_bytes(), &[]], at_once)
    }

    #[inline]
    fn view<'g>(_: &Records, _: KeptRecord<'g>, value: &'g [u8]) -> Option<&'g str> {
        core::str::from_utf8(value).ok()
    }

    fn load(_: &Records, _: KeptRecord<'_>, value: &[u8]) -> Option<String> {
        String::from_utf8(value.to_vec()).ok()
    }
}

impl<C: Codec> Values for C
where
    C::Owned: Borrow<C::Value>,
{
    type Value = C::Value;
    type Owned = C::Owned;
    type View<'g> = C::View<'g>;
    // A life is never given to a copy: values behind a codec are not copied as bytes.
    const IS_RENEWABLE: bool = true;

    fn records(pile: &Pile, keeper: Arc<dyn Keeper>, form: Form) -> Option<Records> {
        Records::of_codec::<C>(pile, type_name::<C>(), keeper, form)
    }

    fn bytes(value: &C::Value) -> usize {
        C::least_bytes(value)
    }

    fn write(
        records: &Records,
        head: Head<'_>,
        value: &C::Value,
        at_once: bool,
    ) -> Result<Place, Refused> {
        let Some(typed) = records.typed::<C>() else { return Err(Refused::Unencodable) };
        let put = match at_once {
            true => typed.put_once(head.words, head.key, value, head.life),
            false => typed.put(head.words, head.key, value, head.life),
        };
        put.map_err(|error| match error {
            PutError::Full(full) => refused_by(full),
            _ => Refused::Unencodable,
        })
    }

    #[inline]
    fn view<'g>(records: &Records, record: KeptRecord<'g>, _: &'g [u8]) -> Option<C::View<'g>> {
        records.typed::<C>()?.view(record).ok()
    }

    fn load(records: &Records, record: KeptRecord<'_>, _: &[u8]) -> Option<C::Owned> {
        records.typed::<C>()?.load(record).ok()
    }
}
