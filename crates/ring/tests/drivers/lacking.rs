//! What is lacking is done without, and said.

use levada_ring::{Choice, Level, open};

#[test]
fn a_ring_that_is_demanded_where_there_is_none_is_an_error_with_a_remedy() {
    if let Err(error) = open(Choice::Uring) {
        let sentence = error.to_string();
        assert!(
            sentence.contains("io_uring") && sentence.contains("choose another I/O driver"),
            "{sentence}"
        );
    }
    assert_eq!(open(Choice::Epoll).unwrap().caps().level, Level::Epoll);
}
