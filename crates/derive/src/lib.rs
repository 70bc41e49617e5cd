//! Writes the `Message` impl of a type whose fields are all messages, and the `Trace` impl of one that stands in a local heap.
//!
//! The first is used through `levada-process`, whose trait it implements; here a stand-in shows what it asks of it:
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
//!
//! `Trace` is used through `levada-local`, whose front page shows it. Every field must be traced itself, or be said to be a leaf, which
//! is `Send` and `'static`; one lifetime is allowed, the heap's brand. A type with it, or with type parameters, may have no `Drop`.

#![forbid(unsafe_code)]

mod home;
mod message;
mod trace;

use proc_macro::TokenStream;

/// Implements `Message`: every field must be one. `#[message(crate = "path")]` names the crate that the trait is in.
#[proc_macro_derive(Message, attributes(message))]
pub fn derive_message(item: TokenStream) -> TokenStream {
    message::expand(item.into()).into()
}

/// Implements `Trace`: every field must be traced, or have `#[trace(leaf)]` before it. Types without type parameters get `Rootable`
/// too. `#[trace(crate = "path")]` names the crate that the traits are in.
#[proc_macro_derive(Trace, attributes(trace))]
pub fn derive_trace(item: TokenStream) -> TokenStream {
    trace::expand(item.into()).into()
}
