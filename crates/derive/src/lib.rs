//! Writes the `Message` impl of a struct or an enum whose fields are all messages.
//!
//! It is used through `levada-process`, whose trait it implements; here a stand-in shows what it asks of it:
//!
//! ```
//! mod stand_in {
//!     pub struct Visit<'a>(pub &'a mut u32);
//!     pub trait Message { const FLAT: bool; const CHARGES: bool; fn visit(&mut self, visit: &mut Visit<'_>); }
//!     impl Message for u64 {
//!         const FLAT: bool = true;
//!         const CHARGES: bool = false;
//!         fn visit(&mut self, _: &mut Visit<'_>) {}
//!     }
//!     impl Message for String {
//!         const FLAT: bool = false;
//!         const CHARGES: bool = false;
//!         fn visit(&mut self, visit: &mut Visit<'_>) { *visit.0 += 1; }
//!     }
//! }
//! use stand_in::Message;
//! #[derive(levada_derive::Message)]
//! #[message(crate = "stand_in")]
//! enum Order { Buy { what: String, pieces: u64 }, Stop }
//! let (mut shown, mut order) = (0, Order::Buy { what: "water".into(), pieces: 3 });
//! order.visit(&mut stand_in::Visit(&mut shown));
//! assert!(shown == 1 && !Order::FLAT && !Order::CHARGES);
//! # drop(Order::Stop);
//! ```
//!
//! # Cost
//!
//! None while running: `FLAT` and `CHARGES` are constants, and `visit` shows the fields of the variant that is alive and no other.
//!
//! # Limits
//!
//! Every field must be a message itself, and type parameters are bound to be. Unions and lifetimes are refused. The path of the
//! trait's crate is `::levada_process` unless `#[message(crate = "...")]` says otherwise.

#![forbid(unsafe_code)]

mod message;

use proc_macro::TokenStream;

/// Implements `Message`: every field must be one. `#[message(crate = "path")]` names the crate that the trait is in.
#[proc_macro_derive(Message, attributes(message))]
pub fn derive_message(item: TokenStream) -> TokenStream {
    message::expand(item.into()).into()
}
