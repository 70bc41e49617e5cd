//! Reads, writes and casts primitive structs in byte spans.
//!
//! ```
//! use levada_plain::{Plain, big_endian::U16, bytes_of, read_at, view_at};
//! use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};
//!
//! #[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
//! #[repr(C)]
//! struct Ports { from: U16, to: U16 }
//!
//! let packet = [0xC0, 0x00, 0x00, 0x50, 9, 9];
//! assert_eq!(read_at::<Ports>(&packet, 0).unwrap().to.get(), 80); //  a copy of four bytes
//! assert_eq!(view_at::<Ports>(&packet, 0).unwrap().from.get(), 0xC000); // none: the bytes themselves
//! assert!(read_at::<Ports>(&packet, 3).is_none()); //                 the span ends too early
//! assert_eq!(bytes_of(&Ports { from: 1.into(), to: 2.into() }), [0, 1, 0, 2]);
//! ```
//!
//! # Cost
//!
//! A cast is a length check and an alignment check; a read is a length check and one unaligned load.
//!
//! # Limits
//!
//! Only types for which every pattern of bits is a value and none of whose bytes is padding: `bool`, `char`,
//! references and padded structs are refused by the compiler.

#![forbid(unsafe_code)]

mod cast;
mod number;

pub use cast::{Plain, bytes_of, read_at, view_at, views_at, write_at};
pub use number::to_index;
pub use zerocopy::{big_endian, little_endian};
