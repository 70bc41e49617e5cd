//! A content coding is a compressed form of a representation, made beforehand and lying beside it.

/// The forms that are served.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Hash)]
pub enum Coding {
    /// None: the file itself.
    Identity,
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
    /// RFC 7932.
    Brotli,
}

impl Coding {
    /// All, from the plain one to the one that is usually smallest.
    pub const ALL: [Self; 4] = [Self::Identity, Self::Gzip, Self::Zstd, Self::Brotli];

    /// Its name in `Accept-Encoding` and `Content-Encoding`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Brotli => "br",
        }
    }

    /// What is behind a file's name when the file holds this form.
    pub const fn file_suffix(self) -> &'static str {
        match self {
            Self::Identity => "",
            Self::Gzip => ".gz",
            Self::Zstd => ".zst",
            Self::Brotli => ".br",
        }
    }

    /// The coding of that name, in any case; `x-gzip` is `gzip` (RFC 9110, 8.4.1.3).
    pub fn named(name: &[u8]) -> Option<Self> {
        if name.eq_ignore_ascii_case(b"x-gzip") {
            return Some(Self::Gzip);
        }
        Self::ALL.into_iter().find(|coding| coding.name().as_bytes().eq_ignore_ascii_case(name))
    }
}

/// Some of the codings.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Hash)]
pub struct CodingSet(u8);

impl CodingSet {
    /// None at all.
    pub const NONE: Self = Self(0);
    /// The plain form alone.
    pub const IDENTITY: Self = Self(1);

    /// These and `coding`.
    #[must_use]
    pub const fn with(self, coding: Coding) -> Self {
        Self(self.0 | 1_u8.wrapping_shl(coding as u32))
    }

    /// Says whether `coding` is among them.
    pub const fn has(self, coding: Coding) -> bool {
        self.0 & 1_u8.wrapping_shl(coding as u32) != 0
    }

    /// Says whether there is a choice, so that the answer depends on `Accept-Encoding`.
    pub const fn is_choice(self) -> bool {
        self.0.count_ones() > 1
    }
}

impl FromIterator<Coding> for CodingSet {
    fn from_iter<I: IntoIterator<Item = Coding>>(codings: I) -> Self {
        codings.into_iter().fold(Self::NONE, Self::with)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_coding_is_found_by_its_name_in_any_case_and_by_its_old_name() {
        for coding in Coding::ALL {
            assert_eq!(Coding::named(coding.name().to_uppercase().as_bytes()), Some(coding));
        }
        assert_eq!(Coding::named(b"X-GZip"), Some(Coding::Gzip));
        assert_eq!(Coding::named(b"deflate"), None);
        assert_eq!(Coding::named(b""), None);
    }

    #[test]
    fn the_neighbours_of_a_file_are_known_by_their_endings() {
        assert_eq!(Coding::ALL.map(Coding::file_suffix), ["", ".gz", ".zst", ".br"]);
    }

    #[test]
    fn a_set_has_what_was_put_in_however_often() {
        let set: CodingSet =
            [Coding::Identity, Coding::Brotli, Coding::Brotli].into_iter().collect();
        assert_eq!(Coding::ALL.map(|coding| set.has(coding)), [true, false, false, true]);
        assert!(set.is_choice());
        assert!(!CodingSet::IDENTITY.is_choice());
    }
}
