//! Carries values between cores through bounded lock-free queues.
//!
//! ```
//! let (mut producer, mut consumer) = levada_queue::spsc::<u64>(1024);
//! let counting = std::thread::spawn(move || {
//!     let mut sum = 0;
//!     while sum < 4_950 {
//!         consumer.take(64, |value| sum += value);
//!     }
//!     sum
//! });
//! let mut room = producer.reserve(100).expect("the queue is empty and has room for 1,024");
//! (0..100).for_each(|value| room.push(value));
//! producer.publish(); // one store makes all hundred visible
//! assert_eq!(counting.join().unwrap(), 4_950);
//! ```
//!
//! Each structure is alone in its file: [`spsc`] between two threads, [`mpsc`] from any number of threads to one, the [`Gate`] by
//! which a consumer of many queues learns which of them have something, and sleeps without missing the next, the [`Spot`] for one value
//! between two threads, and the [`Wish`] by which a task hears that the other end of something got as far as it waits for.
//!
//! # Cost
//!
//! A queue is one allocation of `room` places, not touched before it is used. Producer and consumer share two cache lines (one
//! index each, a pair of lines apart) and look at the other's only when their own copy of it says full or empty, so a batch of 64
//! costs two line transfers beside the values' own lines. `mpsc` costs two atomic read-modify-writes a value. Raising a gate is
//! one read-modify-write. Nothing here makes a system call, spins or takes a lock.
//!
//! # Limits
//!
//! Every queue is bounded when it is made; a full one gives the value back. `spsc` rounds its memory, not its bound, up to a power
//! of two. A gate has 63 bits. A producer of `mpsc` that is stopped by the system half-way holds back those behind it until it
//! runs again: nothing is lost, and its own raise of the gate tells when.

mod ahead;
mod gate;
mod line;
mod mpsc;
mod slots;
mod spot;
mod spsc;
mod sync;
mod wish;

#[cfg(all(test, loom))]
mod loom_tests;

pub use gate::{Gate, Named};
pub use mpsc::{Collector, Submitter, mpsc};
pub use spot::Spot;
pub use spsc::{Consumer, Producer, Rest, Room, spsc};
pub use wish::Wish;
