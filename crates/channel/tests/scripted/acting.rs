//! Acting is doing what a peer's script says on a real socket, and keeping the same trace as the simulated peer does.

use std::io::{ErrorKind, IoSlice, IoSliceMut, Write};
use std::mem::MaybeUninit;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use levada_sim::{Ended, PeerTrace, Step, Volley, VolleyTrace};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketAddrUnix, SocketFlags, SocketType, connect, recvmsg,
    sendmsg, socket_with, sockopt,
};

/// How long a peer waits for what must come.
const PATIENCE: Duration = Duration::from_secs(30);

/// A connection of either kind.
enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Socket {
    fn fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(tcp) => tcp.as_fd(),
            Self::Unix(unix) => unix.as_fd(),
        }
    }

    fn set_patience(&self) -> std::io::Result<()> {
        match self {
            Self::Tcp(tcp) => tcp.set_read_timeout(Some(PATIENCE)),
            Self::Unix(unix) => unix.set_read_timeout(Some(PATIENCE)),
        }
    }

    fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        match self {
            Self::Tcp(tcp) => tcp.write_all(bytes),
            Self::Unix(unix) => unix.write_all(bytes),
        }
    }

    fn shut(&self) -> std::io::Result<()> {
        match self {
            Self::Tcp(tcp) => tcp.shutdown(Shutdown::Write),
            Self::Unix(unix) => unix.shutdown(Shutdown::Write),
        }
    }
}

/// Connects, and acts to the end.
pub(crate) fn call(address: SocketAddr, script: &[Step]) -> PeerTrace {
    match TcpStream::connect(address) {
        Ok(socket) => act(Socket::Tcp(socket), script),
        Err(_) => PeerTrace { is_connected: false, ..untouched() },
    }
}

/// Connects to an abstract name of this machine, and acts to the end.
pub(crate) fn call_here(name: &[u8], script: &[Step]) -> PeerTrace {
    let address = SocketAddrUnix::new_abstract_name(&name[1..]).expect("a name");
    let (family, kind) = (AddressFamily::UNIX, SocketType::STREAM);
    let socket = socket_with(family, kind, SocketFlags::CLOEXEC, None).expect("a socket");
    connect(&socket, &address).expect("somebody listens");
    act(Socket::Unix(UnixStream::from(socket)), script)
}

/// Exchanges datagrams with the socket at `to`, to the end.
pub(crate) fn exchange(to: SocketAddr, script: &[Volley]) -> VolleyTrace {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
    socket.set_read_timeout(Some(PATIENCE)).expect("a socket");
    let mut trace = VolleyTrace { received: Vec::new(), is_over: true };
    for volley in script {
        match volley {
            Volley::Send(bytes) => {
                socket.send_to(bytes, to).expect("a socket");
            }
            Volley::Receive => {
                let mut room = vec![0; 65_536];
                let (bytes, _) = socket.recv_from(&mut room).expect("an answer");
                room.truncate(bytes);
                trace.received.push(room);
            }
            Volley::Wait(time) => std::thread::park_timeout(*time),
        }
    }
    trace
}

/// Accepts one connection, and acts to the end.
pub(crate) fn serve(listener: &TcpListener, script: &[Step]) -> PeerTrace {
    let (socket, _) = listener.accept().expect("a listener");
    act(Socket::Tcp(socket), script)
}

fn untouched() -> PeerTrace {
    PeerTrace {
        is_connected: true,
        read: Vec::new(),
        descriptors: 0,
        ended: Ended::No,
        is_over: true,
    }
}

/// Acts to the end on a connection.
fn act(mut socket: Socket, script: &[Step]) -> PeerTrace {
    socket.set_patience().expect("a socket");
    let mut trace = untouched();
    for step in script {
        let acted = match step {
            Step::Write(bytes) => socket.write(bytes),
            Step::Pass(bytes, count) => pass(&mut socket, bytes, *count),
            Step::Read(bytes) => read(&socket, *bytes, &mut trace),
            Step::ReadToEnd => read(&socket, usize::MAX, &mut trace),
            Step::ShutdownWrite => socket.shut(),
            Step::Reset => {
                sockopt::set_socket_linger(socket.fd(), Some(Duration::ZERO)).expect("a socket");
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

/// Sends descriptors with the first bytes.
fn pass(socket: &mut Socket, bytes: &[u8], count: usize) -> std::io::Result<()> {
    let made = |_| memfd_create("passed", MemfdFlags::CLOEXEC).expect("a descriptor");
    let passed: Vec<OwnedFd> = (0..count).map(made).collect();
    let borrowed: Vec<BorrowedFd<'_>> = passed.iter().map(AsFd::as_fd).collect();
    let mut room = [MaybeUninit::uninit(); 1024];
    let mut beside = SendAncillaryBuffer::new(&mut room);
    assert!(beside.push(SendAncillaryMessage::ScmRights(&borrowed)), "there is room");
    let flags = SendFlags::NOSIGNAL;
    let sent = sendmsg(socket.fd(), &[IoSlice::new(bytes)], &mut beside, flags)?;
    socket.write(&bytes[sent..])
}

fn read(socket: &Socket, bytes: usize, trace: &mut PeerTrace) -> std::io::Result<()> {
    let end = trace.read.len().saturating_add(bytes);
    let mut piece = vec![0; 64 << 10];
    while trace.read.len() < end {
        let room = piece.len().min(end - trace.read.len());
        let mut beside_room = [MaybeUninit::uninit(); 1024];
        let mut beside = RecvAncillaryBuffer::new(&mut beside_room);
        let into = &mut [IoSliceMut::new(&mut piece[..room])];
        let received = match recvmsg(socket.fd(), into, &mut beside, RecvFlags::CMSG_CLOEXEC) {
            Err(Errno::INTR) => continue,
            received => received?,
        };
        for message in beside.drain() {
            if let RecvAncillaryMessage::ScmRights(descriptors) = message {
                trace.descriptors += descriptors.count();
            }
        }
        if received.bytes == 0 {
            trace.ended = Ended::End;
            return Ok(());
        }
        trace.read.extend(&piece[..received.bytes]);
    }
    Ok(())
}

fn wait_for_reset(socket: &Socket) {
    let fd = socket.fd();
    let mut fds = [PollFd::new(&fd, PollFlags::empty())];
    let patience = Timespec::try_from(PATIENCE).expect("some seconds");
    let count = poll(&mut fds, Some(&patience)).expect("a socket");
    assert!(count > 0, "the connection was never reset");
}
