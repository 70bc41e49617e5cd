//! `serve-bulk`: this program again, as one of the servers that receive and send in bulk.

use std::ffi::OsString;
use std::io;
use std::net::SocketAddrV4;

use clap::{Args, Command, FromArgMatches, ValueEnum};

use crate::bulk::pattern::pattern;
use crate::bulk::work::Work;
use crate::bulk::{epoll_bulk, levada_events, levada_tasks, ring_bulk};
use crate::floor::listener::{Port, listen_at};

/// The word by which this program is asked to be a bulk server.
pub(crate) const WORD: &str = "serve-bulk";

/// By what the server is made.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum BulkBy {
    LevadaEvents,
    LevadaTasks,
    Ring,
    Epoll,
}

/// What a bulk server is told; a person has no need to type it.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct BulkSetting {
    #[arg(long, value_enum)]
    pub(crate) by: BulkBy,
    #[arg(long)]
    pub(crate) address: SocketAddrV4,
    /// The length of each write, and of the buffer that is received into.
    #[arg(long)]
    pub(crate) write_bytes: usize,
}

impl BulkSetting {
    /// As arguments of this program.
    pub(crate) fn to_arguments(self) -> Vec<OsString> {
        let by = self.by.to_possible_value().expect("none is hidden");
        let words = [
            WORD.to_owned(),
            format!("--by={}", by.get_name()),
            format!("--address={}", self.address),
            format!("--write-bytes={}", self.write_bytes),
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
pub(crate) fn serve(setting: BulkSetting) -> io::Result<()> {
    let listener = listen_at(setting.address, Port::Alone)?;
    let work = Work { listener, pattern: pattern(setting.write_bytes) };
    match setting.by {
        BulkBy::LevadaEvents => levada_events::serve(work),
        BulkBy::LevadaTasks => levada_tasks::serve(work),
        BulkBy::Ring => ring_bulk::serve(work),
        BulkBy::Epoll => epoll_bulk::serve(&work),
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpStream};
    use std::thread;
    use std::time::Duration;

    use super::*;
    use crate::bulk::client::{BulkPlan, load};
    use crate::frame::stop::Stop;
    use crate::machine::clock::pause;
    use crate::machine::server::free_low_port;
    use crate::ring::blocks::BlockRoom;
    use crate::ring::sockets::Sockets;

    #[test]
    fn what_a_server_is_told_is_what_it_understands() {
        for by in BulkBy::value_variants() {
            let address = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 80);
            let setting = BulkSetting { by: *by, address, write_bytes: 16_384 };
            let understood = BulkSetting::from_arguments(setting.to_arguments()).unwrap();
            assert_eq!(format!("{understood:?}"), format!("{setting:?}"));
        }
        assert!(BulkSetting::from_arguments([WORD.into(), "--by=magic".into()]).is_err());
    }

    #[test]
    fn each_server_takes_and_gives_at_once_and_goes_on_when_a_client_has_gone() {
        let room = BlockRoom { block_count: 1, block_bytes: 1 };
        // Nothing where the kernel gives no ring.
        let Ok(_) = Sockets::open(1, room, Vec::new(), &[]) else { return };
        for by in BulkBy::value_variants() {
            let address = SocketAddrV4::new(Ipv4Addr::LOCALHOST, free_low_port().unwrap());
            // It serves until the test's process ends.
            thread::spawn(move || serve(BulkSetting { by: *by, address, write_bytes: 16_384 }));
            while TcpStream::connect(address).is_err() {
                pause(Duration::from_millis(1));
            }
            let plan = BulkPlan {
                server: address,
                connection_count: 4,
                write_bytes: 16_384,
                rate_bytes_per_s: 1_000_000_000,
                warm_up: Duration::from_millis(10),
                window: Duration::from_millis(50),
                device: "lo".to_owned(),
            };
            for _ in 0..2 {
                let tally = load(&plan, &mut || Ok(0), &Stop::default())
                    .unwrap_or_else(|fault| panic!("{by:?}: {fault}"));
                assert!(tally.sent_bytes > 0 && tally.received_bytes > 0, "{by:?}: {tally:?}");
            }
        }
    }
}
