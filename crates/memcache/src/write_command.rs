//! A command is written as its shortest line: what a client or a proxy sends.

use bytes::BufMut;

use crate::answer::{Answer, Asked};
use crate::command::{Arith, Command, Delete, FlushAll, Get, Mode, Stats, Store};
use crate::exp_time::ExpTime;
use crate::sink::{Counter, Full, Room, Sink, put_decimal};

/// Writes the line of a command behind what `into` holds. Of a [`Command::Store`] the value, and CR
/// LF behind it, are to follow. A meta command is written from the flags that it was read from, and
/// its fields do not count.
///
/// ```
/// use levada_memcache::{Command, Key, Mode, Store, write_command};
///
/// let mut sent = Vec::new();
/// let store = Store::new(Mode::Set, Key::new(b"greeting").expect("a word"), 5);
/// write_command(&Command::Store(store), &mut sent).unwrap();
/// sent.extend_from_slice(b"hello\r\n");
/// write_command(&Command::of_line(b"mg greeting v t").unwrap(), &mut sent).unwrap();
/// assert_eq!(sent, b"set greeting 0 0 5\r\nhello\r\nmg greeting v t\r\n");
/// ```
/// # Errors
/// [`Full`] if it has less room than the line needs; nothing is written then.
pub fn write_command(command: &Command<'_>, into: &mut impl BufMut) -> Result<(), Full> {
    let mut counter = Counter::default();
    put_line(command, &mut counter);
    let (text_bytes, room_bytes) = (counter.0, into.remaining_mut());
    if room_bytes < text_bytes {
        return Err(Full { text_bytes, room_bytes });
    }
    put_line(command, &mut Room(into));
    Ok(())
}

fn put_line(command: &Command<'_>, sink: &mut impl Sink) {
    match command {
        Command::Get(get) => put_get(get, sink),
        Command::MetaGet(get) => put_meta(b"mg", &get.asked, None, sink),
        Command::Store(store) => put_store(store, sink),
        Command::Arith(arith) => put_arith(arith, sink),
        Command::Delete(delete) => put_delete(delete, sink),
        Command::Touch(touch) => {
            put_words(&[b"touch ", touch.key.text()], sink);
            put_exp(touch.exp, sink);
            put_noreply(touch.is_hidden, sink);
        }
        Command::Dump(dump) => {
            put_words(&[b"me ", dump.key.text()], sink);
            if dump.key.is_base64() {
                sink.put(b" b");
            }
        }
        Command::Noop => sink.put(b"mn"),
        Command::FlushAll(flush) => put_flush_all(flush, sink),
        Command::Stats(stats) => sink.put(match stats {
            Stats::General => b"stats".as_slice(),
            Stats::Settings => b"stats settings",
            Stats::Items => b"stats items",
            Stats::Slabs => b"stats slabs",
            Stats::Sizes => b"stats sizes",
            Stats::Conns => b"stats conns",
            Stats::Reset => b"stats reset",
        }),
        Command::Version => sink.put(b"version"),
        Command::Verbosity(verbosity) => {
            put_number(b"verbosity ", verbosity.level.into(), sink);
            put_noreply(verbosity.is_hidden, sink);
        }
        Command::Quit => sink.put(b"quit"),
    }
    sink.put(b"\r\n");
}

fn put_get(get: &Get<'_>, sink: &mut impl Sink) {
    sink.put(match (get.touch.is_some(), get.with_cas) {
        (false, false) => b"get".as_slice(),
        (false, true) => b"gets",
        (true, false) => b"gat",
        (true, true) => b"gats",
    });
    if let Some(exp) = get.touch {
        put_exp(exp, sink);
    }
    for key in get.keys {
        put_words(&[b" ", key], sink);
    }
}

fn put_store(store: &Store<'_>, sink: &mut impl Sink) {
    let is_hidden = match &store.answer {
        Answer::Meta(asked) => return put_meta(b"ms", asked, Some(store.value_bytes), sink),
        Answer::Classic { is_hidden } => *is_hidden,
    };
    sink.put(match store.mode {
        Mode::Set => b"set ",
        Mode::Add => b"add ",
        Mode::Replace => b"replace ",
        Mode::Append => b"append ",
        Mode::Prepend => b"prepend ",
        Mode::Cas => b"cas ",
    });
    sink.put(store.key.text());
    put_number(b" ", store.client_flags.into(), sink);
    put_exp(store.exp, sink);
    put_number(b" ", store.value_bytes.into(), sink);
    if store.mode == Mode::Cas {
        put_number(b" ", store.compare.unwrap_or_default(), sink);
    }
    put_noreply(is_hidden, sink);
}

fn put_arith(arith: &Arith<'_>, sink: &mut impl Sink) {
    match &arith.answer {
        Answer::Meta(asked) => put_meta(b"ma", asked, None, sink),
        Answer::Classic { is_hidden } => {
            let name: &[u8] = if arith.is_increment { b"incr " } else { b"decr " };
            put_words(&[name, arith.key.text()], sink);
            put_number(b" ", arith.delta, sink);
            put_noreply(*is_hidden, sink);
        }
    }
}

fn put_delete(delete: &Delete<'_>, sink: &mut impl Sink) {
    match &delete.answer {
        Answer::Meta(asked) => put_meta(b"md", asked, None, sink),
        Answer::Classic { is_hidden } => {
            put_words(&[b"delete ", delete.key.text()], sink);
            put_noreply(*is_hidden, sink);
        }
    }
}

fn put_flush_all(flush: &FlushAll, sink: &mut impl Sink) {
    sink.put(b"flush_all");
    if flush.at != ExpTime::NEVER {
        put_exp(flush.at, sink);
    }
    put_noreply(flush.is_hidden, sink);
}

/// A meta command is its flags: what was read from them is not written a second time.
fn put_meta(name: &[u8], asked: &Asked<'_>, value_bytes: Option<u32>, sink: &mut impl Sink) {
    put_words(&[name, b" ", asked.key.text()], sink);
    if let Some(value_bytes) = value_bytes {
        put_number(b" ", value_bytes.into(), sink);
    }
    for flag in asked.flags {
        put_words(&[b" ", flag], sink);
    }
}

fn put_exp(exp: ExpTime, sink: &mut impl Sink) {
    let sign: &[u8] = if exp.0 < 0 { b" -" } else { b" " };
    put_number(sign, exp.0.unsigned_abs().into(), sink);
}

fn put_noreply(is_hidden: bool, sink: &mut impl Sink) {
    if is_hidden {
        sink.put(b" noreply");
    }
}

fn put_number(before: &[u8], number: u64, sink: &mut impl Sink) {
    sink.put(before);
    put_decimal(number, sink);
}

fn put_words(words: &[&[u8]], sink: &mut impl Sink) {
    words.iter().for_each(|word| sink.put(word));
}
