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
//! # Cost
//!
//! # Limits

mod class;
mod collect;
mod cx;
mod gauges;
mod gc;
mod heap;
mod held;
mod limits;
mod lock;
#[cfg(all(test, loom))]
mod loom_tests;
mod mark;
mod minor;
mod nursery;
mod object;
mod pinned;
mod pool;
mod raw_buf;
mod raw_frees;
mod raw_pages;
mod region;
mod remember;
mod room;
mod roots;
mod shape;
mod sieve;
mod space;
mod stable;
mod sweep;
mod sync;
mod trace;
mod traced;
mod undoing;
mod validate;
mod vec;
mod visitor;
mod weak;
mod weak_pointer;

pub use cx::Cx;
pub use gauges::{Collected, Gauges};
pub use gc::{Gc, GcSlice, GcText};
pub use heap::LocalHeap;
pub use held::{Held, Leaf};
pub use levada_derive::Trace;
pub use limits::{Depth, Full, Limits, Pacing, Payer, Stress};
pub use lock::{Lock, RefLock, Write};
pub use pinned::Pinned;
pub use pool::{Pool, PoolGauges, PoolOptions};
pub use raw_buf::RawBuf;
pub use roots::Root;
pub use trace::{Rootable, Trace};
pub use vec::GcVec;
pub use visitor::Visitor;
pub use weak_pointer::GcWeak;
