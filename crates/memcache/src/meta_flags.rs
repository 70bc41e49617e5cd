//! The flags behind the key of a meta command: a letter each, most with a token, none twice.
//!
//! All four commands read all flags by the same rules, and use those that mean something to them.

use crate::exp_time::ExpTime;
use crate::number::{signed_32, unsigned_32, unsigned_64};
use crate::refusal::Refusal;
use crate::word::Words;

/// What the flags say, whichever command they stand behind.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct MetaFlags {
    pub(crate) is_key_base64: bool,
    pub(crate) leaves_no_trace: bool,
    pub(crate) wants_value: bool,
    pub(crate) is_quiet: bool,
    pub(crate) invalidates: bool,
    pub(crate) create: Option<ExpTime>,
    pub(crate) touch: Option<ExpTime>,
    pub(crate) recache: Option<ExpTime>,
    pub(crate) compare: Option<u64>,
    pub(crate) initial: u64,
    pub(crate) delta: Option<u64>,
    pub(crate) client_flags: u32,
    pub(crate) mode: Option<u8>,
    pub(crate) is_opaque_too_long: bool,
    /// `T` stands before `R`.
    pub(crate) is_recache_after_touch: bool,
    /// `N` stands before `T`.
    pub(crate) is_touch_after_create: bool,
}

/// An opaque has at most so many bytes.
const OPAQUE_BYTES_MAX: usize = 32;

impl MetaFlags {
    /// Reads them all. Of several faults the last is told, but for a letter that is twice or means
    /// nothing: there the reading ends.
    pub(crate) fn read(
        words: Words<'_>,
        mut is_key_decodable: impl FnMut() -> bool,
    ) -> Result<Self, Refusal> {
        let mut flags = Self::default();
        let (mut seen, mut is_wrong, mut fault) = (0_u128, false, Refusal::BadLine);
        for word in words {
            let Some((letter, token)) = word.split_first() else { continue };
            let mark = 1_u128.checked_shl(u32::from(*letter)).filter(|_| *letter < 127);
            let Some(mark) = mark.filter(|mark| seen & mark == 0) else {
                return Err(Refusal::DuplicateFlag);
            };
            seen |= mark;
            let read = match letter {
                b'b' => {
                    flags.is_key_base64 = true;
                    if is_key_decodable() { Ok(()) } else { Err(Refusal::BadBase64) }
                }
                b'N' => exp_time(token).map(|exp| flags.create = Some(exp)),
                b'T' => exp_time(token).map(|exp| {
                    flags.touch = Some(exp);
                    flags.is_touch_after_create = flags.create.is_some();
                }),
                b'R' => exp_time(token).map(|exp| {
                    flags.recache = Some(exp);
                    flags.is_recache_after_touch = flags.touch.is_some();
                }),
                b'F' => match unsigned_32(token) {
                    Some(client_flags) => {
                        flags.client_flags = client_flags;
                        Ok(())
                    }
                    // The reference names no fault of its own here: an earlier one stays.
                    None => Err(fault),
                },
                b'C' => unsigned_64(token)
                    .map(|compare| flags.compare = Some(compare))
                    .ok_or(Refusal::BadToken),
                b'M' => match token {
                    [mode] => {
                        flags.mode = Some(*mode);
                        Ok(())
                    }
                    _ => Err(Refusal::BadModeLength),
                },
                b'J' => unsigned_64(token)
                    .map(|initial| flags.initial = initial)
                    .ok_or(Refusal::BadInitial),
                b'D' => unsigned_64(token)
                    .map(|delta| flags.delta = Some(delta))
                    .ok_or(Refusal::BadDeltaToken),
                b'O' => {
                    flags.is_opaque_too_long = token.len() > OPAQUE_BYTES_MAX;
                    Ok(())
                }
                b'u' => {
                    flags.leaves_no_trace = true;
                    Ok(())
                }
                b'v' => {
                    flags.wants_value = true;
                    Ok(())
                }
                b'q' => {
                    flags.is_quiet = true;
                    Ok(())
                }
                b'I' => {
                    flags.invalidates = true;
                    Ok(())
                }
                // Known, and looked at by who writes the answer, or by nobody (P, L).
                b'P' | b'L' | b'k' | b's' | b't' | b'c' | b'f' | b'l' | b'h' => Ok(()),
                _ => return Err(Refusal::UnknownFlag),
            };
            if let Err(refusal) = read {
                (is_wrong, fault) = (true, refusal);
            }
        }
        if is_wrong { Err(fault) } else { Ok(flags) }
    }

    /// The life that an entry is made with, if it is to be made: of `N` and `T` the later one's.
    pub(crate) fn created_exp(&self) -> Option<ExpTime> {
        let created = self.create?;
        Some(self.touch.filter(|_| self.is_touch_after_create).unwrap_or(created))
    }
}

fn exp_time(token: &[u8]) -> Result<ExpTime, Refusal> {
    signed_32(token).map(ExpTime).ok_or(Refusal::BadToken)
}
