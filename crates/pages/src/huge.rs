//! Whether the kernel gives huge pages to who asks for them.

use std::fs;

/// Where the kernel says it.
const ENABLED: &str = "/sys/kernel/mm/transparent_hugepage/enabled";

/// Whether [`Reservation::commit`](crate::Reservation::commit) can get huge pages: not where the machine's owner switched them
/// off, and where it is not said.
#[must_use]
pub fn has_huge_pages() -> bool {
    fs::read_to_string(ENABLED).is_ok_and(|enabled| is_on(&enabled))
}

fn is_on(enabled: &str) -> bool {
    enabled.contains("[always]") || enabled.contains("[madvise]")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_in_brackets_decides() {
        assert!(is_on("always [madvise] never\n") && is_on("[always] madvise never\n"));
        assert!(!is_on("always madvise [never]\n") && !is_on(""));
    }
}
