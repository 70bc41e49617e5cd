//! A reply is what a server says of one command, or one part of that: a line, sometimes two.

use crate::meta_reply::{ItemDump, MetaReply};
use crate::refusal::Refusal;
use crate::sink::{Counter, Full, Room, Sink, Tail, put_decimal};
use bytes::BufMut;

/// A line, or a part of an answer that has several.
#[derive(Clone, Copy, Debug)]
pub enum Reply<'r> {
    /// Not a byte: the command asked not to be answered.
    Nothing,
    /// `STORED`
    Stored,
    /// `NOT_STORED`
    NotStored,
    /// `EXISTS`
    Exists,
    /// `NOT_FOUND`
    NotFound,
    /// `DELETED`
    Deleted,
    /// `TOUCHED`
    Touched,
    /// `OK`
    Ok,
    /// `RESET`
    Reset,
    /// `END`: behind the last value, and behind the last statistic.
    End,
    /// `MN`
    Noop,
    /// `EN`: what `me` says of an absent key.
    Absent,
    /// What `incr` and `decr` made of a value.
    Number(u64),
    /// `VERSION` and this.
    Version(&'r str),
    /// The line before a value. The value follows it, then [`Reply::ValueEnd`].
    Value(ValueHead<'r>),
    /// CR LF.
    ValueEnd,
    /// One line of statistics.
    Stat(Stat<'r>),
    /// The answer to a meta command. If its code is `VA` of a `mg`, the value follows it, then
    /// [`Reply::ValueEnd`].
    Meta(MetaReply<'r>),
    /// What `me` says of an entry.
    Dump(ItemDump<'r>),
    /// An error line.
    Refusal(Refusal),
    /// What a client hears that speaks the binary protocol.
    NotBinary(NotBinary),
}

/// The line before a value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ValueHead<'r> {
    /// The key.
    pub key: &'r [u8],
    /// The client's 32 bits.
    pub client_flags: u32,
    /// How long the value is.
    pub value_bytes: u64,
    /// Its number, if it was asked for.
    pub cas: Option<u64>,
}

/// One line of statistics.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Stat<'r> {
    /// What stands before the class: `items:` or nothing.
    pub group: &'r str,
    /// The class or connection of which it is said, if it is said of one.
    pub class: Option<u32>,
    /// The name.
    pub name: &'r str,
    /// The value.
    pub value: StatValue<'r>,
}

/// The value of a statistic.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum StatValue<'r> {
    /// A number.
    Number(u64),
    /// Seconds with six places, given in microseconds.
    Seconds {
        /// How many microseconds.
        us: u64,
    },
    /// Any text without a line end.
    Text(&'r str),
}

impl<'r> Stat<'r> {
    /// A statistic of the whole server.
    #[must_use]
    pub fn of(name: &'r str, value: StatValue<'r>) -> Self {
        Self { group: "", class: None, name, value }
    }
}

/// A frame of the binary protocol that says that it is not spoken here: status 0x83.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NotBinary {
    /// The request's, given back.
    pub opcode: u8,
    /// The request's, given back.
    pub opaque: [u8; 4],
}

impl NotBinary {
    /// The frame's text.
    pub const TEXT: &'static str = "binary protocol not supported: use text or meta commands";

    fn put_into(self, sink: &mut impl Sink) {
        let text_bytes = u32::try_from(Self::TEXT.len()).unwrap_or_default().to_be_bytes();
        sink.put(&[0x81, self.opcode, 0, 0, 0, 0, 0x00, 0x83]);
        sink.put(&text_bytes);
        sink.put(&self.opaque);
        sink.put(&[0; 8]);
        sink.put(Self::TEXT.as_bytes());
    }
}

impl Reply<'_> {
    /// How many bytes the reply has.
    #[must_use]
    pub fn text_bytes(&self) -> usize {
        let mut counter = Counter::default();
        self.put_into(&mut counter);
        counter.0
    }

    /// No less than the reply has, found without a look at its parts.
    #[inline]
    fn bytes_max(&self) -> usize {
        match self {
            Self::Value(head) => {
                head.key.len().saturating_add(VALUE_WORD.len()).saturating_add(VALUE_TAIL_BYTES)
            }
            Self::Meta(reply) => reply.bytes_max(),
            Self::Dump(dump) => dump.bytes_max(),
            Self::Stat(_) | Self::Version(_) => usize::MAX,
            _ => 100,
        }
    }

    fn put_into(&self, sink: &mut impl Sink) {
        match self {
            Self::Nothing => {}
            Self::Stored => sink.put(b"STORED\r\n"),
            Self::NotStored => sink.put(b"NOT_STORED\r\n"),
            Self::Exists => sink.put(b"EXISTS\r\n"),
            Self::NotFound => sink.put(b"NOT_FOUND\r\n"),
            Self::Deleted => sink.put(b"DELETED\r\n"),
            Self::Touched => sink.put(b"TOUCHED\r\n"),
            Self::Ok => sink.put(b"OK\r\n"),
            Self::Reset => sink.put(b"RESET\r\n"),
            Self::End => sink.put(b"END\r\n"),
            Self::Noop => sink.put(b"MN\r\n"),
            Self::Absent => sink.put(b"EN\r\n"),
            Self::ValueEnd => sink.put(b"\r\n"),
            Self::Number(number) => {
                put_decimal(*number, sink);
                sink.put(b"\r\n");
            }
            Self::Version(version) => {
                sink.put(b"VERSION ");
                sink.put(version.as_bytes());
                sink.put(b"\r\n");
            }
            Self::Value(head) => head.put_into(sink),
            Self::Stat(stat) => stat.put_into(sink),
            Self::Meta(reply) => reply.put_into(sink),
            Self::Dump(dump) => dump.put_into(sink),
            Self::Refusal(refusal) => {
                sink.put(refusal.line().as_bytes());
                sink.put(b"\r\n");
            }
            Self::NotBinary(frame) => frame.put_into(sink),
        }
    }
}

const VALUE_WORD: &[u8] = b"VALUE ";

/// What stands behind the key: 10, 20 and 20 digits, three spaces, CR LF.
const VALUE_TAIL_BYTES: usize = 55;

impl ValueHead<'_> {
    #[inline]
    fn put_into(&self, sink: &mut impl Sink) {
        let mut tail = Tail::<VALUE_TAIL_BYTES>::default();
        tail.put_before(b'\n');
        tail.put_before(b'\r');
        if let Some(cas) = self.cas {
            tail.put_decimal_before(cas);
            tail.put_before(b' ');
        }
        tail.put_decimal_before(self.value_bytes);
        tail.put_before(b' ');
        tail.put_decimal_before(self.client_flags.into());
        tail.put_before(b' ');
        sink.put(VALUE_WORD);
        sink.put(self.key);
        sink.put(tail.text());
    }
}

impl Stat<'_> {
    fn put_into(&self, sink: &mut impl Sink) {
        sink.put(b"STAT ");
        sink.put(self.group.as_bytes());
        if let Some(class) = self.class {
            put_decimal(class.into(), sink);
            sink.put(b":");
        }
        sink.put(self.name.as_bytes());
        sink.put(b" ");
        match self.value {
            StatValue::Number(number) => put_decimal(number, sink),
            StatValue::Text(text) => sink.put(text.as_bytes()),
            StatValue::Seconds { us } => {
                let (seconds, mut rest_us) = (us / 1_000_000, us % 1_000_000);
                put_decimal(seconds, sink);
                sink.put(b".");
                let mut unit_us = 100_000_u64;
                while let Some(digit) = rest_us.checked_div(unit_us) {
                    put_decimal(digit, sink);
                    rest_us = rest_us.checked_rem(unit_us).unwrap_or_default();
                    unit_us /= 10;
                }
            }
        }
        sink.put(b"\r\n");
    }
}

/// Writes a reply behind what `into` holds: an `ExclusiveBuf`, a slice, any buffer.
/// # Errors
/// [`Full`] if it has less room than the reply needs; nothing is written then.
#[inline]
pub fn write_reply(reply: &Reply<'_>, into: &mut impl BufMut) -> Result<(), Full> {
    let room_bytes = into.remaining_mut();
    if room_bytes < reply.bytes_max() {
        let text_bytes = reply.text_bytes();
        if room_bytes < text_bytes {
            return Err(Full { text_bytes, room_bytes });
        }
    }
    reply.put_into(&mut Room(into));
    Ok(())
}
