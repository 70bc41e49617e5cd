//! A road is what a server is reached by: a port of this machine, or a path.

use std::io::{self, Read, Write};
use std::net::{SocketAddrV4, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Road {
    Tcp(SocketAddrV4),
    Unix(PathBuf),
}

/// A connection that waits for what it is asked.
pub(crate) trait Stream: Read + Write {}

impl<S: Read + Write> Stream for S {}

/// Who says nothing for so long has failed.
const PATIENCE: Duration = Duration::from_secs(10);

impl Road {
    /// # Errors
    /// If nobody listens there.
    pub(crate) fn connect(&self) -> io::Result<Box<dyn Stream>> {
        Ok(match self {
            Self::Tcp(address) => {
                let stream = TcpStream::connect(address)?;
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                Box::new(stream)
            }
            Self::Unix(path) => {
                let stream = UnixStream::connect(path)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                Box::new(stream)
            }
        })
    }
}
