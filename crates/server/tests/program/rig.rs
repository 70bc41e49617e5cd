//! The rig runs the program and speaks to it; what it started it ends.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// How long anything may take before a test fails.
pub(crate) const WITHIN: Duration = Duration::from_secs(20);

/// A program that has begun to serve.
pub(crate) struct Served {
    child: Child,
    /// Where it listens, as it said.
    pub(crate) addresses: Vec<SocketAddr>,
    pub(crate) admin: Option<SocketAddr>,
    /// Where it answers memcached commands.
    pub(crate) memcached: Vec<String>,
    /// What it said of itself.
    pub(crate) state: String,
    out: BufReader<ChildStdout>,
    err: Receiver<String>,
}

/// How it ended.
#[derive(Debug)]
pub(crate) struct Left {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// The program, with nothing of our own environment but the driver that this run is about.
pub(crate) fn levada() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_levada"));
    for name in ["CONFIG", "LISTEN", "MEMCACHE", "ADMIN", "MEMORY", "CORES", "LOG"] {
        command.env_remove(format!("LEVADA_{name}"));
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs it to its end.
pub(crate) fn run(arguments: &[&str]) -> Output {
    levada().args(arguments).output().expect("the program runs")
}

/// Serves `folder` on a free port, with these arguments besides.
pub(crate) fn serve(folder: &Path, arguments: &[&str]) -> Served {
    let mut command = levada();
    command.arg("serve").arg(folder).args(["--listen", "127.0.0.1:0"]);
    if !arguments.contains(&"--memory") {
        command.args(["--memory", "64MiB"]);
    }
    await_lines(command.args(arguments))
}

/// Starts what serves, and waits until it says that it does.
pub(crate) fn await_lines(command: &mut Command) -> Served {
    let mut child = command.spawn().expect("the program runs");
    let out = BufReader::new(child.stdout.take().expect("its output is piped"));
    let (sender, err) = mpsc::channel();
    let errors = BufReader::new(child.stderr.take().expect("its errors are piped"));
    // Whoever has heard enough has dropped the receiver.
    std::thread::spawn(move || {
        errors.lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
    });
    let (addresses, admin, state) = (Vec::new(), None, String::new());
    let memcached = Vec::new();
    let mut served = Served { child, addresses, admin, memcached, state, out, err };
    loop {
        let line = served.next_line();
        if let Some(address) = line.strip_prefix("listening http://") {
            served.addresses.push(address.parse().expect("an address"));
        } else if let Some(address) = line.strip_prefix("admin http://") {
            served.admin = Some(address.parse().expect("an address"));
        } else if let Some(place) = line.strip_prefix("memcached ") {
            served.memcached.push(place.to_owned());
        } else if line.is_empty() {
            panic!("it ended before it served: {:?}", served.leave());
        } else {
            served.state = line;
            return served;
        }
    }
}

impl Served {
    /// The next line that it writes; empty when it has ended.
    pub(crate) fn next_line(&mut self) -> String {
        let mut line = String::new();
        self.out.read_line(&mut line).expect("its output is text");
        line.trim_end().to_owned()
    }

    /// The next line that it complains with.
    pub(crate) fn next_complaint(&self) -> String {
        self.err.recv_timeout(WITHIN).expect("it complains")
    }

    /// The number of its OS process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn connect(&self) -> TcpStream {
        connect(self.addresses[0])
    }

    /// The whole reply to a request that asks for the connection's end.
    pub(crate) fn get(&self, path: &str) -> String {
        get(self.addresses[0], path)
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).expect("it is there");
    }

    /// Waits until it has ended, without reading what it writes.
    pub(crate) fn wait(&mut self) -> Option<i32> {
        self.child.wait().expect("it is ours").code()
    }

    /// Waits until it has ended by itself.
    pub(crate) fn leave(mut self) -> Left {
        let mut out = String::new();
        self.out.read_to_string(&mut out).expect("its output is text");
        let status = self.child.wait().expect("it is ours");
        let err = self.err.iter().collect::<Vec<_>>().join("\n");
        Left { code: status.code(), out, err }
    }

    /// Tells it to stop, and waits.
    pub(crate) fn stop(self) -> Left {
        self.signal(Signal::TERM);
        self.leave()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It has ended already where all went well.
        let _is_ended: bool = self.child.kill().and_then(|()| self.child.wait()).is_ok();
    }
}

pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(WITHIN)).expect("a time");
    stream.set_write_timeout(Some(WITHIN)).expect("a time");
    stream
}

pub(crate) fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = connect(address);
    let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("it takes the request");
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply).expect("it answers and ends");
    String::from_utf8_lossy(&reply).into_owned()
}
