//! The same scripted peers meet the channel over real kernels and over simulated ones, and see the same.
//!
//! Each scene has a few casts, drawn from small seeds. A cast is first acted over the drivers that this machine has, by
//! threads with sockets; then over `sim`, once for each seed. `LEVADA_SEEDS` says how many, `LEVADA_SEED` which is the
//! first; `LEVADA_MISCHIEF` leaves only the tricks that it names, to find out which one it takes.

mod acting;
mod chancing;
mod connecting;
mod detaching;
mod dropping;
mod echoing;
mod ending;
mod eventing;
mod exchanging;
mod filing;
mod filling;
mod fixed;
mod passing;
mod pressing;
mod refusing;
mod seeds;
mod stage;
mod timing;
mod zero_copying;
