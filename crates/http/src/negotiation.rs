//! Negotiation finds the coding that a client likes best among those that are there.
//!
//! The highest weight wins, among equals the server's order. A plain form that is not mentioned is
//! acceptable and less welcome than all that are (RFC 9110, 12.5.3); `*` speaks for whatever is not
//! mentioned.
//! Cost: what browsers send is known by heart and costs one comparison; the rest is read in one pass.
//! No heap.

use crate::coding::{Coding, CodingSet};
use crate::field::Field;
use crate::fields::Fields;
use crate::list::{members, trim};

/// The usual order among codings of one weight: the smaller form first.
pub const PREFERENCE: [Coding; 4] = [Coding::Brotli, Coding::Zstd, Coding::Gzip, Coding::Identity];

/// Chooses among `available`. `preference` breaks ties; what is not in it is never chosen. `None`
/// is 406.
///
/// A client that says nothing gets the plain form, if it is there.
pub fn choose_coding(
    fields: &Fields<'_>,
    available: CodingSet,
    preference: &[Coding],
) -> Option<Coding> {
    let Some(first) = fields.first(Field::AcceptEncoding) else {
        let is_plain = available.has(Coding::Identity) && preference.contains(&Coding::Identity);
        let others = || preference.iter().copied().find(|coding| available.has(*coding));
        return if is_plain { Some(Coding::Identity) } else { others() };
    };
    if available == CodingSet::IDENTITY
        && !fields.is_repeated(Field::AcceptEncoding)
        && !first.contains(&b'0')
    {
        // Most files have one form only, and nobody refuses it who does not write a zero.
        return preference.contains(&Coding::Identity).then_some(Coding::Identity);
    }
    let mut acceptance = Acceptance::default();
    for value in fields.all(Field::AcceptEncoding) {
        acceptance.read(value);
    }
    let mut best = None;
    let mut best_weight = 0;
    for coding in preference {
        let weight = acceptance.weight(*coding);
        if available.has(*coding) && weight > best_weight {
            (best, best_weight) = (Some(*coding), weight);
        }
    }
    best
}

/// Thousandths, doubled: that leaves room for one weight between zero and the least that can be
/// written.
const WEIGHT_MAX: u16 = 2_000;
/// Of a plain form that nobody mentioned.
const WEIGHT_UNSAID: u16 = 1;

/// What one request accepts.
#[derive(Clone, Copy, Debug, Default)]
struct Acceptance {
    said: [Option<u16>; Coding::ALL.len()],
    others: Option<u16>,
}

impl Acceptance {
    fn weight(&self, coding: Coding) -> u16 {
        let unsaid = if coding == Coding::Identity { WEIGHT_UNSAID } else { 0 };
        self.said.get(coding as usize).copied().flatten().or(self.others).unwrap_or(unsaid)
    }

    /// Of what is said twice, the first counts.
    fn note(&mut self, coding: Coding, weight: u16) {
        if let Some(place) = self.said.get_mut(coding as usize) {
            place.get_or_insert(weight);
        }
    }

    fn note_named(&mut self, name: &[u8], weight: u16) {
        match Coding::named(name) {
            Some(coding) => self.note(coding, weight),
            None if name == b"*" => {
                self.others.get_or_insert(weight);
            }
            None => {}
        }
    }

    fn read(&mut self, value: &[u8]) {
        let known: &[Coding] = match value {
            b"gzip, deflate, br, zstd" => &[Coding::Gzip, Coding::Brotli, Coding::Zstd],
            b"gzip, deflate, br" => &[Coding::Gzip, Coding::Brotli],
            b"gzip, deflate" | b"gzip" => &[Coding::Gzip],
            _ => &[],
        };
        for coding in known {
            self.note(*coding, WEIGHT_MAX);
        }
        if !known.is_empty() {
            return;
        }
        for member in members(value) {
            let mut parts = member.split(|byte| *byte == b';').map(trim);
            let name = parts.next().unwrap_or_default();
            // A member whose weight cannot be read says nothing.
            if let Some(weight) = parts.next().map_or(Some(WEIGHT_MAX), weight) {
                self.note_named(name, weight);
            }
        }
    }
}

/// The weight in `q=0.5`, doubled thousandths (RFC 9110, 12.4.2).
fn weight(parameter: &[u8]) -> Option<u16> {
    let ([b'q' | b'Q', b'=', whole], rest) = parameter.split_first_chunk::<3>()? else {
        return None;
    };
    let digits = match rest {
        [] => rest,
        [b'.', digits @ ..] if digits.len() <= 3 && digits.iter().all(u8::is_ascii_digit) => digits,
        _ => return None,
    };
    let thousandths = [100_u16, 10, 1].into_iter().zip(digits).fold(0_u16, |sum, (unit, digit)| {
        sum.saturating_add(unit.saturating_mul(u16::from(digit & 0x0f)))
    });
    match whole {
        b'0' => Some(thousandths.saturating_mul(2)),
        b'1' if thousandths == 0 => Some(WEIGHT_MAX),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: CodingSet =
        CodingSet::IDENTITY.with(Coding::Gzip).with(Coding::Zstd).with(Coding::Brotli);

    fn choose(values: &[&str], available: CodingSet) -> Option<Coding> {
        let mut lines = Vec::new();
        for value in values {
            lines.extend_from_slice(format!("Accept-Encoding: {value}\r\n").as_bytes());
        }
        let mut fields = Fields::new();
        for value in values {
            fields.note(Field::AcceptEncoding, value.as_bytes());
        }
        fields.close(&lines);
        choose_coding(&fields, available, &PREFERENCE)
    }

    #[test]
    fn the_highest_weight_wins_and_among_equals_our_order() {
        let (identity, gzip, zstd, brotli) =
            (Coding::Identity, Coding::Gzip, Coding::Zstd, Coding::Brotli);
        let cases: [(&[&str], Option<Coding>); 30] = [
            (&[], Some(identity)),
            (&[""], Some(identity)),
            (&["gzip, deflate, br, zstd"], Some(brotli)),
            (&["gzip, deflate, br"], Some(brotli)),
            (&["gzip, deflate"], Some(gzip)),
            (&["gzip,deflate,br,zstd"], Some(brotli)),
            (&["GZIP"], Some(gzip)),
            (&["x-gzip"], Some(gzip)),
            (&["deflate"], Some(identity)),
            (&["gzip;q=0.001"], Some(gzip)),
            (&["gzip;q=0.5, zstd;q=0.8, br;q=0.3"], Some(zstd)),
            (&["gzip;q=1.000, br;q=0.999"], Some(gzip)),
            (&["gzip ; Q=0.5 , identity"], Some(identity)),
            (&["*"], Some(brotli)),
            (&["br;q=0, *"], Some(zstd)),
            (&["br;q=0, zstd;q=0, *;q=0.1"], Some(gzip)),
            (&["gzip;q=0.2, *;q=0"], Some(gzip)),
            (&["identity;q=0"], None),
            (&["*;q=0"], None),
            (&["identity;q=0.5, *;q=0"], Some(identity)),
            (&["gzip;q=0, gzip;q=1"], Some(identity)),
            (&["gzip;q=2"], Some(identity)),
            (&["gzip;q=1.001, br;q=0.0001, zstd;q="], Some(identity)),
            (&["gzip;q=-1, br;x=1"], Some(identity)),
            (&["gzip;q=0.5555"], Some(identity)),
            (&["gzip;q=0.x"], Some(identity)),
            (&["gzip;q=0."], Some(identity)),
            (&["gzip;q=1."], Some(gzip)),
            (&["gzip", "br"], Some(brotli)),
            (&["identity;q=0", "gzip"], Some(gzip)),
        ];
        for (values, expected) in cases {
            assert_eq!(choose(values, ALL), expected, "{values:?}");
        }
    }

    #[test]
    fn what_is_not_there_is_not_chosen() {
        let gzip_too = CodingSet::IDENTITY.with(Coding::Gzip);
        assert_eq!(choose(&["br"], gzip_too), Some(Coding::Identity));
        assert_eq!(choose(&["br, gzip;q=0.1"], gzip_too), Some(Coding::Gzip));
        assert_eq!(
            choose(&["gzip, deflate, br, zstd"], CodingSet::IDENTITY),
            Some(Coding::Identity)
        );
        assert_eq!(choose(&["identity;q=0, gzip"], CodingSet::IDENTITY), None);
        assert_eq!(choose(&["gzip", "*;q=0"], CodingSet::IDENTITY), None);
        assert_eq!(choose(&["*;q=0.0"], CodingSet::IDENTITY), None);
        assert_eq!(choose(&["br"], CodingSet::NONE), None);
        assert_eq!(choose(&[], CodingSet::NONE.with(Coding::Zstd)), Some(Coding::Zstd));
    }

    #[test]
    fn the_order_is_the_callers() {
        let mut fields = Fields::new();
        fields.note(Field::AcceptEncoding, b"gzip, br");
        let gzip_first = [Coding::Gzip, Coding::Brotli, Coding::Identity];
        assert_eq!(choose_coding(&fields, ALL, &gzip_first), Some(Coding::Gzip));
        assert_eq!(choose_coding(&fields, ALL, &[Coding::Identity]), Some(Coding::Identity));
        assert_eq!(choose_coding(&fields, ALL, &[]), None);
    }
}
