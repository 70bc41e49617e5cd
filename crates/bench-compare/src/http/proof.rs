//! A proof is one plain fetch before any measuring: the server answers, and with the right file.

use std::io::{Read, Write};
use std::net::{SocketAddrV4, TcpStream};
use std::time::Duration;

use crate::frame::fault::Fault;
use crate::http::fetch::{Connection, Fetch, Target};
use crate::load::dialogue::{Dialogue, Heard};

const PATIENCE: Duration = Duration::from_secs(10);

/// Fetches `target` over one blocking connection.
/// # Errors
/// [`Fault::Wrong`] if anything about the answer is not right.
pub(crate) fn prove(server: SocketAddrV4, target: &Target) -> Result<(), Fault> {
    let wrong = |error: std::io::Error| Fault::Wrong(format!("no proof of an answer: {error}"));
    let mut stream = TcpStream::connect(server).map_err(wrong)?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(wrong)?;
    stream.write_all(&Fetch::request(&target.path, Connection::Close)).map_err(wrong)?;
    let mut fetch = Fetch::new(vec![target.clone()], Connection::Close);
    let mut talk = fetch.begin();
    fetch.ask(&mut talk);
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let heard_bytes = stream.read(&mut buffer).map_err(wrong)?;
        if heard_bytes == 0 {
            return Err(Fault::Wrong("the server closed before the answer was whole".to_owned()));
        }
        if fetch.hear(&mut talk, &buffer[..heard_bytes]).map_err(Fault::Wrong)? == Heard::Whole {
            return Ok(());
        }
    }
}
