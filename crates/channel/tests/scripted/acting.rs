//! Acting is doing what a peer's script says on a real socket, and keeping the same trace as the simulated peer does.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use levada_sim::{Ended, PeerTrace, Step};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// Connects, and acts to the end.
pub(crate) fn call(address: SocketAddr, script: &[Step]) -> PeerTrace {
    match TcpStream::connect(address) {
        Ok(socket) => act(socket, script),
        Err(_) => PeerTrace {
            is_connected: false,
            read: Vec::new(),
            descriptors: 0,
            ended: Ended::No,
            is_over: true,
        },
    }
}

/// Acts to the end on a connection.
pub(crate) fn act(mut socket: TcpStream, script: &[Step]) -> PeerTrace {
    socket.set_read_timeout(Some(Duration::from_secs(30))).expect("a socket");
    let mut trace = PeerTrace {
        is_connected: true,
        read: Vec::new(),
        descriptors: 0,
        ended: Ended::No,
        is_over: true,
    };
    for step in script {
        let acted = match step {
            Step::Write(bytes) => socket.write_all(bytes),
            Step::Pass(..) => unreachable!("no descriptors go over TCP"),
            Step::Read(bytes) => read(&mut socket, *bytes, &mut trace),
            Step::ReadToEnd => read(&mut socket, usize::MAX, &mut trace),
            Step::ShutdownWrite => socket.shutdown(Shutdown::Write),
            Step::Reset => {
                let linger = Some(Duration::ZERO);
                rustix::net::sockopt::set_socket_linger(&socket, linger).expect("a socket");
                return trace;
            }
            Step::Close => return trace,
            Step::Wait(time) => {
                std::thread::park_timeout(*time);
                Ok(())
            }
            Step::WaitForReset => {
                wait_for_reset(&socket);
                Err(ErrorKind::ConnectionReset.into())
            }
        };
        if let Err(error) = acted {
            let is_reset = matches!(
                error.kind(),
                ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::NotConnected
            );
            assert!(is_reset, "{error} at {step:?}");
            trace.ended = Ended::Reset;
            return trace;
        }
    }
    trace
}

fn read(socket: &mut TcpStream, bytes: usize, trace: &mut PeerTrace) -> std::io::Result<()> {
    let end = trace.read.len().saturating_add(bytes);
    let mut piece = vec![0; 64 << 10];
    while trace.read.len() < end {
        let room = piece.len().min(end - trace.read.len());
        match socket.read(&mut piece[..room])? {
            0 => {
                trace.ended = Ended::End;
                return Ok(());
            }
            count => trace.read.extend(&piece[..count]),
        }
    }
    Ok(())
}

fn wait_for_reset(socket: &TcpStream) {
    let mut fds = [PollFd::new(socket, PollFlags::empty())];
    let patience = Timespec { tv_sec: 30, tv_nsec: 0 };
    let count = poll(&mut fds, Some(&patience)).expect("a socket");
    assert!(count > 0, "the connection was never reset");
}
