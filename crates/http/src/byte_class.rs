//! A byte class says which bytes may stand in one place of the grammar.
//!
//! Cost: a table of 256 bytes for each class, one load a byte. Long runs are looked at in words
//! (`word.rs`); names are so short that a table is quicker.

/// The bytes that may stand in one place.
pub(crate) struct ByteClass([bool; 256]);

/// Field names and methods (RFC 9110, 5.6.2: `tchar`).
pub(crate) static NAME: ByteClass = ByteClass::of(b"!#$%&'*+-.^_`|~").with_alphanumeric();
/// Field values: tab, space, all that is visible, and bytes above ASCII (RFC 9110, 5.5).
pub(crate) static VALUE: ByteClass = ByteClass::of(b"\t ").with_visible().with_above_ascii();
/// The opaque part of an entity tag (RFC 9110, 8.8.3: `etagc`).
pub(crate) static ENTITY_TAG: ByteClass =
    ByteClass::of(b"").with_visible().without(b'"').with_above_ascii();
/// A registered host name (RFC 3986, 3.2.2: `reg-name`), percent signs apart.
pub(crate) static HOST_NAME: ByteClass = ByteClass::of(b"-._~!$&'()*+,;=").with_alphanumeric();

impl ByteClass {
    #[expect(
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        reason = "runs in the compiler only"
    )]
    const fn of(listed: &[u8]) -> Self {
        let mut table = [false; 256];
        let mut index = 0;
        while index < listed.len() {
            table[listed[index] as usize] = true;
            index += 1;
        }
        Self(table)
    }

    #[expect(
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        reason = "runs in the compiler only"
    )]
    const fn with_span(mut self, first: u8, last: u8) -> Self {
        let mut byte = first as usize;
        while byte <= last as usize {
            self.0[byte] = true;
            byte += 1;
        }
        self
    }

    #[expect(clippy::indexing_slicing, reason = "runs in the compiler only")]
    const fn without(mut self, byte: u8) -> Self {
        self.0[byte as usize] = false;
        self
    }

    const fn with_alphanumeric(self) -> Self {
        self.with_span(b'0', b'9').with_span(b'A', b'Z').with_span(b'a', b'z')
    }

    const fn with_visible(self) -> Self {
        self.with_span(0x21, 0x7e)
    }

    const fn with_above_ascii(self) -> Self {
        self.with_span(0x80, 0xff)
    }

    /// Says whether `byte` may stand here.
    #[inline]
    pub(crate) fn has(&self, byte: u8) -> bool {
        self.0.get(usize::from(byte)).is_some_and(|has| *has)
    }

    /// How many bytes at the front of `bytes` may stand here.
    #[inline]
    pub(crate) fn run_bytes(&self, bytes: &[u8]) -> usize {
        bytes.iter().position(|byte| !self.has(*byte)).unwrap_or(bytes.len())
    }

    /// Says whether all of `bytes` may stand here.
    pub(crate) fn covers(&self, bytes: &[u8]) -> bool {
        bytes.iter().all(|byte| self.has(*byte))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_holds_no_separator_and_no_byte_that_is_not_visible() {
        for byte in 0..=u8::MAX {
            let separates = br#"()<>@,;:\"/[]?={} "#.contains(&byte);
            assert_eq!(NAME.has(byte), byte.is_ascii_graphic() && !separates, "{byte:#x}");
        }
    }

    #[test]
    fn a_value_holds_no_control_byte_but_the_tab() {
        for byte in 0..=u8::MAX {
            assert_eq!(VALUE.has(byte), !byte.is_ascii_control() || byte == b'\t', "{byte:#x}");
        }
    }

    #[test]
    fn an_entity_tag_holds_neither_its_quote_nor_a_space() {
        for byte in 0..=u8::MAX {
            let belongs = byte >= 0x80 || (byte.is_ascii_graphic() && byte != b'"');
            assert_eq!(ENTITY_TAG.has(byte), belongs, "{byte:#x}");
        }
    }
}
