//! Redis and memcached beside the program: how they are started at their best, and how they are asked, over a Unix socket.
//!
//! Each keeps everything in memory and nothing on disk. Requests go out many at once and their answers are awaited together.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;

use crate::frame::fault::Fault;
use crate::machine::program::Places;
use crate::machine::socket_server::SocketServer;

/// Who keeps the values, and in which words he is asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Tongue {
    /// A GET for each key.
    Redis,
    /// One MGET for many keys.
    RedisMany,
    /// One get for many keys.
    Memcached,
}

/// So many requests are on their way at once.
pub(crate) const AT_ONCE: u64 = 100;

/// A running server with a connection to it.
#[derive(Debug)]
pub(crate) struct KeyValue {
    pub(crate) server: SocketServer,
    stream: UnixStream,
    tongue: Tongue,
    value: Vec<u8>,
    asked: Vec<u8>,
    answered: Vec<u8>,
}

impl KeyValue {
    /// Starts the server; its socket and log lie in `folder`.
    /// # Errors
    /// [`Fault::Absent`] if it is not installed.
    pub(crate) fn start(
        places: &Places,
        folder: &Path,
        tongue: Tongue,
        value_bytes: usize,
    ) -> Result<Self, Fault> {
        let path = folder.join("socket");
        let command = match tongue {
            Tongue::Redis | Tongue::RedisMany => {
                let cure = "the package `redis-server` brings it";
                let mut command = Command::new(places.rival("redis-server", cure)?);
                command.args(["--port", "0", "--save", "", "--appendonly", "no", "--unixsocket"]);
                command.arg(&path).arg("--dir").arg(folder);
                command
            }
            Tongue::Memcached => {
                let cure = "the package `memcached` brings it";
                let mut command = Command::new(places.rival("memcached", cure)?);
                command.args(["-t", "1", "-m", "4096", "-s"]).arg(&path);
                if rustix::process::geteuid().is_root() {
                    command.args(["-u", "root"]);
                }
                command
            }
        };
        let server = SocketServer::start(command, &path)?;
        let stream = server.connect()?;
        let value = vec![b'7'; value_bytes];
        Ok(Self { server, stream, tongue, value, asked: Vec::new(), answered: Vec::new() })
    }

    /// Puts values under the keys from 0 to below `count`.
    /// # Errors
    /// [`Fault::Wrong`] if one is refused.
    pub(crate) fn fill(&mut self, count: u64) -> Result<(), Fault> {
        for begin in (0..count).step_by(usize::try_from(AT_ONCE).expect("small")) {
            let keys = begin..count.min(begin + AT_ONCE);
            self.asked.clear();
            let mut expected = Vec::new();
            for key in keys {
                self.ask_to_put(key);
                expected.extend(match self.tongue {
                    Tongue::Redis | Tongue::RedisMany => &b"+OK\r\n"[..],
                    Tongue::Memcached => &b"STORED\r\n"[..],
                });
            }
            self.exchange(&expected)?;
        }
        Ok(())
    }

    /// Gets the values of some keys, and looks at every byte.
    /// # Errors
    /// [`Fault::Wrong`] if one is not what was put.
    pub(crate) fn get(&mut self, keys: &[u64]) -> Result<(), Fault> {
        self.asked.clear();
        let mut expected = Vec::with_capacity(keys.len() * (self.value.len() + 32));
        let length = self.value.len();
        let add = |bytes: &mut Vec<u8>, text: String| bytes.extend(text.into_bytes());
        match self.tongue {
            Tongue::Redis => {
                for key in keys {
                    add(&mut self.asked, format!("*2\r\n$3\r\nGET\r\n$10\r\n{key:010}\r\n"));
                }
            }
            Tongue::RedisMany => {
                add(&mut self.asked, format!("*{}\r\n$4\r\nMGET\r\n", keys.len() + 1));
                add(&mut expected, format!("*{}\r\n", keys.len()));
                for key in keys {
                    add(&mut self.asked, format!("$10\r\n{key:010}\r\n"));
                }
            }
            Tongue::Memcached => {
                add(&mut self.asked, "get".to_owned());
                for key in keys {
                    add(&mut self.asked, format!(" {key:016}"));
                }
                add(&mut self.asked, "\r\n".to_owned());
            }
        }
        for key in keys {
            add(
                &mut expected,
                match self.tongue {
                    Tongue::Redis | Tongue::RedisMany => format!("${length}\r\n"),
                    Tongue::Memcached => format!("VALUE {key:016} 0 {length}\r\n"),
                },
            );
            expected.extend(&self.value);
            expected.extend(b"\r\n");
        }
        if self.tongue == Tongue::Memcached {
            expected.extend(b"END\r\n");
        }
        self.exchange(&expected)
    }

    /// Adds a member to a set, for each of these pairs of set and member.
    /// # Errors
    /// [`Fault::Wrong`] if Redis does not say each time whether it was new.
    pub(crate) fn add_to_sets(&mut self, pairs: &[(u32, u32)]) -> Result<(), Fault> {
        self.asked.clear();
        for (key, member) in pairs {
            let digits = |number: u32| number.checked_ilog10().unwrap_or_default() + 1;
            let ask = format!(
                "*3\r\n$4\r\nSADD\r\n${}\r\n{key}\r\n${}\r\n{member}\r\n",
                digits(*key),
                digits(*member)
            );
            self.asked.extend(ask.into_bytes());
        }
        let fault = |error| Fault::machine("cannot ask a server", error);
        self.stream.write_all(&self.asked).map_err(fault)?;
        self.answered.resize(pairs.len() * b":1\r\n".len(), 0);
        self.stream.read_exact(&mut self.answered).map_err(fault)?;
        let is_answer = |answer: &[u8]| matches!(answer, b":1\r\n" | b":0\r\n");
        if self.answered.chunks(4).all(is_answer) {
            return Ok(());
        }
        Err(Fault::Wrong("Redis does not add to a set".to_owned()))
    }

    /// The members of many sets, asked for at once, one list behind the other.
    /// # Errors
    /// [`Fault::Wrong`] if what comes is no list of numbers.
    pub(crate) fn members(&mut self, keys: &[u32], see: &mut impl FnMut(u32)) -> Result<(), Fault> {
        self.asked.clear();
        for key in keys {
            let key = key.to_string();
            let ask = format!("*2\r\n$8\r\nSMEMBERS\r\n${}\r\n{key}\r\n", key.len());
            self.asked.extend(ask.into_bytes());
        }
        let wrong = || Fault::Wrong("Redis does not say a list of numbers".to_owned());
        let fault = |error| Fault::machine("cannot ask a server", error);
        self.stream.write_all(&self.asked).map_err(fault)?;
        let mut lists_left = keys.len();
        let mut members_left = 0_usize;
        let mut filled = 0;
        let mut lines = Vec::new();
        while lists_left > 0 || members_left > 0 {
            self.answered.resize(filled + (64 << 10), 0);
            let read = self.stream.read(&mut self.answered[filled..]).map_err(fault)?;
            if read == 0 {
                return Err(wrong());
            }
            filled += read;
            let end = self.answered[..filled].iter().rposition(|byte| *byte == b'\n');
            let Some(end) = end else { continue };
            lines.clear();
            lines.extend_from_slice(&self.answered[..=end]);
            self.answered.copy_within(end + 1..filled, 0);
            filled -= end + 1;
            for line in lines.split(|byte| *byte == b'\n') {
                let number = |digits: &[u8]| {
                    let text = std::str::from_utf8(digits).ok()?;
                    text.trim_end_matches('\r').parse::<u32>().ok()
                };
                match line {
                    [] | [b'$', ..] => {}
                    [b'*', digits @ ..] => {
                        lists_left = lists_left.checked_sub(1).ok_or_else(wrong)?;
                        members_left += number(digits).ok_or_else(wrong)? as usize;
                    }
                    digits => {
                        members_left = members_left.checked_sub(1).ok_or_else(wrong)?;
                        see(number(digits).ok_or_else(wrong)?);
                    }
                }
            }
        }
        Ok(())
    }

    fn ask_to_put(&mut self, key: u64) {
        let length = self.value.len();
        let head = match self.tongue {
            Tongue::Redis | Tongue::RedisMany => {
                format!("*3\r\n$3\r\nSET\r\n$10\r\n{key:010}\r\n${length}\r\n")
            }
            Tongue::Memcached => format!("set {key:016} 0 0 {length}\r\n"),
        };
        self.asked.extend(head.into_bytes());
        self.asked.extend(&self.value);
        self.asked.extend(b"\r\n");
    }

    fn exchange(&mut self, expected: &[u8]) -> Result<(), Fault> {
        let fault = |error| Fault::machine("cannot ask a server", error);
        self.stream.write_all(&self.asked).map_err(fault)?;
        self.answered.resize(expected.len(), 0);
        self.stream.read_exact(&mut self.answered).map_err(fault)?;
        if self.answered == expected {
            return Ok(());
        }
        let said = self.answered.iter().take(40).copied().collect();
        let said = String::from_utf8(said).unwrap_or_default();
        Err(Fault::Wrong(format!("the server said: {said}")))
    }
}
