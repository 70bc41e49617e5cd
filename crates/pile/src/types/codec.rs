//! A codec is how the values of a type become the bytes of a record, and are read from them again.
//!
//! ```text
//! value ──encode──► Sink: the record's slot ──► Encoded ──view──► in place
//!                                                      └──load──► owned
//! ```
//! Bytes that come from elsewhere are looked through once, when they become a record; a codec whose view relies on their
//! form, as [`crate::Archived`] does, lets its own encodings be looked through too. So reading trusts.

use core::fmt;
use core::marker::PhantomData;
use std::error::Error;

use crate::naming::header::Kind;
use crate::types::sink::Sink;

/// How values become the bytes of a record, and are read again.
///
/// [`crate::Archived`] reads in place, [`crate::Compact`] is short, [`crate::Raw`] and [`crate::Text`] are bytes and text as
/// they are, under a stamp. It can be written for other forms without `unsafe`: what a codec is given as its own,
/// [`Encoded::trust`] vouches for.
///
/// ```
/// use levada_pile::{Codec, Damaged, Encoded, Kind, Life, Pile, Sink, Stamp, Unencodable};
///
/// struct Celsius; // as tenths, in two bytes
/// impl Codec for Celsius {
///     type Value = f32;
///     type Owned = f32;
///     type View<'g> = f32;
///     const KIND: Kind = Kind::Compact;
///
///     fn encode(value: &f32, into: &mut Sink<'_>) -> Result<(), Unencodable> {
///         into.write(&((value * 10.0).round() as i16).to_le_bytes());
///         Ok(())
///     }
///     fn view(encoded: Encoded<'_, Self>) -> Result<f32, Damaged> {
///         let bytes = encoded.bytes().try_into().map_err(|_| Damaged)?;
///         Ok(f32::from(i16::from_le_bytes(bytes)) / 10.0)
///     }
///     fn load(encoded: Encoded<'_, Self>) -> Result<f32, Damaged> {
///         Self::view(encoded)
///     }
/// }
///
/// let pile = Pile::builder("weather").limit_bytes(1 << 20).build()?;
/// let temperatures = pile.typed::<Celsius>(Stamp::new("weather.celsius", 1))?;
/// let at = temperatures.put(&21.5, Life::FOREVER)?;
/// assert_eq!(temperatures.get(&pile.pin(), at), Ok(21.5));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Codec: Sized + 'static {
    /// What is put.
    type Value: ?Sized;
    /// What is loaded.
    type Owned;
    /// What is read under a guard.
    type View<'g>;
    /// What the records are: [`Kind::Archived`], whose bytes begin at a multiple of 16, or [`Kind::Compact`].
    const KIND: Kind;
    /// Whether what [`Codec::encode`] wrote is looked through before it becomes a record, as foreign bytes are.
    const CHECKS_OWN: bool = false;

    /// The fewest bytes that this value may take: a guess, which costs a copy where it is wrong.
    fn least_bytes(_value: &Self::Value) -> usize {
        0
    }

    /// Writes the value. It may use the pile, and put other values first.
    ///
    /// # Errors
    /// [`Unencodable`], and nothing is put.
    fn encode(value: &Self::Value, into: &mut Sink<'_>) -> Result<(), Unencodable>;

    /// Reads a value in place.
    ///
    /// # Errors
    /// [`Damaged`], if the bytes are none.
    fn view(encoded: Encoded<'_, Self>) -> Result<Self::View<'_>, Damaged>;

    /// Reads an owned value.
    ///
    /// # Errors
    /// [`Damaged`], if the bytes are none.
    fn load(encoded: Encoded<'_, Self>) -> Result<Self::Owned, Damaged>;
}

/// Where bytes come from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Trust {
    /// This codec wrote them, or they were looked through, and nobody has changed them since.
    Own,
    /// They may be anything.
    Foreign,
}

/// Bytes that are said to be a value, and who says so.
#[derive(Debug)]
pub struct Encoded<'g, C> {
    bytes: &'g [u8],
    trust: Trust,
    codec: PhantomData<fn() -> C>,
}

impl<'g, C: Codec> Encoded<'g, C> {
    /// Bytes of which nothing is known.
    #[must_use]
    pub fn foreign(bytes: &'g [u8]) -> Self {
        Self { bytes, trust: Trust::Foreign, codec: PhantomData }
    }

    /// The bytes of a record of the type that the codec is registered for: see [`crate::registry`], which alone calls this.
    #[inline]
    pub(crate) fn of_record(bytes: &'g [u8], trust: Trust) -> Self {
        Self { bytes, trust, codec: PhantomData }
    }

    /// The bytes.
    #[inline]
    #[must_use]
    pub fn bytes(&self) -> &'g [u8] {
        self.bytes
    }

    /// Whether they are known to be a value of this codec.
    #[inline]
    #[must_use]
    pub fn trust(&self) -> Trust {
        self.trust
    }
}

/// Whether bytes of which nothing is known are a value.
pub(crate) fn is_value<C: Codec>(bytes: &[u8]) -> bool {
    C::view(Encoded::foreign(bytes)).is_ok()
}

/// The bytes are not a value of the codec's type.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Damaged;

impl fmt::Display for Damaged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the bytes are not a value of this type")
    }
}

impl Error for Damaged {}

/// The value refused to be encoded.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Unencodable;

impl fmt::Display for Unencodable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the value cannot be encoded")
    }
}

impl Error for Unencodable {}
