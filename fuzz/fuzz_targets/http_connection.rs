//! Whatever a peer sends over a connection, the service answers in HTTP and ends it, and serves others as before.
//!
//! The input's first byte says in how many portions the rest is sent. The service runs in this process, on the driver that
//! works best here, and keeps its memory: a leak of blocks or descriptors ends the run.
#![no_main]

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, mpsc};
use std::time::Duration;

use levada_channel::ListenPart;
use levada_domain::{Config, Domain, Folder};
use levada_shared::{Options, SharedHeap};
use levada_web::{Site, Start, Web, WebConfig};
use libfuzzer_sys::fuzz_target;

/// How long a connection may take to end once its peer has.
const WITHIN: Duration = Duration::from_secs(5);

/// How many inputs come between two looks at the service.
const LOOK_EVERY: u64 = 64;

struct Service {
    address: SocketAddr,
    heap: SharedHeap,
    /// It runs as long as the program does.
    _domain: Mutex<Domain>,
}

static SERVICE: OnceLock<Service> = OnceLock::new();
static INPUTS: AtomicU64 = AtomicU64::new(0);

fn start() -> Service {
    let folder = std::env::temp_dir().join(format!("levada-fuzz-{}", std::process::id()));
    fs::create_dir_all(folder.join("folder")).expect("a folder");
    for (name, bytes) in [("a", "a file"), ("a.gz", "squeezed"), ("folder/index.html", "<p>")] {
        fs::write(folder.join(name), bytes).expect("a file");
    }
    // Long enough to go by reference.
    fs::write(folder.join("long"), vec![7; 200 << 10]).expect("a file");
    let heap = SharedHeap::new(Options { bytes_max: 64 << 20, arenas: 1 }).expect("addresses");
    let part = ListenPart::bind(([127, 0, 0, 1], 0).into(), 1).expect("a port").remove(0);
    let address = part.address();
    let mut site = Site::new(Folder::open(&folder).expect("the folder"));
    site.lists = true;
    let account = |name| heap.account(name, u64::MAX).expect("an account");
    let config = Arc::new(WebConfig::new(site));
    let start = Start::new(config, vec![vec![part]], account("files"), account("replies"));
    let (sender, started) = mpsc::channel();
    let domain = Domain::start(&Config::new(heap.clone()), move |cx, io| async move {
        let web = Web::start(&cx, &io, start).await?;
        sender.send(())?;
        std::future::pending::<()>().await;
        drop(web);
        Ok(())
    });
    let _domain = Mutex::new(domain.expect("a core"));
    started.recv().expect("the service has started");
    Service { address, heap, _domain }
}

fn talk(address: SocketAddr, portions: &[&[u8]]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).expect("it accepts");
    stream.set_nodelay(true).expect("an option");
    stream.set_read_timeout(Some(WITHIN)).expect("a time");
    for portion in portions {
        // It may have ended the connection already.
        if stream.write_all(portion).is_err() {
            break;
        }
    }
    let _is_open: bool = stream.shutdown(Shutdown::Write).is_ok();
    let mut reply = Vec::new();
    match stream.read_to_end(&mut reply) {
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => panic!("it never ends"),
        _ => reply,
    }
}

fuzz_target!(|input: &[u8]| {
    let service = SERVICE.get_or_init(start);
    let Some((first, rest)) = input.split_first() else { return };
    let portion_bytes = rest.len().div_ceil(usize::from(first % 4) + 1).max(1);
    let portions: Vec<&[u8]> = rest.chunks(portion_bytes).collect();
    let reply = talk(service.address, &portions);
    assert!(reply.is_empty() || reply.starts_with(b"HTTP/1.1 "), "{reply:?}");
    if INPUTS.fetch_add(1, Ordering::Relaxed).is_multiple_of(LOOK_EVERY) {
        let reply = talk(service.address, &[b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n"]);
        assert!(reply.starts_with(b"HTTP/1.1 200 OK\r\n") && reply.ends_with(b"a file"));
        assert!(service.heap.gauges().used_bytes < 16 << 20, "{:?}", service.heap.gauges());
        let descriptors = fs::read_dir("/proc/self/fd").expect("a folder").count();
        assert!(descriptors < 64, "{descriptors} descriptors");
    }
});
