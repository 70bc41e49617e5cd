//! Where the OS refuses the file a heap does without. Alone in its OS process, whose limit it sets.
#![cfg(not(miri))] // the interpreter has no limits

use levada_shared::{Options, SharedHeap};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

#[test]
fn a_heap_without_a_file_lays_long_kept_blocks_in_private_memory() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Fsize);
    setrlimit(Resource::Fsize, Rlimit { current: Some(1 << 20), maximum }).unwrap();
    let heap =
        SharedHeap::new(Options { bytes_max: 8 << 20, arenas: 1, ..Options::default() }).unwrap();
    let account = heap.account("all", u64::MAX).unwrap();
    for bytes in [64 << 10, 1 << 20] {
        let mut buf = account.kept_buf(bytes).unwrap();
        buf.write(b"water").unwrap();
        let data = buf.freeze();
        let parts: Vec<_> = data.parts().map(|part| (part.bytes, part.file.is_none())).collect();
        assert_eq!(parts, [(&b"water"[..], true)]);
    }
    heap.validate();
    assert_eq!(heap.gauges().used_bytes, 0);
}
