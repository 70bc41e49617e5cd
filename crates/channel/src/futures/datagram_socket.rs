//! A socket of datagrams in the async form.

use core::fmt;
use core::future::Future;
use core::net::SocketAddr;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::os::fd::OwnedFd;

use levada_ring::{Address, Errno};
use levada_shared::SharedData;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, getsockname, socket_with};

use crate::channel::Channel;
use crate::connections::stream::Form;
use crate::datagrams::datagram::Datagram;
use crate::error::{Error, Refused};
use crate::futures::acceptor::SocketKind;
use crate::futures::tcp::Tcp;
use crate::futures::unix::Unix;
use crate::futures::unix_name::{UnixName, bound};
use crate::kernel::Watcher;
use crate::table::Name;

/// A socket of datagrams: see [`UdpSocket`] and [`UnixDatagram`].
pub struct DatagramSocket<K: SocketKind> {
    channel: Channel,
    name: Name,
    address: K::Address,
}

/// A socket of datagrams over a network.
pub type UdpSocket = DatagramSocket<Tcp>;

/// A socket of datagrams within this machine.
pub type UnixDatagram = DatagramSocket<Unix>;

/// The next datagram, when it comes.
#[must_use = "a future does nothing until it is awaited"]
pub struct ReceivingDatagram<'a> {
    channel: &'a Channel,
    name: Name,
}

/// A datagram that is being sent, awaited or not.
#[must_use = "await it to know what the kernel said, or drop it: it is sent all the same"]
pub struct SendingDatagram<'a> {
    channel: &'a Channel,
    token: Name,
}

impl DatagramSocket<Tcp> {
    /// Takes `address`, and receives datagrams of up to `bytes_max` whole; of longer ones the rest is lost, which is said and
    /// counted. Up to 3,952 bytes they come in short blocks, otherwise in blocks of 64 KiB.
    ///
    /// # Errors
    /// What the kernel said: `ADDRINUSE` where another has the port; `MSGSIZE` for more than 65,392 bytes; [`Error::Full`] where the channel has 1,024 of them;
    /// [`Error::NoMemory`] where there are no blocks of that length.
    pub fn bind(channel: &Channel, address: SocketAddr, bytes_max: usize) -> Result<Self, Error> {
        let fd = bind_udp(address).map_err(Error::of)?;
        let bound = getsockname(&fd).and_then(SocketAddr::try_from).map_err(Error::of)?;
        Self::open(channel, fd, bytes_max, bound)
    }

    /// Sends `data` as one datagram to `to`.
    ///
    /// # Errors
    /// [`Refused`] with the data: [`Error::Full`] while 4,096 are being sent; `MSGSIZE` where it has more than 64 pieces. The
    /// future's: what the kernel said.
    pub fn send_to(
        &self,
        data: SharedData,
        to: SocketAddr,
    ) -> Result<SendingDatagram<'_>, Refused<SharedData>> {
        self.send(data, &Address::of(to), None)
    }

    /// Sends `data` as datagrams of `datagram_bytes`, the last perhaps shorter, which the kernel or the card cuts: one operation
    /// for as much as 64 KiB (`UDP_SEGMENT`).
    ///
    /// # Errors
    /// As [`Self::send_to`].
    pub fn send_cut_to(
        &self,
        data: SharedData,
        datagram_bytes: u16,
        to: SocketAddr,
    ) -> Result<SendingDatagram<'_>, Refused<SharedData>> {
        self.send(data, &Address::of(to), Some(datagram_bytes))
    }
}

impl DatagramSocket<Unix> {
    /// Takes `name`, and receives datagrams of up to `bytes_max` whole, as [`UdpSocket::bind`] does.
    ///
    /// # Errors
    /// As [`UdpSocket::bind`].
    pub fn bind(channel: &Channel, name: &UnixName, bytes_max: usize) -> Result<Self, Error> {
        Self::open(channel, bound(name, SocketType::DGRAM)?, bytes_max, name.clone())
    }

    /// Sends `data` as one datagram to the socket that has the name `to`.
    ///
    /// # Errors
    /// As [`UdpSocket::send_to`].
    pub fn send_to(
        &self,
        data: SharedData,
        to: &UnixName,
    ) -> Result<SendingDatagram<'_>, Refused<SharedData>> {
        match Address::unix(to.as_bytes()) {
            Some(to) => self.send(data, &to, None),
            None => Err(Refused { error: Error::Kernel(Errno::NAMETOOLONG), value: data }),
        }
    }
}

impl<K: SocketKind> DatagramSocket<K> {
    fn open(
        channel: &Channel,
        fd: OwnedFd,
        bytes_max: usize,
        address: K::Address,
    ) -> Result<Self, Error> {
        let name = {
            let parts = &mut *channel.parts();
            let (kernel, lent) = (&mut parts.kernel, &mut parts.lent);
            parts.datagrams.open(kernel, lent, fd, bytes_max, Form::Futures, 0)?
        };
        Ok(Self { channel: channel.clone(), name, address })
    }

    /// The next datagram, with its sender.
    pub fn recv_from(&self) -> ReceivingDatagram<'_> {
        ReceivingDatagram { channel: &self.channel, name: self.name }
    }

    fn send(
        &self,
        data: SharedData,
        to: &Address,
        datagram_bytes: Option<u16>,
    ) -> Result<SendingDatagram<'_>, Refused<SharedData>> {
        let parts = &mut *self.channel.parts();
        let (kernel, watcher) = (&mut parts.kernel, Watcher::Future(None));
        let token = parts.datagrams.send(kernel, self.name, data, to, datagram_bytes, watcher)?;
        Ok(SendingDatagram { channel: &self.channel, token })
    }
}

impl<K: SocketKind<Address: Clone>> DatagramSocket<K> {
    /// Its own address.
    #[must_use]
    pub fn address(&self) -> K::Address {
        self.address.clone()
    }
}

/// A socket for datagrams with that address.
pub(crate) fn bind_udp(address: SocketAddr) -> Result<OwnedFd, Errno> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let fd = socket_with(family, SocketType::DGRAM, flags, None)?;
    bind(&fd, &address)?;
    Ok(fd)
}

impl<K: SocketKind> Drop for DatagramSocket<K> {
    fn drop(&mut self) {
        let parts = &mut *self.channel.parts();
        parts.datagrams.close(&mut parts.kernel, self.name);
    }
}

impl Future for ReceivingDatagram<'_> {
    type Output = Result<Datagram, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let parts = &mut *self.channel.parts();
        parts.datagrams.poll(&mut parts.kernel, self.name, cx.waker())
    }
}

impl Future for SendingDatagram<'_> {
    type Output = Result<(), Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.channel.parts().datagrams.poll_sent(self.token, cx.waker())
    }
}

impl Drop for SendingDatagram<'_> {
    fn drop(&mut self) {
        self.channel.parts().datagrams.forget_send(self.token);
    }
}

impl<K: SocketKind> fmt::Debug for DatagramSocket<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DatagramSocket").field(&self.name.index).finish()
    }
}

impl fmt::Debug for ReceivingDatagram<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ReceivingDatagram").field(&self.name.index).finish()
    }
}

impl fmt::Debug for SendingDatagram<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SendingDatagram").field(&self.token.index).finish()
    }
}
