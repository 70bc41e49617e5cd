//! Retention at the end: who held most of the heap when the service had ended, and what somebody still holds when all have.
//!
//! The first is told where there is a log; the second always, since nobody should hold anything by then.

use levada_shared::{Retainer, SharedHeap};

use crate::say::complain;

/// How many of those who should hold nothing are named.
const LEFT_TOLD: usize = 3;

/// Tells who held most, and who holds something now that all processes have gone.
pub(crate) fn tell(held: &[Retainer], heap: &SharedHeap) {
    let left_bytes = heap.gauges().used_bytes;
    tracing::info!(
        target: "levada::retention",
        left_bytes,
        "held at the end: {}",
        if held.is_empty() { "nothing".to_owned() } else { spell(held) }
    );
    if left_bytes > 0 {
        complain(&format!(
            "{left_bytes} bytes are held by nobody who is left: {}; please tell who made this program",
            spell(&heap.top_retainers(LEFT_TOLD))
        ));
    }
}

/// `files (file bodies) 8192 bytes, replies 4096 bytes`.
fn spell(retainers: &[Retainer]) -> String {
    let one = |held: &Retainer| {
        let tag = if held.tag.is_empty() { String::new() } else { format!(" ({})", held.tag) };
        format!("{}{tag} {} bytes", held.account, held.pinned_bytes)
    };
    retainers.iter().map(one).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_holds_what_is_said_by_account_and_tag() {
        let heap = SharedHeap::new(levada_shared::Options::default()).unwrap();
        let files = heap.account("files", u64::MAX).unwrap();
        let bodies = files.with_tag("file bodies");
        let held = (bodies.copy_from(&[1; 8000]).unwrap(), files.copy_from(b"x").unwrap());
        let said = spell(&heap.top_retainers(3));
        assert_eq!(said, "files (file bodies) 8192 bytes, files 64 bytes");
        drop(held);
        assert_eq!(spell(&heap.top_retainers(3)), "");
    }
}
