//! `serve-bare`: this program again, as the server that answers every request with one fixed reply.
//!
//! It reads no path, opens no file for it and knows no time.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;

use clap::{Args, Command, FromArgMatches, ValueEnum};

use crate::floor::epoll_loop;
use crate::floor::listener::{listen_at_path, listen_on};
use crate::floor::reply::{Reply, content_bytes, reply_bytes};
use crate::floor::request_end::RequestEnd;
use crate::floor::ring_loop;
use crate::http::content::Content;

/// The word by which this program is asked to be the floor.
pub(crate) const WORD: &str = "serve-bare";

/// How the floor talks to the kernel.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum BareIo {
    Ring,
    Epoll,
    /// As epoll, with the body sent from the page cache.
    Sendfile,
}

/// What the floor is told; a person has no need to type it.
#[derive(Clone, Debug, Args)]
pub(crate) struct BareSetting {
    #[arg(long, value_enum)]
    pub(crate) io: BareIo,
    #[arg(long, default_value_t)]
    pub(crate) port: u16,
    /// Listens here instead of at a port.
    #[arg(long)]
    pub(crate) path: Option<PathBuf>,
    /// A request is so many bytes, whatever they say, and its reply has no head; without it a request ends with an empty
    /// line, and is answered in HTTP.
    #[arg(long)]
    pub(crate) request_bytes: Option<u64>,
    #[arg(long)]
    pub(crate) content_seed: u64,
    #[arg(long)]
    pub(crate) body_bytes: u64,
    /// Closes each connection after its reply.
    #[arg(long)]
    pub(crate) close: bool,
}

impl BareSetting {
    /// As arguments of this program.
    pub(crate) fn to_arguments(&self) -> Vec<OsString> {
        let io = match self.io {
            BareIo::Ring => "ring",
            BareIo::Epoll => "epoll",
            BareIo::Sendfile => "sendfile",
        };
        let mut words = vec![
            WORD.to_owned(),
            format!("--io={io}"),
            format!("--port={}", self.port),
            format!("--content-seed={}", self.content_seed),
            format!("--body-bytes={}", self.body_bytes),
        ];
        words.extend(self.close.then(|| "--close".to_owned()));
        words.extend(self.request_bytes.map(|bytes| format!("--request-bytes={bytes}")));
        let mut words: Vec<_> = words.into_iter().map(OsString::from).collect();
        if let Some(path) = &self.path {
            words.extend([OsString::from("--path"), path.clone().into_os_string()]);
        }
        words
    }

    /// From this program's arguments; the first is the word.
    /// # Errors
    /// What is wrong with them.
    pub(crate) fn from_arguments(
        words: impl IntoIterator<Item = OsString>,
    ) -> Result<Self, clap::Error> {
        let command = Self::augment_args(Command::new(WORD));
        Self::from_arg_matches(&command.try_get_matches_from(words)?)
    }
}

/// Serves until this program is ended.
/// # Errors
/// Whatever the kernel refuses.
pub(crate) fn serve(setting: BareSetting) -> io::Result<()> {
    let listener = match &setting.path {
        Some(path) => listen_at_path(path)?,
        None => listen_on(setting.port)?,
    };
    let content = Content::new(setting.content_seed, setting.body_bytes);
    let closes = setting.close;
    match (setting.request_bytes.map(RequestEnd::after), setting.io) {
        (None, BareIo::Ring) => {
            let end = RequestEnd::empty_line();
            ring_loop::serve(&listener, reply_bytes(&content, closes), end, closes)
        }
        (None, io) => {
            let reply = match io {
                BareIo::Sendfile => Reply::in_file(&content, closes)?,
                BareIo::Ring | BareIo::Epoll => Reply::in_memory(&content, closes),
            };
            epoll_loop::serve(&listener, &reply, RequestEnd::empty_line(), closes)
        }
        (Some(end), BareIo::Ring) => {
            ring_loop::serve(&listener, content_bytes(&content), end, closes)
        }
        (Some(end), BareIo::Epoll | BareIo::Sendfile) => {
            epoll_loop::serve(&listener, &Reply::bare(&content), end, closes)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_floor_is_told_is_what_it_understands() {
        let at_port = BareSetting {
            io: BareIo::Epoll,
            port: 8080,
            path: None,
            request_bytes: None,
            content_seed: 5,
            body_bytes: 1024,
            close: true,
        };
        let path = Some(PathBuf::from("/a socket"));
        let at_path = BareSetting { path, request_bytes: Some(24), ..at_port.clone() };
        for setting in [at_port, at_path] {
            let understood = BareSetting::from_arguments(setting.to_arguments()).unwrap();
            assert_eq!(format!("{understood:?}"), format!("{setting:?}"));
        }
        assert!(BareSetting::from_arguments([WORD.into(), "--port=none".into()]).is_err());
    }
}
