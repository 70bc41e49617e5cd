//! A soak: operations of every kind, both ends in one channel, until a number of them is reached; then nothing may be left.
//!
//! `cargo run --release -p levada-channel --example soak -- 24000000 uring` prints what there was before and after.
#![expect(clippy::print_stdout, reason = "what it found is what it is for")]

use std::collections::HashMap;
use std::error::Error;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::time::Duration;

use levada_channel::{
    Channel, ChannelConfig, Choice, Event, Events, File, ListenPart, OpenHow, Socket, Wait, now,
};
use levada_shared::{Account, Options, SharedData, SharedHeap};

/// Connections that are made again as soon as they end.
const CLIENTS: u64 = 100;

/// Cookies from here on are those of the side that accepted.
const SERVER: u64 = 1 << 32;

/// Cookies of operations on files.
const FILES: u64 = 1 << 33;

/// What a client still has to do.
struct Client {
    rounds_left: u32,
}

struct Soak {
    channel: Channel,
    account: Account,
    address: SocketAddr,
    datagrams: Socket,
    folder: File,
    message: SharedData,
    clients: HashMap<u64, Client>,
    dice: u64,
    is_over: bool,
}

impl Soak {
    /// A number below `bound`, from a sequence that is always the same.
    fn roll(&mut self, bound: u64) -> u64 {
        self.dice = self.dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.dice >> 33) % bound
    }

    fn begin_client(&mut self, cookie: u64) -> Result<(), Box<dyn Error>> {
        if !self.is_over {
            let rounds_left = u32::try_from(self.roll(400))?;
            self.clients.insert(cookie, Client { rounds_left });
            self.channel.connect(self.address, cookie, now() + Duration::from_secs(30))?;
        }
        Ok(())
    }

    /// What a client does when its message is back.
    fn next(&mut self, socket: Socket, cookie: u64) -> Result<(), Box<dyn Error>> {
        let Some(client) = self.clients.get_mut(&cookie) else { return Ok(()) };
        if client.rounds_left > 0 && !self.is_over {
            client.rounds_left -= 1;
            let _refused = self.channel.send(socket, self.message.clone());
            return Ok(());
        }
        match self.roll(8) {
            0 => self.channel.abort(socket)?,
            1 => self.channel.into_fd(socket)?,
            2 => {
                self.channel.open_file(&self.folder, b"page", OpenHow::default(), FILES)?;
                self.channel.close(socket)?;
            }
            3 => {
                let to = self.address; // nobody takes datagrams there: the answer may be an error
                let _refused = self.channel.send_to(self.datagrams, self.message.clone(), to);
                self.channel.shutdown(socket)?;
            }
            4 => {
                let token = self.channel.timer(self.channel.now() + Duration::from_secs(9), 0)?;
                self.channel.cancel(token);
                self.channel.close(socket)?;
            }
            _ => self.channel.close(socket)?,
        }
        Ok(())
    }

    fn take(&mut self, event: Event) -> Result<(), Box<dyn Error>> {
        match event {
            Event::Accepted { listener, socket, .. } => {
                self.channel.register(socket, SERVER, None)?;
                self.channel.recv(socket, 65_536)?;
                let _stale = self.channel.accept(listener, 1);
            }
            Event::Connected { socket, cookie, .. } => {
                self.channel.recv(socket, 65_536)?;
                self.next(socket, cookie)?;
            }
            Event::Received { socket, cookie: SERVER, bytes } => {
                let _refused = self.channel.send(socket, bytes.freeze());
            }
            Event::Received { socket, cookie, bytes } => {
                self.channel.recv(socket, u32::try_from(bytes.len())?)?;
                self.next(socket, cookie)?;
            }
            Event::Sent { socket, cookie: SERVER, bytes } => {
                self.channel.recv(socket, u32::try_from(bytes)?)?;
            }
            Event::End { socket, .. } => self.channel.close(socket)?,
            // Out and in again, and closed then.
            Event::Detached { cookie, detached, .. } => {
                let socket = self.channel.adopt(detached, cookie)?;
                self.channel.close(socket)?;
            }
            Event::Opened { file, .. } => {
                let file = File::adopt(&self.channel, file);
                let _full = self.channel.read_at(&file, self.account.buf(5000)?, 0, FILES);
            }
            Event::Closed { cookie, .. }
                if cookie < SERVER && self.clients.remove(&cookie).is_some() =>
            {
                self.begin_client(cookie)?;
            }
            Event::Failed { cookie, .. } if self.clients.remove(&cookie).is_some() => {
                self.begin_client(cookie)?;
            }
            _ => {}
        }
        Ok(())
    }
}

fn descriptors_open() -> std::io::Result<usize> {
    Ok(std::fs::read_dir("/proc/self/fd")?.count())
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let wanted: u64 = arguments.next().map_or(Ok(1_000_000), |count| count.parse())?;
    let driver = match arguments.next().as_deref() {
        Some("epoll") => Choice::Epoll,
        Some("plain") => Choice::Plain,
        Some("uring") => Choice::Uring,
        _ => Choice::Auto,
    };
    let page = std::env::temp_dir().join(format!("levada-soak-{}", std::process::id()));
    std::fs::create_dir_all(&page)?;
    std::fs::write(page.join("page"), [7; 5000])?;
    let heap = SharedHeap::new(Options::default())?;
    let account = heap.account("soak", u64::MAX)?;
    let before = (descriptors_open()?, heap.gauges().used_bytes);
    {
        let config = ChannelConfig { driver, ..ChannelConfig::default() };
        let channel = Channel::open(&config, &account)?;
        let part = ListenPart::bind(([127, 0, 0, 1], 0).into(), 1)?.remove(0);
        let address = part.address();
        let listener = channel.listen(part, true, 0)?;
        channel.accept(listener, 256)?;
        let datagrams = channel.bind_datagrams(([127, 0, 0, 1], 0).into(), 1500, 0)?;
        channel.recv(datagrams, 1 << 20)?;
        let folder = File::adopt(&channel, OwnedFd::from(std::fs::File::open(&page)?));
        let message = account.copy_from(&[5; 64])?;
        let mut soak = Soak {
            channel: channel.clone(),
            account: account.clone(),
            address,
            datagrams,
            folder,
            message,
            clients: HashMap::new(),
            dice: 1,
            is_over: false,
        };
        (0..CLIENTS).try_for_each(|cookie| soak.begin_client(cookie))?;
        let mut events = Events::with_capacity(1024);
        let (begin, mut told) = (now(), 0);
        while !soak.clients.is_empty() {
            channel.dispatch(&mut events, Wait::Until(now() + Duration::from_secs(1)))?;
            for event in events.drain() {
                soak.take(event)?;
            }
            let operations = channel.gauges().driver.operations;
            soak.is_over = operations >= wanted;
            if operations / (wanted / 10).max(1) > told {
                told = operations / (wanted / 10).max(1);
                println!("{operations} operations in {:.0?}", now() - begin);
            }
        }
        channel.close(listener)?;
        channel.close(datagrams)?;
        let report = channel.end(now() + Duration::from_secs(5))?;
        let gauges = channel.gauges();
        println!("{gauges:?}");
        assert_eq!(report.quarantined, 0, "no operation is left in the kernel");
        assert_eq!(gauges.driver.in_kernel, 0);
        assert_eq!((gauges.streams_open, gauges.files_in_flight), (0, 0));
        assert_eq!(gauges.stale_completions, 0);
    }
    std::fs::remove_dir_all(&page)?;
    let after = (descriptors_open()?, heap.gauges().used_bytes);
    println!("descriptors and heap bytes: {before:?} before, {after:?} after");
    assert_eq!(before, after);
    heap.validate();
    Ok(())
}
