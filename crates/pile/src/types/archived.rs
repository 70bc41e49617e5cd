//! An archived record is a value that is read where it lies, without being decoded.
//!
//! ```text
//! payload, at a multiple of 16   | what the value owns: texts, lists ... | the value itself |
//! ```
//! The form is rkyv's: the value is the last of the bytes, and finds the rest by distances. That these are right is looked
//! through once, when the bytes become a record, and relied on ever after.
//!
//! # Invariants
//! 1. What this codec is given with [`Trust::Own`] are the bytes of a record of its own tag (`registry`), or of a value in a
//!    record of a keep of its own (`typed_keep`).
//! 2. Such bytes passed `checked` before they became the record ([`Codec::CHECKS_OWN`], and the check of a reservation),
//!    and do not change after; a payload of an archived record, and a value in such a keep, begins at a multiple of 16, as it did when it passed.
//!
//! Cost: to put a value of 100 bytes, 25 ns of looking through; to read it, the comparison of its tag.
#![expect(
    unsafe_code,
    reason = "reads values in place that were looked through when they were put"
)]

use core::fmt;
use core::marker::PhantomData;
use core::num::NonZeroUsize;

use rkyv::api::high::{HighDeserializer, HighSerializer, HighValidator, to_bytes_in};
use rkyv::bytecheck::CheckBytes;
use rkyv::rancor::Failure;
use rkyv::ser::allocator::ArenaHandle;
use rkyv::ser::{Positional, Writer};
use rkyv::validation::Validator;
use rkyv::validation::archive::ArchiveValidator;
use rkyv::validation::shared::SharedValidator;
use rkyv::{Archive, Deserialize, Portable, Serialize, access_unchecked};

use crate::naming::header::Kind;
use crate::types::codec::{Codec, Damaged, Encoded, Trust, Unencodable};
use crate::types::sink::Sink;

/// How deep a value may own values that own values: what is looked through goes as deep on the stack.
const DEPTH_MAX: NonZeroUsize = NonZeroUsize::new(512).expect("above zero");

/// The strictest alignment of a payload.
const ALIGN_MAX: usize = 16;

/// The codec of values that rkyv archives, read in place.
///
/// ```
/// use levada_pile::{Archived, Life, Pile, Pointer, Stamp};
///
/// #[derive(rkyv::Archive, rkyv::Deserialize, rkyv::Serialize)]
/// struct Person {
///     name: String,
///     friends: Vec<Pointer>,
/// }
///
/// let pile = Pile::builder("social").limit_bytes(1 << 20).build()?;
/// let people = pile.typed::<Archived<Person>>(Stamp::new("demo.person", 1))?;
/// let ann = people.put(&Person { name: "Ann".into(), friends: vec![] }, Life::FOREVER)?;
/// let bob = people.put(&Person { name: "Bob".into(), friends: vec![ann] }, Life::FOREVER)?;
/// let guard = pile.pin();
/// let friend = people.get(&guard, bob)?.friends[0].pointer(); // read in place, nothing decoded
/// assert_eq!(people.get(&guard, friend)?.name, "Ann");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A value that must lie at a multiple of more than 16 is refused by the compiler:
///
/// ```compile_fail,E0080
/// use levada_pile::{Archived, Life, Pile, Stamp};
///
/// #[derive(rkyv::Archive, rkyv::Deserialize, rkyv::Serialize)]
/// #[rkyv(attr(repr(C, align(32))))]
/// struct Wide([u8; 32]);
///
/// let pile = Pile::builder("wide").limit_bytes(1 << 20).build().unwrap();
/// let wide = pile.typed::<Archived<Wide>>(Stamp::new("demo.wide", 1)).unwrap();
/// wide.put(&Wide([0; 32]), Life::FOREVER).unwrap();
/// ```
///
/// # Limits
///
/// A value may own values that own values 512 deep.
pub struct Archived<T>(PhantomData<fn() -> T>);

impl<T> fmt::Debug for Archived<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Archived")
    }
}

impl<T> Codec for Archived<T>
where
    T: Archive + 'static,
    T: for<'r, 'a> Serialize<HighSerializer<Sink<'r>, ArenaHandle<'a>, Failure>>,
    T::Archived: Sync + 'static,
    T::Archived: for<'a> CheckBytes<HighValidator<'a, Failure>>,
    T::Archived: Deserialize<T, HighDeserializer<Failure>>,
{
    type Value = T;
    type Owned = T;
    type View<'g> = &'g T::Archived;
    const KIND: Kind = Kind::Archived;
    const CHECKS_OWN: bool = true;

    fn least_bytes(_value: &T) -> usize {
        size_of::<T::Archived>()
    }

    fn encode(value: &T, into: &mut Sink<'_>) -> Result<(), Unencodable> {
        const { assert!(align_of::<T::Archived>() <= ALIGN_MAX, "a payload is aligned to 16") };
        *into = to_bytes_in(value, core::mem::take(into)).map_err(|Failure| Unencodable)?;
        Ok(())
    }

    #[inline]
    fn view(encoded: Encoded<'_, Self>) -> Result<&T::Archived, Damaged> {
        const { assert!(align_of::<T::Archived>() <= ALIGN_MAX, "a payload is aligned to 16") };
        match encoded.trust() {
            // SAFETY: invariants 1 and 2.
            Trust::Own => Ok(unsafe { access_unchecked::<T::Archived>(encoded.bytes()) }),
            Trust::Foreign => checked(encoded.bytes()),
        }
    }

    fn load(encoded: Encoded<'_, Self>) -> Result<T, Damaged> {
        let archived = Self::view(encoded)?;
        rkyv::api::high::deserialize::<T, Failure>(archived).map_err(|Failure| Damaged)
    }
}

/// The value that these bytes are, once all that it leads to was found to be in them.
fn checked<A>(bytes: &[u8]) -> Result<&A, Damaged>
where
    A: Portable + for<'a> CheckBytes<HighValidator<'a, Failure>>,
{
    let archive = ArchiveValidator::with_max_depth(bytes, Some(DEPTH_MAX));
    let mut validator = Validator::new(archive, SharedValidator::new());
    rkyv::api::access_with_context::<A, _, Failure>(bytes, &mut validator)
        .map_err(|Failure| Damaged)
}

impl Positional for Sink<'_> {
    fn pos(&self) -> usize {
        self.position()
    }
}

impl Writer<Failure> for Sink<'_> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        Self::write(self, bytes);
        Ok(())
    }
}
