//! One process's own collected heap, with a stable part that never moves.
//!
//! ```
//! use levada_local::{Gc, Limits, LocalHeap, Lock, Pool, Trace};
//!
//! #[derive(Trace)]
//! struct Node<'gc> { value: u64, next: Lock<Option<Gc<'gc, Node<'gc>>>> }
//!
//! let pool = Pool::default(); //                                        one for each thread
//! let mut heap = LocalHeap::<Option<Gc<'static, Node<'static>>>>::new(&pool, Limits::default(), |_| None);
//! heap.enter(|cx, first| { //                                           a turn: nothing moves
//!     let last = cx.alloc(Node { value: 2, next: Lock::new(None) });
//!     *first = Some(cx.alloc(Node { value: 1, next: Lock::new(Some(last)) }));
//!     last.write(cx).field(|node| &node.next).set(*first); //           a circle is no leak
//! });
//! heap.end_turn(); //                                                   between turns: collects what is due
//! let sum = heap.enter(|_, first| first.map(|node| node.value + node.next.get().unwrap().value));
//! assert_eq!(sum, Some(3));
//! ```
//!
//! A turn runs under a brand: a [`Gc`] is one word, is copied freely, and cannot leave its turn. Between turns a [`Root`] keeps an
//! object from outside, a [`Pinned`] keeps it where it is, and a [`RawBuf`] is bytes for the kernel or for foreign code that no collection
//! ever looks at. What is written after an object was made stands in a [`Lock`], and is written through [`Gc::write`].
//!
//! # Cost
//!
//! ```text
//! nursery        chunks of 64 KiB, lent while turns need them      an allocation: some fifteen instructions, 8 bytes of header
//!   │ survives two collections, with more than 8 KiB of others
//! young pages    4 or 16 KiB, cells of one class; never moves      a promotion: a copy and a bit
//!   │ its page survives three stable collections
//! old pages      the same pages under another label                nothing
//! ```
//!
//! A minor collection costs what it copies: the dead cost nothing, unless they have destructors. A stable one marks and sweeps the
//! young pages, a major all of them, in slices of 16 KiB after each turn that filled a chunk. [`Gc::write`] is a load and a compare,
//! and an entry in a list for the first write of a stable object between two collections. A turn's end with nothing to do is a load
//! and a compare. An empty heap is at most 256 bytes, its own and no other's; one that rests keeps what lives in it and no chunk.
//!
//! Checked: `tests/limits.rs` (counts); `bench-compare -- local-heap` (ratios, both in one run).
//!
//! # Limits
//!
//! A heap is on one thread at a time. Nothing collects within a turn: a turn that makes much garbage asks [`Cx::should_yield`], or
//! meets the hard limit, where `try_` forms give back what they were given and the others panic. A value is shorter than 2 GiB and
//! aligned to 64 bytes at most. Memory of a `Vec` or a map inside an object is not the heap's, and not counted unless said
//! ([`LocalHeap::external`], [`Cx::hold`]). Stable objects never move, so nothing is compacted. There are no pointers into the middle
//! of objects, none to `dyn` types, and no finalizers that bring back what is gone.
//!
//! A stable object that nobody reaches may keep others until the collection of its depth. A circle through both spaces goes with the
//! stable collection or the major that finds its stable part dead.
//!
//! A destructor that panics stops no other; the first panic goes on when the collection is over. One that panics in a trace that was
//! written by hand ends the OS process. Like every brand it stands on what the compiler knows of lifetimes: the hole that is known as
//! rust-lang/rust#25860 is out of its reach.

mod collecting;
mod gauges;
mod limits;
#[cfg(all(test, loom))]
mod loom_tests;
mod memory;
mod objects;
mod raw;
mod spaces;
mod sync;
mod turns;

pub use gauges::{Collected, Gauges};
pub use levada_derive::Trace;
pub use limits::{Depth, Full, Limits, Pacing, Payer, Stress};
pub use memory::pool::{Pool, PoolGauges, PoolOptions};
pub use objects::held::{Held, Leaf};
pub use objects::trace::{Rootable, Trace};
pub use objects::visitor::Visitor;
pub use raw::buf::RawBuf;
pub use spaces::roots::Root;
pub use turns::cx::Cx;
pub use turns::gc::{Gc, GcSlice, GcText};
pub use turns::heap::LocalHeap;
pub use turns::lock::{Lock, RefLock, Write};
pub use turns::pinned::Pinned;
pub use turns::vec::GcVec;
pub use turns::weak_pointer::GcWeak;
