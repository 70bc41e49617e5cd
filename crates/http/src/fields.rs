//! The fields of a request are slices of its head, those that are known at their number's place.
//!
//! Cost: one place a known field, written once; a field that comes more than once costs a walk over
//! the lines, and only when its other values are asked for.

use crate::field::Field;
use crate::list::trim;

/// What a request says beside its method and target.
#[derive(Clone, Copy)]
pub struct Fields<'a> {
    /// The first value of each known field.
    first: [Option<&'a [u8]>; Field::COUNT],
    /// One bit a known field that came again.
    repeated: u32,
    /// `name:value CRLF`, as often as there are fields; checked before it comes here.
    lines: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(crate) const fn new() -> Self {
        Self { first: [None; Field::COUNT], repeated: 0, lines: &[] }
    }

    /// Notes the value of a known field, in the order in which they stand.
    #[inline]
    pub(crate) fn note(&mut self, field: Field, value: &'a [u8]) {
        if let Some(place) = self.first.get_mut(field as usize) {
            match place {
                None => *place = Some(value),
                Some(_) => self.repeated |= bit(field),
            }
        }
    }

    /// Ends the noting with the lines that were noted.
    pub(crate) fn close(&mut self, lines: &'a [u8]) {
        self.lines = lines;
    }

    /// The first value of `field`.
    #[inline]
    pub fn first(&self, field: Field) -> Option<&'a [u8]> {
        self.first.get(field as usize).copied().flatten()
    }

    /// The value of a field that means something only when it comes once.
    #[inline]
    pub fn only(&self, field: Field) -> Option<&'a [u8]> {
        if self.is_repeated(field) { None } else { self.first(field) }
    }

    /// Says whether `field` came more than once.
    #[inline]
    pub fn is_repeated(&self, field: Field) -> bool {
        self.repeated & bit(field) != 0
    }

    /// All values of `field`, in order.
    pub fn all(&self, field: Field) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let lines = if self.is_repeated(field) { self.lines() } else { Lines(&[]) };
        let others = lines.filter(move |(name, _)| Field::named(name) == Some(field)).skip(1);
        self.first(field).into_iter().chain(others.map(|(_, value)| value))
    }

    /// The values of the fields called `name`, in any case: for those without a number. It walks
    /// over all lines.
    pub fn called<'n>(&self, name: &'n str) -> impl Iterator<Item = &'a [u8]> + use<'a, 'n> {
        self.lines()
            .filter(move |(theirs, _)| theirs.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| value)
    }

    /// All fields, in order.
    pub fn lines(&self) -> Lines<'a> {
        Lines(self.lines)
    }
}

impl std::fmt::Debug for Fields<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = |bytes: &[u8]| bytes.escape_ascii().to_string();
        f.debug_map().entries(self.lines().map(|(name, value)| (text(name), text(value)))).finish()
    }
}

fn bit(field: Field) -> u32 {
    1_u32.wrapping_shl(field as u32)
}

/// The name and the value of each field.
#[derive(Clone, Debug)]
pub struct Lines<'a>(&'a [u8]);

impl<'a> Iterator for Lines<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        // No value holds a line feed, no name a colon: the lines were checked before they came
        // here.
        let end = self.0.iter().position(|byte| *byte == b'\n')?;
        let (line, rest) = self.0.split_at_checked(end)?;
        self.0 = rest.get(1..)?;
        let colon = line.iter().position(|byte| *byte == b':')?;
        let (name, value) = line.split_at_checked(colon)?;
        let value = value.strip_prefix(b":")?;
        Some((name, trim(value.strip_suffix(b"\r").unwrap_or(value))))
    }
}
