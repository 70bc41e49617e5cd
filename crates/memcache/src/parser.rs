//! A parser takes a connection's bytes apart, a step at a time, into commands and refusals.
//!
//! ```text
//! input  ▏ line ␍␊ ▏ value ␍␊ ▏ line ␍␊ …
//!        step: Command(.., used)  the caller takes the value itself: it need not be in the input
//! ```
//! Each step looks at the front of what was not yet used. However the bytes were cut into receives,
//! the steps but for `Need` are the same.
//! Cost: one search for the line's end, which goes on where it stopped; one pass over the words.

use crate::command::Command;
use crate::limits::{LINE_BYTES_MAX, Limits};
use crate::line::{Refused, read_line};
use crate::refusal::Refusal;
use crate::reply::{NotBinary, Reply};

/// What the parser knows of one connection.
#[derive(Clone, Debug)]
pub struct Parser {
    limits: Limits,
    /// No line ends in so many bytes at the front of the input.
    searched_bytes: usize,
    /// A NUL stands among them.
    has_nul: bool,
    swallow_bytes: u64,
    place: Place,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Place {
    First,
    Within,
    Behind,
}

/// What is to be done next. The numbers count bytes from the front of the input.
#[derive(Clone, Copy, Debug)]
pub enum Step<'b> {
    /// Step again when the input, from the same front, has at least so many bytes.
    Need(usize),
    /// Do this. So many bytes are used, then; if a value follows, it does not count among them.
    Command(Command<'b>, usize),
    /// Drop so many bytes, those that are still to come included, then step again.
    Swallow(u64),
    /// Answer this, which may be [`Reply::Nothing`]. So many bytes are used.
    Refuse(Reply<'static>, usize),
    /// Answer this, which may be [`Reply::Nothing`], send what was answered before, and close.
    End(Reply<'static>),
}

impl<'b> Command<'b> {
    /// The command of a line without its end, to be written: the way to a meta command.
    /// # Errors
    /// What a server would answer to the line. Bytes that end a line are refused too.
    pub fn of_line(line: &'b [u8]) -> Result<Self, Refusal> {
        if line.iter().any(|byte| matches!(byte, b'\n' | b'\r' | 0)) {
            return Err(Refusal::BadLine);
        }
        let refused = |refused: Refused| refused.refusal.unwrap_or(Refusal::BadLine);
        read_line(line, &Limits::default()).map_err(refused)
    }
}

/// The first byte of a request in the binary protocol, whose head has 24.
const BINARY: u8 = 0x80;
const BINARY_HEAD_BYTES: usize = 24;

impl Parser {
    /// A parser for a connection on which nothing was received yet.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits: limits.bounded(),
            searched_bytes: 0,
            has_nul: false,
            swallow_bytes: 0,
            place: Place::First,
        }
    }

    /// The limits that lines are read under.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// From the next line on, other limits.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits.bounded();
    }

    /// Looks at the front of `input`: all that was received and not yet used.
    pub fn step<'b>(&mut self, input: &'b [u8]) -> Step<'b> {
        if self.swallow_bytes > 0 {
            return Step::Swallow(core::mem::take(&mut self.swallow_bytes));
        }
        match self.place {
            Place::Within => {}
            Place::First => match input.first() {
                None => return Step::Need(1),
                Some(&BINARY) => return self.not_binary(input),
                Some(_) => self.place = Place::Within,
            },
            Place::Behind => return Step::End(Reply::Nothing),
        }
        let Some(line_bytes) = self.line_bytes(input) else {
            if self.is_over(input, input.len()) {
                return self.end(Reply::Nothing);
            }
            self.searched_bytes = input.len();
            return Step::Need(input.len().saturating_add(1));
        };
        self.searched_bytes = 0;
        let has_nul = core::mem::take(&mut self.has_nul);
        if self.is_over(input, line_bytes) {
            return self.end(Reply::Nothing);
        }
        let used_bytes = line_bytes.saturating_add(1);
        let line = input.get(..line_bytes).unwrap_or_default();
        let mut line = line.strip_suffix(b"\r").unwrap_or(line);
        if has_nul {
            // The reference's lines are C's strings.
            line = line.split(|byte| *byte == 0).next().unwrap_or_default();
        }
        match read_line(line, &self.limits) {
            Ok(command) => {
                if let Command::Quit = command {
                    self.place = Place::Behind;
                }
                Step::Command(command, used_bytes)
            }
            Err(refused) if refused.is_last => self.end(Reply::Nothing),
            Err(refused) => {
                self.swallow_bytes = refused.swallow_bytes;
                let reply = refused.refusal.map_or(Reply::Nothing, Reply::Refusal);
                Step::Refuse(reply, used_bytes)
            }
        }
    }

    /// How many bytes stand before the first line end.
    #[inline]
    fn line_bytes(&mut self, input: &[u8]) -> Option<usize> {
        let behind = input.get(self.searched_bytes..).unwrap_or_default();
        let mut found = memchr::memchr2(b'\n', 0, behind)?;
        if behind.get(found) == Some(&0) {
            self.has_nul = true;
            found = memchr::memchr(b'\n', behind)?;
        }
        found.checked_add(self.searched_bytes)
    }

    /// Says whether a line of at least so many bytes is none that will be read.
    fn is_over(&self, input: &[u8], line_bytes: usize) -> bool {
        line_bytes > LINE_BYTES_MAX
            && (line_bytes > self.limits.line_bytes_max || !begins_as_get(input))
    }

    fn not_binary(&mut self, input: &[u8]) -> Step<'static> {
        let Some(head) = input.first_chunk::<BINARY_HEAD_BYTES>() else {
            return Step::Need(BINARY_HEAD_BYTES);
        };
        let [_, opcode, _, _, _, _, _, _, _, _, _, _, a, b, c, d, ..] = *head;
        self.end(Reply::NotBinary(NotBinary { opcode, opaque: [a, b, c, d] }))
    }

    fn end(&mut self, reply: Reply<'static>) -> Step<'static> {
        self.place = Place::Behind;
        Step::End(reply)
    }
}

/// Lines of many keys may be long.
fn begins_as_get(input: &[u8]) -> bool {
    const SPACES_MAX: usize = 100;
    let spaces = input.iter().take_while(|byte| **byte == b' ').count();
    let name = input.get(spaces..).unwrap_or_default();
    let names: [&[u8]; 4] = [b"get ", b"gets ", b"gat ", b"gats "];
    spaces <= SPACES_MAX && names.into_iter().any(|get| name.starts_with(get))
}
