//! A group of listening sockets shares connections out by places: the kernel's choice, or that of a short program of ours.
//!
//! The program (classic BPF) says which place in the group a connection goes to; it also takes a socket that is to close out of
//! the choice first, since what is in its queue when it closes would be reset.
//!
//! ```text
//! places   [0][1][2][3]    as they began to listen; when one closes, the last takes its place
//! program  source % live places, then a table of the live ones
//! ```
#![expect(unsafe_code, reason = "attaches a program by an option that no safe wrapper has")]
#![expect(
    clippy::disallowed_types,
    reason = "the places are locked while a socket leaves the group or a program is attached"
)]

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use levada_ring::Errno;

/// How connections are shared out in a group.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Steering {
    /// By a hash of the addresses: evenly, as far as there are many peers.
    #[default]
    Hash,
    /// By the processor that the network's interrupt came to: each connection stays where its packets are. Part `n` is for
    /// processor `n`; with fewer parts than processors, for those that leave the remainder `n`.
    Cpu,
}

/// What a socket in a group knows of it.
#[derive(Debug)]
pub(crate) struct Member {
    group: Arc<Group>,
    number: usize,
}

#[derive(Debug)]
struct Group {
    steering: Steering,
    places: Mutex<Vec<Place>>,
}

/// Who is at a place of the kernel's list.
#[derive(Clone, Copy, Debug)]
struct Place {
    number: usize,
    fd: RawFd,
    is_leaving: bool,
}

impl Member {
    /// Lets no more connections come to this socket, if there is another for them.
    pub(crate) fn leave(&self) -> Result<(), Errno> {
        let mut places = self.group.lock();
        for place in places.iter_mut().filter(|place| place.number == self.number) {
            place.is_leaving = true;
        }
        self.group.steer(&places)
    }

    /// Closes the socket, and lets the others know their new places.
    pub(crate) fn close(&self, fd: OwnedFd) {
        let mut places = self.group.lock();
        drop(fd);
        if let Some(index) = places.iter().position(|place| place.number == self.number) {
            places.swap_remove(index); // as the kernel does
        }
        // Without a program that fits, the kernel's own choice goes on.
        let _steered: Result<(), Errno> = self.group.steer(&places);
    }
}

impl Group {
    fn lock(&self) -> MutexGuard<'_, Vec<Place>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Attaches the program for these places, or none where the kernel's own choice will do.
    fn steer(&self, places: &[Place]) -> Result<(), Errno> {
        let live: Vec<u32> = (0..)
            .zip(places)
            .filter(|(_, place)| !place.is_leaving)
            .map(|(index, _)| index)
            .collect();
        let Some(any) = places.first().filter(|_| !live.is_empty()) else { return Ok(()) };
        if self.steering == Steering::Hash && live.len() == places.len() {
            return detach(any.fd);
        }
        attach(any.fd, &program(self.steering, &live))
    }
}

/// Says which of the `live` places a connection goes to.
fn program(steering: Steering, live: &[u32]) -> Vec<libc::sock_filter> {
    let code = |parts: u32| u16::try_from(parts).expect("codes have 16 bits");
    let load = code(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS);
    let remainder = code(libc::BPF_ALU | libc::BPF_MOD | libc::BPF_K);
    let if_equal = code(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K);
    let give = code(libc::BPF_RET | libc::BPF_K);
    let line = |code, jt, jf, k| libc::sock_filter { code, jt, jf, k };
    let source = match steering {
        Steering::Cpu => libc::SKF_AD_OFF + libc::SKF_AD_CPU,
        // Only the first segment is asked about, so chance does as well as a hash.
        Steering::Hash => libc::SKF_AD_OFF + libc::SKF_AD_RANDOM,
    };
    let count = u32::try_from(live.len()).expect("a few cores");
    let mut program = vec![line(load, 0, 0, source.cast_unsigned()), line(remainder, 0, 0, count)];
    for (index, place) in (0..).zip(live) {
        program.push(line(if_equal, 0, 1, index));
        program.push(line(give, 0, 0, *place));
    }
    program.push(line(give, 0, 0, live[0]));
    program
}

fn attach(fd: RawFd, program: &[libc::sock_filter]) -> Result<(), Errno> {
    let program = libc::sock_fprog {
        len: u16::try_from(program.len()).map_err(|_| Errno::TOOBIG)?,
        filter: program.as_ptr().cast_mut(),
    };
    let length = libc::socklen_t::try_from(size_of_val(&program)).expect("a few bytes");
    // SAFETY: the value and the program live across the call; the kernel copies and checks both.
    let status = unsafe {
        libc::setsockopt(
            fd,
            libc::SOL_SOCKET,
            libc::SO_ATTACH_REUSEPORT_CBPF,
            (&raw const program).cast(),
            length,
        )
    };
    answer(status)
}

fn detach(fd: RawFd) -> Result<(), Errno> {
    let nothing: i32 = 0;
    let length = libc::socklen_t::try_from(size_of_val(&nothing)).expect("four bytes");
    // SAFETY: the value lives across the call.
    let status = unsafe {
        libc::setsockopt(
            fd,
            libc::SOL_SOCKET,
            libc::SO_DETACH_REUSEPORT_BPF,
            (&raw const nothing).cast(),
            length,
        )
    };
    match answer(status) {
        Err(Errno::NOENT) => Ok(()), // there was none
        other => other,
    }
}

fn answer(status: i32) -> Result<(), Errno> {
    if status == 0 {
        return Ok(());
    }
    Err(Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::INVAL))
}

/// Makes a group of sockets, which stand in the order in which they began to listen.
pub(crate) fn group(sockets: Vec<&mut ListenSocket>, steering: Steering) -> Result<(), Errno> {
    let group = Arc::new(Group { steering, places: Mutex::default() });
    for (number, socket) in sockets.into_iter().enumerate() {
        group.lock().push(Place { number, fd: socket.as_raw_fd(), is_leaving: false });
        socket.member = Some(Member { group: Arc::clone(&group), number });
    }
    let places = group.lock();
    group.steer(&places)
}

/// A listening socket, with what it knows of its group.
#[derive(Debug)]
pub(crate) struct ListenSocket {
    fd: Option<OwnedFd>,
    member: Option<Member>,
}

impl ListenSocket {
    /// One that stands alone.
    pub(crate) fn alone(fd: OwnedFd) -> Self {
        Self { fd: Some(fd), member: None }
    }

    /// Lets no more connections come, if it is one of a group.
    pub(crate) fn leave(&self) -> Result<(), Errno> {
        self.member.as_ref().map_or(Ok(()), Member::leave)
    }
}

impl AsFd for ListenSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_ref().expect("it is closed only when it is dropped").as_fd()
    }
}

impl AsRawFd for ListenSocket {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}

impl Drop for ListenSocket {
    fn drop(&mut self) {
        if let (Some(fd), Some(member)) = (self.fd.take(), &self.member) {
            member.close(fd);
        }
    }
}

/// How many connections wait in the queue of a listening socket, if the kernel says so: of TCP it does.
pub(crate) fn queued_count(fd: RawFd) -> Option<u32> {
    let mut info = core::mem::MaybeUninit::<libc::tcp_info>::zeroed();
    let mut length = libc::socklen_t::try_from(size_of::<libc::tcp_info>()).expect("short");
    let place = info.as_mut_ptr().cast();
    // SAFETY: the place has as many bytes as are told, and lives across the call.
    let status =
        unsafe { libc::getsockopt(fd, libc::IPPROTO_TCP, libc::TCP_INFO, place, &raw mut length) };
    answer(status).ok()?;
    // SAFETY: zeroed, and integers all through: what the kernel left out is zero.
    let info = unsafe { info.assume_init() };
    // Of a listening socket this field is the length of its queue (`tcp_get_info`).
    Some(info.tcpi_unacked)
}
