//! A pair of virtual devices: one end here, the other in a network namespace of its own, in which a server then runs.
//!
//! Both are gone when it is dropped.

use std::ffi::OsStr;
use std::net::Ipv4Addr;
use std::process::{Command, Stdio};

use crate::frame::fault::Fault;

/// A range that is set apart for measurements between networks (RFC 2544), so that nobody's own is hidden.
const HERE: Ipv4Addr = Ipv4Addr::new(198, 18, 77, 1);
const THERE: Ipv4Addr = Ipv4Addr::new(198, 18, 77, 2);

#[derive(Debug)]
pub(crate) struct Veth {
    namespace: String,
    device: String,
}

impl Veth {
    /// Makes the pair and the namespace.
    /// # Errors
    /// [`Fault::Absent`] with a sentence, where this user may not or the kernel cannot.
    pub(crate) fn make() -> Result<Self, Fault> {
        let number = std::process::id();
        let namespace = format!("levada-compare-{number}");
        let device = format!("levada{number}");
        let far_device = format!("ledava{number}");
        ip(&["netns", "add", &namespace])?;
        // From here on dropping it takes away what has been made.
        let veth = Self { namespace, device };
        let (namespace, device) = (&veth.namespace, &veth.device);
        let (here, there) = (format!("{HERE}/30"), format!("{THERE}/30"));
        let far = ["type", "veth", "peer", "name", &far_device, "netns", namespace];
        ip(&[&["link", "add", device][..], &far].concat())?;
        ip(&["addr", "add", &here, "dev", device])?;
        ip(&["link", "set", device, "up"])?;
        ip(&["-n", namespace, "addr", "add", &there, "dev", &far_device])?;
        ip(&["-n", namespace, "link", "set", &far_device, "up"])?;
        Ok(veth)
    }

    /// The end that is here.
    pub(crate) fn device(&self) -> &str {
        &self.device
    }

    /// The address of the other end.
    pub(crate) fn address(&self) -> Ipv4Addr {
        THERE
    }

    /// A command that runs `program` at the other end.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.namespace]).arg(program);
        command
    }
}

impl Drop for Veth {
    fn drop(&mut self) {
        // One that was not made cannot be taken away; the devices go with their namespace.
        let _gone = ip(&["link", "del", &self.device]);
        let _gone = ip(&["netns", "del", &self.namespace]);
    }
}

fn ip(words: &[&str]) -> Result<(), Fault> {
    let absent = |why: &str| Fault::Absent(format!("no veth pair can be made: {why}"));
    let mut command = Command::new("ip");
    command.args(words).stdin(Stdio::null());
    let done = command.output().map_err(|_error| absent("the package `iproute2` brings `ip`"))?;
    if done.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&done.stderr);
    Err(absent(said.trim().lines().last().unwrap_or("`ip` does not say why")))
}
