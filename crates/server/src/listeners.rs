//! Listeners are taken from the OS before anything runs: bound by address, or handed over by whoever started us.

use core::time::Duration;
use std::net::SocketAddr;

use levada_channel::{Errno, ListenPart};
use listenfd::ListenFd;

use crate::fault::Fault;
use crate::settings::file::Key;
use crate::settings::read::Settled;
use crate::units::Address;

/// How often an address that is taken is asked for again, and after how long each time.
const ATTEMPTS: u32 = 20;
const PAUSE: Duration = Duration::from_millis(50);

/// What each core accepts from, and where it all is.
#[derive(Debug)]
pub(crate) struct Listeners {
    pub(crate) parts: Vec<Vec<ListenPart>>,
    pub(crate) addresses: Vec<SocketAddr>,
}

/// Takes the listeners for `cores` cores. Those that systemd hands over (`LISTEN_FDS`) stand in the place of ours.
///
/// # Errors
/// An address that cannot be taken, with why.
pub(crate) fn listeners(settled: &Settled, cores: usize) -> Result<Listeners, Fault> {
    let handed = handed_over(cores)?;
    let groups = if handed.is_empty() { bound(settled, cores)? } else { handed };
    let addresses = groups.iter().map(|group| group[0].address()).collect();
    let mut parts: Vec<Vec<ListenPart>> = (0..cores).map(|_| Vec::new()).collect();
    for group in groups {
        parts.iter_mut().zip(group).for_each(|(of_core, part)| of_core.push(part));
    }
    Ok(Listeners { parts, addresses })
}

/// Takes the listener of the admin's pages, if there is to be one: it is one core's.
///
/// # Errors
/// An address that cannot be taken, with why.
pub(crate) fn admin_listener(settled: &Settled) -> Result<Option<ListenPart>, Fault> {
    let Some(address) = settled.settings.admin else { return Ok(None) };
    Ok(take(settled, &[Key::Name("admin")], "--admin", address, 1)?.pop())
}

/// Takes an address. One that is taken is asked for again for a while: a program that was killed holds its ports until the
/// kernel has let go of its rings.
pub(crate) fn take(
    settled: &Settled,
    keys: &[Key],
    flag: &str,
    address: Address,
    cores: usize,
) -> Result<Vec<ListenPart>, Fault> {
    let mut taken = ListenPart::bind(address.0, cores);
    for _ in 0..ATTEMPTS {
        match taken {
            Err(error) if error.errno == Errno::ADDRINUSE => pause(),
            _ => break,
        }
        taken = ListenPart::bind(address.0, cores);
    }
    // Not the configuration's fault: the same will do at another time.
    taken.map_err(|error| {
        let told = settled.source.fault(keys, flag, format!("{error}; choose another address"));
        Fault::failed(told.to_string())
    })
}

#[expect(clippy::disallowed_methods, reason = "nothing runs yet that this could hold up")]
fn pause() {
    std::thread::sleep(PAUSE);
}

fn bound(settled: &Settled, cores: usize) -> Result<Vec<Vec<ListenPart>>, Fault> {
    let bind = |(number, address): (usize, &Address)| {
        let keys = [Key::Name("listen"), Key::Index(number)];
        let group = take(settled, &keys, "--listen", *address, cores)?;
        for part in &group {
            // In HTTP the client speaks first. A kernel that will not wait for that serves as well.
            let _is_deferred: bool = part.defer_accept().is_ok();
        }
        Ok(group)
    };
    settled.settings.listen.iter().enumerate().map(bind).collect()
}

fn handed_over(cores: usize) -> Result<Vec<Vec<ListenPart>>, Fault> {
    let mut handed = ListenFd::from_env();
    let mut groups = Vec::new();
    for number in 0..handed.len() {
        let refused = |reason: String| {
            let what = format!("socket {number} is no TCP listener: {reason}; set ListenStream=");
            Fault::told("LISTEN_FDS", what)
        };
        let Some(listener) =
            handed.take_tcp_listener(number).map_err(|error| refused(error.to_string()))?
        else {
            continue;
        };
        let first =
            ListenPart::adopt(listener.into()).map_err(|errno| refused(errno.to_string()))?;
        let mut group = vec![first];
        for _ in 1..cores {
            let part = group[0].try_clone().map_err(|errno| refused(errno.to_string()))?;
            group.push(part);
        }
        groups.push(group);
    }
    Ok(groups)
}
