//! A group is several listening sockets on one address, one for each core: the kernel gives each connection to one of them.
//!
//! It does so by a hash of the two addresses, or, with [`Steering::Cpu`], by the processor on which the connection's first segment
//! was handled.

use core::net::SocketAddr;

use crate::listening::bind::{BindError, ListenPart};
use crate::listening::reuseport::{self, Steering};

/// Listening sockets on one address.
#[derive(Clone, Copy, Debug)]
pub struct ListenGroup;

impl ListenGroup {
    /// Binds `address` for as many cores as `parts` says, and begins to listen. Port 0 picks a free one, the same for all.
    ///
    /// With several parts the address is first taken alone: a port that another program owns is refused, not shared.
    ///
    /// # Errors
    /// [`BindError`] with what the kernel said.
    pub fn bind(
        address: SocketAddr,
        parts: usize,
        steering: Steering,
    ) -> Result<Vec<ListenPart>, BindError> {
        let mut bound = ListenPart::bind(address, parts)?;
        if bound.len() < 2 {
            return Ok(bound);
        }
        let address = bound[0].address();
        reuseport::group(bound.iter_mut().map(ListenPart::socket_mut).collect(), steering)
            .map_err(|errno| BindError { address, errno })?;
        Ok(bound)
    }

    /// Whether the kernel gives connections that wait at a closing socket to others of its group (`net.ipv4.tcp_migrate_req`).
    /// Without, those that come while a part closes may be reset: drain it first ([`crate::TcpListener::drain`]).
    #[must_use]
    pub fn migrates() -> bool {
        std::fs::read_to_string("/proc/sys/net/ipv4/tcp_migrate_req")
            .is_ok_and(|value| value.trim() == "1")
    }
}
