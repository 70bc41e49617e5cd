//! The client writes bytes as it likes and compares what it hears byte for byte.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;

use crate::rig::WITHIN;

/// Bytes both ways.
trait Wire: Read + Write + Send {
    fn end(&self) -> std::io::Result<()>;
}

impl Wire for TcpStream {
    fn end(&self) -> std::io::Result<()> {
        self.shutdown(Shutdown::Write)
    }
}

impl Wire for UnixStream {
    fn end(&self) -> std::io::Result<()> {
        self.shutdown(Shutdown::Write)
    }
}

/// A connection.
pub(crate) struct Client(Box<dyn Wire>);

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("somebody listens");
        stream.set_read_timeout(Some(WITHIN)).unwrap();
        stream.set_write_timeout(Some(WITHIN)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self(Box::new(stream))
    }

    pub(crate) fn connect_within(path: &Path) -> Self {
        let stream = UnixStream::connect(path).expect("somebody listens");
        stream.set_read_timeout(Some(WITHIN)).unwrap();
        stream.set_write_timeout(Some(WITHIN)).unwrap();
        Self(Box::new(stream))
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).expect("it is taken");
    }

    /// Sends what the peer may refuse to take to its end.
    pub(crate) fn try_send(&mut self, bytes: &[u8]) -> bool {
        self.0.write_all(bytes).is_ok()
    }

    /// Says that nothing more is sent.
    pub(crate) fn end(&mut self) {
        self.0.end().unwrap();
    }

    /// What comes next is this.
    #[track_caller]
    pub(crate) fn hears(&mut self, expected: impl AsRef<[u8]>) {
        let expected = expected.as_ref();
        let mut came = vec![0; expected.len()];
        let mut filled = 0;
        while filled < came.len() {
            let bytes = self.0.read(&mut came[filled..]).unwrap_or(0);
            assert!(bytes > 0, "it ended behind {}", shown(&came[..filled]));
            filled += bytes;
            let alike = came[..filled] == expected[..filled];
            assert!(alike, "{} and not {}", shown(&came[..filled]), shown(expected));
        }
    }

    /// So many bytes that come next.
    pub(crate) fn take(&mut self, bytes: usize) -> Vec<u8> {
        let mut came = vec![0; bytes];
        self.0.read_exact(&mut came).expect("it comes");
        came
    }

    /// What comes next, at least a byte; `None` at the end.
    pub(crate) fn some(&mut self) -> Option<Vec<u8>> {
        let mut came = vec![0; 64 << 10];
        match self.0.read(&mut came) {
            Ok(0) => None,
            Ok(bytes) => {
                came.truncate(bytes);
                Some(came)
            }
            Err(error) if error.kind() == ErrorKind::ConnectionReset => None,
            Err(error) => panic!("nothing comes: {error}"),
        }
    }

    /// The next line, without its end.
    pub(crate) fn line(&mut self) -> String {
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            line.extend(self.take(1));
        }
        String::from_utf8_lossy(&line[..line.len() - 2]).into_owned()
    }

    /// To these bytes all that is answered is this: behind it comes the answer to what is asked next.
    #[track_caller]
    pub(crate) fn ask(&mut self, bytes: impl AsRef<[u8]>, expected: impl AsRef<[u8]>) {
        self.send([bytes.as_ref(), b"mn\r\n"].concat());
        self.hears([expected.as_ref(), b"MN\r\n"].concat());
    }

    /// Lines without their ends, and their answers.
    #[track_caller]
    pub(crate) fn ask_lines(&mut self, lines: &[(&str, &str)]) {
        for (asked, answered) in lines {
            let with_ends = |text: &str| match text {
                "" => String::new(),
                text => text.replace('\n', "\r\n") + "\r\n",
            };
            self.ask(with_ends(asked), with_ends(answered));
        }
    }

    /// It was closed, and nothing came before.
    #[track_caller]
    pub(crate) fn hears_the_end(&mut self) {
        let mut came = [0; 64];
        match self.0.read(&mut came) {
            Ok(0) => {}
            Ok(bytes) => panic!("it goes on with {}", shown(&came[..bytes])),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
            Err(error) => panic!("it is still open: {error}"),
        }
    }
}

fn shown(bytes: &[u8]) -> String {
    let text = bytes.escape_ascii().to_string();
    if text.len() > 300 { format!("{}... ({} bytes)", &text[..300], bytes.len()) } else { text }
}
