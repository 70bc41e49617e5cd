//! Memory that is lent to a driver, and that nobody frees.

use levada_ring::WriteSpan;

/// Memory that nobody frees: lent, it may be touched whenever.
pub(crate) fn room(bytes: usize) -> &'static mut [u8] {
    Box::leak(vec![0; bytes].into_boxed_slice())
}

/// Room that will be written.
pub(crate) fn write_span(room: &mut [u8]) -> WriteSpan {
    let bytes = u32::try_from(room.len()).expect("short");
    WriteSpan { start: room.as_mut_ptr(), bytes }
}
