//! A control group with too little memory: the program is not killed, gives way to others in its group, and never sends a
//! wrong byte.
//!
//! The group has 128 MiB and the site four times that. `LEVADA_GROUP_MIB` takes another length for the group, and
//! `LEVADA_SITE_MIB` for the site; the figures that it prints are those of `docs/benchmarks/group.md`.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::rig::{await_lines, connect, get, levada};

const MIB: u64 = 1 << 20;

/// A group of ours; it goes when the test ends.
struct Group(PathBuf);

impl Group {
    /// A group within our own, where that is allowed.
    fn make(limit_bytes: u64) -> Option<Self> {
        let groups = std::fs::read_to_string("/proc/self/cgroup").ok()?;
        let place = |line: &str| -> Option<(PathBuf, &'static str)> {
            let mut fields = line.splitn(3, ':').skip(1);
            let (controllers, path) = (fields.next()?, fields.next()?.trim_start_matches('/'));
            match controllers {
                "memory" => {
                    Some((Path::new("/sys/fs/cgroup/memory").join(path), "memory.limit_in_bytes"))
                }
                "" => Some((Path::new("/sys/fs/cgroup").join(path), "memory.max")),
                _ => None,
            }
        };
        groups.lines().filter_map(place).find_map(|(parent, limit)| {
            let folder = parent.join(format!("levada-{}", std::process::id()));
            std::fs::create_dir(&folder).ok()?;
            let group = Self(folder);
            std::fs::write(group.0.join(limit), limit_bytes.to_string()).ok()?;
            Some(group)
        })
    }

    /// Makes a command run in the group.
    fn within(&self, command: &Command) -> Command {
        let mut inside = Command::new("sh");
        inside.args(["-c", "echo $$ > \"$0\"; exec \"$@\""]).arg(self.0.join("cgroup.procs"));
        inside.arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => inside.env(name, value),
                None => inside.env_remove(name),
            };
        }
        inside
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        for _ in 0..100 {
            if std::fs::remove_dir(&self.0).is_ok() {
                return;
            }
            std::thread::park_timeout(Duration::from_millis(20)); // who was in it is still going
        }
    }
}

/// Who takes memory in the group, a sixteenth of it each quarter of a second, and keeps it until it is ended.
struct Hog(Child);

impl Hog {
    fn let_loose(group: &Group, bytes: u64) -> Self {
        let mut command = Command::new("sh");
        // Each dd fills a buffer of that length, and waits for somebody to take it.
        let bite = format!("dd if=/dev/zero bs={} count=1 status=none | sleep 600", bytes / 16);
        let bites =
            format!("for bite in {}; do ({bite}) & sleep 0.25; done; wait", "1 ".repeat(16));
        command.args(["-c", &bites]);
        let child = group.within(&command).stdin(Stdio::null()).process_group(0).spawn();
        Self(child.expect("a shell"))
    }
}

impl Drop for Hog {
    fn drop(&mut self) {
        let group = rustix::process::Pid::from_child(&self.0);
        // Whoever has ended already need not be ended.
        let _is_gone: bool =
            rustix::process::kill_process_group(group, rustix::process::Signal::KILL).is_err();
        self.0.wait().expect("it is ours");
    }
}

/// Files of 4 KiB to 256 KiB, each byte of which says where it stands.
struct Site {
    lengths: Vec<u64>,
}

impl Site {
    fn write(folder: &Path, bytes: u64) -> Self {
        let (mut lengths, mut sum) = (Vec::new(), 0);
        while sum < bytes {
            let number = lengths.len() as u64;
            let length = 4096 << (mixed(number) % 7);
            let words = (0..length / 8).flat_map(|place| word(number, place).to_le_bytes());
            std::fs::write(folder.join(number.to_string()), words.collect::<Vec<u8>>())
                .expect("room for a site");
            lengths.push(length);
            sum += length;
        }
        Self { lengths }
    }

    /// Asks for a file and looks at each byte of it.
    fn ask(&self, stream: &mut TcpStream, number: u64) {
        let request = format!("GET /{number} HTTP/1.1\r\nHost: a\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("it takes requests");
        let length = self.lengths[usize::try_from(number).expect("an index")];
        let mut reply = Vec::new();
        let mut part = vec![0; 64 << 10];
        let head = loop {
            let count = stream.read(&mut part).expect("it answers");
            assert!(count > 0, "it ended in the middle of an answer");
            reply.extend_from_slice(&part[..count]);
            if let Some(end) = reply.windows(4).position(|end| end == b"\r\n\r\n") {
                break reply.drain(..end + 4).collect::<Vec<u8>>();
            }
        };
        assert!(head.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&head));
        let had = reply.len();
        reply.resize(usize::try_from(length).expect("a length"), 0);
        stream.read_exact(&mut reply[had..]).expect("it answers in full");
        let is_right = (0..length / 8)
            .zip(reply.chunks_exact(8))
            .all(|(place, bytes)| bytes == word(number, place).to_le_bytes());
        assert!(is_right, "a wrong byte in {number}");
    }
}

fn mixed(number: u64) -> u64 {
    let mixed = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed ^ (mixed >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 32
}

fn word(file: u64, place: u64) -> u64 {
    (file << 32 | place).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

fn resident_bytes(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it lives");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib: u64 = line
        .and_then(|line| line.trim().strip_suffix(" kB"))
        .expect("in KiB")
        .parse()
        .expect("a number");
    kib << 10
}

/// How many requests were answered from memory, of how many.
fn hits_and_requests(admin: std::net::SocketAddr) -> (u64, u64) {
    let metrics = get(admin, "/metrics");
    let of = |name: &str| -> u64 {
        let line = metrics.lines().find_map(|line| line.strip_prefix(&format!("levada_{name} ")));
        line.expect("it is counted").parse().expect("a number")
    };
    let requests = of("requests_total");
    (requests - of("loads_total").min(requests), requests)
}

/// How many blocks were given up to who needed memory elsewhere.
fn stolen_for_pressure(admin: std::net::SocketAddr) -> u64 {
    let metrics = get(admin, "/metrics");
    let name = "levada_heap_steals_total{for=\"pressure\"} ";
    let count = metrics.lines().find_map(|line| line.strip_prefix(name));
    count.expect("it is counted").parse().expect("a number")
}

fn mebibytes(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

#[test]
#[expect(clippy::print_stdout, reason = "the figures are what one runs it for")]
#[expect(
    clippy::disallowed_methods,
    reason = "nothing is asserted of time but that there is an end"
)]
fn in_a_group_with_too_little_memory_it_gives_way_and_never_sends_a_wrong_byte() {
    let group_bytes = mebibytes("LEVADA_GROUP_MIB", 128) * MIB;
    let site_bytes = mebibytes("LEVADA_SITE_MIB", group_bytes / MIB * 4) * MIB;
    let Some(group) = Group::make(group_bytes) else {
        println!(
            "no control group can be made here: pressure is injected in levada-shared's tests only"
        );
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let site = Site::write(folder.path(), site_bytes);
    let mut command = levada();
    command.arg("serve").arg(folder.path());
    command.args(["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--cores", "1"]);
    let served = await_lines(
        group.within(&command).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()),
    );
    let (admin, pid) = (served.admin.unwrap(), served.id());
    let mut stream = connect(served.addresses[0]);
    // Nine of ten requests are for a tenth of the files.
    let mut asked = 0_u64;
    let mut ask_for = |within: Duration| {
        let (begin, before) = (Instant::now(), hits_and_requests(admin));
        while begin.elapsed() < within {
            asked += 1;
            let count = site.lengths.len() as u64;
            let range = if asked.is_multiple_of(10) { count } else { count / 10 };
            site.ask(&mut stream, mixed(asked) % range);
        }
        let after = hits_and_requests(admin);
        let percent = 100 * (after.0 - before.0) / (after.1 - before.1).max(1);
        (percent, resident_bytes(pid))
    };
    let (_, _) = ask_for(Duration::from_secs(6));
    let (hits_before, resident_before) = ask_for(Duration::from_secs(3));
    let hog_bytes = group_bytes / 2;
    let hog = Hog::let_loose(&group, hog_bytes);
    let begin = Instant::now();
    let given_way = (resident_before + hog_bytes).saturating_sub(group_bytes / 100 * 95);
    let mut resident = resident_before;
    while resident_before - resident.min(resident_before) < given_way
        && begin.elapsed() < Duration::from_secs(20)
    {
        (_, resident) = ask_for(Duration::from_millis(200));
    }
    let followed_within = begin.elapsed();
    let (hits_beside, resident_beside) = ask_for(Duration::from_secs(3));
    drop(hog);
    // It grows back by a twentieth in each quiet window of two seconds.
    let begin = Instant::now();
    let (mut hits_after, mut resident_after) = (0, 0);
    let stolen_before = stolen_for_pressure(admin);
    while hits_after + 3 < hits_before && begin.elapsed() < Duration::from_secs(120) {
        (hits_after, resident_after) = ask_for(Duration::from_secs(3));
    }
    // Whatever else runs on the machine may keep it short; then nothing has to grow back.
    let is_short = stolen_for_pressure(admin) > stolen_before;
    let recovered_within = begin.elapsed();
    let mib = |bytes: u64| bytes / MIB;
    println!(
        "group {} MiB, site {} MiB: resident {} MiB and {hits_before} % hits; {} MiB taken by a hog: {} MiB given back within {:.1} s, \
         then {} MiB and {hits_beside} %; {:.0} s after it had gone {} MiB and {hits_after} %",
        mib(group_bytes),
        mib(site_bytes),
        mib(resident_before),
        mib(hog_bytes),
        mib(resident_before.saturating_sub(resident)),
        followed_within.as_secs_f32(),
        mib(resident_beside),
        recovered_within.as_secs_f32(),
        mib(resident_after),
    );
    assert!(resident_before < group_bytes && resident_beside < group_bytes - hog_bytes / 10 * 9);
    assert!(followed_within < Duration::from_secs(20), "it holds on to {} MiB", mib(resident));
    assert!(is_short || hits_after + 3 >= hits_before, "{hits_after} %, {hits_before} % before");
    drop(stream);
    assert_eq!(served.stop().code, Some(0));
}
