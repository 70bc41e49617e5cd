//! A list is a field value whose members stand between commas.

/// The members of a list whose members hold no quoted text, without the space around them. Empty
/// members are skipped, as RFC 9110, 5.6.1 wants it of who reads.
pub(crate) fn members(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| *byte == b',').map(trim).filter(|member| !member.is_empty())
}

/// `bytes` without the spaces and tabs around them.
#[inline]
pub(crate) fn trim(bytes: &[u8]) -> &[u8] {
    let mut rest = bytes;
    while let [b' ' | b'\t', after @ ..] = rest {
        rest = after;
    }
    while let [before @ .., b' ' | b'\t'] = rest {
        rest = before;
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_come_without_space_and_empty_ones_do_not_come() {
        let found: Vec<&[u8]> = members(b" , a\t,b c ,,\t, d").collect();
        assert_eq!(found, [b"a".as_slice(), b"b c", b"d"]);
        assert_eq!(members(b"").count(), 0);
    }
}
