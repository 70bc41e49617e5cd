//! A reply line is what a client or a proxy hears of a server.
//!
//! Which command it answers, and so how many lines belong together, the one who sent that knows.

use crate::meta_reply::MetaCode;
use crate::number::{unsigned_32, unsigned_64};
use crate::reply::ValueHead;
use crate::word::Words;

/// The longest reply line that is read, without its end.
pub const REPLY_LINE_BYTES_MAX: usize = 2_048;

/// One line of a server's.
#[derive(Clone, Copy, Debug)]
pub enum ReplyLine<'b> {
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
    /// `END`
    End,
    /// `MN`
    Noop,
    /// What `incr` and `decr` made of a value.
    Number(u64),
    /// `VERSION` and this.
    Version(&'b [u8]),
    /// The line before a value, which follows, with CR LF behind it.
    Value(ValueHead<'b>),
    /// One statistic.
    Stat {
        /// Its name.
        name: &'b [u8],
        /// Its value, which may have spaces.
        value: &'b [u8],
    },
    /// The answer to a meta command. Behind a `VA` its value follows, with CR LF behind it.
    Meta(MetaLine<'b>),
    /// What `me` says of an entry: its key, and the rest of the line.
    Dump {
        /// The key, as it stands on the line.
        key: &'b [u8],
        /// Names and values.
        facts: &'b [u8],
    },
    /// `ERROR`, and what is said behind it.
    Error(&'b [u8]),
    /// `CLIENT_ERROR` and what was wrong.
    ClientError(&'b [u8]),
    /// `SERVER_ERROR` and what was wrong.
    ServerError(&'b [u8]),
}

/// The answer to a meta command.
#[derive(Clone, Copy, Debug)]
pub struct MetaLine<'b> {
    /// What the command came to; never [`MetaCode::Number`], which looks like any value here.
    pub code: MetaCode,
    flags: Words<'b>,
}

impl<'b> MetaLine<'b> {
    /// The flags, each a letter and its token, in their order.
    pub fn flags(&self) -> impl Iterator<Item = (u8, &'b [u8])> + use<'b> {
        self.flags.filter_map(|word| word.split_first().map(|(letter, token)| (*letter, token)))
    }
}

/// What the front of a server's bytes is.
#[derive(Clone, Copy, Debug)]
pub enum ReplyStep<'b> {
    /// Read again when the input, from the same front, has at least so many bytes.
    Need(usize),
    /// This, and so many bytes are used; a value that follows does not count among them.
    Line(ReplyLine<'b>, usize),
    /// No line of this protocol: nothing behind it can be told apart.
    Strange,
}

impl ReplyLine<'_> {
    /// How many bytes of a value, with its CR LF, follow the line.
    #[must_use]
    pub fn block_bytes(&self) -> Option<u64> {
        match self {
            Self::Value(head) => head.value_bytes.checked_add(2),
            Self::Meta(MetaLine { code: MetaCode::Value { value_bytes }, .. }) => {
                value_bytes.checked_add(2)
            }
            _ => None,
        }
    }
}

/// Reads the line at the front of `input`: all that was received and not yet used.
///
/// ```
/// use levada_memcache::{ReplyLine, ReplyStep, read_reply};
///
/// let received = b"VALUE greeting 0 5\r\nhello\r\nEND\r\n";
/// let ReplyStep::Line(line, used) = read_reply(received) else { panic!() };
/// assert!(matches!(line, ReplyLine::Value(head) if head.key == b"greeting"));
/// assert_eq!(line.block_bytes(), Some(7)); // the value and its CR LF
/// assert!(matches!(read_reply(&received[used + 7..]), ReplyStep::Line(ReplyLine::End, 5)));
/// ```
#[must_use]
pub fn read_reply(input: &[u8]) -> ReplyStep<'_> {
    let front = input.get(..=REPLY_LINE_BYTES_MAX).unwrap_or(input);
    let Some(line_bytes) = memchr::memchr(b'\n', front) else {
        let is_over = front.len() > REPLY_LINE_BYTES_MAX;
        let needed_bytes = input.len().saturating_add(1);
        return if is_over { ReplyStep::Strange } else { ReplyStep::Need(needed_bytes) };
    };
    let line = front.get(..line_bytes).and_then(|line| line.strip_suffix(b"\r"));
    match line.and_then(read_line) {
        Some(line) => ReplyStep::Line(line, line_bytes.saturating_add(1)),
        None => ReplyStep::Strange,
    }
}

fn read_line(line: &[u8]) -> Option<ReplyLine<'_>> {
    let mut words = Words(line);
    let name = words.next()?;
    let rest = words.0.strip_prefix(b" ").unwrap_or_default();
    Some(match name {
        b"STORED" => ReplyLine::Stored,
        b"NOT_STORED" => ReplyLine::NotStored,
        b"EXISTS" => ReplyLine::Exists,
        b"NOT_FOUND" => ReplyLine::NotFound,
        b"DELETED" => ReplyLine::Deleted,
        b"TOUCHED" => ReplyLine::Touched,
        b"OK" => ReplyLine::Ok,
        b"RESET" => ReplyLine::Reset,
        b"END" => ReplyLine::End,
        b"MN" => ReplyLine::Noop,
        b"VERSION" => ReplyLine::Version(rest),
        b"VALUE" => ReplyLine::Value(ValueHead {
            key: words.next()?,
            client_flags: unsigned_32(words.next()?)?,
            value_bytes: unsigned_64(words.next()?)?,
            cas: match words.next() {
                Some(cas) => Some(unsigned_64(cas)?),
                None => None,
            },
        }),
        b"STAT" => {
            let name = words.next()?;
            ReplyLine::Stat { name, value: words.0.strip_prefix(b" ").unwrap_or_default() }
        }
        b"ME" => {
            let key = words.next()?;
            ReplyLine::Dump { key, facts: words.0.strip_prefix(b" ").unwrap_or_default() }
        }
        b"ERROR" => ReplyLine::Error(rest),
        b"CLIENT_ERROR" => ReplyLine::ClientError(rest),
        b"SERVER_ERROR" => ReplyLine::ServerError(rest),
        b"HD" => meta(MetaCode::Done, words),
        b"VA" => {
            let value_bytes = unsigned_64(words.next()?)?;
            meta(MetaCode::Value { value_bytes }, words)
        }
        b"EN" => meta(MetaCode::Absent, words),
        b"NF" => meta(MetaCode::NotFound, words),
        b"NS" => meta(MetaCode::NotStored, words),
        b"EX" => meta(MetaCode::Exists, words),
        digits if digits.iter().all(u8::is_ascii_digit) => ReplyLine::Number(unsigned_64(digits)?),
        _ => return None,
    })
}

fn meta(code: MetaCode, flags: Words<'_>) -> ReplyLine<'_> {
    ReplyLine::Meta(MetaLine { code, flags })
}
