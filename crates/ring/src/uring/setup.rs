//! Setting a ring up is trying the best kind first, and going down one step at each refusal.

use io_uring::IoUring;
use rustix::io::Errno;

use crate::feature::{Feature, Features};

/// How many operations a pass hands over at once.
pub(crate) const SQ_ENTRIES: u32 = 256;

/// How many completions for each of them; more wait inside the kernel, none is lost.
const CQ_PER_SQ: u32 = 8;

/// The smallest ring that is worth having, where the user may lock little memory.
const SQ_ENTRIES_MIN: u32 = 64;

/// Why no ring came about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Refused {
    Denied(Errno),
    Absent(Errno),
    Memlock,
    Feature(&'static str),
    Other(Errno),
}

/// A ring of the best style that the kernel gives, and which of the features it then has.
pub(crate) fn ring(features: Features) -> Result<(IoUring, Features), Refused> {
    match ring_with(SQ_ENTRIES, features) {
        Err(Refused::Memlock) => ring_with(SQ_ENTRIES_MIN, features),
        other => other,
    }
}

/// A ring with this many entries to hand over.
pub(crate) fn ring_with(
    sq_entries: u32,
    features: Features,
) -> Result<(IoUring, Features), Refused> {
    use Feature::{CooperativeWork, DeferredWork, NoSubmissionArray};
    let mut refused = Refused::Absent(Errno::INVAL);
    for missing in [
        &[][..],
        &[NoSubmissionArray],
        &[DeferredWork],
        &[DeferredWork, NoSubmissionArray],
        &[DeferredWork, CooperativeWork, NoSubmissionArray],
    ] {
        let features = features.without_all(missing);
        let mut builder = IoUring::builder();
        builder.setup_clamp().setup_cqsize(sq_entries * CQ_PER_SQ).dontfork();
        if features.has(DeferredWork) {
            builder.setup_single_issuer().setup_defer_taskrun();
        } else if features.has(CooperativeWork) {
            builder.setup_coop_taskrun();
        }
        if features.has(DeferredWork) || features.has(CooperativeWork) {
            builder.setup_taskrun_flag().setup_submit_all();
        }
        if features.has(NoSubmissionArray) {
            builder.setup_no_sqarray();
        }
        match builder.build(sq_entries) {
            Ok(ring) => return check(ring).map(|ring| (ring, features)),
            Err(error) => refused = reason(&error),
        }
        if refused != Refused::Other(Errno::INVAL) {
            break; // only "I do not know this flag" is answered by leaving the flag out
        }
    }
    Err(refused)
}

fn check(ring: IoUring) -> Result<IoUring, Refused> {
    if !ring.params().is_feature_nodrop() {
        return Err(Refused::Feature("completions that are never dropped"));
    }
    if !ring.params().is_feature_ext_arg() {
        return Err(Refused::Feature("waits with a deadline"));
    }
    Ok(ring)
}

fn reason(error: &std::io::Error) -> Refused {
    match Errno::from_io_error(error).unwrap_or(Errno::IO) {
        errno @ (Errno::PERM | Errno::ACCESS) => Refused::Denied(errno),
        errno @ Errno::NOSYS => Refused::Absent(errno),
        Errno::NOMEM => Refused::Memlock,
        errno => Refused::Other(errno),
    }
}

/// What the smallest ring locks, in whole pages: 64 B an entry to hand over; for the rest a head, 16 B a completion, and perhaps 4 B
/// more an entry.
pub(crate) fn need_kib() -> u64 {
    let entries = SQ_ENTRIES_MIN * 64;
    let rest = 64 + SQ_ENTRIES_MIN * (CQ_PER_SQ * 16 + 4);
    u64::from(entries.next_multiple_of(4096) + rest.next_multiple_of(4096)) / 1024
}
