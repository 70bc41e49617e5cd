//! nginx at its best: one worker on the server's core, open files kept, nothing logged, connections kept for ever.
//!
//! Connections are heard of when their request is there (`deferred`), as the floor's are. `sendfile` is measured both ways, since which is better depends on the length of the files.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::frame::fault::Fault;
use crate::machine::cores::SERVER_CORE;
use crate::machine::program::Places;
use crate::machine::server::{Listens, Server, free_port};

const CURE: &str = "the package `nginx` brings it";

/// What differs between the configurations.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NginxSetting<'a> {
    pub(crate) sendfile: bool,
    pub(crate) port: u16,
    pub(crate) root: &'a Path,
    pub(crate) scratch: &'a Path,
    /// The super-user's nginx would give its worker to a user who may not read the folder.
    pub(crate) stays_superuser: bool,
}

/// Starts nginx on `root`.
/// # Errors
/// [`Fault::Absent`] if it is not installed.
pub(crate) fn start(
    places: &Places,
    root: &Path,
    scratch: &Path,
    sendfile: bool,
) -> Result<Server, Fault> {
    let program = places.rival("nginx", CURE)?;
    let port = free_port()?;
    let stays_superuser = rustix::process::geteuid().is_root();
    let setting = NginxSetting { sendfile, port, root, scratch, stays_superuser };
    let path = scratch.join("nginx.conf");
    fs::write(&path, configuration(&setting))
        .map_err(|error| Fault::machine("cannot write nginx's configuration", error))?;
    let mut command = Command::new(program);
    command.arg("-p").arg(scratch).arg("-c").arg(path).args(["-e", "stderr"]);
    Server::start(command, Listens::At(port), scratch)
}

/// The configuration file.
pub(crate) fn configuration(setting: &NginxSetting<'_>) -> String {
    let NginxSetting { port, root, scratch, .. } = setting;
    let (root, scratch) = (root.display(), scratch.display());
    let user = if setting.stays_superuser { "user root;\n" } else { "" };
    let sendfile = if setting.sendfile { "on" } else { "off" };
    let core_mask = 1 << SERVER_CORE;
    format!(
        "{user}daemon off;
worker_processes 1;
worker_cpu_affinity {core_mask:b};
pid {scratch}/nginx.pid;
error_log stderr crit;
events {{
    use epoll;
    worker_connections 16384;
    multi_accept on;
}}
http {{
    default_type application/octet-stream;
    access_log off;
    sendfile {sendfile};
    tcp_nopush {sendfile};
    tcp_nodelay on;
    output_buffers 2 512k;
    keepalive_timeout 1h;
    keepalive_requests 1000000000;
    open_file_cache max=1000 inactive=1h;
    open_file_cache_valid 1h;
    open_file_cache_errors on;
    client_body_temp_path {scratch}/body;
    proxy_temp_path {scratch}/proxy;
    fastcgi_temp_path {scratch}/fastcgi;
    uwsgi_temp_path {scratch}/uwsgi;
    scgi_temp_path {scratch}/scgi;
    server {{
        listen 127.0.0.1:{port} reuseport deferred backlog=4096;
        root {root};
    }}
}}
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configured(sendfile: bool, stays_superuser: bool) -> String {
        configuration(&NginxSetting {
            sendfile,
            port: 4711,
            root: Path::new("/served"),
            scratch: Path::new("/scratch"),
            stays_superuser,
        })
    }

    #[test]
    fn sendfile_is_all_that_differs_between_the_two() {
        let (on, off) = (configured(true, false), configured(false, false));
        let differing: Vec<_> =
            on.lines().zip(off.lines()).filter(|(on, off)| on != off).map(|(on, _)| on).collect();
        assert_eq!(differing, ["    sendfile on;", "    tcp_nopush on;"]);
        assert_eq!(on.lines().count(), off.lines().count());
    }

    #[test]
    fn it_has_one_worker_that_writes_nothing_outside_its_folder() {
        let text = configured(true, false);
        for line in ["worker_processes 1;", "access_log off;", "error_log stderr crit;"] {
            assert!(text.lines().any(|other| other.trim() == line), "{line}");
        }
        assert!(text.contains("listen 127.0.0.1:4711 reuseport"));
        assert_eq!(text.matches("/scratch/").count(), 6);
        assert!(!text.contains("user "), "an ordinary user has none to become");
        assert!(configured(true, true).starts_with("user root;\n"));
    }

    #[test]
    fn every_brace_is_closed() {
        let text = configured(false, true);
        assert_eq!(text.matches('{').count(), text.matches('}').count());
        let statements = text.lines().filter(|line| !line.trim().is_empty());
        assert!(statements.map(str::trim_end).all(|line| line.ends_with([';', '{', '}'])));
    }
}
