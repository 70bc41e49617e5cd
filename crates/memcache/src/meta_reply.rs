//! The answer to a meta command is a code, and what its flags asked for, in their order.

use crate::answer::Asked;
use crate::item::ItemFacts;
use crate::key::Key;
use crate::number::digit_count;
use crate::sink::{Sink, put_decimal};

/// What a meta command came to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum MetaCode {
    /// `HD`: done.
    Done,
    /// `VA`: done, and a value of so many bytes follows.
    Value {
        /// How many.
        value_bytes: u64,
    },
    /// `VA`: done, and the value, which is this number.
    Number(u64),
    /// `EN`: absent, of `mg`.
    Absent,
    /// `NF`: absent, of the others.
    NotFound,
    /// `NS`: not stored.
    NotStored,
    /// `EX`: it has another number than the one given.
    Exists,
}

/// Which command it answers: each names other flags again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Echo {
    Get,
    Set,
    Arith,
    /// Opaque and key alone.
    Name,
}

/// The answer to `mg`, `ms`, `md` or `ma`.
#[derive(Clone, Copy, Debug)]
pub struct MetaReply<'r> {
    pub(crate) code: MetaCode,
    pub(crate) asked: Asked<'r>,
    pub(crate) facts: ItemFacts,
    pub(crate) echo: Echo,
}

impl MetaReply<'_> {
    /// What it came to.
    #[must_use]
    pub fn code(&self) -> MetaCode {
        self.code
    }

    pub(crate) fn bytes_max(&self) -> usize {
        self.asked.key.reply_bytes_max().saturating_add(250)
    }

    pub(crate) fn put_into(&self, sink: &mut impl Sink) {
        match self.code {
            MetaCode::Done => sink.put(b"HD"),
            MetaCode::Value { value_bytes } => put_flag(b"VA ", value_bytes, sink),
            MetaCode::Number(number) => put_flag(b"VA ", digit_count(number).into(), sink),
            MetaCode::Absent => sink.put(b"EN"),
            MetaCode::NotFound => sink.put(b"NF"),
            MetaCode::NotStored => sink.put(b"NS"),
            MetaCode::Exists => sink.put(b"EX"),
        }
        self.put_flags(sink);
        if self.echo == Echo::Get {
            let marks: [(bool, &[u8]); 3] = [
                (self.facts.is_claimed, b" Z"),
                (self.facts.is_stale, b" X"),
                (self.facts.is_won, b" W"),
            ];
            marks.into_iter().filter(|(is_set, _)| *is_set).for_each(|(_, mark)| sink.put(mark));
        }
        sink.put(b"\r\n");
        if let MetaCode::Number(number) = self.code {
            put_decimal(number, sink);
            sink.put(b"\r\n");
        }
    }

    fn put_flags(&self, sink: &mut impl Sink) {
        let facts = &self.facts;
        let mut left_s = facts.left_before_s;
        for word in self.asked.flags {
            let Some(letter) = word.first() else { continue };
            match (self.echo, *letter) {
                (_, b'O') => {
                    sink.put(b" ");
                    sink.put(word);
                }
                (_, b'k') => {
                    let in_base64 = self.asked.key.is_named_in_base64(facts.is_key_base64);
                    sink.put(b" k");
                    self.asked.key.put_into(in_base64, sink);
                    if in_base64 {
                        sink.put(b" b");
                    }
                }
                (Echo::Get | Echo::Set | Echo::Arith, b'c') => put_flag(b" c", facts.cas, sink),
                (Echo::Get | Echo::Arith, b't') => match left_s {
                    None => sink.put(b" t-1"),
                    Some(left_s) => put_flag(b" t", left_s.into(), sink),
                },
                (Echo::Get | Echo::Arith, b'T') => left_s = facts.left_s,
                (Echo::Get | Echo::Arith, b'N') if facts.is_created => left_s = facts.left_s,
                (Echo::Get, b's') => put_flag(b" s", facts.value_bytes, sink),
                (Echo::Get, b'f') => put_flag(b" f", facts.client_flags.into(), sink),
                (Echo::Get, b'l') => put_flag(b" l", facts.idle_s.into(), sink),
                (Echo::Get, b'h') => put_flag(b" h", facts.is_fetched.into(), sink),
                _ => {}
            }
        }
    }
}

/// What `me` says of an entry.
#[derive(Clone, Copy, Debug)]
pub struct ItemDump<'r> {
    pub(crate) key: Key<'r>,
    pub(crate) facts: ItemFacts,
    pub(crate) class: u32,
    pub(crate) item_bytes: u64,
}

impl ItemDump<'_> {
    pub(crate) fn bytes_max(&self) -> usize {
        self.key.reply_bytes_max().saturating_add(150)
    }

    pub(crate) fn put_into(&self, sink: &mut impl Sink) {
        let facts = &self.facts;
        sink.put(b"ME ");
        self.key.put_into(self.key.is_named_in_base64(facts.is_key_base64), sink);
        match facts.left_s {
            None => sink.put(b" exp=-1"),
            // The time that has passed since it expired: below nought until it does.
            Some(left_s) => put_flag(b" exp=-", left_s.into(), sink),
        }
        put_flag(b" la=", facts.idle_s.into(), sink);
        put_flag(b" cas=", facts.cas, sink);
        sink.put(if facts.is_fetched { b" fetch=yes" } else { b" fetch=no" });
        put_flag(b" cls=", self.class.into(), sink);
        put_flag(b" size=", self.item_bytes, sink);
        sink.put(b"\r\n");
    }
}

#[inline]
fn put_flag(name: &[u8], number: u64, sink: &mut impl Sink) {
    sink.put(name);
    put_decimal(number, sink);
}
