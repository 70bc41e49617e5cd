//! A line is read whole: it is one command, or one error, and never half of either.

use crate::answer::{Answer, Asked};
use crate::command::{
    Arith, Command, Create, Delete, Dump, FlushAll, Get, MetaGet, Mode, Stats, Store, Touch,
    Verbosity,
};
use crate::exp_time::ExpTime;
use crate::key::{Key, Keys};
use crate::limits::Limits;
use crate::meta_flags::MetaFlags;
use crate::number::{signed_32, unsigned_32, unsigned_64};
use crate::refusal::Refusal;
use crate::word::{Row, Words};

/// Why a line is no command.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refused {
    /// What is to be said; nothing if the command asked for silence.
    pub(crate) refusal: Option<Refusal>,
    /// How many bytes behind the line belong to it.
    pub(crate) swallow_bytes: u64,
    /// The connection is of no use.
    pub(crate) is_last: bool,
}

impl Refused {
    fn silently_if(is_hidden: bool, refusal: Refusal) -> Self {
        Self { refusal: (!is_hidden).then_some(refusal), ..refusal.into() }
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self { refusal: Some(refusal), swallow_bytes: 0, is_last: false }
    }
}

type Read<'b> = Result<Command<'b>, Refused>;

/// Reads a line without its end.
pub(crate) fn read_line<'b>(line: &'b [u8], limits: &Limits) -> Read<'b> {
    let mut words = Words(line);
    let name = words.next().unwrap_or_default();
    match name {
        b"get" => get(words, limits, false, false),
        b"mg" => meta_get(words, limits),
        b"set" => store(words, limits, Mode::Set),
        b"ms" => meta_set(words, limits),
        b"gets" => get(words, limits, true, false),
        b"gat" => get(words, limits, false, true),
        b"gats" => get(words, limits, true, true),
        b"add" => store(words, limits, Mode::Add),
        b"replace" => store(words, limits, Mode::Replace),
        b"append" => store(words, limits, Mode::Append),
        b"prepend" => store(words, limits, Mode::Prepend),
        b"cas" => store(words, limits, Mode::Cas),
        b"incr" => arith(words, limits, true),
        b"decr" => arith(words, limits, false),
        b"delete" => delete(words, limits),
        b"touch" => touch(words, limits),
        b"md" => meta_delete(words, limits),
        b"ma" => meta_arith(words, limits),
        b"me" => dump(words, limits),
        b"mn" => Ok(Command::Noop),
        b"flush_all" => flush_all(words),
        b"stats" => stats(words),
        b"version" => Ok(Command::Version),
        b"verbosity" => verbosity(words),
        b"quit" => Ok(Command::Quit),
        b"bget" => get(words, limits, false, false),
        _ => Err(unknown(name, line)),
    }
}

/// What nobody knows is answered with an error; a request of HTTP, for which the connection was not
/// meant, is not answered.
fn unknown(name: &[u8], line: &[u8]) -> Refused {
    /// The reference looks at no more words of a line at once.
    const WORDS_MAX: usize = 23;
    let is_near_a_name = match name {
        [] | [_] | [b'm', _] => true,
        [first, ..] => b"gsacidt".contains(first),
    };
    let last = Words(line).take(WORDS_MAX).last().unwrap_or_default();
    if !is_near_a_name && last.starts_with(b"HTTP/") {
        return Refused { refusal: None, swallow_bytes: 0, is_last: true };
    }
    Refusal::UnknownCommand.into()
}

fn is_too_long(key: &[u8], limits: &Limits) -> bool {
    key.len() > limits.key_bytes_max
}

fn get<'b>(words: Words<'b>, limits: &Limits, with_cas: bool, touches: bool) -> Read<'b> {
    let mut keys = words;
    let first = Words(words.0).next().ok_or(Refusal::UnknownCommand)?;
    let mut exp = None;
    if touches {
        exp = Some(ExpTime(signed_32(first).ok_or(Refusal::BadExpTime)?));
        keys.next();
    }
    if keys.any_longer_than(limits.key_bytes_max) {
        return Err(Refusal::BadLine.into());
    }
    Ok(Command::Get(Get { keys: Keys(keys), with_cas, touch: exp }))
}

fn store<'b>(words: Words<'b>, limits: &Limits, mode: Mode) -> Read<'b> {
    let row = Row::of(words);
    let word_count = if mode == Mode::Cas { 5 } else { 4 };
    if row.count() != word_count && row.count().checked_sub(1) != Some(word_count) {
        return Err(Refusal::UnknownCommand.into());
    }
    let is_hidden = row.is_noreply();
    read_store(&row, limits, mode, is_hidden)
        .map(Command::Store)
        .ok_or_else(|| Refused::silently_if(is_hidden, Refusal::BadLine))
}

fn read_store<'b>(
    row: &Row<'b>,
    limits: &Limits,
    mode: Mode,
    is_hidden: bool,
) -> Option<Store<'b>> {
    let key = row.at(0);
    if is_too_long(key, limits) {
        return None;
    }
    let client_flags = unsigned_32(row.at(1))?;
    let exp = ExpTime(signed_32(row.at(2))?);
    let value_bytes = value_bytes(row.at(3))?;
    let compare = if mode == Mode::Cas { Some(unsigned_64(row.at(4))?) } else { None };
    Some(Store {
        key: Key::plain(key),
        mode,
        client_flags,
        exp,
        value_bytes,
        compare,
        stores_stale: false,
        is_too_large: limits.is_item_over(key.len(), client_flags, value_bytes),
        answer: Answer::Classic { is_hidden },
    })
}

/// The length of a value: nought to what a C `int` holds with CR LF.
fn value_bytes(word: &[u8]) -> Option<u32> {
    const VALUE_BYTES_MAX: u32 = i32::MAX.cast_unsigned().saturating_sub(2);
    u32::try_from(signed_32(word)?).ok().filter(|bytes| *bytes <= VALUE_BYTES_MAX)
}

fn arith<'b>(words: Words<'b>, limits: &Limits, is_increment: bool) -> Read<'b> {
    let row = Row::of(words);
    if !matches!(row.count(), 2 | 3) {
        return Err(Refusal::UnknownCommand.into());
    }
    let (key, is_hidden) = (row.at(0), row.is_noreply());
    let refused = |refusal| Refused::silently_if(is_hidden, refusal);
    if is_too_long(key, limits) {
        return Err(refused(Refusal::BadLine));
    }
    let delta = unsigned_64(row.at(1)).ok_or_else(|| refused(Refusal::BadDelta))?;
    Ok(Command::Arith(Arith {
        key: Key::plain(key),
        is_increment,
        delta,
        compare: None,
        create: None,
        touch: None,
        wants_value: true,
        answer: Answer::Classic { is_hidden },
    }))
}

fn delete<'b>(words: Words<'b>, limits: &Limits) -> Read<'b> {
    let row = Row::of(words);
    let is_nought = row.at(1) == b"0";
    let is_hidden = row.count() > 1 && row.is_noreply();
    match row.count() {
        1 => {}
        2 if is_nought || is_hidden => {}
        3 if is_nought && is_hidden => {}
        2 | 3 => return Err(Refused::silently_if(is_hidden, Refusal::DeleteUsage)),
        _ => return Err(Refusal::UnknownCommand.into()),
    }
    let key = row.at(0);
    if is_too_long(key, limits) {
        return Err(Refused::silently_if(is_hidden, Refusal::BadLine));
    }
    Ok(Command::Delete(Delete {
        key: Key::plain(key),
        compare: None,
        invalidates: false,
        touch: None,
        answer: Answer::Classic { is_hidden },
    }))
}

fn touch<'b>(words: Words<'b>, limits: &Limits) -> Read<'b> {
    let row = Row::of(words);
    if !matches!(row.count(), 2 | 3) {
        return Err(Refusal::UnknownCommand.into());
    }
    let (key, is_hidden) = (row.at(0), row.is_noreply());
    let refused = |refusal| Refused::silently_if(is_hidden, refusal);
    if is_too_long(key, limits) {
        return Err(refused(Refusal::BadLine));
    }
    let exp = signed_32(row.at(1)).map(ExpTime).ok_or_else(|| refused(Refusal::BadExpTime))?;
    Ok(Command::Touch(Touch { key: Key::plain(key), exp, is_hidden }))
}

fn flush_all(words: Words<'_>) -> Read<'_> {
    let row = Row::of(words);
    if row.count() > 2 {
        return Err(Refusal::UnknownCommand.into());
    }
    let is_hidden = row.is_noreply();
    let has_time = row.count() > usize::from(is_hidden);
    let at = if has_time {
        let refused = || Refused::silently_if(is_hidden, Refusal::BadExpTime);
        ExpTime(signed_32(row.at(0)).ok_or_else(refused)?)
    } else {
        ExpTime::NEVER
    };
    Ok(Command::FlushAll(FlushAll { at, is_hidden }))
}

fn verbosity(words: Words<'_>) -> Read<'_> {
    let row = Row::of(words);
    if !matches!(row.count(), 1 | 2) {
        return Err(Refusal::UnknownCommand.into());
    }
    let is_hidden = row.is_noreply();
    let refused = || Refused::silently_if(is_hidden, Refusal::BadLine);
    let level = unsigned_32(row.at(0)).ok_or_else(refused)?;
    Ok(Command::Verbosity(Verbosity { level, is_hidden }))
}

fn stats(mut words: Words<'_>) -> Read<'_> {
    let Some(name) = words.next() else { return Ok(Command::Stats(Stats::General)) };
    Ok(Command::Stats(match name {
        b"settings" => Stats::Settings,
        b"items" => Stats::Items,
        b"slabs" => Stats::Slabs,
        b"sizes" => Stats::Sizes,
        b"conns" => Stats::Conns,
        b"reset" => Stats::Reset,
        b"cachedump" => return Err(Refusal::NoCachedump.into()),
        b"detail" => return Err(Refusal::DetailUsage.into()),
        _ => return Err(Refusal::UnknownCommand.into()),
    }))
}

/// From so many words on, the command itself counted, a meta command has too many flags.
const META_WORDS_END: usize = 20;

fn has_too_many(words: Words<'_>) -> bool {
    const WORDS_END: usize = META_WORDS_END.saturating_sub(1);
    // Of a byte and a space each there must be so many at least.
    words.0.len() >= WORDS_END.saturating_mul(2) && words.count() >= WORDS_END
}

/// The key that a meta command names, once its flags said how it is written.
fn meta_key<'b>(text: &'b [u8], flags: &MetaFlags) -> Result<Key<'b>, Refused> {
    if !flags.is_key_base64 {
        return Ok(Key::plain(text));
    }
    Key::base64(text).ok_or_else(|| Refusal::BadBase64.into())
}

fn meta_get<'b>(mut words: Words<'b>, limits: &Limits) -> Read<'b> {
    let all = words;
    let text = words.next().ok_or(Refusal::UnknownCommand)?;
    if is_too_long(text, limits) {
        return Err(Refusal::BadLine.into());
    }
    if has_too_many(all) {
        return Err(Refusal::TooManyFlagsOfGet.into());
    }
    let flags = MetaFlags::read(words, || Key::base64(text).is_some())?;
    if flags.is_opaque_too_long {
        return Err(Refusal::OpaqueTooLong.into());
    }
    let key = meta_key(text, &flags)?;
    Ok(Command::MetaGet(MetaGet {
        key,
        wants_value: flags.wants_value,
        leaves_no_trace: flags.leaves_no_trace,
        create: flags.created_exp(),
        touch: flags.touch,
        recache: flags.recache,
        is_recache_after_touch: flags.is_recache_after_touch,
        asked: Asked { key, flags: words, is_quiet: flags.is_quiet },
    }))
}

fn meta_set<'b>(mut words: Words<'b>, limits: &Limits) -> Read<'b> {
    let all = words;
    let text = words.next().ok_or(Refusal::UnknownCommand)?;
    let length = words.next().filter(|_| !is_too_long(text, limits)).ok_or(Refusal::BadLine)?;
    if has_too_many(all) {
        return Err(Refusal::TooManyFlags.into());
    }
    let value_bytes = value_bytes(length).ok_or(Refusal::BadLine)?;
    let read = read_meta_set(text, value_bytes, words, limits);
    // From here on it is known what follows the line.
    read.map(Command::Store).map_err(|refused| Refused {
        swallow_bytes: u64::from(value_bytes).saturating_add(2),
        ..refused
    })
}

fn read_meta_set<'b>(
    text: &'b [u8],
    value_bytes: u32,
    words: Words<'b>,
    limits: &Limits,
) -> Result<Store<'b>, Refused> {
    let flags = MetaFlags::read(words, || Key::base64(text).is_some())?;
    let mode = match flags.mode {
        None | Some(b'S') => Mode::Set,
        Some(b'E') => Mode::Add,
        Some(b'A') => Mode::Append,
        Some(b'P') => Mode::Prepend,
        Some(b'R') => Mode::Replace,
        Some(_) => return Err(Refusal::BadModeOfSet.into()),
    };
    if flags.is_opaque_too_long {
        return Err(Refusal::OpaqueTooLong.into());
    }
    let (mode, compare) = match (mode, flags.compare) {
        (Mode::Set | Mode::Replace, Some(compare)) => (Mode::Cas, Some(compare)),
        (Mode::Append | Mode::Prepend, compare) => (mode, compare.filter(|compare| *compare > 0)),
        (mode, _) => (mode, None),
    };
    let key = meta_key(text, &flags)?;
    Ok(Store {
        key,
        mode,
        client_flags: flags.client_flags,
        exp: flags.touch.unwrap_or(ExpTime::NEVER),
        value_bytes,
        compare,
        stores_stale: flags.invalidates && mode == Mode::Cas,
        is_too_large: limits.is_item_over(key.decoded_bytes(), flags.client_flags, value_bytes),
        answer: Answer::Meta(Asked { key, flags: words, is_quiet: flags.is_quiet }),
    })
}

/// What `md` and `ma` have in common: any fault of the flags is one and the same.
fn meta_change<'b>(
    mut words: Words<'b>,
    limits: &Limits,
) -> Result<(Asked<'b>, MetaFlags), Refused> {
    let all = words;
    let text = words.next().ok_or(Refusal::UnknownCommand)?;
    if is_too_long(text, limits) {
        return Err(Refusal::BadLine.into());
    }
    if has_too_many(all) {
        return Err(Refusal::TooManyFlags.into());
    }
    let flags =
        MetaFlags::read(words, || Key::base64(text).is_some()).map_err(|_| Refusal::BadFlags)?;
    let key = meta_key(text, &flags)?;
    Ok((Asked { key, flags: words, is_quiet: flags.is_quiet }, flags))
}

fn meta_delete<'b>(words: Words<'b>, limits: &Limits) -> Read<'b> {
    let (asked, flags) = meta_change(words, limits)?;
    if flags.is_opaque_too_long {
        return Err(Refusal::OpaqueTooLong.into());
    }
    Ok(Command::Delete(Delete {
        key: asked.key,
        compare: flags.compare,
        invalidates: flags.invalidates,
        touch: flags.touch,
        answer: Answer::Meta(asked),
    }))
}

fn meta_arith<'b>(words: Words<'b>, limits: &Limits) -> Read<'b> {
    let (asked, flags) = meta_change(words, limits)?;
    let is_increment = match flags.mode {
        None | Some(b'I' | b'+') => true,
        Some(b'D' | b'-') => false,
        Some(_) => return Err(Refusal::BadModeOfArith.into()),
    };
    if flags.is_opaque_too_long {
        return Err(Refusal::OpaqueTooLong.into());
    }
    Ok(Command::Arith(Arith {
        key: asked.key,
        is_increment,
        delta: flags.delta.unwrap_or(1),
        compare: flags.compare.filter(|compare| *compare > 0),
        create: flags.created_exp().map(|exp| Create { exp, initial: flags.initial }),
        touch: flags.touch,
        wants_value: flags.wants_value,
        answer: Answer::Meta(asked),
    }))
}

fn dump<'b>(mut words: Words<'b>, limits: &Limits) -> Read<'b> {
    let text = words.next().filter(|text| !is_too_long(text, limits)).ok_or(Refusal::BadLine)?;
    let key = match words.next() {
        Some(b"b") => Key::base64(text).ok_or(Refusal::BadLine)?,
        _ => Key::plain(text),
    };
    Ok(Command::Dump(Dump { key }))
}
