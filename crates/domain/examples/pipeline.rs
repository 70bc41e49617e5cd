//! A pipeline of three processes: one reads a file, one splits it into lines, one counts them; each waits for the next.
//!
//! `cargo run -p levada-domain --example pipeline`. The bytes of a line are where the kernel put them, until they are counted.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{Write, stdout};
use std::sync::mpsc;
use std::time::Duration;

use levada_channel::OpenHow;
use levada_domain::{Config, Domain, Folder, Io};
use levada_process::{Context, Failure, Mailbox, Message, Reply, StreamWriter, Window};
use levada_shared::{Options, SharedData, SharedHeap};

#[derive(Message)]
enum ToCount {
    Line(SharedData),
    Total(Reply<Vec<(u8, u64)>>),
}

/// Pours the file into a stream, as far as the window lets it be ahead.
async fn read(cx: Context, io: Io, folder: Folder, mut out: StreamWriter) -> Result<(), Failure> {
    let file = folder.open_file(b"visits", OpenHow::default()).await?;
    io.pour(&file, 0..u64::MAX, &cx.account(), &mut out).await?;
    out.finish(); // else the text would end as aborted, which is also what a crash here would look like
    Ok(())
}

/// Counts lines by the first byte of each.
async fn count(mut inbox: Mailbox<ToCount>) -> Result<(), Failure> {
    let mut counts = BTreeMap::new();
    loop {
        match inbox.recv().await? {
            ToCount::Line(line) => *counts.entry(line.longest_at(0)[0]).or_insert(0) += 1,
            ToCount::Total(reply) => reply.send(counts.clone().into_iter().collect()),
        }
    }
}

/// Splits what comes from the one into messages to the other, and asks behind the last.
async fn split(cx: Context, io: Io, folder: Folder) -> Result<Vec<(u8, u64)>, Failure> {
    let (out, mut text) = cx.stream(Window { bytes: 64 << 10, pieces: 16 });
    cx.spawn("read", move |cx, _: Mailbox<()>| read(cx, io, folder, out))?;
    let counts = cx.spawn("count", |_, inbox| count(inbox))?.sender;
    while let Some(line) = text.until(b'\n').await? {
        counts.send(ToCount::Line(line)).await?; // waits when the mailbox is full; then the stream fills, and the file waits
    }
    Ok(counts.call(Duration::from_secs(5), ToCount::Total).await?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let place = tempfile::tempdir()?;
    std::fs::write(place.path().join("visits"), "apple\nbread\nanise\n".repeat(10_000))?;
    let folder = Folder::open(place.path())?;
    let (tell, told) = mpsc::channel();
    let config = Config::new(SharedHeap::new(Options::default())?);
    let domain = Domain::start(&config, |cx, io| async move {
        tell.send(split(cx, io, folder).await?)?;
        Ok(())
    })?;
    domain.wait()?;
    let counts = told.recv()?;
    assert_eq!(counts, [(b'a', 20_000), (b'b', 10_000)]);
    assert_eq!(config.heap.gauges().copied.sum(), 0);
    for (first, lines) in counts {
        writeln!(stdout(), "{}: {lines} lines", char::from(first))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_file_is_read_split_and_counted_without_a_copy() {
        super::main().unwrap();
    }
}
