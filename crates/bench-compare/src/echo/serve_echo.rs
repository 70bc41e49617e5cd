//! `serve-echo`: this program again, as one of the echo servers.

use std::ffi::OsString;
use std::io;

use clap::{Args, Command, FromArgMatches, ValueEnum};

use crate::echo::part::serve_parts;
use crate::echo::{
    compio_echo, epoll_echo, levada_events, levada_tasks, monoio_echo, ring_echo, tokio_echo,
};

/// The word by which this program is asked to be an echo server.
pub(crate) const WORD: &str = "serve-echo";

/// By what the server is made.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum EchoBy {
    LevadaEvents,
    LevadaTasks,
    Ring,
    Epoll,
    Tokio,
    TokioWorkers,
    Monoio,
    Compio,
}

/// What an echo server is told; a person has no need to type it.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct EchoSetting {
    #[arg(long, value_enum)]
    pub(crate) by: EchoBy,
    #[arg(long)]
    pub(crate) port: u16,
    /// The length of the messages that it will get, so that its buffers fit.
    #[arg(long)]
    pub(crate) message_bytes: usize,
    #[arg(long)]
    pub(crate) core_count: usize,
}

/// No buffer is shorter.
const BUFFER_BYTES_MIN: usize = 4 * 1024;

impl EchoSetting {
    /// As arguments of this program.
    pub(crate) fn to_arguments(self) -> Vec<OsString> {
        let by = self.by.to_possible_value().expect("none is hidden");
        let words = [
            WORD.to_owned(),
            format!("--by={}", by.get_name()),
            format!("--port={}", self.port),
            format!("--message-bytes={}", self.message_bytes),
            format!("--core-count={}", self.core_count),
        ];
        words.into_iter().map(OsString::from).collect()
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
pub(crate) fn serve(setting: EchoSetting) -> io::Result<()> {
    let buffer_bytes = (2 * setting.message_bytes).max(BUFFER_BYTES_MIN);
    let EchoSetting { port, core_count, .. } = setting;
    let parts = |serve| serve_parts(port, core_count, buffer_bytes, serve);
    match setting.by {
        EchoBy::LevadaEvents => parts(levada_events::serve),
        EchoBy::LevadaTasks => parts(levada_tasks::serve),
        EchoBy::Ring => parts(ring_echo::serve),
        EchoBy::Epoll => parts(epoll_echo::serve),
        EchoBy::Tokio => parts(tokio_echo::serve_here),
        EchoBy::TokioWorkers => serve_parts(port, 1, buffer_bytes, tokio_echo::serve_on_workers),
        EchoBy::Monoio => parts(monoio_echo::serve),
        EchoBy::Compio => parts(compio_echo::serve),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{Ipv4Addr, Shutdown, SocketAddrV4, TcpStream};
    use std::thread;
    use std::time::Duration;

    use super::*;
    use crate::echo::talk::EchoTalk;
    use crate::frame::stop::Stop;
    use crate::load::plan::{Lifetime, Plan, Window};
    use crate::load::run::run;
    use crate::machine::clock::pause;
    use crate::machine::road::Road;
    use crate::machine::server::free_low_port;
    use crate::ring::blocks::BlockRoom;
    use crate::ring::sockets::Sockets;

    const MESSAGE_BYTES: usize = 64 * 1024;

    /// A server of each kind; it serves until the test's process ends. Nothing where the kernel gives no ring.
    fn served(by: EchoBy) -> Option<SocketAddrV4> {
        let room = BlockRoom { block_count: 1, block_bytes: 1 };
        Sockets::open(1, room, Vec::new(), &[]).ok()?;
        let port = free_low_port().unwrap();
        let setting = EchoSetting { by, port, message_bytes: MESSAGE_BYTES, core_count: 1 };
        thread::spawn(move || serve(setting));
        let address = SocketAddrV4::new(Ipv4Addr::LOCALHOST, port);
        while TcpStream::connect(address).is_err() {
            pause(Duration::from_millis(1));
        }
        Some(address)
    }

    #[test]
    fn each_server_sends_back_all_that_came_and_answers_the_end() {
        for by in EchoBy::value_variants() {
            let Some(address) = served(*by) else { return };
            let mut stream = TcpStream::connect(address).unwrap();
            let said: Vec<u8> = (0..1_000_000_u32).map(|place| place.to_be_bytes()[3]).collect();
            let mut saying = stream.try_clone().unwrap();
            let mut heard = Vec::new();
            thread::scope(|scope| {
                scope.spawn(|| {
                    saying.write_all(&said).unwrap();
                    saying.shutdown(Shutdown::Write).unwrap();
                });
                stream.read_to_end(&mut heard).unwrap();
            });
            assert!(heard == said, "{by:?}: {} bytes came back", heard.len());
        }
    }

    #[test]
    fn a_load_ends_its_connections_and_opens_others() {
        for by in EchoBy::value_variants() {
            for transaction_count in [1, 3] {
                let Some(server) = served(*by) else { return };
                let plan = Plan {
                    server: Road::Tcp(server),
                    address_count: 16,
                    connection_count: 20,
                    lifetime: Lifetime::Requests(transaction_count),
                    window: Window::Counted(500),
                    block_bytes: 4096,
                };
                let mut talk = EchoTalk::new(10_000);
                let tally = run(plan, &mut talk, &mut || Ok(0), &Stop::default());
                let tally = tally.unwrap_or_else(|fault| panic!("{by:?}: {fault}"));
                assert_eq!(tally.request_count, 500);
            }
        }
    }

    #[test]
    fn what_a_server_is_told_is_what_it_understands() {
        for by in EchoBy::value_variants() {
            let setting = EchoSetting { by: *by, port: 80, message_bytes: 64, core_count: 2 };
            let understood = EchoSetting::from_arguments(setting.to_arguments()).unwrap();
            assert_eq!(format!("{understood:?}"), format!("{setting:?}"));
        }
        assert!(EchoSetting::from_arguments([WORD.into(), "--by=magic".into()]).is_err());
    }
}
