//! A driver whose kernel is simulated: short, late, out of order and refusing, all from one seed.
//!
//! ```
//! use levada_ring::{Driver, Wait};
//! use levada_sim::{Mischief, Sim, SimConfig, Step};
//! use std::os::fd::AsRawFd;
//!
//! let config = SimConfig { mischief: Mischief::hidden(), ..SimConfig::default() };
//! let (mut sim, world) = Sim::seeded(7, &config);
//! let listener = std::net::TcpListener::bind("127.0.0.1:0")?; // its number is all that the simulation knows of it
//! let script = [Step::Write(b"hello".to_vec()), Step::ReadToEnd];
//! let peer = world.connect(listener.as_raw_fd(), &script);
//! let (mut done, an_hour) = (Vec::new(), levada_ring::now() + std::time::Duration::from_secs(3600));
//! while sim.enter(Wait::Until(an_hour), &mut done)?.now < an_hour {} // it takes no time
//! assert!(world.peer(peer).is_connected && !world.peer(peer).is_over); // nobody accepts, nobody answers
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A program that runs over [`levada_ring::Driver`] is given a [`Sim`], and its peers and files are made in the
//! [`World`]. What a kernel may do and rarely does is a [`Trick`]; a seed chooses. A run that fails names its seed.
//!
//! # Cost
//!
//! Bytes are copied, summed and looked at several times: it is for tests. Time is virtual: a minute of waiting is free.
//!
//! # Limits
//!
//! One thread. It is never kinder than a kernel of its level, and not every kernel is as unkind. System calls that a
//! program makes by itself on a descriptor are not seen: that one stands for nothing outside the simulation.

mod accepting;
mod clock;
mod connecting;
mod datagrams;
mod descriptor;
mod dice;
mod disk;
mod driver;
mod filing;
mod flight;
mod groups;
mod kernel;
mod lent;
mod messaging;
mod mischief;
mod net;
mod own_socket;
mod peer;
mod script;
mod streaming;
mod trick;
mod trouble;
mod world;

pub use datagrams::{Volley, VolleyId, VolleyTrace};
pub use dice::Dice;
pub use driver::{Sim, SimConfig};
pub use mischief::{Mischief, Played};
pub use peer::{Answer, Ended, PeerId, PeerTrace, Step};
pub use script::Cue;
pub use trick::Trick;
pub use world::World;
