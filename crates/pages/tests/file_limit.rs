//! Where no file may be as long, a file reservation is refused as a value. Alone in its OS process, whose limit it sets.

use levada_pages::{FileReservation, HUGE_PAGE_BYTES};
use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

#[test]
#[cfg_attr(miri, ignore = "the interpreter has no limits")]
fn a_file_longer_than_the_limit_is_refused_without_a_signal() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Fsize);
    let limit = Rlimit { current: Some(HUGE_PAGE_BYTES as u64), maximum };
    setrlimit(Resource::Fsize, limit).unwrap();
    let error = FileReservation::new(2 * HUGE_PAGE_BYTES).unwrap_err();
    assert_eq!((error.bytes, error.errno), (2 * HUGE_PAGE_BYTES, Errno::FBIG.raw_os_error()));
    assert_eq!(FileReservation::new(HUGE_PAGE_BYTES).unwrap().bytes(), HUGE_PAGE_BYTES);
}
