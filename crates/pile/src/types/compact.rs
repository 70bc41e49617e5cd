//! A compact record is a value in as few bytes as can be: numbers take what they need, and nothing names the fields.
//!
//! The form is postcard's, for every type of serde. It is decoded whenever it is read; some 40 bytes of a person instead of
//! the 100 that are read in place.

use core::fmt;
use core::marker::PhantomData;

use postcard::ser_flavors::Flavor;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::naming::header::Kind;
use crate::types::codec::{Codec, Damaged, Encoded, Unencodable};
use crate::types::sink::Sink;

/// The codec of values that serde knows, in few bytes.
///
/// ```
/// use levada_pile::{Compact, Life, Pile, Pointer, Stamp};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Debug, Deserialize, PartialEq, Serialize)]
/// struct Visit {
///     page: String,
///     by: Pointer,
/// }
///
/// let pile = Pile::builder("visits").limit_bytes(1 << 20).build()?;
/// let by = pile.put_str("Ann", Life::FOREVER)?;
/// let visits = pile.typed::<Compact<Visit>>(Stamp::new("demo.visit", 1))?;
/// let visit = Visit { page: "/".into(), by };
/// let at = visits.put(&visit, Life::secs(3600))?;
/// assert_eq!(visits.load(at), Ok(visit));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Compact<T>(PhantomData<fn() -> T>);

impl<T> fmt::Debug for Compact<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Compact")
    }
}

impl<T: Serialize + DeserializeOwned + 'static> Codec for Compact<T> {
    type Value = T;
    type Owned = T;
    type View<'g> = T;
    const KIND: Kind = Kind::Compact;

    fn encode(value: &T, into: &mut Sink<'_>) -> Result<(), Unencodable> {
        postcard::serialize_with_flavor(value, Pen(into)).map_err(|_| Unencodable)
    }

    fn view(encoded: Encoded<'_, Self>) -> Result<T, Damaged> {
        Self::load(encoded)
    }

    fn load(encoded: Encoded<'_, Self>) -> Result<T, Damaged> {
        match postcard::take_from_bytes(encoded.bytes()) {
            Ok((value, [])) => Ok(value),
            // Bytes behind the value are no part of one.
            Ok(_) | Err(_) => Err(Damaged),
        }
    }
}

/// Writes into the sink.
struct Pen<'s, 'r>(&'s mut Sink<'r>);

impl Flavor for Pen<'_, '_> {
    type Output = ();

    #[inline]
    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.write(&[byte]);
        Ok(())
    }

    #[inline]
    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.0.write(bytes);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}
